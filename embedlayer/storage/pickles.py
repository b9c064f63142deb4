"""A pickle read as data: what it names is never imported, and what it would call is only noted.

Python's pickles are programs. This reader runs the opcodes that make plain values: numbers,
strings, lists, dicts. A name is looked up nowhere: a :class:`Global` notes it if ``admits`` says
so, any other is refused. An object is a :class:`Made`: the name, its arguments and its state.
"""

import pickle
import struct
from collections.abc import Callable
from pickletools import opcodes
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.pickle_machine import Machine
from embedlayer.storage.pickle_opcodes import OPERATIONS

PROTOCOLS = range(2, 6)


def begins_pickle(start: bytes) -> bool:
    """Whether a file that begins so is a pickle (no text in UTF-8 has such a first byte)."""
    return len(start) > 1 and start[0] == pickle.PROTO[0] and start[1] in PROTOCOLS


def read_pickle(data: Any, admits: Callable[[str, str], bool]) -> Any:
    """The value of a pickle: plain values, lists in the place of sets, memoryviews, and Made.

    Args:
        data: the bytes, or a mapped file.
        admits: whether a name, (module, name), may occur.

    Raises:
        EmbedlayerError: a pickle that is damaged, that asks for a name which is not admitted, or
            that does what no pickle of data does.
    """
    if not begins_pickle(data[:2]):
        raise EmbedlayerError("no pickle of protocol 2 to 5")
    return _run(Machine(data, admits))


def _run(machine: Machine) -> Any:
    data = machine.data
    code = start = 0
    try:
        while code != pickle.STOP[0]:
            start = machine.place
            code = data[start]
            machine.place = start + 1
            OPERATIONS[code](machine)
        return machine.stack.pop()
    except EmbedlayerError as error:
        problem = str(error)
    except KeyError:
        name = next((one.name for one in opcodes if one.code == chr(code)), f"{code:#x}")
        problem = f"the opcode {name}, or what it refers to, is not known here"
    except (IndexError, ValueError, TypeError, AttributeError, struct.error):
        problem = "damaged or cut off"
    raise EmbedlayerError(f"the pickle's byte {start}: {problem}")
