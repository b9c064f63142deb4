"""One call of gensim's train: an ``embedlayer.Training`` that goes on from a model's weights."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from embedlayer.backend import to_numpy
from embedlayer.compat.gensim.vocabularies import Vocabularies
from embedlayer.compat.gensim.weights import as_tables
from embedlayer.errors import NothingToLearnError
from embedlayer.text.corpus import Corpus
from embedlayer.training.report import Progress
from embedlayer.training.run import Training
from embedlayer.training.state import State

_log = logging.getLogger("embedlayer")


class Passes(NamedTuple):
    """How often, and at which learning rates."""

    epochs: int
    alpha: float
    min_alpha: float


class Run:
    """A training of a model's own weights, which calls its callbacks.

    Args:
        model: whose weights are trained.
        corpus: the text, in the words of the model.
        passes: epochs and learning rates.
        callbacks: objects as :class:`CallbackAny2Vec`.
        measure: measure the loss of all windows, and note it.
    """

    def __init__(
        self,
        model: Vocabularies,
        corpus: Corpus,
        passes: Passes,
        callbacks: Sequence[Any],
        measure: bool,
    ) -> None:
        self.model, self.corpus, self.passes = model, corpus, passes
        self.callbacks, self.measure = callbacks, measure

    def train(self) -> int:
        """Train; how many tokens were kept by subsampling, in all epochs.

        A text from which nothing can be learnt is passed over with a log line, as gensim does it.
        """
        self._call("on_train_begin")
        try:
            self._training = self._start()
        except NothingToLearnError as error:
            _log.warning("nothing is learnt: %s", error)
            for _ in range(self.passes.epochs):
                self._call("on_epoch_begin")
                self._call("on_epoch_end")
            trained = 0
        else:
            trained = self._run(self._training)
        self._call("on_train_end")
        return trained

    def _start(self) -> Training:
        model = self.model.as_model()
        tables = as_tables(model, self.model.wv.vectors, self.model.output_vectors())
        return Training(
            self.corpus,
            model,
            state=State(tables),
            epochs=self.passes.epochs,
            lr=self.passes.alpha,
            min_lr=self.passes.min_alpha,
            seed=self.model.seed + self.model.epochs_trained,  # other examples at each call
            workers=self.model.workers,
            measure=1 if self.measure else 16,
            callbacks=[self._tell],
        )

    def _run(self, training: Training) -> int:
        self._call("on_epoch_begin")
        try:
            training.run()
        except NothingToLearnError as error:
            _log.warning("nothing is learnt: %s", error)
        finally:  # also after Ctrl-C: what was learnt is kept
            self._take_weights()
            self.model.epochs_trained += training.state.epoch
        return training.report.tokens_trained

    def _tell(self, progress: Progress) -> None:
        if not progress.epoch_done:
            return
        if self.measure:
            sums = to_numpy(self._training.state.sums)
            self.model.running_training_loss += float(sums[:, 0].sum())
        if self.callbacks:
            self._take_weights()
            self._call("on_epoch_end")
            if progress.epoch + 1 < progress.epochs:
                self._call("on_epoch_begin")

    def _take_weights(self) -> None:
        D = self.model.vector_size
        W_in, W_out = (to_numpy(table)[:, :D] for table in self._training.state.tables)
        self.model.wv.vectors = W_in.copy()
        outputs = self.model.output_vectors()
        outputs[: len(W_out)] = W_out

    def _call(self, moment: str) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self.model)
