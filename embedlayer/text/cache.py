"""The cache of encoded texts: one folder an entry, used again only while nothing differs.

An entry is named by a hash of what it was made from: every file's path, size, times and inode, and
the options. It is written in a temporary folder and then renamed, so that it is whole or absent. A
temporary folder holds a locked file as long as its process lives; the next run removes the others.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from embedlayer.text.disk import cannot_write

VERSION = 1  # of the entries' layout, and of everything that shapes their contents
# Names that are nobody else's, for EMBEDLAYER_CACHE may be any folder, and clearing removes them.
UNFINISHED = "embedlayer-unfinished-"
DESCRIPTION = "embedlayer-entry.json"
LOCK = "embedlayer.lock"


class CacheEntry(NamedTuple):
    """One encoded text of the cache, as ``embedlayer info`` shows it."""

    path: Path
    files: list[str]
    bytes: int
    tokens: int  # words of the vocabulary
    created: float  # seconds since 1970


def cache_folder() -> Path:
    """Where the cache is: ``EMBEDLAYER_CACHE``, else the user's cache folder."""
    if chosen := os.environ.get("EMBEDLAYER_CACHE"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("embedlayer")


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


@contextmanager
def new_entry(description: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A temporary folder to write an entry in, and a dict for what it shall say of itself.

    At the end of the block it becomes the entry, in the place of one that is already there (made by
    another process, or damaged). An exception in the block removes the folder.

    Raises:
        EmbedlayerError: the cache folder cannot be written to.
    """
    root = cache_folder()
    with _locked_cache(root):
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
        lock = _lock(folder / LOCK)
    about = {"description": description, "created": time.time()}
    try:
        yield folder, about
        with _locked_cache(root):
            (folder / DESCRIPTION).write_text(json.dumps(about))
            (folder / LOCK).unlink()
            shutil.rmtree(root / _name(description), ignore_errors=True)
            folder.rename(root / _name(description))
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


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
        folders = _entry_folders()
        for folder in folders:
            shutil.rmtree(folder)
    return len(folders)


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
        lock = _lock(root / LOCK)
        try:
            yield
        finally:
            os.close(lock)
    except OSError as error:
        raise cannot_write(root, error) from error


def _lock(path: Path, operation: int = fcntl.LOCK_EX) -> int:
    """Lock a file until the descriptor that is returned is closed, or the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(root: Path) -> None:
    for folder in root.glob(f"{UNFINISHED}*"):
        try:
            os.close(_lock(folder / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            continue  # its process lives
        shutil.rmtree(folder)
