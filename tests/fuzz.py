"""Damaged files for every reader: each makes a result or one error that is ours, and nothing else.

    python tests/fuzz.py TARGET SECONDS [SEED]

Valid files are mutated: bits, lengths, numbers, pieces of others, cuts, archives inside and out. A
case fails by any exception but EmbedlayerError and OSError, by 3 s, or by memory beyond 1 GB; it is
kept as fuzz-TARGET-N. ``ci/fuzz.sh`` runs all targets, ``test_fuzz.py`` a few cases of each.
"""

import bz2
import gzip
import lzma
import os
import pickle
import re
import resource
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from time import monotonic, process_time
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import zstandard

from embedlayer.errors import EmbedlayerError
from embedlayer.ngrams import Subwords
from embedlayer.storage.archives import kind_of
from embedlayer.storage.npy import read_npy
from embedlayer.text.corpus import Corpus
from embedlayer.text.entries import cache_entries
from embedlayer.text.options import Phrase, PhraseOptions
from embedlayer.text.phrases import Phrases
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.vectors.evaluation import evaluate
from embedlayer.vectors.formats import lines, rows
from embedlayer.vectors.formats.gensim import HEAD
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

MOST_SECONDS, MOST_MEMORY = 3.0, 1 << 30
WORDS = ["the", "of", "café", "한국어", "🙂", "new_york", "7", "3.5", "a\u00a0b", "x" * 40]
VECTORS = Vectors(
    WORDS, np.random.default_rng(1).standard_normal((10, 6)), range(10, 0, -1), {"a": 1}
)
WITH_NGRAMS = Vectors(
    WORDS[:8],
    VECTORS.matrix[:8],
    subwords=SubwordRows(Subwords(2, 4, 20), VECTORS.matrix[:1].repeat(20, axis=0)),
)
COMPRESS = [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
NUMBERS = [
    0,
    1,
    2,
    255,
    10**6,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**62,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
]
TOKENS = [
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"\n", b"\r\n", b" ", b"\t", b",", b"\x85",
    b"nan", b"-inf", b"1e999", b"1_0", b"-1", b"0", "٣".encode(), b"\xc3", b"\xed\xa0\x80", b"#",
    b"[" * 2000, b"{" * 2000, b'"', b"null", b"{}", b"[]", b"true", b"F32", b"BF16", b"F64", b"I64",
    b"1" * 5000, b"a" * 70_000, b" " * 3000, b"\0" * 5000, b"1 " * 5000,
    b"\x1f\x8b\x08\x00", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
]  # fmt: skip


class Target(NamedTuple):
    """What is fuzzed: valid files, what reads one, and whether whole archives are tried too."""

    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], object]
    archives: bool = True


class Tally(NamedTuple):
    """What the cases of a target came to."""

    executions: int
    refused: int
    failures: list[tuple[bytes, str]]
    slowest: float
    memory: int  # bytes, of the process, at the peak

    def __str__(self) -> str:
        return (
            f"{self.executions} executions, {self.refused} refused, {len(self.failures)} failures, "
            f"slowest {self.slowest:.2f} s, {self.memory >> 20} MB at the peak"
        )


def fuzz(
    target: Target,
    folder: Path,
    seed: int,
    cases: int,
    seconds: float = 1e9,
    bombs: Sequence[bytes] = (),
) -> Tally:
    """Read so many mutated files, or as many as the seconds allow; 1 in 50 is of the bombs."""
    random, seeds, path = Random(seed), target.seeds(folder), folder / "case"
    executions = refused = 0
    slowest, failures = 0.0, []
    end = monotonic() + seconds
    while executions < cases and monotonic() < end:
        bomb = bombs and random.random() < 0.02
        data = mutated(random, bombs if bomb else seeds, target.archives and not bomb)
        path.write_bytes(data)
        before, started = _peak(), process_time()  # the machine may be at other work
        try:
            target.read(path)
        except (EmbedlayerError, OSError) as error:
            refused += 1
            if len(str(error)) > 2000 or "\n" in str(error):
                failures.append((data, f"a long error: {error!s:.200}"))
        except BaseException:
            failures.append((data, traceback.format_exc()))
        took = process_time() - started
        slowest = max(slowest, took)
        if took > MOST_SECONDS or _peak() - before > max(MOST_MEMORY, 4 * len(data)):
            failures.append((data, f"{took:.1f} s, {_peak() >> 20} MB"))
        executions += 1
    return Tally(executions, refused, failures, slowest, _peak())


