"""The cache of encoded texts: entries are made and removed, one process at a time.

An entry is written in a temporary folder and then renamed, so that it is whole or absent. A lock
beside it is held as long as its process lives; the next run removes the folders of the others.

The cache is bounded: a new entry takes the place of those whose texts have changed, and of the
least recently used.
"""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real
from embedlayer.storage.folders import cache_folder
from embedlayer.storage.locks import locked
from embedlayer.storage.manifest import write_manifest
from embedlayer.storage.mapped import CACHE_CURE, cannot_write
from embedlayer.storage.writing import sync
from embedlayer.text.entries import (
    DESCRIPTION,
    CacheEntry,
    cache_entries,
    entry_folder,
    entry_folders,
)

# Names that are nobody else's, for EMBEDLAYER_CACHE may be any folder, and clearing removes them.
UNFINISHED = "embedlayer-unfinished-"
LOCK = "embedlayer.lock"
ENTRY_BYTES = 1.4  # for a byte of text, where a word with its space has 6: two ids of 4 bytes
LIMIT_GB = 10  # of all entries together, unless EMBEDLAYER_CACHE_GB says otherwise

Result = TypeVar("Result")
_log = logging.getLogger("embedlayer")


def make_entry(
    description: dict[str, Any],
    write: Callable[[Path], dict[str, Any]],
    read: Callable[[Path, dict[str, Any]], Result],
) -> Result:
    """Make an entry, in the place of another process's or of a damaged one, and read it.

    Args:
        description: what the entry is made from.
        write: fills a temporary folder; returns what the entry shall say of itself. An exception
            in it removes the folder.
        read: is given the entry's folder and what it says, before another process can remove it.

    Raises:
        CannotWrite: the cache folder cannot be written to.
        EmbedlayerError: a limit of the cache's size that is none.
    """
    root, limit = cache_folder(), _limit_bytes()
    with _locked_cache(root):
        _remove_abandoned(root)
        _tell_room(root, sum(file["bytes"] for file in description["files"]))
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
        alive = locked(_lock_of(folder))
    try:
        about = {"description": description, "created": time.time(), **write(folder)}
        with _locked_cache(root):
            write_manifest(folder / DESCRIPTION, about)
            entry = entry_folder(description)
            shutil.rmtree(entry, ignore_errors=True)
            folder.rename(entry)
            sync(root)
            _make_room(entry, limit)
            return read(entry, about)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        alive.close()


def remove_entry(name: str) -> CacheEntry:
    """Remove the entry whose folder's name begins with ``name``.

    Raises:
        EmbedlayerError: there is none, there are several, or it cannot be removed.
    """
    found = [entry for entry in cache_entries() if entry.path.name.startswith(name)]
    if len(found) != 1 or not name:
        raise EmbedlayerError(
            f"{len(found)} entries of the cache begin with {name!r}: give the name of one, "
            "as embedlayer info shows it"
        )
    with _locked_cache(cache_folder()):
        shutil.rmtree(found[0].path)
    return found[0]


def clear_cache() -> int:
    """Remove all entries, and what killed runs left; returns the number of entries removed.

    A run that is using an entry keeps it until it ends.
    """
    root = cache_folder()
    if not root.is_dir():
        return 0
    with _locked_cache(root):
        _remove_abandoned(root)
        return sum(map(_removed, entry_folders()))


def _limit_bytes() -> float:
    given: Any = os.environ.get("EMBEDLAYER_CACHE_GB") or LIMIT_GB
    with suppress(ValueError):
        given = float(given)
    return Real(0).checked("EMBEDLAYER_CACHE_GB", given) * 1e9


def _make_room(newest: Path, limit: float) -> None:
    """Remove entries whose texts have changed, and the least recently used beyond the limit."""
    entries, total = cache_entries(), 0
    for entry in sorted(entries, key=lambda entry: entry.path != newest):  # the newest stays
        total += entry.bytes
        if entry.path != newest and (entry.changed or total > limit) and _removed(entry.path):
            total -= entry.bytes


def _tell_room(root: Path, text_bytes: int) -> None:
    """Say before a text is read that its entry will hardly have room; archives take more."""
    needed, free = ENTRY_BYTES * text_bytes, shutil.disk_usage(root).free
    if free < needed:
        _log.warning(
            "a text of %.1f MB takes about %.1f MB while it is encoded, and the disk of the cache "
            "has %.1f MB free: %s",
            *(size / 1e6 for size in (text_bytes, needed, free)),
            CACHE_CURE,
        )


def _removed(folder: Path) -> bool:
    """Remove an entry, if that is possible: Windows removes no file that is in use."""
    try:
        shutil.rmtree(folder)
    except OSError:
        return False
    return True


@contextmanager
def _locked_cache(root: Path) -> Iterator[None]:
    """One process at a time makes, renames and removes folders (but many write in theirs)."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / LOCK):
            yield
    except OSError as error:
        raise cannot_write(root, error) from error


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove_abandoned(root: Path) -> None:
    for folder in root.glob(f"{UNFINISHED}*"):
        if not folder.is_dir():
            continue
        try:
            alive = locked(_lock_of(folder), wait=False)
        except BlockingIOError:
            continue  # its process lives
        with alive:
            shutil.rmtree(folder, ignore_errors=True)
            _lock_of(folder).unlink(missing_ok=True)
