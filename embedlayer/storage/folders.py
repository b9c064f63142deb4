"""Where our own files are kept: the user's cache folder, or a temporary one that is only ours."""

import os
import stat
import tempfile
from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded


def cache_folder() -> Path:
    """Where the cache is: ``EMBEDLAYER_CACHE``, else the user's cache folder.

    A user without a home folder has a temporary one.

    Raises:
        EmbedlayerError: ``EMBEDLAYER_CACHE`` names the home folder of nobody.
    """
    if chosen := os.environ.get("EMBEDLAYER_CACHE"):
        path = expanded(chosen)
        if path.startswith("~"):
            raise EmbedlayerError(f"EMBEDLAYER_CACHE is {chosen!r}: there is no such home folder")
        return Path(path)
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("embedlayer")
    except RuntimeError:
        return temporary_folder("embedlayer-cache")
    return folder if folder.is_absolute() else temporary_folder("embedlayer-cache")


def temporary_folder(name: str) -> Path:
    """A folder of this user alone among the temporary ones, the same in every process.

    Others may write beside it, so a folder of that name which is not ours is not used: a new one
    is made for this process.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    folder = Path(tempfile.gettempdir(), f"{name}-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix=name))
    ours = not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
    return folder if stat.S_ISDIR(about.st_mode) and ours else Path(tempfile.mkdtemp(prefix=name))


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
