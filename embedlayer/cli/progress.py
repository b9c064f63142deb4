"""Progress on standard error: bars on a terminal, elsewhere a line every ten seconds."""

import math
import os
import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from embedlayer.training.report import Progress

LINE_SECONDS = 10.0
WIDE, NARROW, UNKNOWN = 100, 60, 80  # columns of a terminal
BAR = "{desc} {percentage:3.0f}%|{bar}| "
READING = {
    NARROW: BAR + "{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]",
    0: "{desc} {percentage:3.0f}% [{elapsed}<{remaining}, {rate_fmt}]",
}
TRAINING = {
    WIDE: BAR + "{n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
    NARROW: BAR + "[{elapsed}<{remaining}{postfix}]",
    0: "{percentage:3.0f}% [{remaining}{postfix}]",
}


class _Display:
    """A bar or, where the stream is no terminal, now and then a line; ``with`` closes it.

    Args:
        stream: where to write; default standard error.
        every: seconds between two lines.
    """

    def __init__(self, stream: TextIO | None = None, every: float = LINE_SECONDS) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.every = every
        self.started = self.told = monotonic()
        self.bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bar as it is; the next output begins on a line of its own."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _is_time(self) -> bool:
        """Whether the next line is due."""
        if monotonic() - self.told < self.every:
            return False
        self.told = monotonic()
        return True

    def _open_bar(self, **options: Any) -> None:
        from tqdm import tqdm

        # At the top, whatever bars another part of the process has left open.
        options |= {"position": 0, "ncols": self._columns()}
        self.bar = tqdm(file=self.stream, unit_scale=True, **options)

    def _fit(self, formats: dict[int, str]) -> int:
        """Lay the bar out for the terminal as wide as it is now; its columns."""
        self.bar.ncols = columns = self._columns()
        self.bar.bar_format = next(formats[least] for least in formats if columns >= least)
        return columns

    def _columns(self) -> int:
        """The columns of the terminal that may be written to; some tell none, or 0."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            return UNKNOWN
        return columns - 1 if columns > 1 else UNKNOWN  # the last one would begin a line

    def _line(self, what: str, done: int, total: int | None, unit: str, *more: str) -> None:
        amount = f"{quantity(done)}{unit}"
        if total:
            amount = f"{100 * done // total} % of {quantity(total)}{unit}"
        print(f"{what}: {', '.join([amount, *more])}", file=self.stream, flush=True)


class ReadingProgress(_Display):
    """The bytes of the text that have been read: the ``progress`` of ``Corpus.from_files``."""

    def __call__(self, done: int, total: int | None) -> None:
        if self.stream.isatty():
            if self.bar is None:
                self._open_bar(
                    desc="reading ", total=total, unit="B", bar_format=total and READING[0]
                )
            if total:
                self._fit(READING)
            self.bar.update(done - self.bar.n)
        elif self._is_time():
            rate = f"{quantity(done / (monotonic() - self.started))}B/s"
            self._line("reading", done, total, "B", rate)


class TrainingProgress(_Display):
    """Tokens, words per second, loss, learning rate and time left: a callback of ``Training``."""

    def __call__(self, progress: "Progress") -> None:
        notes = [
            f"{quantity(progress.words_per_second)} words/s",
            "loss -" if math.isnan(progress.loss) else f"loss {progress.loss:.4f}",
            f"lr {progress.lr:.5f}",
        ]
        if not math.isnan(progress.held_out_loss):
            notes.insert(2, f"held out {progress.held_out_loss:.4f}")
        done, total = progress.tokens, progress.tokens_total
        if self.stream.isatty():
            if self.bar is None:
                self._open_bar(desc="training", total=total, bar_format=TRAINING[0])
            self.bar.n = done
            columns = self._fit(TRAINING)
            shown = len(notes) if columns >= WIDE else len(notes) - 1 if columns >= NARROW else 2
            self.bar.set_postfix_str(", ".join(notes[:shown]))
            if done == total:
                self.close()
        elif self._is_time():
            left = progress.seconds * (total - done) / max(1, done)
            self._line("training", done, total, " tokens", *notes, f"{left:.0f} s left")


def quantity(number: float) -> str:
    """Three digits and a factor of 1000: ``12.3M``."""
    for factor in ("", "k", "M", "G"):
        if abs(number) < 999.5:
            return f"{number:.3g}{factor}"
        number /= 1000
    return f"{number:.3g}T"
