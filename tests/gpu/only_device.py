"""A plugin, ``pytest -p gpu.only_device``: of all tests, those that run on a real device.

The others need the pinned CuPy's compiler (R0, R2, R3 on PTX), or g++ (R1, R3, R4: the double and
the emulator), or no GPU; ``ci/test.sh`` runs them on any machine with a registry.
"""

from typing import Any

import pytest

DEVICE = {"device", "on_device"}  # what the parameters of the fixtures of libraries name it


def on_device(item: Any) -> bool:
    """Whether a collected test runs on the device."""
    if "on_device" in item.fixturenames:
        return True
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, str) and value in DEVICE for value in chosen)


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    left_out = [item for item in items if not on_device(item)]
    items[:] = [item for item in items if on_device(item)]
    config.hook.pytest_deselected(items=left_out)


def pytest_report_collectionfinish() -> str:
    return "left out: what needs the pinned CuPy or g++, or no device (ci/test.sh runs it)"
