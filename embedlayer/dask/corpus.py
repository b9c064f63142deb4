"""The corpus of a cluster: counted and encoded by its workers, in a folder that all of them see."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import distributed
import numpy as np

from embedlayer.dask import shards
from embedlayer.dask.making import Making
from embedlayer.dask.shards import ABOUT, Span
from embedlayer.dask.waves import TIMEOUT, chosen_client, wave
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real, Whole, check_function
from embedlayer.storage.manifest import read_manifest
from embedlayer.storage.mapped import map_array
from embedlayer.storage.reading import expanded
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions
from embedlayer.text.passes import VOCABULARY
from embedlayer.text.readers import BytesRead, Source, find_files
from embedlayer.text.vocabulary import Vocabulary

SHARD_BYTES = 1 << 28


class DaskCorpus:
    """A text as numbers, in a folder. Make one with :meth:`from_files`.

    Attributes:
        folder: has ``ids`` and ``offsets`` as :class:`Corpus` has them, and the vocabulary.
        vocabulary: the words, their counts here.
        tokens, sentences: of the corpus.
        tokens_read: the tokens of the text, those out of the vocabulary included.
        seconds: what 'vocabulary' (reading and counting) and 'encoding' took.
        from_cache: the folder had it already.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open what :meth:`from_files` left in a folder; EmbedlayerError where there is none."""
        self.folder = Path(expanded(folder)).absolute()
        about = read_manifest(self.folder / ABOUT)
        if about is None:
            raise EmbedlayerError(f"{folder} holds no corpus: make one with DaskCorpus.from_files")
        self.vocabulary = Vocabulary.load(self.folder / VOCABULARY, about["vocabulary"])
        self.spans = [Span(*span) for span in about["spans"]]
        self.tokens, self.sentences = about["tokens"], about["sentences"]
        self.tokens_read, self.seconds = about["tokens_read"], about["seconds"]
        self.description, self.from_cache = about["description"], True

    @classmethod
    def from_files(
        cls,
        client: distributed.Client | None,
        paths: Source | Sequence[Source],
        *,
        folder: str | os.PathLike[str],
        min_count: int = 5,
        max_size: int | None = None,
        max_sentence: int = 1000,
        errors: str = "strict",
        shard_bytes: int = SHARD_BYTES,
        parts: int | None = None,
        progress: BytesRead | None = None,
        timeout: float = TIMEOUT,
    ) -> "DaskCorpus":
        """Count and encode text files: the ids, offsets and words of ``Corpus.from_files``.

        Plain files are split at newlines; of the others each is read by one worker. A worker has
        in memory, for each of its threads, the distinct words of 256 MB of text, or those of a
        part of all words; at the end, once, the vocabulary.

        Args:
            client: of the cluster; None: the one in force.
            paths, min_count, max_size, max_sentence, errors: as ``Corpus.from_files``; all workers
                see the files. Standard input and pipes are refused.
            folder: for the corpus, which takes 4 bytes a token and 8 a sentence, and three times as
                much while it is made; all workers see it. One that holds this corpus already is
                used as it is; what a run that was killed left there is used again.
            shard_bytes: of plain text for one task.
            parts: into which all distinct words are divided; default one for each thread.
            progress: called with the bytes counted and, unless there is a URL, those in all.
            timeout: seconds that a cluster without workers is waited for.

        Raises:
            EmbedlayerError: as ``Corpus.from_files``; a folder with something else; a cluster
                that is gone.
        """
        client = chosen_client(client)
        if progress is not None:
            check_function("progress", progress)
        made = Making(
            client,
            find_files(paths),
            CorpusOptions(min_count, max_size, max_sentence, errors),
            folder,
            shard_bytes=Whole().checked("shard_bytes", shard_bytes),
            parts=None if parts is None else Whole(1, 1 << 16).checked("parts", parts),
            progress=progress,
            timeout=Real(0).checked("timeout", timeout),
        ).run()
        corpus = cls(folder)
        corpus.from_cache = not made
        return corpus

    def corpus(self) -> Corpus:
        """The corpus in this process: its ids and offsets are the pages of the files."""
        ids = map_array(self.folder / "ids", np.int32, self.tokens)
        offsets = map_array(self.folder / "offsets", np.int64, self.sentences + 1)
        about = (self.tokens_read, dict(self.seconds), self.from_cache)
        return Corpus(ids, offsets, self.vocabulary, *about)

    @cached_property
    def ids(self) -> np.ndarray:
        """int32, (N,), read-only, the pages of the file: as ``Corpus`` has them."""
        return self.corpus().ids

    def check(self, client: distributed.Client, timeout: float = TIMEOUT) -> None:
        """Let the workers read all of it; EmbedlayerError where it is not as it was written."""
        items = [(str(self.folder), span, len(self.vocabulary)) for span in self.spans]
        for _ in wave(client, "check", shards.check, items, timeout):
            pass

    def __len__(self) -> int:
        """The number of sentences."""
        return self.sentences

    def __repr__(self) -> str:
        return f"<DaskCorpus: {self.tokens} tokens, {self.sentences} sentences, {self.folder}>"
