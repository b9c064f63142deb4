"""The folder of wheels for a machine with a GPU and without a registry.

    python tests/gpu/wheels.py DIR [--python 3.12]

makes the project's wheel and fetches, for that version of Python on Linux, what pyproject.toml
names beside what such a machine has (HAS). Only Python's own library is used here.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
HAS = {"numpy", "numba", "scipy", "torch"}  # and CuPy, which no list below names
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def requirements() -> list[str]:
    """What the package and its tests need, beside what the machine has."""
    return [need for need in _project()["dependencies"] if _name(need) not in HAS] + (
        test_requirements()
    )


def test_requirements() -> list[str]:
    """What the tests need besides; torch is the machine's."""
    return [
        need
        for need in _project()["optional-dependencies"]["test-lowest"]
        if _name(need) not in HAS
    ]


def wheel_in(folder: Path) -> Path:
    """The project's wheel.

    Raises:
        SystemExit: there is none, or more than one.
    """
    found = sorted(folder.glob("embedlayer-*.whl"))
    if len(found) != 1:
        sys.exit(
            f"error: {folder} has {len(found)} wheels of embedlayer, not one; an empty folder is "
            f"filled by: python tests/gpu/wheels.py {folder}"
        )
    return found[0]


def make(folder: Path, python: str) -> None:
    """Fill the folder."""
    shutil.rmtree(PROJECT / "build", ignore_errors=True)  # its files would come into the wheel
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, PROJECT], check=True)
    platforms = [f"--platform={name}" for name in PLATFORMS]
    where = ["--only-binary=:all:", f"--python-version={python}", *platforms, "-d", folder]
    subprocess.run([*pip, "download", *where, *requirements()], check=True)


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    chosen = parser.parse_args()
    make(chosen.folder, chosen.python)
