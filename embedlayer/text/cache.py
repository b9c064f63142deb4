"""The cache of encoded texts: one folder an entry, used again only while nothing differs.

An entry is named by a hash of what it was made from: every file's path, size, times and inode, and
the options. It is written in a temporary folder and then renamed, so that it is whole or absent. A
lock beside it is held as long as its process lives; the next run removes the folders of the others.
Its description begins with a digest of itself and has the checksums of the files.

The cache is bounded: a new entry takes the place of those whose texts have changed, and of the
least recently used. When an entry was used last is the time of its description.
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

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real
from embedlayer.storage.folders import cache_folder
from embedlayer.storage.locks import locked
from embedlayer.storage.mapped import cannot_write
from embedlayer.storage.writing import sync

VERSION = 2  # of the entries' layout, and of everything that shapes their contents
# Names that are nobody else's, for EMBEDLAYER_CACHE may be any folder, and clearing removes them.
UNFINISHED = "embedlayer-unfinished-"
DESCRIPTION = "embedlayer-entry.json"
LOCK = "embedlayer.lock"
LIMIT_GB = 10  # of all entries together, unless EMBEDLAYER_CACHE_GB says otherwise

Result = TypeVar("Result")


class CacheEntry(NamedTuple):
    """One encoded text of the cache, as ``embedlayer info`` shows it."""

    path: Path
    files: list[str]  # none where the description is damaged, or of another version
    bytes: int
    tokens: int  # words of the vocabulary
    created: float  # seconds since 1970
    used: float  # when it was used last
    changed: bool  # a file has changed since, so that it is never used again


def describe(files: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """All that an entry depends on; a file that was written again looks different."""
    return {"version": VERSION, "files": [_identity(file) for file in files], "options": options}


def entry_folder(description: dict[str, Any]) -> Path:
    """Where the entry that is made from exactly this lies, if there is one."""
    return cache_folder() / _digest(json.dumps(description, sort_keys=True))


def find_entry(description: dict[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """The folder of the entry that was made from exactly this, if any, and what it says."""
    folder = entry_folder(description)
    about = _about(folder)
    if about is None or about["description"] != description:
        return None
    with suppress(OSError):  # a cache that can only be read
        os.utime(folder / DESCRIPTION)
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
        CannotWrite: the cache folder cannot be written to.
        EmbedlayerError: a limit of the cache's size that is none.
    """
    root, limit = cache_folder(), _limit_bytes()
    with _locked_cache(root):
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
        alive = locked(_lock_of(folder))
    try:
        about = {"description": description, "created": time.time(), **write(folder)}
        with _locked_cache(root):
            _write_description(folder, about)
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


def cache_entries() -> list[CacheEntry]:
    """The entries of the cache, the last used first; damaged ones among them."""
    entries = []
    for path in _entry_folders():
        with suppress(OSError):  # another process has just removed it
            size = sum(file.lstat().st_size for file in path.iterdir())
            used = (path / DESCRIPTION).lstat().st_mtime
            about = _about(path) or {"description": {"files": []}, "tokens": 0, "created": used}
            files, tokens = about["description"]["files"], about["tokens"]
            names, changed = [file["path"] for file in files], any(map(_has_changed, files))
            entries.append(CacheEntry(path, names, size, tokens, about["created"], used, changed))
    return sorted(entries, key=lambda entry: -entry.used)


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
        return sum(map(_removed, _entry_folders()))


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


def _removed(folder: Path) -> bool:
    """Remove an entry, if that is possible: Windows removes no file that is in use."""
    try:
        shutil.rmtree(folder)
    except OSError:
        return False
    return True


def _entry_folders() -> list[Path]:
    return [path.parent for path in cache_folder().glob(f"*/{DESCRIPTION}")]


def _write_description(folder: Path, about: dict[str, Any]) -> None:
    text = json.dumps(about)
    (folder / DESCRIPTION).write_text(f"{_digest(text)}\n{text}")
    sync(folder / DESCRIPTION)


def _about(folder: Path) -> dict[str, Any] | None:
    """What an entry says of itself; None where that is absent or damaged."""
    try:
        if not (folder / DESCRIPTION).is_file():  # to open a pipe would be to wait
            return None
        digest, text = (folder / DESCRIPTION).read_text().split("\n", 1)
        return json.loads(text) if digest == _digest(text) else None
    except (OSError, ValueError):
        return None


def _has_changed(file: dict[str, Any]) -> bool:
    """Whether a file is not what it was; one that is missing may come back with its disk."""
    try:
        return _identity(file["path"]) != file
    except OSError:
        return False


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


def _digest(text: str) -> str:
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