def mutated(random: Random, seeds: Sequence[bytes], archives: bool) -> bytes:
    """A valid file with a few mutations, perhaps in an archive that has some as well."""
    data = random.choice(seeds)
    for _ in range(random.choice([0, 1, 1, 2, 3, 8])):
        data = random.choice(MUTATIONS)(random, data, seeds)[: 1 << 20]
    if archives and random.random() < 0.3:
        for _ in range(random.choice([1, 1, 1, 2])):
            data = random.choice(COMPRESS)(data if random.random() < 0.9 else data[:500] * 3000)
        for _ in range(random.choice([0, 0, 1, 2])):
            data = random.choice(MUTATIONS)(random, data, seeds)
        data *= random.choice([1, 1, 1, 2])
    return data[: 1 << 22]


def _flip(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 4, 16]) if data else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwrite(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    place, size = random.randint(0, len(data)), random.choice([1, 4, 8])
    return data[:place] + random.randbytes(size) + data[place + size :]


def _cut(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    first, last = sorted(random.randint(0, len(data)) for _ in range(2))
    return random.choice([data[:last], data[first:], data[:first] + data[last:]])


def _repeat(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    first, last = sorted(random.randint(0, len(data)) for _ in range(2))
    return data[:last] + data[first:last] * random.choice([1, 2, 50]) + data[last:]


def _insert(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    place = random.choice([0, len(data), random.randint(0, len(data))])
    return data[:place] + random.choice(TOKENS) + data[place:]


def _splice(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _number(random: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """One of the numbers in digits becomes another; or one of eight bytes, somewhere or first."""
    number = random.choice(NUMBERS) * random.choice([1, 1, -1])
    found = list(re.finditer(rb"-?[0-9]{1,20}", data[:5000]))
    if found and random.random() < 0.7:
        first, last = random.choice(found).span()
        return data[:first] + str(number).encode() + data[last:]
    place = random.choice([0, 8 * random.randint(0, len(data) // 8)])
    return data[:place] + (number % 2**64).to_bytes(8, "little") + data[place + 8 :]


MUTATIONS = [_flip, _overwrite, _cut, _repeat, _insert, _splice, _number]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _saved(*suffixes: str) -> Callable[[Path], list[bytes]]:
    """The files that our vectors make, by suffix."""

    def seeds(folder: Path) -> list[bytes]:
        for suffix in suffixes:
            VECTORS.save(folder / f"seed{suffix}")
            with patch.object(lines, "FEW_BYTES", 0):  # compiles before any case is timed
                Vectors.load(folder / f"seed{suffix}")
        return [(folder / f"seed{suffix}").read_bytes() for suffix in suffixes]

    return seeds


def _vocabulary(folder: Path) -> list[bytes]:
    Vocabulary(WORDS, range(10, 0, -1)).save(folder / "seed")
    return [(folder / "seed").read_bytes()]


def _phrases(folder: Path) -> list[bytes]:
    found = [Phrase(("new", "york"), 9.5, 3), Phrase(("bank", "of", "서울"), 2.0, 1)]
    options = PhraseOptions(passes=2, connectors=["of"])
    Phrases([found, [Phrase(("new_york", "city"), 1.5, 2)]], options).save(folder / "seed")
    return [(folder / "seed").read_bytes()]


def _given(*texts: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [text.encode() for text in texts]


def _corpus(path: Path) -> None:
    errors = ("strict", "replace")[path.stat().st_size % 2]
    Corpus.from_files(path, min_count=1, errors=errors, cache=False, workers=1)


def _entry(folder: Path) -> list[bytes]:
    """The files of a text's entry in the cache."""
    (folder / "text").write_text(LINES[0])
    Corpus.from_files(folder / "text", min_count=1)
    return [file.read_bytes() for file in sorted(cache_entries()[0].path.iterdir())]


def _cached(path: Path) -> None:
    """Read a text whose entry has this file in the place of one of its own; it must not matter."""
    text, size = path.with_name("text"), path.stat().st_size
    corpus = Corpus.from_files(text, min_count=1)
    files = sorted(cache_entries()[0].path.iterdir())
    path.replace(files[size % len(files)])
    found = Corpus.from_files(text, min_count=1)
    if found.ids.tolist() != corpus.ids.tolist() or [*found.vocabulary] != [*corpus.vocabulary]:
        raise AssertionError(f"{files[size % len(files)].name} was believed")
    if not found.from_cache:
        raise EmbedlayerError("a damaged entry, which was encoded again")


def _vectors(format: str) -> Callable[[Path], None]:
    """Read by content, and by the format's name."""

    def read(path: Path) -> None:
        try:
            Vectors.load(path)
        except EmbedlayerError:
            Vectors.load(path, format)

    return read


def _in_folder(format: str, *names: str) -> Target:
    """A folder in which the case has the place of each of the files named, one after the other."""

    def seeds(folder: Path) -> list[bytes]:
        VECTORS.save(folder / "seed", format)
        return [(folder / "seed" / name).read_bytes() for name in names]

    def read(path: Path) -> None:
        refused = []
        seed, damaged = path.parent / "seed", path.parent / "damaged"
        if not damaged.exists():
            shutil.copytree(seed, damaged)
        for name in names:
            shutil.copy(path, damaged / name)
            try:
                Vectors.load(damaged, format)
            except (EmbedlayerError, OSError) as error:
                refused.append(error)
            finally:
                shutil.copy(seed / name, damaged / name)
        if len(refused) == len(names):
            raise refused[0]

    return Target(seeds, read)


def _gensim(folder: Path) -> list[bytes]:
    """A file of ours, one of gensim 3, whose array is in the file beside it, and FastText's."""
    VECTORS.save(folder / "seed.kv")
    np.save(folder / "case.vectors.npy", VECTORS.matrix)
    state = {"index2word": WORDS, "vocab": {}, "__numpys": ["vectors"]}
    rows = {"vectors_vocab": VECTORS.matrix, "vectors_ngrams": VECTORS.matrix, "bucket": 10}
    ngrams = {"index_to_key": WORDS, "min_n": 2, "max_n": 3, "compatible_hash": True, **rows}
    pickled = [HEAD + pickle.dumps(one, 2)[2:-1] + b"b." for one in (state, ngrams)]
    return [(folder / "seed.kv").read_bytes(), *pickled]


def _native(folder: Path) -> list[bytes]:
    """A file with rows of n-grams, one with a few of them in float16, and one without."""
    WITH_NGRAMS.save(folder / "all.safetensors")
    WITH_NGRAMS.pruned().save(folder / "few.safetensors", half=True)
    VECTORS.save(folder / "none.safetensors")
    return [(folder / f"{name}.safetensors").read_bytes() for name in ("all", "few", "none")]


def _fasttext(folder: Path) -> list[bytes]:
    """A model with n-grams, the same in codes with rows that were dropped, and words alone."""
    WITH_NGRAMS.save(folder / "seed", "fasttext")
    VECTORS.save(folder / "alone", "fasttext")
    data = (folder / "seed").read_bytes()
    begin = data[: data.index(b"\0" + (28).to_bytes(8, "little"))]
    begin = begin.replace(b"\xff" * 8, (2).to_bytes(8, "little"))  # two buckets are kept
    numbers = np.arange(256 * 6, dtype="<f4")
    codes = np.array([3, 0, 7, 1], "<i4").tobytes() + b"\1" + np.array([10, 6], "<i8").tobytes()
    codes += np.array([30], "<i4").tobytes() + bytes(range(30))
    codes += np.array([6, 3, 2, 2], "<i4").tobytes() + numbers.tobytes() + bytes(range(10))
    codes += np.array([1, 1, 1, 1], "<i4").tobytes() + numbers[:256].tobytes()
    end = b"\0" + np.array([8, 6], "<i8").tobytes() + bytes(8 * 6 * 4)
    coded = begin + codes[:16] + b"\1" + codes[16:] + end
    (folder / "seed").write_bytes(coded)
    _asked("fasttext")(folder / "seed")  # they are as they should be; and all is compiled
    return [data, coded, (folder / "alone").read_bytes()]


def _asked(format: str) -> Callable[[Path], None]:
    """Read, by content or by the format's name, and make the vectors of words, seen and unseen."""

    def read(path: Path) -> None:
        try:
            vectors = Vectors.load(path)
        except EmbedlayerError:
            vectors = Vectors.load(path, format)
        _ = vectors.matrix, vectors.output
        if vectors.subwords is not None:
            _ = vectors["unseen"], vectors.pruned()

    return read


def _npy(path: Path) -> None:
    read_npy(path.read_bytes())


def _npy_seeds(folder: Path) -> list[bytes]:
    arrays = [VECTORS.matrix, np.array(WORDS), np.array(["a", None])]
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array, allow_pickle=True)
    return [(folder / f"{number}.npy").read_bytes() for number in range(len(arrays))]


def _large(format: str) -> Callable[[Path], None]:
    """Read as large files are, by compiled code in many blocks: as small ones are by Python."""

    def read(path: Path) -> None:
        outcomes = []
        size, archive = path.stat().st_size, kind_of(path.read_bytes()[:8]) is not None
        skip = size % 2 == 1 and not archive  # of which millions of lines may come
        options = {"limit": size % 7 or None, "damaged": "skip" if skip else "error"}
        options["errors"] = ("strict", "replace", "ignore")[size % 3]
        block = rows.BLOCK_BYTES if archive else 64
        for few in (sys.maxsize, 0):
            with patch.object(lines, "FEW_BYTES", few), patch.object(rows, "BLOCK_BYTES", block):
                outcomes.append(_outcome(path, format, options))
        assert outcomes[0] == outcomes[1], outcomes
        if isinstance(outcomes[0], str):
            raise EmbedlayerError(outcomes[0])

    return read


def _outcome(path: Path, format: str, options: dict[str, Any]) -> str | tuple[Any, ...]:
    """Words and matrix of a file; the error of one that is refused, without its end."""
    try:
        vectors = Vectors.load(path, format, **options)
    except EmbedlayerError as error:
        return str(error)
    return vectors.words, vectors.matrix.tobytes()


PAIRS = ["tiger,cat,7.35\nof,the,10\n", "# c\n\nthe\tof\tN\t7.35\tX\n7\t3.5\tN\t1\tY\n"]
PAIRS += [",word1,word2,score\n0,the,of,9\n1,the,café,1\n2,of,7,2\n", "the of 1\nof café 2e0\n"]
QUESTIONS = [
    ": s\nthe of café 한국어\n: gram1\n7 the of 🙂\n",
    "# s\nthe of café 7\n# t\n7 of the 🙂\n",
]
LINES = ["the of the\r\n한국어 🙂 café\n\n" * 20, "a b c\n" * 12_000, "x" * 100_000 + " y\n"]

TARGETS = {
    "native": Target(_native, _asked("native")),
    "word2vec-text": Target(_saved(".vec", ".vec.gz"), _vectors("word2vec-text")),
    "word2vec-binary": Target(_saved(".bin", ".bin.gz"), _vectors("word2vec-binary")),
    "gensim": Target(_gensim, _asked("gensim")),
    "fasttext": Target(_fasttext, _asked("fasttext")),
    "npy": Target(_npy_seeds, _npy, archives=False),
    "npz": Target(_saved(".npz"), _vectors("npz")),
    "projector": _in_folder("projector", "tensors.tsv", "metadata.tsv", "projector_config.pbtxt"),
    "static": _in_folder("static", "tokenizer.json", "model.safetensors", "config.json"),
    "glove": Target(_saved(".glove", ".glove.gz"), _vectors("glove")),
    "word2vec-text-large": Target(_saved(".vec", ".vec.zst"), _large("word2vec-text")),
    "glove-large": Target(_saved(".glove", ".glove.xz"), _large("glove")),
    "vocabulary": Target(_vocabulary, Vocabulary.load),
    "phrases": Target(_phrases, Phrases.load),
    "text": Target(_given(*LINES), _corpus),
    "cache": Target(_entry, _cached, archives=False),
    "pairs": Target(_given(*PAIRS), lambda path: evaluate(VECTORS, path)),
    "analogies": Target(_given(*QUESTIONS), lambda path: evaluate(VECTORS, path)),
}


if find_spec("pyarrow"):  # the extra `arrow`
    TARGETS["parquet"] = Target(_saved(".parquet"), _vectors("parquet"))
    TARGETS["arrow"] = Target(_saved(".arrow"), _vectors("arrow"))


def main(name: str, seconds: str, seed: str = "0") -> None:
    bombs = [compress(unit * (1 << 23)) for compress in COMPRESS for unit in (b"one two\n", b"11 ")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMBEDLAYER_CACHE"] = str(Path(folder, "cache"))
        tally = fuzz(TARGETS[name], Path(folder), int(seed), sys.maxsize, float(seconds), bombs)
    print(f"{name}: {tally}", flush=True)
    for number, (data, why) in enumerate(tally.failures[:20]):
        Path(f"fuzz-{name}-{number}").write_bytes(data)
        print(f"--- fuzz-{name}-{number}, {len(data)} bytes\n{why}", flush=True)
    sys.exit(1 if tally.failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
