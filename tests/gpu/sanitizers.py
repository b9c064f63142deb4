"""Runs Python with the emulator's kernels under a sanitizer of g++, which must be loaded first."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
LIBRARIES = {"address": "libasan.so", "thread": "libtsan.so", "undefined": "libubsan.so"}
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
    "TSAN_OPTIONS": "exitcode=66 halt_on_error=1 symbolize={}",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
REPORTS = {
    "address": "ERROR: AddressSanitizer",
    "thread": "WARNING: ThreadSanitizer: data race",
    "undefined": "runtime error:",
}


def run(sanitizer: str, *arguments: str, lines: bool = True) -> subprocess.CompletedProcess[str]:
    """``python *arguments`` with the emulator's kernels under this sanitizer.

    ``lines`` names source lines in the reports, which takes a while.
    """
    found = subprocess.run(
        ["g++", f"-print-file-name={LIBRARIES[sanitizer]}"], capture_output=True, text=True
    )
    environment = os.environ | OPTIONS | {"EMU_SANITIZE": sanitizer}
    environment["TSAN_OPTIONS"] = OPTIONS["TSAN_OPTIONS"].format(int(lines))
    # One thread: the sanitizers would watch the other threads of the array library, too.
    environment |= {"LD_PRELOAD": found.stdout.strip(), "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    command = [sys.executable, "-P", *arguments]
    where = TESTS.parent
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=where)
