"""What embedlayer finds on this machine, and whether training works: versions, backend, kernels."""

import os
import platform
import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from embedlayer import __version__
from embedlayer.backend import explain_backend
from embedlayer.device import DEVICES, Device
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.models.options import SkipGram
from embedlayer.storage.folders import cache_folder
from embedlayer.text.entries import cache_entries
from embedlayer.threads import available_cores
from embedlayer.training.plan import TextSizes, plan_memory
from embedlayer.training.warmup import warm_up

CUPY_PACKAGES = ("cupy-cuda12x", "cupy-cuda13x", "cupy")
COMMON_RUN = TextSizes(words=100_000, tokens=100_000_000, sentences=4_000_000, reach=5)
VARIABLES = (
    "EMBEDLAYER_BACKEND",
    "EMBEDLAYER_KERNELS",
    "EMBEDLAYER_CACHE",
    "EMBEDLAYER_CACHE_GB",
    "NUMBA_CACHE_DIR",
)


def examine() -> dict[str, Any]:
    """All findings, as JSON can hold them; ``problem`` is None where training works.

    It trains on a few words, with the backend and the kernels in force.
    """
    found: dict[str, Any] = {
        "embedlayer": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _requirements()},
        "cupy": next(
            (f"{name} {_version(name)}" for name in CUPY_PACKAGES if _version(name)), None
        ),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "cores": available_cores(),
        "devices": _devices(),
        "cache": str(cache_folder()),
        "cache_bytes": sum(entry.bytes for entry in cache_entries()),
        "problem": None,
    }
    try:
        return found | _training()
    except EmbedlayerError as error:
        return found | {"problem": str(error)}


def _training() -> dict[str, Any]:
    """What is chosen, and that it trains; EmbedlayerError if it cannot."""
    backend, why = explain_backend()
    kind = kernel_kind()
    compiled: list[bool] = []
    seconds = warm_up(SkipGram(), lambda: compiled.append(True))
    return {
        "backend": backend,
        "backend_chosen_by": why,
        "kernels": kind,
        "kernels_file": load_kernels(backend, kind).__name__.rsplit(".", 1)[-1],
        "kernels_ready": "compiled now" if compiled else "compiled before",
        "kernels_seconds": seconds,
        "kernels_kept_in": load_kernels("numpy", "fused").subsample.stats.cache_path,
        "memory": _memory(DEVICES[backend]),
    }


def _memory(device: Device) -> dict[str, Any]:
    """What a run of a common size takes, with the default model; and what there is room for."""
    plan = plan_memory(
        SkipGram(), COMMON_RUN, chunk_tokens=device.chunk_tokens, chunks=device.workers(None)
    )
    plan = replace(plan, corpus_is=device.corpus_places[0])
    return {**COMMON_RUN._asdict(), "plan": str(plan), "room_bytes": device.room_bytes()}


def _devices() -> list[dict[str, Any]]:
    """The devices of every backend that can work."""
    return [about for one in DEVICES.values() if one.problem() is None for about in one.describe()]


def _requirements() -> list[str]:
    """The packages that embedlayer needs, without those of its extras."""
    return [re.split(r"[^\w-]", one)[0] for one in requires("embedlayer") or () if ";" not in one]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
