"""Checkpoints: all that a run needs to go on, in a folder of which a kill at any moment leaves one.

A checkpoint is a folder with the arrays of the state, the vocabulary, and a manifest: what made it
and the checksums of all files. It gets its name when all of it is on the disk. The one before it
is kept, so that one is whole even where the newest is damaged. The processes of a cluster write
the tables in slices, each in a file.
"""

import logging
import platform
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from embedlayer import __version__
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Tables
from embedlayer.storage.locks import locked
from embedlayer.storage.manifest import file_checksum, read_manifest, write_manifest
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import is_url
from embedlayer.storage.tensors import write_tensors
from embedlayer.storage.writing import check_place, whole_or_nothing
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.plan import megabytes
from embedlayer.training.state import State
from embedlayer.training.state_files import (
    OPTIONAL,
    TABLES,
    arrays_of,
    map_arrays,
    optimizer_names,
    slices_among,
)

VERSION = 3
KEPT = 2
NAME, LOCK = "checkpoint-", ".lock"
MANIFEST, STATE, VOCABULARY = "checkpoint.json", "state.safetensors", "vocabulary.safetensors"
NUMBERS = [one.name for one in fields(State) if one.name not in ("tables", "optimizer", *OPTIONAL)]

# Has the tables written into a folder in slices: their checksums by name, none if there are none.
Slices = Callable[[Path], dict[str, int]]

_log = logging.getLogger("embedlayer")


class Checkpoint(NamedTuple):
    """One that was read: where it is, what made it, and the arrays of the state.

    Attributes:
        path: its folder.
        about: the run's ``model``, ``options`` and ``corpus`` (a fingerprint), versions, and what
            the command line was given.
        arrays: of the state, by name; the pages of the file, read-only.
        slices: arrays that have the rows of both tables, one behind the other.
    """

    path: Path
    about: dict[str, Any]
    arrays: dict[str, np.ndarray]
    slices: list[dict[str, np.ndarray]]

    @property
    def state(self) -> State:
        """The state; tables that were written in slices are joined in memory, each time anew."""
        tables = [[rows[name] for rows in self.slices] for name in TABLES]
        optimizer = {
            name: [self.arrays[one] for one in value] if isinstance(value, list) else value
            for name, value in self.about["optimizer"].items()
        }
        return State(
            Tables(*(rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in tables)),
            sums=self.arrays.get("sums"),
            rates=self.arrays.get("rates"),
            optimizer=optimizer,
            **self.about["state"],
        )

    def vocabulary(self) -> Vocabulary:
        """The words and counts of the run's corpus."""
        return Vocabulary.load(self.path / VOCABULARY, self.about["checksums"][VOCABULARY])


