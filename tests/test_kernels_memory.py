"""Compiled code reads and writes nothing outside its arrays; ``placed.py`` says how it is seen."""

import os
import signal
import subprocess
import sys

import numpy as np
import placed
import pytest

needs_pages = pytest.mark.skipif(os.name != "posix", reason="needs mprotect")


@pytest.mark.parametrize("how", ["checked", pytest.param("guarded", marks=needs_pages)])
def test_every_kernel_stays_inside_its_arrays(how):
    done = subprocess.run([sys.executable, placed.__file__, how], capture_output=True, text=True)
    assert done.stdout == "every kernel stays inside its arrays\n", done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(("first", "count"), [(0, 4), (4, 3), (-4, 1), (-4000, 1), (2, 1)])
def test_an_address_outside_an_array_is_seen(first, count):
    array = placed.with_margins(np.arange(3, dtype=np.float32))
    assert placed.memory(array.ctypes.data, "f4", 3).tolist() == [0, 1, 2]
    with pytest.raises(IndexError, match="of an array of"):
        placed.memory(array.ctypes.data + first, "f4", count)


@needs_pages
@pytest.mark.parametrize(("at_end", "offset"), [(True, 7), (False, -1)])
def test_a_page_without_access_ends_the_process(at_end, offset):
    read = (
        "import ctypes, numpy as np; from placed import at_guarded_page;"
        f"array = at_guarded_page(np.zeros(7, np.uint8), {at_end});"
        "read = lambda place: ctypes.c_uint8.from_address(array.ctypes.data + place).value;"
        f"read(0), read(6), print('inside', flush=True), read({offset})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-P", "-c", read], capture_output=True, env=environment)
    assert done.stdout == b"inside\n"
    assert done.returncode == -signal.SIGSEGV
