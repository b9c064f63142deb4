"""What all layers share: their params and grads, and the checks that these still fit."""

from operator import attrgetter
from typing import Any, ClassVar, Self

import numpy as np

from embedlayer.arrays import places_of
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.layers.checks import check_ids, check_padding, check_writable, checked_param
from embedlayer.layers.rowgrad import RowGrad, no_gradient
from embedlayer.options import Real

form_of = attrgetter("__class__", "dtype", "shape")  # of an array
TINY = 1e-7  # added to a norm that divides, as torch does


class Layer:
    """A layer holds each parameter once, in ``params``, and reads it there at every use.

    Attributes:
        params: the arrays that are trained. Another array may take a place if it has the same
            shape, dtype and library; anything else is refused by the next forward or backward.
        grads: the gradients of ``params``, made once and filled in place by each backward: arrays,
            or :class:`RowGrad`. So a list that was gathered once holds the gradients of every step.
    """

    def __init__(self, *params: Any, sparse: bool = False) -> None:
        self.params: list[Any] = [*params]
        self.grads: list[Any] = [no_gradient(param, sparse) for param in params]
        self._libraries = [array_module(one).ndarray for one in params]
        self._forms = {"params": [*map(form_of, params)], "grads": [*map(form_of, self.grads)]}
        self._kept: Any = None

    def _checked_params(self) -> list[Any]:
        """The params; EmbedlayerError where one no longer has the form of its first."""
        self._check_forms("params", self.params)
        return self.params

    def _checked_grads(self) -> list[Any]:
        """The grads, after a forward; EmbedlayerError where one does not fit its parameter."""
        if self._kept is None:
            raise EmbedlayerError(f"{type(self).__name__}.backward needs a forward before it")
        self._check_forms("params", self.params)
        self._check_forms("grads", self.grads, RowGrad)
        return self.grads

    def _check_forms(self, name: str, arrays: list[Any], *others: type) -> None:
        try:
            if [*map(form_of, arrays)] == self._forms[name]:
                return  # nearly always, and found in a third of the time
        except AttributeError:  # of what is no array
            pass
        for one, library, form in zip(arrays, self._libraries, self._forms["params"], strict=False):
            good = isinstance(one, (library, others))
            if not good or (one.dtype, one.shape) != form[1:]:
                self._refuse(name, one, library, *form[1:])
        if len(arrays) != len(self._libraries):
            raise EmbedlayerError(
                f"{type(self).__name__}.{name} has {len(arrays)} arrays: it was made with "
                f"{len(self._libraries)}; gather them in a list of your own"
            )

    def _refuse(self, name: str, found: Any, library: Any, dtype: Any, shape: Any) -> None:
        about = f"{getattr(found, 'dtype', '')} {getattr(found, 'shape', '')}".strip()
        raise EmbedlayerError(
            f"{type(self).__name__}.{name} has a {type(found).__name__} {about} in the place of "
            f"{library.__module__}'s {dtype} {shape}: give one like that, or make a new layer"
        )


class TableLayer(Layer):
    """A layer that reads rows of a table, with the options that such layers have in torch.

    Args:
        W: the table, (V, D). It is kept, not copied. Of another library (torch, JAX, …) it is kept
            as NumPy's or CuPy's array on the same memory, by DLPack or
            ``__cuda_array_interface__``.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
        padding_idx: an id that the layer treats apart; −1 is the last row. It stays as it is: to
            change it, make a new layer on the same W.
        max_norm: before rows are read, those of a larger Euclidean norm are scaled to it, in W.
        scale_grad_by_freq: divide the gradient of each row by how often it was read.
    """

    torch_name: ClassVar[str]  # of the module of torch.nn that does the same
    torch_options: ClassVar[tuple[str, ...]] = (
        "sparse",
        "padding_idx",
        "max_norm",
        "scale_grad_by_freq",
    )

    def __init__(
        self,
        W: Any,
        *,
        sparse: bool = False,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        scale_grad_by_freq: bool = False,
    ) -> None:
        W = checked_param("W", W, 2, integers=max_norm is None and not scale_grad_by_freq)
        super().__init__(W, sparse=sparse)
        self._padding_idx = check_padding(padding_idx, W)
        self.max_norm = None if max_norm is None else Real(0).checked("max_norm", max_norm)
        self.scale_grad_by_freq = scale_grad_by_freq

    @property
    def padding_idx(self) -> int | None:
        """The id of the padding row, from 0 on."""
        return self._padding_idx

    @classmethod
    def from_torch(cls, module: Any) -> Self:
        """The layer that does what torch's module of this name does, with the module's options.

        It reads and trains the memory of the module's weight: on the CPU as a NumPy array, on a
        GPU as CuPy's. What this layer's optimizer changes torch sees at once, and its autograd
        does not notice.

        Raises:
            EmbedlayerError: another module, or a ``norm_type`` other than 2.
        """
        if cls.torch_name not in {one.__name__ for one in type(module).__mro__}:
            raise EmbedlayerError(
                f"{cls.__name__}.from_torch takes a torch.nn.{cls.torch_name}, not a "
                f"{type(module).__name__}"
            )
        if module.max_norm is not None and module.norm_type != 2:
            raise EmbedlayerError(
                f"norm_type is {module.norm_type}: rows are limited by their Euclidean norm, 2"
            )
        return cls(module.weight, **{name: getattr(module, name) for name in cls.torch_options})

    def _read(self, ids: Any, dtype: Any = None) -> tuple[Any, Any]:
        """The table and the layer's own copy of the ids, checked; rows too long are shortened."""
        (W,) = self._checked_params()
        ids = check_ids(ids, len(W), W, dtype=dtype)
        if self.max_norm is not None:
            check_writable("W", W)
            _limit_norms(W, ids.reshape(-1), self.max_norm)
        return W, ids

    def _divide_by_readings(self, rows: Any) -> None:
        """Divide the gradient of each row by the number of times it is among ``rows``."""
        grad, xp = self.grads[0], array_module(rows)
        counts = xp.bincount(rows[rows >= 0], minlength=grad.shape[0])
        if isinstance(grad, RowGrad):
            grad.values /= counts[grad.rows][:, None].astype(grad.dtype)
        else:
            grad /= xp.maximum(counts, 1)[:, None].astype(grad.dtype)


def _limit_norms(W: Any, ids: Any, max_norm: float) -> None:
    xp = array_module(W)
    rows, _ = places_of(ids, len(W))
    values = W.take(rows, axis=0).astype(np.float64)
    norms = xp.sqrt((values * values).sum(axis=1, keepdims=True))
    long = (norms > max_norm).reshape(-1)
    W[rows[long]] = (values * (max_norm / (norms + TINY)))[long].astype(W.dtype)
