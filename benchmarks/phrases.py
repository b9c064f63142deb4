"""How fast a text gets its phrases, against gensim: found, joined and written, the whole command.

    python benchmarks/phrases.py TEXT --json phrases.json

Both write the same bytes, or nothing is timed. Each run is a process of its own, from its start to
its end; our compiled code was kept on disk before, as after any first run. Seconds of the processor
are of all threads: they tell more where the machine is busy.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil
from measure import WrongResult, ratios, turns
from report import data_folder, end, finish, mistake, note, parser, show, spread, start
from texts import plain_lines, planted_text
from trials import DEFAULT_TEXT

from embedlayer.text.options import ENGLISH_CONNECTORS, THRESHOLDS

OURS, THEIRS = "embedlayer", "gensim"
SETTINGS: dict[str, dict[str, Any]] = {
    "word2vec": {},
    "word2vec, connectors": {"connectors": ENGLISH_CONNECTORS},
    "npmi": {"score": "npmi"},
    "word2vec, two passes": {"passes": 2},
}
QUICK_THRESHOLDS = {"word2vec": 0.06, "npmi": 0.25}  # a made text has no phrases
LOOKS = 0.05  # seconds between two looks at the memory


def main() -> None:
    """Check, time in turns, show a table, write the JSON."""
    options = parser(__doc__, runs=3)
    options.add_argument(
        "text", type=Path, nargs="?", help="default: wiki100m of the data's folder"
    )
    options.add_argument("--data", type=Path, help="folder with text/ [EMBEDLAYER_DATA]")
    options.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    chosen = options.parse_args()
    report = start("phrases") | {"runs": {}}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        lay_out(chosen, text)
        for name in chosen.settings:
            found = contest(Path(folder), text, name, 1 if chosen.quick else chosen.runs, chosen)
            report["runs"][name] = found
            rows.append(row(name, found))
    header = ("", "seconds", "gensim", "times faster", "by processor", "MB", "gensim")
    show(f"{report['runs'][chosen.settings[0]]['bytes']:,} bytes of text", header, rows)
    finish(report, chosen.json)


def lay_out(chosen: argparse.Namespace, text: Path) -> None:
    """The text as both read it: lines of 1,000 tokens at most."""
    data = data_folder(chosen.data)
    source = chosen.text or (data and data / DEFAULT_TEXT)
    if chosen.quick:
        planted_text(text, sentences=3000)
    elif source is None or not source.is_file():
        mistake(f"no such text: {source}; name one, or a folder of data with --data")
    else:
        note(f"laying out {source}")
        plain_lines(source, text)


def contest(
    folder: Path, text: Path, name: str, runs: int, chosen: argparse.Namespace
) -> dict[str, Any]:
    """The figures of both, in turns; WrongResult unless both write the same."""
    settings = SETTINGS[name]
    thresholds = QUICK_THRESHOLDS if chosen.quick else THRESHOLDS
    limit = thresholds[settings.get("score", "word2vec")]
    outputs = {OURS: folder / "ours.txt", THEIRS: folder / "theirs.txt"}
    commands = {
        OURS: our_command(text, outputs[OURS], settings, limit),
        THEIRS: [sys.executable, __file__, "--gensim", str(text), str(outputs[THEIRS]),
                 name, str(limit)],
    }  # fmt: skip
    timed(commands[OURS])  # compiles
    found: dict[str, Any] = {OURS: [], THEIRS: [], "bytes": text.stat().st_size}
    for _, who in turns(outputs, runs):
        note(f"{name}: {who}")
        found[who].append(timed(commands[who]))
        if who == THEIRS and outputs[OURS].read_bytes() != outputs[THEIRS].read_bytes():
            raise WrongResult(f"{name}: the texts with phrases are not the same")
    if b"_" not in outputs[OURS].read_bytes():
        raise WrongResult(f"{name}: no phrases were joined")
    return found


def our_command(text: Path, output: Path, settings: dict[str, Any], limit: float) -> list[str]:
    """The command line that does what gensim is asked for."""
    command = [sys.executable, "-m", "embedlayer", "phrases", str(text), "-o", str(output)]
    command += ["--quiet", "--threshold", str(limit)]
    for name, value in settings.items():
        command += [f"--{name}", ",".join(value) if isinstance(value, tuple) else str(value)]
    return command


def timed(command: list[str]) -> dict[str, float]:
    """The seconds of a process, also of the processor, and the memory that it was seen to take."""
    started, before, most = perf_counter(), processor_seconds(), 0
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        about = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most = max(most, about.memory_full_info().uss)
                process.wait(LOOKS)
            except (subprocess.TimeoutExpired, psutil.Error):
                continue
        seconds = perf_counter() - started
        if process.returncode != 0:
            mistake((process.stderr.read() if process.stderr else "").strip().rpartition("\n")[2])
    return {"seconds": seconds, "processor": processor_seconds() - before, "memory": most}


def processor_seconds() -> float:
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    seconds, processor = (
        {who: [run[figure] for run in found[who]] for who in (OURS, THEIRS)}
        for figure in ("seconds", "processor")
    )
    memory = {who: max(run["memory"] for run in found[who]) for who in (OURS, THEIRS)}
    return (
        name,
        *(f"{median(seconds[who]):.2f}" for who in (OURS, THEIRS)),
        *(spread(ratios(one[THEIRS], one[OURS]), 1) for one in (seconds, processor)),
        *(f"{memory[who] / 1e6:.0f}" for who in (OURS, THEIRS)),
    )


def gensim(text: str, output: str, name: str, limit: str) -> None:
    """What gensim's users do: a model for each pass, and the sentences through all of them."""
    from gensim.models.phrases import Phrases
    from gensim.models.word2vec import LineSentence

    settings = SETTINGS[name]
    sentences: Any = LineSentence(text)
    for _ in range(settings.get("passes", 1)):
        model = Phrases(
            sentences,
            threshold=float(limit),
            scoring="npmi" if settings.get("score") == "npmi" else "default",
            connector_words=frozenset(settings.get("connectors", ())),
        )
        sentences = model[sentences]
    with open(output, "w", encoding="utf-8") as out:
        for sentence in sentences:
            out.write(" ".join(sentence) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--gensim"]:
        gensim(*sys.argv[2:])
    else:
        end(main)
