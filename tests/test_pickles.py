"""Pickles read as data: hostile ones are refused, and nothing of any is executed."""

import os
import pickle
import struct
import sys

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.pickle_machine import Global, Made
from embedlayer.storage.pickles import read_pickle
from embedlayer.vectors.formats.pickled_arrays import NAMES, array_in
from embedlayer.vectors.vectors import Vectors

P = pickle
HEAD = P.PROTO + b"\x04"


def admits(module, name):
    return (module, name) in NAMES or module.startswith("gensim.")


class Runs:
    """What a pickle of it would call, were it executed."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def name_of(module: str, name: str) -> bytes:
    return P.GLOBAL + f"{module}\n{name}\n".encode()


def text(word: str) -> bytes:
    return P.SHORT_BINUNICODE + bytes([len(word)]) + word.encode()


DICT = name_of("gensim.models.keyedvectors", "KeyedVectors") + P.EMPTY_TUPLE + P.NEWOBJ
TOUCH = "touch executed"
HOSTILE = {
    "os.system": (pickle.dumps(Runs(os.system, TOUCH)), "posix.system"),
    "builtins.eval": (pickle.dumps(Runs(eval, "1/0")), "builtins.eval"),
    "builtins.exec": (pickle.dumps(Runs(exec, "1/0"), 2), "__builtin__.exec"),
    "a getattr chain": (
        HEAD + name_of("builtins", "getattr") + text("x") + P.TUPLE1 + P.REDUCE + P.STOP,
        "builtins.getattr",
    ),
    "a reduce in a reduce": (
        pickle.dumps(["fine", {"deep": (1, Runs(os.system, Runs(os.getenv, "HOME")))}]),
        "posix.system",
    ),
    "dotted names": (
        HEAD + text("gensim") + text("models.os.system") + P.STACK_GLOBAL + P.STOP,
        "gensim.models.os.system",
    ),
    "numpy, not an array's": (
        HEAD + name_of("numpy.testing._private.utils", "runstring") + P.STOP,
        "numpy.testing._private.utils.runstring",
    ),
    "a name with lines": (HEAD + text("a\nb") + text("c") + P.STACK_GLOBAL + P.STOP, r"a\nb.c"),
    "a name that is none": (HEAD + P.NONE + text("c") + P.STACK_GLOBAL + P.STOP, "damaged"),
    "a call of a string": (HEAD + text("x") + P.EMPTY_TUPLE + P.REDUCE + P.STOP, "damaged"),
    "a call of an object": (HEAD + DICT + P.EMPTY_TUPLE + P.REDUCE + P.STOP, "damaged"),
    "arguments that are none": (HEAD + DICT[:-2] + P.NONE + P.NEWOBJ + P.STOP, "damaged"),
    "state of a list": (HEAD + P.EMPTY_LIST + P.EMPTY_DICT + P.BUILD + P.STOP, "damaged"),
    "state of a name": (
        HEAD + name_of("gensim.x", "Y") + P.EMPTY_DICT + P.BUILD + P.STOP,
        "damaged",
    ),
    "NEWOBJ_EX": (HEAD + DICT[:-1] + P.EMPTY_DICT + P.NEWOBJ_EX + P.STOP, "NEWOBJ_EX"),
    "EXT1": (HEAD + P.EXT1 + b"\x01" + P.STOP, "EXT1"),
    "EXT2": (HEAD + P.EXT2 + b"\x01\x00" + P.STOP, "EXT2"),
    "EXT4": (HEAD + P.EXT4 + bytes(4) + P.STOP, "EXT4"),
    "PERSID": (HEAD + P.PERSID + b"x\n" + P.STOP, "PERSID"),
    "BINPERSID": (HEAD + P.NONE + P.BINPERSID + P.STOP, "BINPERSID"),
    "INST": (HEAD + P.MARK + P.INST + b"os\nsystem\n" + P.STOP, "INST"),
    "OBJ": (HEAD + P.MARK + name_of("gensim.x", "Y") + P.OBJ + P.STOP, "OBJ"),
    "NEXT_BUFFER": (HEAD + P.NEXT_BUFFER + P.STOP, "NEXT_BUFFER"),
    "an unknown opcode": (HEAD + b"\xff" + P.STOP, "0xff"),
    "a memo that has nothing there": (HEAD + P.LONG_BINGET + b"\xff" * 4 + P.STOP, "LONG_BINGET"),
    "bytes of 2**63": (HEAD + P.BINBYTES8 + struct.pack("<Q", 2**63) + P.STOP, "announces"),
    "text of 2**40": (HEAD + P.BINUNICODE8 + struct.pack("<Q", 2**40) + P.STOP, "announces"),
    "an array of 2**63": (HEAD + P.BYTEARRAY8 + struct.pack("<Q", 2**63) + P.STOP, "announces"),
    "an integer of 2**31": (HEAD + P.LONG4 + struct.pack("<I", 2**31) + P.STOP, "an integer of"),
    "an integer of 9 bytes": (HEAD + P.LONG1 + b"\x09" + bytes(9) + P.STOP, "an integer of 9"),
    "digits without end": (HEAD + P.INT + b"9" * 5000 + b"\n" + P.STOP, "damaged"),
    "a tuple of more than there is": (HEAD + P.NONE + P.TUPLE3 + P.STOP, "damaged"),
    "no mark": (HEAD + P.APPENDS + P.STOP, "damaged"),
    "nothing at the end": (HEAD + P.STOP, "damaged"),
    "no end": (HEAD + P.NONE, "damaged or cut off"),
    "protocol 0": (b"I1\n.", "no pickle of protocol"),
}


@pytest.mark.parametrize(("data", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_are_refused_by_name(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmbedlayerError) as caught:
        read_pickle(data, lambda module, name: "system" not in name and admits(module, name))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    (tmp_path / "v.kv").write_bytes(data)
    with pytest.raises(EmbedlayerError, match=r"v\.kv"):
        Vectors.load("v.kv", "gensim")
    assert [path.name for path in tmp_path.iterdir()] == ["v.kv"]


def test_no_admitted_name_is_imported():
    data = HEAD + name_of("gensim.no.such.module", "Thing") + P.EMPTY_TUPLE + P.REDUCE + P.STOP
    made = read_pickle(data, admits)
    assert isinstance(made, Made)
    assert made.of == Global("gensim.no.such.module", "Thing")
    assert "gensim.no.such.module" not in sys.modules


def test_bombs_take_no_memory():
    """A memo numbered from 2**32 − 1, and lists that refer to themselves or to another twice."""
    place = b"\xff" * 4
    numbered = HEAD + P.NONE + P.LONG_BINPUT + place + P.LONG_BINGET + place + P.TUPLE2 + P.STOP
    assert read_pickle(numbered, admits) == (None, None)
    itself = read_pickle(
        HEAD + P.EMPTY_LIST + P.MEMOIZE + P.BINGET + b"\0" + P.APPEND + P.STOP, admits
    )
    assert itself[0] is itself
    twice = P.MEMOIZE + P.BINGET + b"%c" + P.TUPLE2
    doubled = b"".join(twice % number for number in range(100))
    key = P.EMPTY_DICT + P.EMPTY_TUPLE + doubled + P.NONE + P.SETITEM
    assert read_pickle(HEAD + key + P.STOP, admits) == {}  # to hash it would take 2**100 steps


@pytest.mark.parametrize(
    ("down", "up"),
    [
        (P.EMPTY_LIST, P.APPEND),
        (P.MARK, P.TUPLE),
        (P.MARK, P.LIST),
        (name_of("gensim.x", "Y"), P.TUPLE1 + P.REDUCE),
    ],
    ids=["lists", "tuples", "marks", "objects"],
)
def test_nesting_of_any_depth(down, up):
    depth = 200_000
    read_pickle(HEAD + down * depth + P.NONE + up * depth + P.STOP, admits)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 255, 65_535, 2**31, -(2**63), 1.5, "", "한🙂", "x" * 300, (),
        (1,),
        (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2]], {}, {"a": {1: [None]}}, list(range(3000)),
        {str(n): n for n in range(3000)}, "\ud800",
    ],
    ids=lambda value: f"{value!a:.20}",
)  # fmt: skip
def test_plain_values_are_read_as_pickle_reads_them(protocol, value):
    assert read_pickle(pickle.dumps(value, protocol), admits) == value


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_bytes_and_sets(protocol):
    data, array, values = read_pickle(
        pickle.dumps([b"bytes", bytearray(b"array"), {1}], protocol),
        lambda module, name: name in ("bytearray", "set"),
    )
    assert bytes(data) == b"bytes"
    if protocol == 5:
        assert bytes(array) == b"array"
    assert values == [1] if protocol > 3 else values.args == ([1],)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "<i8", ">i2", "|u1", "|b1", "<U3"])
def test_arrays_are_viewed(protocol, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    for given in (array, np.asfortranarray(array)):
        found = array_in(read_pickle(pickle.dumps(given, protocol), admits))
        assert found.dtype.str == dtype
        assert (found == given).all()
        assert not found.flags.writeable
    number = read_pickle(pickle.dumps(array[1, 1], protocol), admits)
    if dtype != "<U3":
        assert array_in(number) == array[1, 1]


def test_arrays_of_objects_and_damaged_arrays_are_refused():
    for array in (np.array([None, "a"]), np.zeros(2, [("a", "f4")]), np.zeros(2, complex)):
        with pytest.raises(EmbedlayerError, match="array"):
            array_in(read_pickle(pickle.dumps(array), admits))
    made = read_pickle(pickle.dumps(np.zeros((2, 3), np.float32), 4), admits)
    _, shape, dtype, fortran, data = made.state
    for state in (
        None, (), (1, (2**62, 4), dtype, fortran, data), (1, (-2, -3), dtype, fortran, data),
        (1, (2.0, 3), dtype, fortran, data), (1, 7, dtype, fortran, data),
        (1, shape, None, fortran, data), (1, shape, dtype, fortran, None),
        (1, shape, dtype, fortran, [1.0]), (1, shape, made, fortran, data),
        (1, shape, dtype, fortran, "\u20ac"),
    ):  # fmt: skip
        made.state = state
        with pytest.raises(EmbedlayerError, match="an array"):
            array_in(made)
