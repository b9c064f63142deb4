"""What training makes and a user keeps: words, one vector each, questions to them, and files."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Flag
from embedlayer.storage.reading import expanded
from embedlayer.vectors import files
from embedlayer.vectors.exports import Exports
from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.questions import Questions
from embedlayer.vectors.sentences import Sentences

if TYPE_CHECKING:
    from embedlayer.vectors.ann import AnnIndex


class Vectors(Questions, Sentences, Exports):
    """Words and their vectors, immutable; V words, the most frequent first, D dimensions.

    Args:
        words: V unique words.
        matrix: real numbers, (V, D), kept as float32: one row a word; of NumPy, CuPy, or a library
            that has DLPack (torch, JAX, …). Not copied when it is C-contiguous float32 on the host.
        counts: integers, (V,): how often each word was seen, where that is known.
        metadata: what JSON can say about where the vectors come from.
        output: real numbers, (R, D), kept as float32: the output table of their training, from
            which it can go on.
        subwords: the rows of n-grams, (B, D), out of which words that are not among the V have
            vectors in every question; None: such words are unknown.

    Raises:
        EmbedlayerError: no words, a word given twice, shapes that do not fit, a NaN or an
            infinity in the matrix, metadata that JSON cannot hold.
    """

    @staticmethod
    def load(
        path: str | Path,
        format: str | None = None,
        *,
        limit: int | None = None,
        errors: str = "strict",
        duplicates: str = "first",
        damaged: str = "error",
    ) -> "Vectors":
        """The vectors in a file, of the format named or that its content shows.

        Args:
            path: a file, also .gz, .bz2, .xz or .zst, a folder, a pipe, or a URL of fsspec's.
            format: one of ``FORMATS`` or ``FOLDERS``; None: what the content shows.
            limit: read only so many rows, the first: in most files the most frequent words.
            errors: in words that are not UTF-8: 'strict', 'replace' or 'ignore', as in Python.
            duplicates: of the rows of one word the 'first' or 'last' is kept; or an 'error'.
            damaged: a row that is none, and a header of more or fewer rows than there are, is an
                'error'; or 'skip' reads all rows that are good. A warning counts what is left out.

        Raises:
            EmbedlayerError, OSError: a file that is damaged, of no known format, or missing; an
                archive that holds far more than its size (``EMBEDLAYER_EXPANSION`` times, 100).
        """
        options = ReadingOptions(limit, errors, duplicates, damaged)
        path = expanded(path)
        with files.named(path):
            return Vectors(*files.load(path, format, options))

    def save(self, path: str | Path, format: str | None = None, *, half: bool = False) -> None:
        """Write a file, all of it or nothing, in the format named or that its suffix says.

        ``docs/files.md`` says what each keeps; a folder replaces nothing but an empty one.

        Args:
            path: of the file.
            format: one of ``FORMATS`` or ``FOLDERS``; None: what the suffix says.
            half: round to float16; the metadata of the file say how far that is from float32. The
                native format alone keeps that.

        Raises:
            EmbedlayerError, OSError: a format that is unknown or cannot hold one of the words, or
                float16; a folder that is missing or cannot be written to.
        """
        contents = Contents(
            self.words, self.matrix, self.counts, self.metadata, self.output, self.subwords
        )
        files.save(expanded(path), contents, format, Flag().checked("half", half))

    def pruned(self) -> "Vectors":
        """The same vectors without the rows of n-grams that no word of these has.

        All words keep their vectors; that of an unseen word is the mean of the rows that are left.
        The rows are copied, into memory.

        Raises:
            EmbedlayerError: there are no rows of n-grams.
        """
        if self.subwords is None:
            raise EmbedlayerError("there are no rows of n-grams that could be dropped")
        subwords = self.subwords.pruned(self.words)
        return Vectors(self.words, self._held, self.counts, self.metadata, self._output, subwords)

    def ann_index(self, *, m: int = 16, ef_construction: int = 128) -> "AnnIndex":
        """An approximate index of these vectors: ``nearest`` without a look at every row.

        It has ``save``; :meth:`load_ann_index` reads it. See ``docs/search.md``.

        Args:
            m: links of a vector in the graph, 2 to 256.
            ef_construction: how many vectors are compared to find its links.

        Raises:
            EmbedlayerError: faiss is not installed; an option out of range.
        """
        from embedlayer.vectors.ann import AnnIndex, AnnOptions

        return AnnIndex.build(self, AnnOptions(m, ef_construction))

    def load_ann_index(self, path: str | Path) -> "AnnIndex":
        """The index in a file that :meth:`ann_index` made of these vectors, and no others.

        Raises:
            EmbedlayerError, OSError: a file that is damaged, of other vectors, or missing; faiss
                is not installed.
        """
        from embedlayer.vectors.ann import AnnIndex

        return AnnIndex.load(path, self)
