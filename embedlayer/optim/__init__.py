"""Optimizers: they change parameters in place, from dense gradients or from those of rows alone.

A gradient is an array of its parameter's shape, or the layers' RowGrad. Rows that are not in that
are not visited: neither the parameter nor the optimizer's state changes there. For SGD and AdaGrad
that is the same as a gradient of zero. For the others it is not: a dense update decays the averages
of every row and moves the row along them, an update of rows leaves the others as they were until
they are read again, as ``torch.optim.SparseAdam`` does.

The learning rate ``lr`` is an attribute: a schedule may assign it between two updates.
"""

from collections.abc import Callable

from embedlayer.optim.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from embedlayer.optim.schedule import linear_decay
from embedlayer.optim.updates import Optimizer

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
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
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "linear_decay",
]
