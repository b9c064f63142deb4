"""The cache of encoded texts: one folder an entry, used again only while nothing differs.

An entry is named by a hash of what it was made from: every file's path, size, times and inode, and
the options. It is written in a temporary folder and then renamed, so that it is whole or absent. A
lock beside it is held as long as its process lives; the next run removes the folders of the others.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from embedlayer.storage.folders import cache_folder
from embedlayer.storage.locks import locked
from embedlayer.storage.mapped import cannot_write
from embedlayer.storage.writing import sync

VERSION = 1  # of the entries' layout, and of everything that shapes their contents
# Names that are nobody else's, for EMBEDLAYER_CACHE may be any folder, and clearing removes them.
UNFINISHED = "embedlayer-unfinished-"
DESCRIPTION = "embedlayer-entry.json"
LOCK = "embedlayer.lock"

Result = TypeVar("Result")


class CacheEntry(NamedTuple):
    """One encoded text of the cache, as ``embedlayer info`` shows it."""

    path: Path
    files: list[str]
    bytes: int
    tokens: int  # words of the vocabulary
    created: float  # seconds since 1970


def describe(files: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """All that an entry depends on; a file that was written again looks different."""
    return {"version": VERSION, "files": [_identity(file) for file in files], "options": options}


def find_entry(description: dict[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """The folder of the entry that was made from exactly this, if any, and what it says."""
    folder = cache_folder() / _name(description)
    about = _about(folder)
    if about is None or about["description"] != description:
        return None
    return folder, about


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
        EmbedlayerError: the cache folder cannot be written to.
    """
    root = cache_folder()
    with _locked_cache(root):
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
        alive = locked(_lock_of(folder))
    try:
        about = {"description": description, "created": time.time(), **write(folder)}
        with _locked_cache(root):
            (folder / DESCRIPTION).write_text(json.dumps(about))
            sync(folder / DESCRIPTION)
            entry = root / _name(description)
            shutil.rmtree(entry, ignore_errors=True)
            folder.rename(entry)
            sync(root)
            return read(entry, about)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        alive.close()


def cache_entries() -> list[CacheEntry]:
    """The entries of the cache, the newest first."""
    entries = []
    for path in _entry_folders():
        about = _about(path)
        if about is not None:
            files = [file["path"] for file in about["description"]["files"]]
            size = sum(file.stat().st_size for file in path.iterdir())
            entries.append(CacheEntry(path, files, size, about["tokens"], about["created"]))
    return sorted(entries, key=lambda entry: -entry.created)


def clear_cache() -> int:
    """Remove all entries, and what killed runs left; returns the number of entries removed.

    A run that is using an entry keeps it until it ends.
    """
    root = cache_folder()
    if not root.is_dir():
        return 0
    with _locked_cache(root):
        _remove_abandoned(root)
        removed = 0
        for folder in _entry_folders():
            with suppress(PermissionError):  # Windows removes no file that is in use
                shutil.rmtree(folder)
                removed += 1
    return removed


def _entry_folders() -> list[Path]:
    return [path.parent for path in cache_folder().glob(f"*/{DESCRIPTION}")]


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / DESCRIPTION).read_text())
    except (OSError, ValueError):  # absent or damaged: no entry
        return None


def _identity(file: str) -> dict[str, Any]:
    path = os.path.realpath(file)
    about = os.stat(path)
    return {
        "path": path,
        "bytes": about.st_size,
        "modified": about.st_mtime_ns,
        "changed": about.st_ctime_ns,
        "inode": about.st_ino,
    }


def _name(description: dict[str, Any]) -> str:
    text = json.dumps(description, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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
