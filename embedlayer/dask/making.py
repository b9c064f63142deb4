"""How the workers of a cluster make a corpus of files: counted, merged, chosen, encoded, joined."""

import json
import logging
import os
import shutil
import uuid
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Any

import distributed
import numpy as np

from embedlayer.dask import shards
from embedlayer.dask.shards import ABOUT, WORDS, Span
from embedlayer.dask.waves import wave, workers_of
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.locks import locked
from embedlayer.storage.manifest import (
    digest,
    file_checksum,
    read_manifest,
    write_manifest,
)
from embedlayer.storage.mapped import map_array
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import is_url
from embedlayer.storage.tensors import tensors_in
from embedlayer.storage.words import unpack_words
from embedlayer.storage.writing import sync
from embedlayer.text.counting import Undecodable
from embedlayer.text.entries import describe
from embedlayer.text.options import CorpusOptions
from embedlayer.text.passes import VOCABULARY, check_words, unchanged
from embedlayer.text.readers import BytesRead, all_regular, cut_shards, total_bytes
from embedlayer.text.vocabulary import TENSORS, Vocabulary, too_rare

LOCK = "embedlayer.lock"

_log = logging.getLogger("embedlayer")


class Making:
    """The way from files to a corpus in a folder; ``DaskCorpus.from_files`` says what is what."""

    def __init__(
        self,
        client: distributed.Client,
        files: list[str],
        options: CorpusOptions,
        folder: str | os.PathLike[str],
        *,
        shard_bytes: int,
        parts: int | None,
        progress: BytesRead | None,
        timeout: float,
    ) -> None:
        self.client, self.options, self.progress = client, options, progress
        self.shard_bytes, self.timeout = shard_bytes, timeout
        self.parts = parts or max(1, sum(one["nthreads"] for one in workers_of(client).values()))
        if is_url(folder):
            raise EmbedlayerError(f"folder is {folder!r}: give a folder that all workers see")
        self.folder = Path(expanded(folder)).absolute()
        if not all_regular([file for file in files if not is_url(file)]):
            raise EmbedlayerError("workers do not share standard input or a pipe: give files")
        self.files = [file if is_url(file) else os.path.abspath(file) for file in files]
        local = [file for file in self.files if not is_url(file)]
        # As JSON gives it back. What lies behind a URL may change unseen.
        about = describe(local, asdict(options)) | {"names": self.files}
        self.description = json.loads(json.dumps(about))
        known = json.dumps([about, shard_bytes, self.parts], sort_keys=True)
        name = digest(known) if local == self.files else uuid.uuid4().hex
        self.work = self.folder / f"work-{name}"

    def run(self) -> bool:
        """Make the corpus, unless it is there; whether it was made.

        Raises:
            EmbedlayerError: as ``DaskCorpus.from_files``.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / LOCK, wait=False):
                if self._is_there():
                    return False
                self.work.mkdir(exist_ok=True)
                self._make()
                shutil.rmtree(self.work, ignore_errors=True)
                return True
        except BlockingIOError:
            raise EmbedlayerError(f"another process makes a corpus in {self.folder}") from None
        except OSError as error:
            raise EmbedlayerError(f"cannot write in {self.folder}: {error.strerror}") from error

    def _is_there(self) -> bool:
        about = read_manifest(self.folder / ABOUT)
        if about is not None and about["description"] != self.description:
            raise EmbedlayerError(
                f"{self.folder} holds the corpus of other files or options: name another folder, "
                "or remove it"
            )
        return about is not None

    def _make(self) -> None:
        started = perf_counter()
        counted = self._count()
        vocabulary, tokens_read = self._choose(counted)
        vocabulary.save(self.work / VOCABULARY)
        chosen_at = perf_counter()
        spans = self._encode(counted)
        vocabulary.save(self.folder / VOCABULARY)
        about = {
            "description": self.description,
            "tokens": sum(span.tokens for span in spans),
            "sentences": sum(span.sentences for span in spans),
            "tokens_read": tokens_read,
            "vocabulary": file_checksum(self.folder / VOCABULARY),
            "spans": spans,
            "seconds": {
                "vocabulary": chosen_at - started,
                "encoding": perf_counter() - chosen_at,
            },
        }
        for name in ("ids", "offsets"):
            sync(self.folder / name)
        write_manifest(self.folder / ABOUT, about)
        sync(self.folder)

    def _wave(self, name: str, work: Any, items: list[tuple[Any, ...]]) -> Any:
        return wave(self.client, name, work, items, self.timeout)

    def _count(self) -> list[str]:
        """The folders of the shards, counted."""
        texts = cut_shards(self.files, self.shard_bytes)
        places = [str(self.work / f"counted-{i:06d}") for i in range(len(texts))]
        items = [
            (place, text, self.options.errors, self.parts)
            for place, text in zip(places, texts, strict=True)
        ]
        total, done = total_bytes(self.files), 0
        lines, path = 0, ""  # of the shards before, in one file
        with unchanged(self.files):
            results = self._wave("count", shards.count, items)
            for text in texts:
                lines = lines if text.path == path else 0
                path = text.path
                try:
                    about = next(results)
                except Undecodable as error:
                    raise error.after(lines) from None
                lines += about["lines"]
                done += about["bytes"]
                if self.progress:
                    self.progress(done, total)
        return places

    def _choose(self, counted: list[str]) -> tuple[Vocabulary, int]:
        """The vocabulary, and the tokens that were read."""
        min_count, max_size = self.options.min_count, self.options.max_size
        places = [str(self.work / f"merged-{part:05d}") for part in range(self.parts)]
        items = [(place, counted, part, min_count, max_size) for part, place in enumerate(places)]
        found = list(self._wave("merge", shards.merge, items))
        check_words(self.files, sum(one["tokens_read"] for one in found))
        _log.info("%d distinct words", sum(one["distinct"] for one in found))
        words: list[str] = []
        counts = [np.zeros(0, np.int64)]
        for place in places:
            path = Path(place, WORDS)
            data = map_array(path, np.uint8, path.stat().st_size).data
            arrays, _ = tensors_in(data, TENSORS)
            words += unpack_words(arrays["words"], arrays["word_offsets"])
            counts.append(arrays["counts"])
        if not words:
            raise too_rare(min_count, max(one["most"] for one in found))
        vocabulary, _ = Vocabulary.select(
            np.concatenate(counts), lambda ids: [words[i] for i in ids], min_count, max_size
        )
        return vocabulary, sum(one["tokens_read"] for one in found)

    def _encode(self, counted: list[str]) -> list[Span]:
        """Write the ids and offsets; where each shard's lie."""
        path = self.work / VOCABULARY
        how = str(path), file_checksum(path), self.options.max_sentence
        places = [str(self.work / f"encoded-{i:06d}") for i in range(len(counted))]
        items = [(*both, *how) for both in zip(places, counted, strict=True)]
        found = list(self._wave("encode", shards.encode, items))
        tokens = list(accumulate((one["tokens"] for one in found), initial=0))
        sentences = list(accumulate((one["sentences"] for one in found), initial=0))
        for name, size in (("ids", 4 * tokens[-1]), ("offsets", 8 * (sentences[-1] + 1))):
            with open(self.folder / name, "wb") as file:
                file.truncate(size)
        starts = zip(places, tokens, sentences, strict=False)
        return list(self._wave("join", shards.join, [(str(self.folder), *one) for one in starts]))
