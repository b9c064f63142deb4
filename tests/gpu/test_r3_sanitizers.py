"""R3: the kernels under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.

ThreadSanitizer knows fibers for threads and ``__syncwarp`` for what orders them. The tables' races
are meant: their reads go through ``HOGWILD_LOAD`` and count as atomic, so any other race fails.
"""

import re

import pytest

from . import sanitizers

# Fibers are slow where every access is watched: fewer cases, of every kind.
SMALLER = "reference and (3 or 33 or repeated or many or Huffman or beyond or long or full or any)"
CASES = {"address": "not traffic", "undefined": "not traffic", "thread": SMALLER}


@pytest.mark.parametrize("sanitizer", CASES)
def test_clean(sanitizer: str) -> None:
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu/test_r3_emulator.py")
    done = sanitizers.run(sanitizer, *arguments, "-k", CASES[sanitizer])
    output = done.stdout + done.stderr
    assert sanitizers.REPORTS[sanitizer] not in output, output[-4000:]
    assert done.returncode == 0, output[-4000:]
    assert int(re.findall(r"(\d+) passed", output)[0]) > 30
