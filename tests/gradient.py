"""The numerical gradient that every analytic one is held against: central differences, float64."""

from collections.abc import Callable

import numpy as np


def check_gradient(
    loss: Callable[[], float],
    x: np.ndarray,
    gradient: np.ndarray,
    *,
    step: float = 1e-5,
    tolerance: float = 1e-7,
) -> None:
    """Raise AssertionError, naming the worst element, unless ``gradient`` is that of ``loss`` at x.

    Args:
        loss: a function of x, which it reads anew at every call.
        x: float64: changed in place, one element at a time, and put back.
        gradient: float64, of x's shape.
        step: the difference to each side.
        tolerance: the largest error, relative to the larger of 1 and the element's gradient.
    """
    if x.dtype != np.float64 or gradient.dtype != np.float64:
        raise TypeError(f"x is {x.dtype}, its gradient {gradient.dtype}: check in float64")
    if x.shape != gradient.shape or x.size == 0:
        raise AssertionError(f"gradient of shape {gradient.shape} for x of shape {x.shape}")
    numerical = np.empty_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + step
        above = loss()
        x[place] = kept - step
        below = loss()
        x[place] = kept
        numerical[place] = (above - below) / (2 * step)
    error = np.abs(gradient - numerical) / np.maximum(1, np.abs(numerical))
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), x.shape)
    if not error[worst] <= tolerance:
        raise AssertionError(
            f"gradient{[int(i) for i in worst]} is {gradient[worst]:.9g}, "
            f"the difference quotient {numerical[worst]:.9g}"
        )
