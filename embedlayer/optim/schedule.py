"""How the learning rate changes while a model is trained."""


def linear_decay(lr: float, min_lr: float, progress: float) -> float:
    """The learning rate when ``progress``, 0 … 1, of the training is done; min_lr beyond 1."""
    return lr + (min_lr - lr) * min(progress, 1.0)
