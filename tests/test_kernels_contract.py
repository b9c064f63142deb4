"""Every implementation has every kernel, under the same names, and the right one is chosen."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from embedlayer import kernels
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import cpu, reference


@pytest.mark.parametrize("name", [kernels.REFERENCE, *(d.kernels for d in DEVICES.values())])
def test_implementations_keep_the_contract(name):
    implementation = importlib.import_module(name)
    kernels.check_contract(implementation, reference)


def test_the_contract_check_rejects_a_missing_and_a_bent_kernel():
    whole = {name: getattr(reference, name) for name in kernels.CONTRACT}
    kernels.check_contract(SimpleNamespace(__name__="whole", **whole), reference)
    for wrong in ({"draw": None}, {"draw": lambda prob, alias, targets: None}):
        with pytest.raises(TypeError, match="draw"):
            kernels.check_contract(
                SimpleNamespace(__name__="bent", **{**whole, **wrong}), reference
            )


def test_fused_is_the_default_and_the_environment_chooses(monkeypatch):
    W = np.zeros((2, 2), np.float32)
    monkeypatch.delenv("EMBEDLAYER_KERNELS", raising=False)
    assert kernels.kernels_for(W) is cpu
    monkeypatch.setenv("EMBEDLAYER_KERNELS", "reference")
    assert kernels.kernels_for(W) is reference
    assert kernels.load_kernels("numpy", "fused") is cpu  # the argument goes first


def test_unknown_kernels_are_refused(monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_KERNELS", "fast")
    with pytest.raises(
        EmbedlayerError, match=r"'fast' \(EMBEDLAYER_KERNELS\): choose fused or ref"
    ):
        kernels.kernel_kind()
