"""Compiled code that is kept on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedlayer.storage.compiled import drop_stale

WITHOUT_LINEAR_ALGEBRA = """
import sys
import numpy as np
from embedlayer import kernels

kernels.load_kernels("numpy").subsample(*[np.zeros(1, t) for t in (np.int32, np.int64)], 0,
    np.zeros(1, np.uint32), np.uint64(1))
assert not [name for name in sys.modules if name.startswith("scipy.linalg")]

import numba

product = numba.njit(lambda a: a @ a)(np.full((2, 2), 3.0))  # of a user
assert product.tolist() == [[18.0, 18.0]] * 2, product
assert sys.modules["scipy.linalg.cython_blas"].__file__
"""
STAND_IN_IS_USED = """
import sys
from embedlayer.storage import compiled

sys.modules[compiled.BLAS] = compiled._Later(compiled.BLAS)
import scipy.linalg.cython_blas  # by another thread, in the moment when numba asks

assert "dgemm" in sys.modules[compiled.BLAS].__pyx_capi__
assert sys.modules[compiled.BLAS].__file__
"""


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


@pytest.mark.parametrize("program", [WITHOUT_LINEAR_ALGEBRA, STAND_IN_IS_USED])
def test_compiled_code_begins_without_scipys_linear_algebra_which_others_may_use(program):
    pytest.importorskip("scipy")
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