class CheckpointFolder:
    """The checkpoints of one run; within ``with`` no other process writes there.

    Args:
        path: is made where it is missing.
        last: the checkpoint from which the run goes on; None for a run that begins, whose folder
            may not hold another's.

    Raises:
        EmbedlayerError: it does, another process writes there, or nothing can be written there.
    """

    def __init__(self, path: str | PathLike[str], last: Path | None = None) -> None:
        if not isinstance(path, str | PathLike) or is_url(path):
            raise EmbedlayerError(f"checkpoint is {path!r}: give a folder of this machine")
        self.path, self._last = Path(expanded(path)), last
        self._lock = ExitStack()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._locked().close()
            check_place(self.path / MANIFEST)
        except OSError as error:
            raise EmbedlayerError(f"no checkpoints in {path}: {error.strerror}") from None
        self._number = _newest(self.path)
        if last is None and self._number:
            raise EmbedlayerError(
                f"{self.path} holds the checkpoints of a run: go on with it (--resume, "
                "Training.resume), remove them, or name another folder"
            )

    def __enter__(self) -> Self:
        self._lock = self._locked()
        if _newest(self.path) > self._number:
            self._lock.close()
            raise EmbedlayerError(
                f"another run has written checkpoints to {self.path} since this one was made: go "
                "on with that one (--resume, Training.resume), or name another folder"
            )
        for folder in self.path.glob(f".*.{NAME}*"):  # of a run that was killed
            shutil.rmtree(folder, ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def write(
        self, state: State, vocabulary: Vocabulary, about: dict[str, Any], slices: Slices
    ) -> None:
        """Write a checkpoint, and remove all but this and the last; OSError leaves those there.

        The last is the one that this run wrote, or from which it went on: it was whole.
        """
        found, place = checkpoints_in(self.path), self.path / f"{NAME}{self._number + 1:08d}"
        with whole_or_nothing(place, folder=True) as folder:
            sums = slices(folder)
            write_tensors(folder / STATE, arrays_of(state, tables=not sums))
            vocabulary.save(folder / VOCABULARY)
            sums |= {name: file_checksum(folder / name) for name in (STATE, VOCABULARY)}
            numbers = {name: getattr(state, name) for name in NUMBERS}
            here = {"state": numbers, "optimizer": optimizer_names(state), "checksums": sums}
            write_manifest(folder / MANIFEST, _versions() | about | here)
        for older in found:
            if older != self._last:
                shutil.rmtree(older, ignore_errors=True)
        self._last, self._number = place, self._number + 1

    def check_room(self, size: int) -> None:
        """Raise EmbedlayerError unless the disk takes the states, of so many bytes, of a run."""
        missing = max(1, KEPT + 1 - len(checkpoints_in(self.path)))
        free = shutil.disk_usage(self.path).free
        if free < missing * size:
            raise EmbedlayerError(
                f"checkpoints in {self.path} take {megabytes(missing * size)} more ({KEPT} are "
                f"kept, and beside them the next is written), and its disk has {megabytes(free)} "
                "free: free some space, name a folder on another disk, or lower dim or the words "
                "of the vocabulary (min_count, max_size)"
            )

    def _locked(self) -> ExitStack:
        try:
            return locked(self.path / LOCK, wait=False)
        except BlockingIOError:
            raise EmbedlayerError(
                f"another run writes its checkpoints to {self.path}: wait for its end, or name "
                "another folder"
            ) from None


def read_checkpoint(path: str | PathLike[str]) -> Checkpoint:
    """The newest whole checkpoint of a folder; a log line names each that is damaged.

    Raises:
        EmbedlayerError: there is none.
    """
    folder = Path(expanded(path))
    found, why = checkpoints_in(folder), list[str]()
    for place in reversed(found):
        try:
            return _read(place)
        except (OSError, EmbedlayerError) as error:
            _log.warning("%s is damaged (%s): an older one is looked for", place, error)
            why.append(f"{place.name}: {error}")
    if found:
        raise EmbedlayerError(
            f"each of the {len(found)} checkpoints in {folder} is damaged ({', '.join(why)})"
        )
    raise EmbedlayerError(f"there is no checkpoint in {folder}")


def checkpoints_in(folder: Path) -> list[Path]:
    """The folders of checkpoints, the oldest first."""
    with suppress(OSError):
        names = (path for path in folder.iterdir() if path.name.startswith(NAME))
        return sorted((path for path in names if _number(path) >= 0), key=_number)
    return []


def _newest(folder: Path) -> int:
    """The number of the newest checkpoint, 0 without one."""
    return max(map(_number, checkpoints_in(folder)), default=0)


def _number(path: Path) -> int:
    digits = path.name.removeprefix(NAME)
    return int(digits) if digits.isascii() and digits.isdigit() else -1


def _versions() -> dict[str, Any]:
    return {
        "version": VERSION,
        "created": time.time(),
        "embedlayer": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _read(folder: Path) -> Checkpoint:
    about = read_manifest(folder / MANIFEST)
    if about is None:
        raise EmbedlayerError("its manifest is not whole")
    if about.get("version") != VERSION:
        raise EmbedlayerError(f"of version {about.get('version')!r:.40}, not {VERSION}")
    for name, wanted in about["checksums"].items():
        if file_checksum(folder / name) != wanted:
            raise EmbedlayerError(f"{name} is not what was written")
    optimizer, slices = about["optimizer"], slices_among(about["checksums"])
    arrays = map_arrays(folder / STATE, optimizer, tables=not slices)
    rows = [map_arrays(folder / name, {}, tables=True) for name in slices]
    return Checkpoint(folder, about, arrays, rows or [arrays])
