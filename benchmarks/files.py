"""How fast files of vectors are read and written, and in how much memory, against gensim.

    python benchmarks/files.py --json files.json

Every figure is of a process of its own, whose modules are imported and whose compiled code was kept
before. Memory is what the process takes at its peak beyond what it had before, and beyond the
matrix. What one writes the other must read as the same words and bits, before anything is timed.
Seconds of the processor are of all threads: they tell more where the machine is busy.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from measure import WrongResult, ratios, turns
from report import NONE, count, end, finish, mistake, note, parser, show, spread, start

from embedlayer import Vectors

KINDS = {"text": ".vec", "binary": ".bin"}
OURS, THEIRS = "embedlayer", "gensim"
SMALL = (2_000, 20)  # words and dimensions of a check


class Contender(NamedTuple):
    """How one loads, saves, and gives words and matrix."""

    load: Callable[[Path], Any]
    save: Callable[[Any, Path], None]
    contents: Callable[[Any], tuple[Any, np.ndarray]]


def main() -> None:
    """Check, time in turns, show a table, write the JSON."""
    options = parser(__doc__, runs=3)
    options.add_argument("--text-words", type=count, default=200_000, help="rows of the text file")
    options.add_argument("--binary-words", type=count, default=1_000_000, help="of the binary one")
    options.add_argument("--dim", type=count, default=300)
    options.add_argument("--folder", type=Path, help="for the files, some GB  [default: temporary]")
    chosen = options.parse_args()
    sizes = {"text": chosen.text_words, "binary": chosen.binary_words}
    if chosen.quick:
        sizes, chosen.dim, chosen.runs = dict.fromkeys(KINDS, SMALL[0]), SMALL[1], 1
    report = start("files") | {"sizes": sizes, "dim": chosen.dim, "runs": {}}
    rows = []
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for kind, size in sizes.items():
            check(Path(folder), kind)
            made(size, chosen.dim).save(Path(folder, "vectors.safetensors"))
            for task in ("write", "read"):
                found = contest(Path(folder), task, kind, chosen.runs)
                report["runs"][f"{task} {kind}"] = found
                rows.append(row(f"{task} {kind}", size, found))
    header = ("", "rows", "seconds", "gensim", "times faster", "by processor", "MB", "gensim")
    show(f"{chosen.dim} dimensions", header, rows)
    finish(report, chosen.json)


def made(size: int, dim: int) -> Vectors:
    """Vectors as training makes them: normal numbers."""
    matrix = np.random.default_rng(1).standard_normal((size, dim), np.float32)
    return Vectors([f"word{i}" for i in range(size)], 0.3 * matrix)


def check(folder: Path, kind: str) -> None:
    """Raise WrongResult unless each reads what the other writes, bit for bit."""
    wanted = made(*SMALL)
    wanted.save(folder / "vectors.safetensors")
    both = {name: contender(kind, name) for name in (OURS, THEIRS)}
    file = folder / f"vectors{KINDS[kind]}"
    for writer, reader in ((OURS, THEIRS), (THEIRS, OURS), (OURS, OURS)):
        both[writer].save(both[writer].load(folder / "vectors.safetensors"), file)
        words, matrix = both[reader].contents(both[reader].load(file))
        if tuple(words) != wanted.words or matrix.tobytes() != wanted.matrix.tobytes():
            raise WrongResult(f"{reader} reads other vectors in {kind} than {writer} wrote")


def contest(folder: Path, task: str, kind: str, runs: int) -> dict[str, list[dict[str, float]]]:
    """The figures of both, in turns; what is read is what was written last, so gensim's."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], THEIRS: []}
    for _, name in turns(found, runs):
        note(f"{task} {kind}: {name}")
        found[name].append(in_process(folder, task, kind, name))
    return found


def row(name: str, size: int, found: dict[str, list[dict[str, float]]]) -> tuple[str, ...]:
    """A line of the table."""
    seconds, processor, memory = (
        {who: [run[figure] for run in runs] for who, runs in found.items()}
        for figure in ("seconds", "processor", "memory")
    )
    taken = [f"{median(seconds[who]):.2f}" for who in (OURS, THEIRS)]
    faster = [spread(ratios(one[THEIRS], one[OURS]), 1) for one in (seconds, processor)]
    most = [f"{max(memory[who]) / 1e6:.0f}" for who in (OURS, THEIRS)]
    return (name, f"{size:,}", *taken, *faster, *(most if "read" in name else (NONE, NONE)))


def in_process(folder: Path, task: str, kind: str, name: str) -> dict[str, float]:
    """What a task takes, in a process of its own."""
    command = [sys.executable, __file__, "--task", str(folder), task, kind, name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        mistake(done.stderr.strip().rpartition("\n")[2])
    return json.loads(done.stdout)


def run_task(folder: Path, task: str, kind: str, name: str) -> dict[str, float]:
    """Do it here. To write, the vectors are read before the clock starts."""
    file = folder / f"vectors{KINDS[kind]}"
    chosen = contender(kind, name)
    if task == "read":
        return figures(lambda: chosen.contents(chosen.load(file))[1])
    vectors = chosen.load(folder / "vectors.safetensors")
    return figures(lambda: chosen.save(vectors, file))


def contender(kind: str, name: str) -> Contender:
    """One of the two, ready: nothing is imported or compiled any more."""
    if name == OURS:
        warm = made(2_000, 100)
        with tempfile.TemporaryDirectory() as folder:
            warm.save(Path(folder, f"warm{KINDS[kind]}"))
            Vectors.load(Path(folder, f"warm{KINDS[kind]}"))
        return Contender(Vectors.load, Vectors.save, lambda ours: (ours.words, ours.matrix))
    from gensim.models import KeyedVectors

    def load(file: Path) -> Any:
        if file.suffix != ".safetensors":
            return KeyedVectors.load_word2vec_format(str(file), binary=kind == "binary")
        ours = Vectors.load(file)
        theirs = KeyedVectors(ours.dim)
        theirs.add_vectors(ours.words, ours.matrix)
        return theirs

    def save(vectors: Any, file: Path) -> None:
        vectors.save_word2vec_format(str(file), binary=kind == "binary")

    return Contender(load, save, lambda theirs: (theirs.index_to_key, theirs.vectors))


def figures(work: Callable[[], np.ndarray | None]) -> dict[str, float]:
    """What the work takes: seconds, also of the processor, and bytes beyond the matrix it makes."""
    before, started, busy = in_memory("VmRSS"), perf_counter(), process_time()
    matrix = work()
    found = {"seconds": perf_counter() - started, "processor": process_time() - busy}
    beyond = in_memory("VmHWM") - before - (0 if matrix is None else matrix.nbytes)
    return found | {"memory": max(beyond, 0)}


def in_memory(name: str) -> int:
    """The bytes of this process that are in memory, now (VmRSS) or at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return 1024 * int(size)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        print(json.dumps(run_task(Path(sys.argv[2]), *sys.argv[3:])))
    else:
        end(main)
