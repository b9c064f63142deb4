"""The machine and the versions of a run, as a report tells them: nothing that names its owner."""

import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embedlayer import __version__
from embedlayer.device import DEVICES, Device


def about_machine(device: Device) -> dict[str, Any]:
    """As JSON can hold it; a GPU is told where the run uses it."""
    found = {
        "embedlayer": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": DEVICES["numpy"].workers(None),
        "gpu": ", ".join(str(one["name"]) for one in device.describe()),
    }
    return {name: value for name, value in found.items() if value}


def _processor() -> str:
    """What its maker calls it: Linux alone tells that in a file."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
