"""Optimizers: they change parameters in place, from dense gradients or from those of rows alone.

A gradient is an array of its parameter's shape, or a pair (rows, values) as the layers' RowGrad:
integer rows, each once, and their gradients, (U, D). Rows that are not among them are not visited:
neither the parameter nor the optimizer's state changes there. For SGD and AdaGrad that is the same
as a gradient of zero. For Momentum, RMSprop and Adam it is not: a dense update decays the averages
of every row and moves the row along them, an update of rows leaves the others as they were until
they are read again, as ``torch.optim.SparseAdam`` does.

The learning rate ``lr`` is an attribute: a schedule may assign it between two updates.
"""

from collections.abc import Callable

from embedlayer.optim.optimizers import SGD, AdaGrad, Adam, Momentum, RMSprop
from embedlayer.optim.schedule import linear_decay
from embedlayer.optim.updates import Optimizer

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
}

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "Momentum",
    "Optimizer",
    "RMSprop",
    "linear_decay",
]
