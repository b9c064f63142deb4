"""R0: the double offers the names and the arguments of the pinned CuPy, no more and no less."""

import json

from .double.surface import SURFACE, surface


def test_the_surface_is_the_pinned_cupys() -> None:
    assert json.loads(SURFACE.read_text()) == surface(), "run python tests/gpu/double/surface.py"
