"""R0: the double offers the names and the arguments of the pinned CuPy, no more and no less."""

import inspect
import json

from . import double
from .double import nccl
from .double.surface import SURFACE, real_cupy, surface


def test_the_surface_is_the_pinned_cupys() -> None:
    assert json.loads(SURFACE.read_text()) == surface(), "run python tests/gpu/double/surface.py"


def test_the_communicators_have_the_names_arguments_and_numbers_of_the_pinned_cupys() -> None:
    real = json.loads(SURFACE.read_text())["nccl"]
    methods = vars(nccl.NcclCommunicator).items()
    mine = {name: getattr(one, "__func__", one) for name, one in methods if name[0] != "_"}
    mine |= {name: getattr(nccl, name) for name in ("groupStart", "groupEnd")}
    assert len(mine) == 7
    for name, function in mine.items():
        assert [n for n in inspect.signature(function).parameters if n != "self"] == real[name]
    assert real["NCCL_FLOAT32"] == nccl.NCCL_FLOAT32


def test_devices_and_streams_have_no_name_that_cupys_lack() -> None:
    here, real = double.cupy.cuda, real_cupy().cuda
    for mine, its in (
        (here.Device, real.Device),
        (here.Event, real.Event),
        (here.Stream, real.Stream.null),
        (here.runtime, real.runtime),
    ):
        assert {name for name in dir(mine) if name[0] != "_"} <= set(dir(its))
