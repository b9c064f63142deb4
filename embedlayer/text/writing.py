"""Compiled: a text written from its ids."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from embedlayer.storage.compiled import compiled
from embedlayer.storage.words import NEWLINE, SPACE

AT_ONCE = 8  # bytes


def _copied(typing: Any, made: Any, at: Any, given: Any, begin: Any) -> Any:
    """Copy AT_ONCE bytes of ``given``, from ``begin`` on, to ``made``: most words have no more."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(8 * AT_ONCE).as_pointer()
        to, source = (
            builder.bitcast(
                builder.gep(
                    context.make_array(signature.args[i])(context, builder, values[i]).data,
                    [values[i + 1]],
                ),
                word,
            )
            for i in (0, 2)
        )
        builder.store(builder.load(source, align=1), to, align=1)
        return context.get_dummy_value()

    return types.void(made, types.intp, given, types.intp), code


_copy: Any = intrinsic(_copied)


@compiled
def spelled_size(ids: np.ndarray, offsets: np.ndarray, inside: bool) -> int:
    """The bytes of some text, where a space lies between words, a newline behind a sentence."""
    size = 0
    for word in ids:
        size += 1 if word < 0 else offsets[word + 1] - offsets[word] + inside
        inside = word >= 0
    return size


@compiled
def spell(
    ids: np.ndarray, letters: np.ndarray, offsets: np.ndarray, inside: bool, text: np.ndarray
) -> None:
    """Write the words, whether the first stands ``inside`` a sentence or begins one.

    Args:
        ids, letters, offsets: int32, uint8, int64: behind the letters are ``AT_ONCE`` bytes more.
        text: uint8: receives :func:`spelled_size` bytes, and some of ``AT_ONCE`` bytes more.
    """
    end = 0
    for word in ids:
        if word < 0:
            text[end] = NEWLINE
            end += 1
        else:
            if inside:
                text[end] = SPACE
                end += 1
            size = offsets[word + 1] - offsets[word]
            for done in range(0, size, AT_ONCE):
                _copy(text, end + done, letters, offsets[word] + done)
            end += size
        inside = word >= 0
