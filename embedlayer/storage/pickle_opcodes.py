"""The opcodes of a pickle that make plain values, and what each does on the machine.

https://docs.python.org/3/library/pickletools.html has them all. Those that are missing belong to
protocols before 2, or look something up: persistent ids, registered extensions, buffers.
"""

import pickle
import struct
from collections.abc import Callable
from typing import Any

from embedlayer.storage.pickle_machine import Machine, as_dict

U8, U32, U64 = (struct.Struct(f"<{letter}") for letter in "BIQ")


def _constant(make: Callable[[], Any]) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(make())


def _number(letter: str) -> Callable[[Machine], None]:
    kind = struct.Struct(letter)
    return lambda machine: machine.stack.append(machine.number(kind))


def _text(size: struct.Struct, encoding: str = "utf-8") -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(str(machine.take(machine.number(size)), encoding, "surrogatepass"))

    return push


def _bytes(size: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.take(machine.number(size)))


def _tuple(size: int) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(tuple(machine.top(size)))


def _put(size: struct.Struct) -> Callable[[Machine], None]:
    def put(machine: Machine) -> None:
        machine.memo[machine.number(size)] = machine.stack[-1]

    return put


def _get(size: struct.Struct) -> Callable[[Machine], None]:
    return lambda machine: machine.stack.append(machine.memo[machine.number(size)])


def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


_BY_NAME: dict[bytes, Callable[[Machine], Any]] = {
    pickle.PROTO: lambda machine: machine.take(1),
    pickle.FRAME: lambda machine: machine.take(8),
    pickle.STOP: lambda machine: None,
    pickle.MARK: lambda machine: machine.marks.append(len(machine.stack)),
    pickle.POP: lambda machine: machine.stack.pop(),
    pickle.POP_MARK: lambda machine: machine.marked(),
    pickle.NONE: _constant(lambda: None),
    pickle.NEWTRUE: _constant(lambda: True),
    pickle.NEWFALSE: _constant(lambda: False),
    pickle.INT: Machine.digits,  # Python 2's
    pickle.BININT: _number("<i"),
    pickle.BININT1: _number("<B"),
    pickle.BININT2: _number("<H"),
    pickle.LONG1: lambda machine: machine.integer(machine.number(U8)),
    pickle.LONG4: lambda machine: machine.integer(machine.number(U32)),
    pickle.BINFLOAT: _number(">d"),
    pickle.SHORT_BINUNICODE: _text(U8),
    pickle.BINUNICODE: _text(U32),
    pickle.BINUNICODE8: _text(U64),
    pickle.SHORT_BINSTRING: _text(U8, "latin-1"),  # Python 2's
    pickle.BINSTRING: _text(U32, "latin-1"),
    pickle.SHORT_BINBYTES: _bytes(U8),
    pickle.BINBYTES: _bytes(U32),
    pickle.BINBYTES8: _bytes(U64),
    pickle.BYTEARRAY8: _bytes(U64),
    pickle.EMPTY_TUPLE: _constant(tuple),
    pickle.TUPLE1: _tuple(1),
    pickle.TUPLE2: _tuple(2),
    pickle.TUPLE3: _tuple(3),
    pickle.TUPLE: lambda machine: machine.stack.append(tuple(machine.marked())),
    pickle.EMPTY_LIST: _constant(list),
    pickle.EMPTY_SET: _constant(list),
    pickle.FROZENSET: lambda machine: machine.stack.append(machine.marked()),
    pickle.LIST: lambda machine: machine.stack.append(machine.marked()),
    pickle.APPEND: lambda machine: machine.add_items(machine.top(1)),
    pickle.APPENDS: lambda machine: machine.add_items(machine.marked()),
    pickle.ADDITEMS: lambda machine: machine.add_items(machine.marked()),
    pickle.EMPTY_DICT: _constant(dict),
    pickle.DICT: lambda machine: machine.stack.append(as_dict(machine.marked())),
    pickle.SETITEM: lambda machine: machine.add_pairs(machine.top(2)),
    pickle.SETITEMS: lambda machine: machine.add_pairs(machine.marked()),
    pickle.MEMOIZE: _memoize,
    pickle.BINPUT: _put(U8),
    pickle.LONG_BINPUT: _put(U32),
    pickle.BINGET: _get(U8),
    pickle.LONG_BINGET: _get(U32),
    pickle.GLOBAL: lambda machine: machine.name(machine.line(), machine.line()),
    pickle.STACK_GLOBAL: lambda machine: machine.name(*machine.top(2)),
    pickle.REDUCE: Machine.make,
    pickle.NEWOBJ: Machine.make,
    pickle.BUILD: Machine.build,
}
OPERATIONS = {code[0]: operation for code, operation in _BY_NAME.items()}
