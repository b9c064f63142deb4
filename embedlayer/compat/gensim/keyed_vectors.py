"""gensim's KeyedVectors: keys and rows that may change, questions, benchmarks and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedlayer.compat.gensim.attributes import ATTRIBUTES, as_json, from_json
from embedlayer.compat.gensim.errors import WrongTypeError, refuse
from embedlayer.compat.gensim.evaluations import Evaluations
from embedlayer.compat.gensim.keys import several
from embedlayer.compat.gensim.vector_files import (
    Reading,
    Writing,
    read_counts,
    read_word2vec,
    write_counts,
    write_word2vec,
)
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Whole
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import whole_or_nothing
from embedlayer.vectors.checks import checked_metadata
from embedlayer.vectors.files import named
from embedlayer.vectors.formats import native
from embedlayer.vectors.formats.contents import Contents
from embedlayer.vectors.vectors import Vectors


class KeyedVectors(Evaluations):
    """Keys and their vectors, as gensim has them, on top of ``embedlayer.Vectors``.

    Arguments and attributes: see :class:`Rows`.
    """

    @classmethod
    def from_vectors(cls, vectors: Vectors, dtype: Any = np.float32) -> Self:
        """Of ``embedlayer.Vectors``, copied.

        Counts that are not known fall from V to 1, as in gensim: files list frequent words first.
        """
        made = cls(vectors.dim, dtype=dtype)
        counts = vectors.counts
        counts = np.arange(len(vectors), 0, -1) if counts is None else counts
        made.replace_all(vectors.words, vectors.matrix.astype(dtype), counts)
        return made

    @classmethod
    def load_word2vec_format(
        cls,
        fname: str | Path,
        fvocab: str | Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: Any = np.float32,
        no_header: bool = False,
    ) -> Self:
        """Read a file of word2vec.c's formats, plain or compressed.

        Args:
            fname: the file.
            fvocab: a file of lines "word count".
            binary: the binary format; else the text format.
            encoding: 'utf8'.
            unicode_errors: what is done about a word that is not UTF-8, as in Python.
            limit: read the first so many rows only.
            datatype: of the matrix.
            no_header: a text without a first line "V D", as GloVe's.

        Raises:
            CutOffError: a damaged file, or one of another format (also an EOFError).
            OSError: a file that is missing.
        """
        options = Reading(binary, encoding, unicode_errors, limit, no_header)
        made = cls.from_vectors(read_word2vec(fname, options), datatype)
        if fvocab is not None:
            counts = read_counts(fvocab, unicode_errors)
            found = [counts.get(key, 0) for key in made.index_to_key]
            made.expandos["count"] = np.array(found, np.int64)
        return made

    def save_word2vec_format(
        self,
        fname: str | Path,
        fvocab: str | Path | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write a file of word2vec.c's formats; compressed where its name ends in .gz.

        Args:
            fname: the file.
            fvocab: where to write lines "word count".
            binary: the binary format; else the text format.
            total_vec: the number of rows that the header promises; default: those that are there.
            write_header: the first line "V D".
            prefix: put before every key.
            append: write behind what the file has.
            sort_attr: the attribute by which keys are written, the largest first.

        Raises:
            EmbedlayerError: a key that the format cannot hold, ``fvocab`` without counts.
            OSError: a folder that is missing or cannot be written to.
        """
        if not isinstance(prefix, str) or not isinstance(sort_attr, str):
            raise WrongTypeError(f"prefix {prefix!r:.60} and sort_attr {sort_attr!r:.60}: strings")
        order = np.arange(len(self))
        if sort_attr in self.expandos:
            order = np.argsort(-self.expandos[sort_attr], kind="stable")
        keys = [prefix + self.index_to_key[row] for row in order]
        if fvocab is not None:
            if sort_attr not in self.expandos:
                raise EmbedlayerError(f"there is no attribute {sort_attr!r} to write to {fvocab}")
            write_counts(fvocab, keys, self.expandos[sort_attr][order])
        contents = Contents(keys, self.vectors[order].astype(np.float32, copy=False))
        total = None if total_vec is None else Whole(0).checked("total_vec", total_vec)
        options = Writing(bool(binary), total, bool(write_header), bool(append))
        write_word2vec(fname, contents, options)

    def intersect_word2vec_format(
        self,
        fname: str | Path,
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Take the rows of a file for the keys that are here; no key is added.

        Args:
            fname, binary, encoding, unicode_errors: as :meth:`load_word2vec_format`.
            lockf: 1.0: the rows go on learning. Locked ones (gensim's default) are not done here.

        Raises:
            EmbedlayerError: another ``lockf``, or rows of another length.
        """
        if lockf != 1.0:
            refuse("lockf", lockf, "rows cannot be locked; give lockf=1.0, and they go on learning")
        theirs = read_word2vec(fname, Reading(binary, encoding, unicode_errors))
        if theirs.dim != self.vector_size:
            raise EmbedlayerError(f"{fname} has {theirs.dim} dimensions, not {self.vector_size}")
        common = [key for key in self.index_to_key if key in theirs]
        if common:
            self[common] = theirs[common]

    def vectors_for_all(
        self, keys: Iterable[str], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> "KeyedVectors":
        """New KeyedVectors of the keys that are here, in the order given.

        Args:
            keys: each is taken once; those that are not here are left out.
            allow_inference: no vector is made of nothing here: it changes nothing.
            copy_vecattrs: copy the attributes, too; else the counts fall from n to 1.
        """
        known = [key for key in several(keys) if isinstance(key, str) and key in self.key_to_index]
        found = [*dict.fromkeys(known)]
        rows = self.indices(found)
        made = type(self)(self.vector_size, dtype=self.vectors.dtype)
        made.replace_all(found, self.vectors[rows], np.arange(len(found), 0, -1))
        if copy_vecattrs:
            made.expandos = {attr: array[rows] for attr, array in self.expandos.items()}
        return made

    def sort_by_descending_frequency(self) -> None:
        """Order the keys by falling count, those of one count as they are."""
        order = np.argsort(-self.expandos["count"], kind="stable")
        expandos = {attr: array[order] for attr, array in self.expandos.items()}
        keys = [self.index_to_key[row] for row in order]
        self.replace_all(keys, self.vectors[order], expandos["count"])
        self.expandos = expandos

    def save(
        self,
        fname: str | Path,
        separately: Any = None,
        sep_limit: int = 0,
        pickle_protocol: int = 0,
    ) -> None:
        """Write one .safetensors file, whatever it is called: embedlayer's own format.

        Args:
            fname: the file; ``embedlayer.Vectors.load`` reads it, too.
            separately, sep_limit, pickle_protocol: of gensim's files; here is one, and no pickle.

        Raises:
            EmbedlayerError: attributes of more than 2 MB, the counts aside, or that are neither
                numbers nor strings.
        """
        view = self.as_vectors()
        metadata = checked_metadata({ATTRIBUTES: as_json(self.expandos)})
        contents = Contents(view.words, view.matrix, view.counts, metadata)
        with whole_or_nothing(expanded(fname)) as unfinished:
            native.write(unfinished, contents)

    @classmethod
    def load(cls, fname: str | Path, mmap: str | None = None) -> Self:
        """Read what :meth:`save`, or ``embedlayer.Vectors.save``, or gensim wrote.

        Args:
            fname: the file; of a pickle of gensim's only what vectors need is read, and no code.
            mmap: gensim's; the file is read, whatever it is.

        Raises:
            EmbedlayerError: a file without vectors, or a damaged one.
            OSError: a file that is missing.
        """
        vectors = Vectors.load(fname)
        made = cls.from_vectors(vectors)
        if vectors.counts is None:
            del made.expandos["count"]
        with named(fname):
            others = from_json(vectors.metadata.get(ATTRIBUTES, {}), len(vectors))
        made.expandos.update(others)
        return made
