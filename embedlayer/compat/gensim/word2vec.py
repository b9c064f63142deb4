"""gensim's Word2Vec: its options, methods and attributes; embedlayer's training does the work."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter
from types import MethodType
from typing import Any

from embedlayer.compat.gensim.corpora import whole_corpus, within
from embedlayer.compat.gensim.errors import NoAttributeError, refuse
from embedlayer.compat.gensim.keyed_vectors import KeyedVectors
from embedlayer.compat.gensim.predictions import Predictions
from embedlayer.compat.gensim.runs import Passes, Run
from embedlayer.compat.gensim.saved import is_pickle, read_model, write_model
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real, Whole, check_names
from embedlayer.text.corpus import Corpus

NOT_SAVED = {"hashfxn", "trim_rule", "callbacks"}  # functions
NOTED = ("corpus_count", "corpus_total_words", "effective_min_count", "epochs_trained")

_log = logging.getLogger("embedlayer")


class _OfTheClass:
    """A class method that refuses an instance, which it would not change."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __get__(self, instance: Any, owner: Any) -> Callable[..., Any]:
        if instance is not None:
            raise NoAttributeError("load makes a new model: call Word2Vec.load(path)")
        return MethodType(self._function, owner)


@dataclass(eq=False, repr=False)
class Word2Vec(Predictions):
    """gensim's Word2Vec: with a text it counts the words and trains, without one it waits for both.

    Arguments, which are attributes as well: :class:`Options`; further attributes:
    :class:`Vocabularies`.

    Attributes:
        train_count, total_train_time: calls of ``train``, and seconds in them.
        min_alpha_yet_reached: the learning rate at the end of the latest.
    """

    def __post_init__(self, sentences: Any, corpus_file: Any) -> None:
        self.check()
        self.wv = KeyedVectors(self.vector_size)
        self.raw_vocab: dict[str, int] = {}
        self.corpus_count = self.corpus_total_words = self.train_count = self.epochs_trained = 0
        self.effective_min_count = self.min_count
        self.running_training_loss = self.total_train_time = 0.0
        self.min_alpha_yet_reached = self.alpha
        if sentences is not None or corpus_file is not None:
            corpus = whole_corpus(sentences, corpus_file)
            self._note(corpus)
            self.prepare_vocab()
            passes = Passes(self.epochs, self.alpha, self.min_alpha)
            self._train(corpus, passes, self.compute_loss, self.callbacks)

    def train(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Sequence[Any] = (),
    ) -> tuple[int, int]:
        """Train on a text, from the weights as they are.

        Args:
            corpus_iterable, corpus_file: lists of words, gone through once, or a path.
            total_examples, total_words: one has to be given, as in gensim; the text itself tells.
            epochs: passes over it.
            start_alpha, end_alpha: the learning rates; default ``alpha`` and ``min_alpha``.
            word_count: 0.
            queue_factor, report_delay: gensim's; nothing depends on them.
            compute_loss: measure the loss; as ``compute_loss`` of the model.
            callbacks: objects as :class:`CallbackAny2Vec`.

        Returns:
            The tokens trained on, and those read, both over all epochs.

        Raises:
            NoVocabularyError: no vocabulary was built (also a RuntimeError).
            EmbedlayerError: neither total is given, no epochs, rates that rise.
        """
        self.vocabulary()
        if total_examples is None and total_words is None:
            raise EmbedlayerError("give total_examples=model.corpus_count, or total_words")
        if epochs is None:
            raise EmbedlayerError("give the passes over the text: epochs=model.epochs")
        if word_count:
            refuse("word_count", word_count, "leave it out; start_alpha says where to go on")
        passes = Passes(
            Whole().checked("epochs", epochs),
            Real(0).checked("start_alpha", self.alpha if start_alpha is None else start_alpha),
            Real(0).checked("end_alpha", self.min_alpha if end_alpha is None else end_alpha),
        )
        corpus = whole_corpus(corpus_iterable, corpus_file)
        return self._train(corpus, passes, compute_loss or self.compute_loss, callbacks)

    def get_latest_training_loss(self) -> float:
        """The loss since the latest call of ``train`` began, summed over all pairs, in float64.

        The difference of two epochs is the loss of the second; 0 without ``compute_loss``.
        """
        return self.running_training_loss

    def init_sims(self, replace: bool = False) -> None:
        """Gensim 3's: of ``wv``."""
        self.wv.init_sims(replace)

    def save(
        self,
        fname: str | Path,
        separately: Any = None,
        sep_limit: int = 0,
        pickle_protocol: int = 0,
    ) -> None:
        """Write the whole model to one file, to be loaded and trained further.

        ``trim_rule`` and ``callbacks`` are functions, and not kept. Arguments as
        :meth:`KeyedVectors.save`.
        """
        about = {
            "options": {name: getattr(self, name) for name in _saved_options()},
            "noted": {name: getattr(self, name) for name in NOTED},
        }
        arrays = {
            "vectors": self.wv.vectors,
            "outputs": self.output_vectors(),
            "counts": self.vocabulary().counts,
        }
        write_model(fname, self.wv.index_to_key, arrays, about)

    @_OfTheClass
    def load(cls: Any, fname: str | Path, mmap: str | None = None) -> "Word2Vec":
        """Read what ``Word2Vec.save`` wrote; or the words and vectors of a model that gensim wrote.

        Of gensim's pickle only what vectors need is read, and no code. Such a model answers by
        ``wv``, and cannot be trained: its options and output vectors are not read.

        Raises:
            NoAttributeError: a file of vectors alone (also an AttributeError).
            EmbedlayerError: another file, or a damaged one.
        """
        if is_pickle(fname):
            wv = KeyedVectors.load(fname)
            model = cls(vector_size=wv.vector_size)
            model.wv = wv
            _log.warning(
                "%s is gensim's: its vectors are read, which cannot be trained further", fname
            )
            return model
        words, arrays, about = read_model(fname)
        try:
            # It may name no text, which would be read.
            check_names(about["options"], _saved_options())
            model = cls(**about["options"])
            for name in NOTED:
                setattr(model, name, Whole(0, 2**63 - 1).checked(name, about["noted"][name]))
            model.wv.replace_all(words, arrays["vectors"].copy(), arrays["counts"])
            setattr(model, model._outputs_name, arrays["outputs"].copy())
            model.vocabulary()
            model.output_vectors()
        except (KeyError, TypeError, AttributeError, EmbedlayerError) as error:
            raise EmbedlayerError(f"{fname}: damaged: {error}") from None
        return model

    def __str__(self) -> str:
        about = f"vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha}"
        return f"{type(self).__name__}<{about}>"

    def _train(
        self, corpus: Corpus, passes: Passes, measure: bool, callbacks: Sequence[Any]
    ) -> tuple[int, int]:
        if passes.alpha < passes.min_alpha or not passes.alpha:
            raise EmbedlayerError(
                f"alpha falls from {passes.alpha} to {passes.min_alpha}: 0 ≤ min_alpha (end_alpha) "
                "≤ alpha (start_alpha), and 0 < alpha"
            )
        self.wv.check_unlocked()
        if passes.alpha > self.min_alpha_yet_reached:
            _log.warning(
                "alpha %g is higher than %g, to which an earlier call of train had fallen",
                passes.alpha,
                self.min_alpha_yet_reached,
            )
        started, self.running_training_loss = perf_counter(), 0.0
        text = within(corpus, self.vocabulary())
        trained = Run(self, text, passes, callbacks, measure).train()
        self.min_alpha_yet_reached = passes.min_alpha
        self.train_count += 1
        self.total_train_time += perf_counter() - started
        return trained, corpus.tokens_read * passes.epochs


def _saved_options() -> set[str]:
    return {one.name for one in fields(Word2Vec)} - NOT_SAVED
