"""How fast files of vectors are read and written, and in how much memory, against gensim.

    python benchmarks/files.py --json files.json

Every figure is of a process of its own, whose modules are imported and whose compiled code was kept
before. Memory is what the process takes at its peak beyond what it had before, and beyond the
matrix. What one writes the other must read as the same words and bits, before anything is timed.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from measure import Spread, WrongResult, ratios, turns
from report import count, end, finish, mistake, note, parser, show, spread, start

from embedlayer import Vectors

KINDS = {"text": ".vec", "binary": ".bin"}
OURS, THEIRS = "embedlayer", "gensim"
SMALL = (2_000, 20)  # words and dimensions of a check


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
    header = ("", "rows", "seconds", "of gensim", "times faster", "MB", "of gensim")
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
    for writer, reader in ((OURS, THEIRS), (THEIRS, OURS), (OURS, OURS)):
        in_process(folder, "write", kind, writer)
        in_process(folder, "copy", kind, reader)
        found = Vectors.load(folder / "copy.safetensors")
        if found.words != wanted.words or found.matrix.tobytes() != wanted.matrix.tobytes():
            raise WrongResult(f"{reader} reads other vectors in {kind} than {writer} wrote")


def contest(folder: Path, task: str, kind: str, runs: int) -> dict[str, list[dict[str, float]]]:
    """The figures of both, in turns; both read the file that ours wrote."""
    in_process(folder, "write", kind, OURS)
    found: dict[str, list[dict[str, float]]] = {OURS: [], THEIRS: []}
    for _, name in turns(found, runs):
        note(f"{task} {kind}: {name}")
        found[name].append(in_process(folder, task, kind, name))
    return found


def row(name: str, size: int, found: dict[str, list[dict[str, float]]]) -> tuple[str, ...]:
    """A line of the table."""
    seconds, memory = (
        {who: [run[figure] for run in runs] for who, runs in found.items()}
        for figure in ("seconds", "memory")
    )
    taken = [spread(Spread.of(seconds[who])) for who in (OURS, THEIRS)]
    faster = spread(ratios(seconds[THEIRS], seconds[OURS]), 1)
    most = [f"{max(memory[who]) / 1e6:.0f}" for who in (OURS, THEIRS)]
    return (name, f"{size:,}", *taken, faster, *most)


def in_process(folder: Path, task: str, kind: str, name: str) -> dict[str, float]:
    """What a task takes, in a process of its own: seconds, and bytes beyond the matrix."""
    command = [sys.executable, __file__, "--task", str(folder), task, kind, name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        mistake(done.stderr.strip().rpartition("\n")[2])
    return json.loads(done.stdout)


def run_task(folder: Path, task: str, kind: str, name: str) -> dict[str, float]:
    """Do it here. To write, the vectors are read before the clock starts."""
    file = folder / f"vectors{KINDS[kind]}"
    load, save, matrix_of = contender(kind, name)
    if task == "write":
        vectors = load(folder / "vectors.safetensors")
        return figures(lambda: save(vectors, file), 0)
    if task == "copy":
        words, matrix = matrix_of(load(file))
        Vectors(words, matrix).save(folder / "copy.safetensors")
        return {}
    return figures(lambda: load(file), matrix_of)


def contender(kind: str, name: str) -> tuple[Callable[..., Any], ...]:
    """How one reads, writes, and gives words and matrix."""
    if name == OURS:
        warm = made(2_000, 100)  # imports what is compiled, as the peer's modules are imported
        with tempfile.TemporaryDirectory() as folder:
            warm.save(Path(folder, f"warm{KINDS[kind]}"))
            Vectors.load(Path(folder, f"warm{KINDS[kind]}"))
        return Vectors.load, Vectors.save, lambda vectors: (vectors.words, vectors.matrix)
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

    return load, save, lambda vectors: (vectors.index_to_key, vectors.vectors)


def figures(work: Callable[[], Any], matrix_of: Any) -> dict[str, float]:
    """Seconds of the work, and its memory: the growth of the process's peak, without the result."""
    before, started = resident(), perf_counter()
    result = work()
    seconds = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    matrix = matrix_of(result)[1].nbytes if matrix_of else 0
    return {"seconds": seconds, "memory": max(peak - before - matrix, 0)}


def resident() -> int:
    """The bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        print(json.dumps(run_task(Path(sys.argv[2]), *sys.argv[3:])))
    else:
        end(main)
