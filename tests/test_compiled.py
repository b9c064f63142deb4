"""Compiled code that is kept on disk."""

import os
from pathlib import Path

import pytest

from embedlayer.storage.compiled import drop_stale


@pytest.fixture
def package(tmp_path):
    """Two folders with compiled code and one without; all sources older than all code."""
    times = {
        "root.py": 1,
        "kernels/one.py": 1,
        "kernels/__pycache__/one.f-1.nbi": 5,
        "kernels/step/two.py": 2,
        "kernels/step/__pycache__/two.g-3.nbi": 6,
        "cli/other.py": 1,
    }
    for name, time in times.items():
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).touch()
        os.utime(tmp_path / name, (time, time))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (None, {"one.f-1.nbi", "two.g-3.nbi"}),
        ("kernels/one.py", {"two.g-3.nbi"}),
        ("kernels/step/two.py", {"two.g-3.nbi"}),
        ("root.py", {"two.g-3.nbi"}),
        ("cli/other.py", {"one.f-1.nbi", "two.g-3.nbi"}),
    ],
)
def test_code_older_than_a_source_that_may_be_compiled_into_it_is_dropped(package, changed, left):
    """The source is changed at 5.5: before the one, behind the other."""
    if changed:
        os.utime(package / changed, (5.5, 5.5))
    drop_stale(package)
    assert {one.name for one in package.rglob("*.nbi")} == left


def test_code_that_cannot_be_deleted_or_is_gone_is_no_error(package, monkeypatch):
    os.utime(package / "root.py", (9, 9))

    def gone(path, **_):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "unlink", gone)
    drop_stale(package)
    assert len([*package.rglob("*.nbi")]) == 2
