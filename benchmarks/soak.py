"""Whether anything is lost when training is killed, again and again, at random moments.

    python benchmarks/soak.py TEXT --kills 200
    python benchmarks/soak.py TEXT --kills 50 --train='--model cbow --loss hierarchical'

Runs of one command are killed (SIGKILL) and resumed from their checkpoints until they end. With one
worker the vectors must be, byte for byte, those of a run that was never killed; with more, the same
number of examples must have been trained. Exit code 1 where they are not.
"""

import json
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import count, end, finish, note, parser, start

COMMAND = (sys.executable, "-P", "-m", "embedlayer", "train")
COUNTED = ("tokens_trained", "tokens_subsampled", "tokens_read", "vocabulary")


class Run:
    """A command that may be killed, and its folder.

    Args:
        folder: for the vectors, the checkpoints and the cache's place.
        arguments: of ``train``, the text first.
        every: seconds between two checkpoints.
    """

    def __init__(self, folder: Path, arguments: list[str], every: float) -> None:
        self.output, self._kept = folder / "out.safetensors", folder / "checkpoints"
        saving = ["--checkpoint", str(self._kept), "--checkpoint-every", str(every)]
        self._begin = [*COMMAND, *arguments, "-o", str(self.output), "--json", "--quiet", *saving]
        self._go_on = [*COMMAND, "--resume", str(self._kept), "--json", "--quiet"]
        self._go_on += ["--checkpoint-every", str(every)]

    def until(self, seconds: float | None) -> dict[str, Any] | None:
        """Begin, or go on, and kill it after so many seconds; its report, if it ended before."""
        kept = any(self._kept.glob("checkpoint-*"))
        process = subprocess.Popen(self._go_on if kept else self._begin, stdout=subprocess.PIPE)
        try:
            answer, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
        if process.returncode:
            raise SystemExit(f"a run ended with {process.returncode}")
        return json.loads(answer)


def main() -> int:
    """Kill and resume, show what came of it, write the JSON."""
    options = parser(__doc__, runs=1)
    options.add_argument("text", type=Path)
    options.add_argument("--kills", type=count, default=200)
    options.add_argument("--workers", type=count, default=1)
    options.add_argument("--epochs", type=count, default=3)
    options.add_argument("--every", type=float, default=1.0, help="seconds between checkpoints")
    options.add_argument("--seed", type=int, default=1, help="of the moments")
    options.add_argument("--train", default="", help="more options of the command")
    chosen = options.parse_args()
    report = start("soak") | {"kills": 0, "rounds": 0, "lost": 0}
    arguments = [str(chosen.text.resolve()), "--workers", str(chosen.workers)]
    arguments += ["--epochs", str(chosen.epochs), "--seed", "7", *shlex.split(chosen.train)]
    moments = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as place:
        whole = Run(Path(place), arguments, 1e6)
        wanted = whole.until(None)
        started = time.perf_counter()
        shutil.rmtree(Path(place, "checkpoints"))
        whole.until(None)  # once more, now that kernels and text are cached: so long it takes
        length = time.perf_counter() - started
        while report["kills"] < chosen.kills:
            report["kills"] += _round(chosen, arguments, whole, wanted, length, moments, report)
            report["rounds"] += 1
            note(f"{report['rounds']} rounds, {report['kills']} kills, {report['lost']} lost")
    print(f"\n{report['rounds']} rounds, {report['kills']} kills, {report['lost']} lost")
    finish(report, chosen.json)
    return int(report["lost"] > 0)


def _round(
    chosen: Any,
    arguments: list[str],
    whole: Run,
    wanted: Any,
    length: float,
    moments: random.Random,
    report: dict[str, Any],
) -> int:
    """Kill one run until it ends before its next kill; the number of kills."""
    kills = 0
    with tempfile.TemporaryDirectory() as place:
        run = Run(Path(place), arguments, chosen.every)
        while (found := run.until(moments.uniform(0, 1.2 * length))) is None:
            kills += 1
        same = all(found[name] == wanted[name] for name in COUNTED)
        if chosen.workers == 1:
            same = same and run.output.read_bytes() == whole.output.read_bytes()
        report["lost"] += not same
    return kills


if __name__ == "__main__":
    end(main)
