"""The devices by the names of their backends, and which of them arrays are on."""

import sys
from typing import Any

import numpy as np

from embedlayer.device.base import MAPPED, RESIDENT, STREAMED, Device
from embedlayer.device.cuda import Cuda
from embedlayer.device.host import Host

__all__ = ["DEVICES", "MAPPED", "RESIDENT", "STREAMED", "Cuda", "Device", "Host", "device_of"]

# The backends by name; 'auto' takes the first that works.
DEVICES: dict[str, Device] = {device.name: device for device in (Cuda(), Host())}


def device_of(*arrays: Any) -> Device:
    """The device that these arrays are on: the host, unless another's library made one of them.

    Raises:
        TypeError: arrays of two libraries, which would have to be copied.
    """
    host = DEVICES["numpy"]
    for array in arrays:
        if type(array) is not np.ndarray:
            break
    else:  # most calls, many for each step of a layer: a third of the time
        return host
    for name, device in DEVICES.items():
        library = sys.modules.get(name)
        if device is host or library is None:
            continue
        if any(isinstance(array, library.ndarray) for array in arrays):
            if any(isinstance(array, np.ndarray) for array in arrays):
                raise TypeError(
                    f"numpy and {name} arrays in one call: move them to one side with asarray "
                    "or to_numpy"
                )
            return device
    return host
