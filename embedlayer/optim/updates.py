"""What all optimizers share: checks, state that lasts, and the way through parameters by pieces.

A parameter may be given several times, as by layers that share a table: its gradients are summed
before anything is changed, so that the formula sees one gradient.

Large arrays are gone through a piece at a time, so that a formula's intermediate results stay in
the cache: two to three times as fast as all at once. Where the kernels have the formula compiled,
the rows of a RowGrad are changed where they lie, five times as fast as copies of them.
"""

from collections.abc import Callable
from operator import is_
from typing import Any, ClassVar

from embedlayer.arrays import Array, pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import check_writable
from embedlayer.layers.rowgrad import RowGrad
from embedlayer.options import Real

Step = Callable[..., None]


class Optimizer:
    """An optimizer has a formula, :meth:`_step`, and the names of the arrays that it keeps.

    Attributes:
        lr: the learning rate, 0 or more; it may be changed between updates.
        updates: how often :meth:`update` was called.
        kept: the names of attributes, each a list of an array for every parameter, of its shape
            (one for a parameter that is given several times); None before the first update.
    """

    kept: ClassVar[tuple[str, ...]] = ()

    def __init__(self, lr: float) -> None:
        self.lr = Real(0).checked("lr", lr)
        self.updates = 0
        self._params: list[Any] = []  # of the last update
        self._groups: list[list[int]] = []
        for name in self.kept:
            setattr(self, name, None)

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """Change the params, float arrays, in place.

        Args:
            params: one may be given several times: its gradients are summed.
            grads: for each of them an array of its shape, or a RowGrad.

        Raises:
            IndexError: a RowGrad to which rows outside the table were assigned.
            EmbedlayerError: params and grads that do not fit each other, or other params than
                those of the first update; two params that share memory and are not one array; one
                that is read-only.
            TypeError: a parameter that is not of floats, a gradient that is not of numbers.
        """
        _check(params, grads)
        if len(params) != len(self._params) or not all(map(is_, params, self._params)):
            self._groups, self._params = _groups_of(params), [*params]
        if len(self._groups) < len(params):
            grads = [_sum([grads[i] for i in group]) for group in self._groups]
            params = [params[group[0]] for group in self._groups]
        for grad in grads:
            if isinstance(grad, RowGrad):
                grad.check()
        for name in self.kept:
            setattr(self, name, _kept_for(getattr(self, name), params))
        self.updates += 1
        kept = (getattr(self, name) for name in self.kept)
        for grad, *arrays in zip(grads, params, *kept, strict=True):
            if isinstance(grad, RowGrad):
                self._step_rows(grad, arrays)
                continue
            for part in pieces(len(grad), arrays[0]) if grad.ndim else (...,):
                self._step(arrays[0][part], grad[part], *(array[part] for array in arrays[1:]))

    def _step_rows(self, grad: RowGrad, arrays: list[Any]) -> None:
        """The step on the rows of a gradient: compiled, or on copies of them."""
        name = getattr(self._step, "compiled_as", None)  # a formula that overrides has none
        update_rows = getattr(kernels_for(grad.values), "update_rows", None)
        given = (name, grad.rows, grad.values, arrays)
        if name and update_rows and update_rows(*given, self._numbers()):
            return
        for piece in pieces(len(grad.rows), arrays[0]):
            rows = grad.rows[piece]
            parts = [array.take(rows, axis=0) for array in arrays]
            self._step(parts[0], grad.values[piece], *parts[1:])
            for array, part in zip(arrays, parts, strict=True):
                array[rows] = part

    def _numbers(self) -> tuple[float, ...]:
        """What :meth:`_step` and its compiled form calculate with."""
        raise NotImplementedError

    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        """Change a part of a parameter and of what is kept for it in place, by its gradient."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """What the next update depends on besides lr: a number of updates, and lists of arrays."""
        return {"updates": self.updates} | {
            name: getattr(self, name) for name in self.kept if self.updates
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` gave; nothing from an empty one.

        Raises:
            EmbedlayerError: the state of another optimizer.
        """
        if state and set(state) not in ({"updates"}, {"updates", *self.kept}):
            raise EmbedlayerError(
                f"a state of {', '.join(state)} is not one of {type(self).__name__}, which keeps "
                f"{', '.join(self.kept) or 'nothing'}"
            )
        for name, value in state.items():
            setattr(self, name, value)


def compiled_as(name: str) -> Callable[[Step], Step]:
    """Mark a ``_step`` whose compiled form kernels know by this name, and take ``_numbers`` for."""

    def mark(step: Step) -> Step:
        step.compiled_as = name  # type: ignore[attr-defined]
        return step

    return mark


def sqrt(array: Array) -> Array:
    return array_module(array).sqrt(array)


def _check(params: list[Any], grads: list[Any]) -> None:
    if len(params) != len(grads):
        raise EmbedlayerError(f"{len(params)} params but {len(grads)} grads: give one each")
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if not isinstance(param, array_module(param).ndarray) or param.dtype.kind != "f":
            kind = getattr(param, "dtype", type(param).__name__)
            raise TypeError(f"params[{i}] is {kind}: only arrays of floats can be trained")
        check_writable(f"params[{i}]", param)
        if not hasattr(grad, "dtype"):
            raise TypeError(f"grads[{i}] is a {type(grad).__name__}: give an array or a RowGrad")
        if grad.shape != param.shape:
            raise EmbedlayerError(f"grads[{i}] {grad.shape} does not fit params[{i}] {param.shape}")
        if grad.dtype.kind not in "biuf":
            raise TypeError(f"grads[{i}] is {grad.dtype}: give real numbers")


def _groups_of(params: list[Any]) -> list[list[int]]:
    """The places of each array among ``params``: more than one for an array given again."""
    groups: list[list[int]] = []
    for i, param in enumerate(params):
        same = None
        for group in groups:
            first, xp = params[group[0]], array_module(param)
            if param is first:
                same = group
            elif xp.may_share_memory(param, first) and xp.shares_memory(param, first):
                raise EmbedlayerError(
                    f"params[{i}] and params[{group[0]}] share memory but are not one array: give "
                    "the same array to both layers, or one of them with the sum of both gradients"
                )
        if same is None:
            groups.append([i])
        else:
            same.append(i)
    return groups


def _sum(grads: list[Any]) -> Any:
    """The sum of gradients of one parameter, a new one unless it is alone."""
    by_rows = [grad for grad in grads if isinstance(grad, RowGrad)]
    arrays = [grad for grad in grads if not isinstance(grad, RowGrad)]
    if len(grads) == 1:
        return grads[0]
    return by_rows[0].plus(*by_rows[1:], *arrays) if by_rows else sum(arrays[1:], arrays[0])


def _kept_for(arrays: list[Any] | None, params: list[Any]) -> list[Any]:
    """Zeros for every parameter, made at the first update and kept."""
    if arrays is None:
        return [array_module(param).zeros_like(param) for param in params]
    if [array.shape for array in arrays] != [param.shape for param in params]:
        raise EmbedlayerError("params differ from the first update's: give them an optimizer anew")
    return arrays
