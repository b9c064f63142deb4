"""The trainers: each a command that reads a text and writes vectors, with the same settings."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from machine import plain_environment
from measure import WrongResult
from texts import check_planted, planted_text

from embedlayer.vectors.vectors import Vectors

OURS = "embedlayer"
OTHER = "EMBEDLAYER_OTHER"  # a checkout of ours, of the commit before, say
SENTENCE_END = "</s>"  # a word that fastText and word2vec.c add
PROGRESS = b"Progress"  # what their progress lines hold
TAIL = 2000  # bytes of a failed command's output that are shown
# Words at 48 equal frequencies: none is subsampled (and gensim takes 1 for a count).
PLANTED: dict[str, Any] = {"dim": 24, "window": 3, "epochs": 8, "sample": 0.99, "min_count": 1}


@dataclass(frozen=True)
class Settings:
    """What all trainers are told; one that cannot be told something says so in the README."""

    model: str = "skipgram"
    loss: str = "negative"
    dim: int = 100
    window: int = 5
    negative: int = 5
    epochs: int = 5
    sample: float = 1e-4
    min_count: int = 5
    workers: int = 2
    seed: int = 1
    subwords: str | None = None  # the shortest and the longest n-gram: 3-6
    buckets: int = 2_000_000

    @property
    def lr(self) -> float:
        """The learning rate at the start; everywhere the usual one for the model."""
        return {"skipgram": 0.025, "cbow": 0.05}[self.model]


@dataclass(frozen=True)
class Trainer:
    """``absent`` says why it cannot run here, or None; ``command`` is what to run."""

    absent: Callable[[], str | None]
    command: Callable[[Path, Path, Settings], list[str]]


@dataclass(frozen=True)
class Run:
    """What a run took, and made.

    Attributes:
        whole: seconds from the start of the process to its end, vectors written.
        training: seconds of training alone; None if it was too short to be seen from outside.
        told: what the trainer itself says of the run.
        vectors: as they were read back from the file.
    """

    whole: float
    training: float | None
    told: dict[str, Any]
    vectors: Vectors

    @property
    def reading(self) -> float | None:
        """Seconds of counting and encoding the text; None if the trainer does not tell."""
        seconds = self.told.get("seconds", {})
        return sum(seconds.get(part, 0.0) for part in ("vocabulary", "encoding")) or None

    @property
    def beyond_tables(self) -> int | None:
        """Bytes: the most memory the process had besides its tables; None likewise."""
        memory = self.told.get("peak_anonymous_memory")
        return None if memory is None else memory - self.told["table_bytes"]


def run_trainer(name: str, text: Path, settings: Settings) -> Run:
    """Train in a process of its own, with a cache of its own, and read the vectors it wrote.

    Raises:
        WrongResult: the command failed; shows the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "vectors.bin")
        command = TRAINERS[name].command(text.absolute(), out, settings)
        environment = plain_environment() | {"EMBEDLAYER_CACHE": str(Path(folder, "cache"))}
        started = perf_counter()
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            output, progress = _watch(process)
        whole = perf_counter() - started
        if process.returncode or not out.exists():
            said = output[-TAIL:].decode(errors="replace").strip()
            raise WrongResult(f"{name} ended with code {process.returncode}: {said}")
        told = _told(output)
        seen = progress[-1] - progress[0] if len(progress) > 1 else None
        training = told.get("seconds", {}).get("training", seen)
        return Run(whole, training, told, Vectors.load(out, "word2vec-binary"))


def check_vectors(vectors: Vectors, words: set[str], dim: int) -> None:
    """Raise WrongResult unless there is a vector for every word of the vocabulary, and no other."""
    if vectors.dim != dim:
        raise WrongResult(f"vectors of {vectors.dim} dimensions instead of {dim}")
    found = set(vectors.words) - {SENTENCE_END}
    if found != words - {SENTENCE_END}:
        lacks, more = len(words - found), len(found - words)
        raise WrongResult(f"the vocabulary lacks {lacks} words and has {more} others")
    if not np.all(np.linalg.norm(vectors.matrix, axis=1) > 0):
        raise WrongResult("a vector is zero")


