"""Checkpoints of a cluster: each process writes its slice of the tables, as all have the same."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed

from embedlayer.dask.group import Group
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.writing import check_place, told_where
from embedlayer.training.state_files import SLICE

MARK = ".run"  # a file in the folder of checkpoints: the run that writes there


def mark_folder(folder: Path, run: str) -> None:
    """Leave the mark of a run, by which workers know the folder; CannotWrite if it cannot be."""
    with told_where(folder / MARK) as path:
        path.write_text(run)


def check_folder(folder: Path, run: str, dask_worker: distributed.Worker) -> None:
    """Raise EmbedlayerError unless a worker sees the client's mark of a run, and may write."""
    mark = folder / MARK
    try:
        seen = mark.read_text() == run
    except OSError:
        seen = False
    if not seen:
        raise EmbedlayerError(
            f"the worker {dask_worker.address} does not see {mark} as the client "
            "has written it: name a folder for checkpoints that the client and all workers reach "
            "under one name"
        )
    check_place(mark)


def write_slices(group: Group, position: Callable[[], tuple[int, int]], folder: Path) -> Any:
    """Let each process of an attempt write its slice of the tables, all at the same time.

    Args:
        group: of the attempt.
        position: of the state that is to be written.
        folder: for the files.

    Returns:
        Their checksums by name; none where there is one process, or one is lost, and then no file.

    Raises:
        EmbedlayerError: a process that cannot write.
    """
    told: list[Any] = [None]
    if group.others and not group.lost:
        asked = _ask(group, position(), str(folder))
        told = asyncio.run_coroutine_threadsafe(asked, group.mail.loop).result(2 * group.timeout)
    for process, answer in zip(group.processes, told, strict=False):
        if isinstance(answer, str):
            raise EmbedlayerError(f"the worker {process.address} cannot write: {answer}")
    if None not in told:
        return dict(told)
    for path in folder.glob(f"{SLICE}*"):
        path.unlink(missing_ok=True)
    return {}


async def _ask(group: Group, at: tuple[int, int], folder: str) -> list[Any]:
    """What each process says to its slice; None for one that is lost."""
    about = {"run": group.run, "attempt": group.attempt, "at": at, "folder": folder}
    about["parts"] = len(group.processes)

    async def answer(address: str, part: int) -> Any:
        try:
            async with asyncio.timeout(group.timeout):
                return await group.mail.worker.rpc(address).embedlayer_slice(part=part, **about)
        except (OSError, AttributeError, TimeoutError):
            return None

    return await asyncio.gather(
        *(answer(one.address, part) for part, one in enumerate(group.processes))
    )
