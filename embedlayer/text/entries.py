"""Entries of the cache: what each is named by, what it says of itself, and which there are.

An entry is named by a hash of what it was made from: every file's path, size, times and inode, and
the options. Its description begins with a digest of itself. When it was used last is the time of
the description.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from embedlayer.storage.folders import cache_folder
from embedlayer.storage.manifest import digest, read_manifest

VERSION = 3  # of the entries' layout, and of everything that shapes their contents
DESCRIPTION = "embedlayer-entry.json"  # nobody else's name: the cache may be any folder


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
    return cache_folder() / digest(json.dumps(description, sort_keys=True))


def find_entry(description: dict[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """The folder of the entry that was made from exactly this, if any, and what it says."""
    folder = entry_folder(description)
    about = read_manifest(folder / DESCRIPTION)
    if about is None or about["description"] != description:
        return None
    with suppress(OSError):  # a cache that can only be read
        os.utime(folder / DESCRIPTION)
    return folder, about


def cache_entries() -> list[CacheEntry]:
    """The entries of the cache, the last used first; damaged ones among them."""
    entries = []
    for path in entry_folders():
        with suppress(OSError):  # another process has just removed it
            size = sum(file.lstat().st_size for file in path.iterdir())
            used = (path / DESCRIPTION).lstat().st_mtime
            unknown: dict[str, Any] = {"description": {"files": []}, "tokens": 0, "created": used}
            about = read_manifest(path / DESCRIPTION) or unknown
            files, tokens = about["description"]["files"], about["tokens"]
            names, changed = [file["path"] for file in files], any(map(_has_changed, files))
            entries.append(CacheEntry(path, names, size, tokens, about["created"], used, changed))
    return sorted(entries, key=lambda entry: -entry.used)


def entry_folders() -> list[Path]:
    return [path.parent for path in cache_folder().glob(f"*/{DESCRIPTION}")]


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
