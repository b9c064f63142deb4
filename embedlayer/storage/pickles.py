"""A pickle read as data: what it names is never imported, and what it would call is only noted.

Python's pickles are programs (https://docs.python.org/3/library/pickletools.html). This reader runs
the opcodes that make plain values: numbers, strings, lists, dicts. A name is looked up nowhere: a
:class:`Global` notes it if ``admits`` says so, any other is refused. An object is a :class:`Made`:
the name, its arguments and its state. Nothing is hashed but strings and short numbers, nothing is
allocated because the file announces a length, and the memo holds only what was put there.
"""

import pickle
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from embedlayer.errors import EmbedlayerError

PROTOCOLS = range(2, 6)
MOST_NUMBER = 8  # bytes of an integer: beyond them hashes of unequal ones can be made equal
MOST_DIGITS = 18
MOST_NAME = 1000  # bytes
U8, U16, U32, U64 = (struct.Struct(f"<{letter}") for letter in "BHIQ")


class Global(NamedTuple):
    """A name in a module, which nobody has looked up."""

    module: str
    name: str


class Made:
    """An object that the pickle would make.

    Attributes:
        of: the class or function that would be called.
        args: with what.
        state: what the object would be given; None without.
    """

    __slots__ = ("args", "of", "state")

    def __init__(self, of: Global, args: tuple) -> None:
        self.of = of
        self.args = args
        self.state: Any = None


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
    return _Machine(data, admits).run()


class _Machine:
    """What a pickle runs on: a stack, the marks in it, and a memo."""

    def __init__(self, data: Any, admits: Callable[[str, str], bool]) -> None:
        self.data = memoryview(data)
        self.admits = admits
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        data, operations = self.data, OPERATIONS
        code = start = 0
        try:
            while code != STOP:
                start = self.place
                code = data[start]
                self.place = start + 1
                operations[code](self)
            return self.stack.pop()
        except EmbedlayerError as error:
            problem = str(error)
        except KeyError:
            problem = f"the opcode {bytes([code])!r}, or what it refers to, is none of a data file"
        except (IndexError, ValueError, TypeError, AttributeError, struct.error):
            problem = "damaged or cut off"
        raise EmbedlayerError(f"the pickle's byte {start}: {problem}")

    def take(self, size: int) -> memoryview:
        """The next bytes of the file."""
        end = self.place + size
        if end > len(self.data):
            raise EmbedlayerError(f"it announces {size} bytes, and the file ends before")
        taken = self.data[self.place : end]
        self.place = end
        return taken

    def number(self, kind: struct.Struct) -> Any:
        place = self.place
        self.place = place + kind.size
        return kind.unpack_from(self.data, place)[0]

    def line(self) -> str:
        line = bytes(self.data[self.place : self.place + MOST_NAME]).partition(b"\n")[0]
        self.place += len(line) + 1
        return line.decode()

    def marked(self) -> list[Any]:
        """What lies above the last mark, taken from the stack."""
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items

    def name(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str) and self.admits(module, name)):
            raise EmbedlayerError(
                f"it asks for {module!s:.80}.{name!s:.80}, which is not read: nothing in a pickle "
                "is executed here, and no vectors need this"
            )
        self.stack.append(Global(module, name))

    def make(self) -> None:
        args, of = self.stack.pop(), self.stack.pop()
        if not isinstance(of, Global) or not isinstance(args, tuple):
            raise TypeError
        self.stack.append(Made(of, args))

    def build(self) -> None:
        state = self.stack.pop()
        self.stack[-1].state = state

    def add_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Made):  # those of a defaultdict, say, are of no use
            target += items

    def add_pairs(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Made):
            target |= _dict(items)

    def digits(self) -> None:
        text = self.line()
        if len(text) > MOST_DIGITS:
            raise ValueError
        self.stack.append(int(text))

    def integer(self, size: int) -> None:
        if size > MOST_NUMBER:
            raise EmbedlayerError(f"an integer of {size} bytes")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))


def _dict(items: list[Any]) -> dict[Any, Any]:
    """What has other keys than these is left out: to hash a tuple may take for ever."""
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if type(key) in (str, int)}


def _constant(make: Callable[[], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(make())


def _number(letter: str) -> Callable[[_Machine], None]:
    kind = struct.Struct(letter)
    return lambda machine: machine.stack.append(machine.number(kind))


def _text(size: struct.Struct, encoding: str = "utf-8") -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        machine.stack.append(str(machine.take(machine.number(size)), encoding, "surrogatepass"))

    return push


def _bytes(size: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.take(machine.number(size)))


def _tuple(size: int) -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        machine.stack[len(machine.stack) - size :] = [tuple(machine.stack[-size:])]

    return push


def _put(size: struct.Struct) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        machine.memo[machine.number(size)] = machine.stack[-1]

    return put


def _get(size: struct.Struct) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.memo[machine.number(size)])


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


STOP = pickle.STOP[0]
_BY_NAME: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda machine: machine.take(1),
    pickle.FRAME: lambda machine: machine.take(8),
    pickle.STOP: lambda machine: None,
    pickle.MARK: lambda machine: machine.marks.append(len(machine.stack)),
    pickle.POP: lambda machine: machine.stack.pop(),
    pickle.POP_MARK: lambda machine: machine.marked(),
    pickle.NONE: _constant(lambda: None),
    pickle.NEWTRUE: _constant(lambda: True),
    pickle.NEWFALSE: _constant(lambda: False),
    pickle.INT: _Machine.digits,  # Python 2's
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
    pickle.APPEND: lambda machine: machine.add_items([machine.stack.pop()]),
    pickle.APPENDS: lambda machine: machine.add_items(machine.marked()),
    pickle.ADDITEMS: lambda machine: machine.add_items(machine.marked()),
    pickle.EMPTY_DICT: _constant(dict),
    pickle.DICT: lambda machine: machine.stack.append(_dict(machine.marked())),
    pickle.SETITEM: lambda machine: machine.add_pairs(
        [machine.stack.pop(), machine.stack.pop()][::-1]
    ),
    pickle.SETITEMS: lambda machine: machine.add_pairs(machine.marked()),
    pickle.MEMOIZE: _memoize,
    pickle.BINPUT: _put(U8),
    pickle.LONG_BINPUT: _put(U32),
    pickle.BINGET: _get(U8),
    pickle.LONG_BINGET: _get(U32),
    pickle.GLOBAL: lambda machine: machine.name(machine.line(), machine.line()),
    pickle.STACK_GLOBAL: lambda machine: machine.name(*[machine.stack.pop() for _ in "12"][::-1]),
    pickle.REDUCE: _Machine.make,
    pickle.NEWOBJ: _Machine.make,
    pickle.BUILD: _Machine.build,
}
OPERATIONS = {code[0]: operation for code, operation in _BY_NAME.items()}