def check_trainer(name: str, settings: Settings, folder: Path) -> None:
    """Raise WrongResult unless the trainer learns the neighbours planted in a small text.

    It compiles and loads whatever a first run must, so that the timed runs are alike.
    """
    text = folder / "planted.txt"
    if not text.exists():
        planted_text(text, sentences=6000)
    small = Settings(**asdict(settings) | PLANTED)
    try:
        check_planted(run_trainer(name, text, small).vectors)
    except WrongResult as error:
        raise WrongResult(f"{name}, on the planted text: {error}") from None


def present(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Which of the trainers can run here, and why the others cannot."""
    reasons = {name: TRAINERS[name].absent() for name in names}
    absent = {name: reason for name, reason in reasons.items() if reason is not None}
    return [name for name in names if name not in absent], absent


def _watch(process: "subprocess.Popen[bytes]") -> tuple[bytes, list[float]]:
    """All that a process says, and the moments at which it spoke of its progress."""
    assert process.stdout is not None
    said, moments = b"", []
    while piece := os.read(process.stdout.fileno(), 1 << 16):
        if PROGRESS in piece:
            moments.append(perf_counter())
        said += piece
    return said, moments


def _told(output: bytes) -> dict[str, Any]:
    """The JSON object on the last line, if there is one."""
    last = output.strip().rsplit(b"\n", 1)[-1]
    return json.loads(last) if last.startswith(b"{") else {}


def _embedlayer(text: Path, out: Path, settings: Settings) -> list[str]:
    program = [sys.executable, "-m", "embedlayer"]
    options = asdict(settings) | {"lr": settings.lr}
    if settings.loss != "negative":
        del options["negative"]
    if settings.subwords is None:
        del options["subwords"], options["buckets"]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return [*program, "train", str(text), "-o", str(out), *flags, "--quiet", "--json"]


def _other_checkout(text: Path, out: Path, settings: Settings) -> list[str]:
    return ["env", f"PYTHONPATH={os.environ[OTHER]}", *_embedlayer(text, out, settings)]


def _peer(kind: str) -> Callable[[Path, Path, Settings], list[str]]:
    def command(text: Path, out: Path, settings: Settings) -> list[str]:
        told = json.dumps(asdict(settings) | {"lr": settings.lr})
        program = str(Path(__file__).with_name("peers.py"))
        return [sys.executable, program, kind, str(text), str(out), told]

    return command


def _word2vec(text: Path, out: Path, settings: Settings) -> list[str]:
    if settings.subwords:
        raise WrongResult("word2vec.c has no n-grams: leave it out (--trainers)")
    hierarchical = settings.loss == "hierarchical"
    options = {
        "train": text,
        "output": out,
        "size": settings.dim,
        "window": settings.window,
        "sample": settings.sample,
        "hs": int(hierarchical),
        "negative": 0 if hierarchical else settings.negative,
        "threads": settings.workers,
        "iter": settings.epochs,
        "min-count": settings.min_count,
        "alpha": settings.lr,
        "cbow": int(settings.model == "cbow"),
        "binary": 1,
    }
    return [
        "word2vec",
        *(str(part) for name, value in options.items() for part in (f"-{name}", value)),
    ]


def _needs(package: str) -> Callable[[], str | None]:
    def absent() -> str | None:
        return None if importlib.util.find_spec(package) else f"{package} is not installed"

    return absent


def _needs_other_checkout() -> str | None:
    return None if os.environ.get(OTHER) else f"{OTHER} names no checkout to compare with"


def _needs_word2vec() -> str | None:
    return None if shutil.which("word2vec") else "no program word2vec on PATH"


TRAINERS = {
    OURS: Trainer(lambda: None, _embedlayer),
    "gensim corpus_file": Trainer(_needs("gensim"), _peer("gensim-file")),
    "gensim queue": Trainer(_needs("gensim"), _peer("gensim-queue")),
    "fastText": Trainer(_needs("fasttext"), _peer("fasttext")),
    "other checkout": Trainer(_needs_other_checkout, _other_checkout),
    "word2vec.c": Trainer(_needs_word2vec, _word2vec),
}
