"""R3: the kernels under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.

ThreadSanitizer knows fibers for threads and ``__syncwarp`` for what orders them. The tables' races
are meant: their reads go through ``HOGWILD_LOAD`` and count as atomic, so any other race fails.
"""

import re

import pytest

from . import sanitizers


def require_clean(sanitizer: str, *arguments: str) -> str:
    """Run Python with these arguments; its output, which must hold no report."""
    done = sanitizers.run(sanitizer, *arguments)
    output = done.stdout + done.stderr
    assert sanitizers.REPORTS[sanitizer] not in output, output[-4000:]
    assert done.returncode == 0, output[-4000:]
    return output


@pytest.mark.parametrize("sanitizer", ["address", "undefined"])
def test_every_case_stays_in_bounds_and_defined(sanitizer: str) -> None:
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu/test_r3_emulator.py")
    output = require_clean(sanitizer, *arguments, "-k", "reference or order")
    assert int(re.findall(r"(\d+) passed", output)[0]) > 100


def test_nothing_races_but_the_tables() -> None:
    assert "END" in require_clean("thread", "-m", "gpu.races")
