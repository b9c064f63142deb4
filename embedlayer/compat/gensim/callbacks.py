"""What is called while a model is trained."""

from typing import Any


class CallbackAny2Vec:
    """Four moments of a training, to be overridden; each is given the model as it then is."""

    def on_train_begin(self, model: Any) -> None:
        """Before the first epoch of a call of ``train``."""

    def on_epoch_begin(self, model: Any) -> None:
        """Before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """After each epoch; the model's vectors are those of now."""

    def on_train_end(self, model: Any) -> None:
        """After the last epoch."""
