"""What a pickle runs on when it is read as data: a stack, and notes of what it would make."""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from embedlayer.errors import EmbedlayerError

MOST_DIGITS = 18
MOST_NUMBER = 8  # bytes of an integer: of longer ones many may have one hash
MOST_NAME = 1000  # bytes


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


class Machine:
    """The bytes of a pickle and the place in them, a stack and the marks in it, and a memo.

    Nothing is hashed but strings and short numbers, nothing is allocated because the file announces
    a length, and the memo holds only what was put there.
    """

    def __init__(self, data: Any, admits: Callable[[str, str], bool]) -> None:
        self.data = memoryview(data)
        self.admits = admits
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

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

    def top(self, size: int) -> list[Any]:
        """The last values, taken from the stack, the topmost at the end."""
        return [self.stack.pop() for _ in range(size)][::-1]

    def marked(self) -> list[Any]:
        """What lies above the last mark, taken from the stack."""
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        if not self.admits(module, name):
            asked = f"{module[:80]}.{name[:80]}"
            raise EmbedlayerError(
                f"it asks for {asked!r}, which no vectors need; this pickle is not read, and "
                "nothing of it was executed"
            )
        self.stack.append(Global(module, name))

    def make(self) -> None:
        of, args = self.top(2)
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
            target |= as_dict(items)

    def digits(self) -> None:
        text = self.line()
        if len(text) > MOST_DIGITS:
            raise ValueError
        self.stack.append(int(text))

    def integer(self, size: int) -> None:
        if size > MOST_NUMBER:
            raise EmbedlayerError(f"an integer of {size} bytes")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))


def as_dict(items: list[Any]) -> dict[Any, Any]:
    """What has other keys than these is left out: to hash a tuple may take for ever."""
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if type(key) in (str, int)}
