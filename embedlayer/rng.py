"""Counter-based random numbers: (key, counter) → uint64, the same integers on every backend.

There is no hidden generator state. A key comes from the seed and what the numbers are for; a
counter is the global position of a token (and the number of a draw). So every random choice of a
training run is a pure function of seed, corpus and options, whatever the device, the number of
workers, the size of the chunks or the point of resuming.

The mixing function is SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014) over a Weyl sequence that starts at the key.
"""

import hashlib
import math
from typing import Any

import numpy as np

WEYL = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
HIGH = np.uint64(32)
FULL = 2**32
SHIFT_1, SHIFT_2, SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


def make_key(seed: int, purpose: str, epoch: int = 0) -> np.uint64:
    """The key of one stream of numbers: a hash of the seed, what it is for, and the epoch."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def hash64(key: Any, counter: Any) -> Any:
    """The random bits at a counter: uint64, any shape (an array, or numba's and CUDA's scalar).

    This very function is compiled for the CPU kernels; ``cuda.cu`` mirrors it.
    """
    bits = key + (counter + np.uint64(1)) * WEYL
    bits = (bits ^ (bits >> SHIFT_1)) * MIX_1
    bits = (bits ^ (bits >> SHIFT_2)) * MIX_2
    return bits ^ (bits >> SHIFT_3)


def below(bits: Any, limit: Any) -> Any:
    """Random bits scaled to 0 … limit − 1 by their upper half; ``limit`` is uint64, at most 2**32.

    Uneven by at most ``limit`` / 2**32 (Lemire, "Fast random integer generation in an interval",
    ACM TOMACS 2019, without the rejection step).
    """
    return ((bits >> HIGH) * limit) >> HIGH


def uniform(xp: Any, key: np.uint64, shape: tuple[int, ...], start: int = 0) -> Any:
    """Uniform numbers in [0, 1): float32 of ``shape``, for the counters from ``start`` on.

    They are exact multiples of 2**−24.
    """
    counters = xp.arange(start, start + math.prod(shape), dtype=np.uint64)
    top = hash64(xp.asarray(key), counters) >> np.uint64(40)
    return (top.astype(np.float32) * np.float32(2.0**-24)).reshape(shape)


def thresholds(probability: np.ndarray) -> np.ndarray:
    """uint32 t such that "32 random bits are at most t" has this probability, to 2**−32.

    The smallest probability that can be told is 2**−32: a threshold of 0.
    """
    scaled = np.rint(np.asarray(probability, np.float64) * FULL) - 1
    return np.clip(scaled, 0, FULL - 1).astype(np.uint32)
