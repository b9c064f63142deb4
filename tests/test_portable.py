"""Runs where Python runs: without what some systems lack, and where nothing can be written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import embedlayer
from embedlayer.storage import folders, writing
from embedlayer.storage.locks import locked
from embedlayer.threads import available_cores
from embedlayer.training.memory import MemoryWatch

PACKAGE = Path(embedlayer.__file__).parent
# What Windows lacks: modules, and functions of os.
HIDDEN = """
import builtins, os, sys
real = builtins.__import__
def hidden(name, globals=None, *rest):
    ours = (globals or {}).get("__name__", "").startswith("embedlayer")
    if ours and name in ("fcntl", "resource", "pwd", "grp", "termios"):
        raise ImportError(f"no module {name} on this system")
    return real(name, globals, *rest)
builtins.__import__ = hidden
for name in ("fork", "register_at_fork", "sched_getaffinity"):
    delattr(os, name)
from embedlayer.cli import main
main(sys.argv[1:])
"""
LAYER = """
import numpy as np
from embedlayer.layers import Embedding
layer = Embedding(np.ones((5, 2), np.float32))
layer.forward([1, 1])
layer.backward(np.ones((2, 2)))
assert layer.grads[0][1].tolist() == [2, 2]
from embedlayer.kernels.cpu.rows import add_rows
print(add_rows.stats.cache_path, sum(add_rows.stats.cache_hits.values()))
"""


def test_trains_without_the_modules_that_windows_lacks(tmp_path):
    text, out = tmp_path / "text.txt", tmp_path / "out.vec"
    text.write_text("a b c a b\n" * 300)
    options = [
        "--dim",
        "4",
        "--epochs",
        "1",
        "--workers",
        "2",
        "--sample",
        "0",
        "--backend",
        "numpy",
    ]
    command = [sys.executable, "-P", "-c", HIDDEN, "train", text, "-o", out, "--json", *options]
    for from_cache in (False, True):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        assert report["corpus_from_cache"] == from_cache
        assert report["peak_memory"] > 10**7


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """The package where nothing can be written beside it, and no home either."""
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, site / "embedlayer", ignore=ignored)
    for folder in [site / "embedlayer", *(site / "embedlayer").rglob("*")]:
        if folder.is_dir():
            (folder / "__pycache__").write_text("in the way of root, too")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("HOME", "XDG_CACHE_HOME", "EMBEDLAYER_CACHE"):
        monkeypatch.setenv(name, os.devnull + "/absent")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return site


def test_compiled_code_is_kept_in_a_temporary_folder_of_our_own(read_only, tmp_path):
    for hits in (0, 1):
        done = subprocess.run(
            [sys.executable, "-P", "-c", LAYER], capture_output=True, text=True, check=True
        )
        place, found = done.stdout.split()
        assert Path(place).is_relative_to(tmp_path)
        assert "embedlayer-compiled-" in place
        assert int(found) == hits  # the second process compiles nothing


def test_the_users_cache_folder_comes_before_a_temporary_one(read_only, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "cache"))
    code = "from embedlayer.storage import compiled; print(compiled.place)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / "cache" / "compiled")


def test_a_temporary_folder_that_is_not_ours_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    ours = folders.temporary_folder("kept")
    assert ours == folders.temporary_folder("kept")
    assert ours.stat().st_mode & 0o777 == 0o700
    ours.chmod(0o777)  # anyone may write compiled code there
    assert folders.temporary_folder("kept") != ours
    ours.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    ours.symlink_to(tmp_path / "elsewhere")
    assert folders.temporary_folder("kept") != ours
    monkeypatch.delattr(os, "getuid")
    monkeypatch.setenv("USERNAME", "someone")
    assert folders.temporary_folder("kept").name == "kept-someone"


def test_a_lock_is_held_until_it_is_closed_or_its_process_ends(tmp_path):
    path = tmp_path / "lock"
    with locked(path), pytest.raises(BlockingIOError, match="locked by another process"):
        _try_in_another_process(path)
    _try_in_another_process(path)
    with locked(path, wait=False):
        pass


def _try_in_another_process(path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom embedlayer.storage.locks import locked\n"
        "try:\n    locked(Path(sys.argv[1]), wait=False)\n"  # ends without closing it
        "except BlockingIOError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, path], capture_output=True, text=True)
    if done.returncode:
        raise BlockingIOError(done.stderr)


def test_without_affinity_and_resource_the_numbers_still_come(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert available_cores() == os.cpu_count()
    about = SimpleNamespace(rss=2_000, peak_wset=3_000)  # as psutil tells it on Windows
    monkeypatch.setattr("psutil.Process.memory_info", lambda self: about)
    monkeypatch.setitem(sys.modules, "resource", None)  # psutil for Linux imports it itself
    with MemoryWatch() as watch:
        pass
    assert watch.peak() == (3_000, None)


def test_windows_opens_no_folder_to_write_its_names(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(writing.os, "open", lambda *arguments: opened.append(arguments))
    monkeypatch.setattr(writing.os, "name", "nt")
    writing.sync(tmp_path)
    assert opened == []
