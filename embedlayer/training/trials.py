"""Runs with chosen options on a part of a text: how long they take, and what they are worth."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import MODELS
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.training.options import TrainingOptions
from embedlayer.training.report import Callback, Progress
from embedlayer.training.run import Training
from embedlayer.training.sampled_softmax import sampled_softmax_loss, split
from embedlayer.vectors.evaluation import analogies, similarity
from embedlayer.vectors.evaluation.files import Benchmark, holds_questions, read_benchmark
from embedlayer.vectors.vectors import Vectors

RUNS = 40  # of the defaults: as many as the part of the text allows in the time
LEAST_TOKENS, FIRST_TOKENS = 20_000, 300_000  # of a part; of the run that tells the speed
BUCKETS = 200_000  # of n-grams; a part of a text has fewer than the whole
MOST_COST = 8  # no run takes longer than so many with the defaults
MEASURE = "sampled softmax loss"
NO_SUBWORDS = "none"  # in a search of n-grams' lengths


class OutOfTime(Exception):
    """A run that would end too late."""


@dataclass
class Trial:
    """One set of options, and what its runs were worth.

    Attributes:
        options: those that were searched.
        scores: of the run with each seed, more is better; none of one that did not end.
        seconds: of the first run.
    """

    options: dict[str, Any]
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def score(self) -> float:
        """The mean over the seeds."""
        return fmean(self.scores) if self.scores else float("-inf")


class Bench:
    """What all trials have in common: the part of the text, what is fixed, the measure, the time.

    Attributes:
        training, held_out: the part that is trained on, and what is held out.
        measure: what scores are, in words.
        defaults: of all options that may be searched.
        until: the moment, of ``perf_counter``, at which runs are given up.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: str,
        benchmarks: Sequence[str | os.PathLike[str]],
        restrict_vocab: int | None,
        min_count: int,
        seed: int,
        callbacks: Sequence[Callback],
        fixed: Mapping[str, Any],
    ) -> None:
        self.corpus, self.kind, self.min_count, self.seed = corpus, MODELS[model], min_count, seed
        self.benchmarks = [read_benchmark(os.fspath(one)) for one in benchmarks]
        self.restrict_vocab = restrict_vocab
        self.callbacks, self.fixed = callbacks, {**fixed}
        self.measure = ", ".join(one.name for one in self.benchmarks) or MEASURE
        made, options = self._made({})
        rates = {"lr": options.rates(made)[0], "epochs": options.epochs}
        self.defaults = made.options() | rates | {"subwords": NO_SUBWORDS}
        self.until = float("inf")

    def begin(self, seconds: float) -> None:
        """Choose a part of the text on which the defaults may run RUNS times in these seconds."""
        started = perf_counter()
        self.until = started + seconds
        for tokens in (LEAST_TOKENS, FIRST_TOKENS):  # the first loads and compiles the kernels
            self.training, self.held_out = split(self.corpus, tokens, self.min_count, self.seed)
            begun = perf_counter()
            self._trained({"epochs": 1}, self.seed)
            taken = perf_counter() - begun
        speed = len(self.training.ids) / taken
        left = seconds - (perf_counter() - started)
        tokens = int(max(LEAST_TOKENS, speed * left / RUNS / self.defaults["epochs"]))
        self.training, self.held_out = split(self.corpus, tokens, self.min_count, self.seed)

    def score(self, options: Mapping[str, Any], seed: int) -> float:
        """What a run is worth: more is better.

        Raises:
            OutOfTime: it did not end in time.
            EmbedlayerError: nothing was learnt, or nothing can be judged.
        """
        run = self._trained(options, seed)
        if not self.benchmarks:
            return -sampled_softmax_loss(run, self.held_out)
        vectors = run.vectors()
        return fmean(self._judged(vectors, one) for one in self.benchmarks)

    def cost(self, options: dict[str, Any]) -> float:
        """How long a run takes, in runs with the defaults, nearly."""
        return _work({**self.defaults, **options}, self.kind.name) / _work(
            self.defaults, self.kind.name
        )

    def _trained(self, options: Mapping[str, Any], seed: int) -> Training:
        model, made = self._made(options)

        def look(_: Progress) -> None:
            if perf_counter() > self.until:
                raise OutOfTime

        given = {name: getattr(made, name) for name in self.fixed if hasattr(made, name)}
        given |= {"epochs": made.epochs, "lr": made.lr, "seed": seed}
        run = Training(self.training, model, callbacks=[*self.callbacks, look], **given)
        run.run()
        return run

    def _made(self, options: Mapping[str, Any]) -> tuple[Any, TrainingOptions]:
        chosen = {**self.fixed, **options}
        if isinstance(lengths := chosen.get("subwords"), str):
            none = lengths == NO_SUBWORDS
            chosen["subwords"] = None if none else Subwords.of_lengths(lengths, buckets=BUCKETS)
        of_model = self.kind.__dataclass_fields__
        model = self.kind(**{name: chosen[name] for name in chosen if name in of_model})
        rest = {name: chosen[name] for name in chosen if name not in of_model}
        return model, TrainingOptions(**rest)

    def _judged(self, vectors: Vectors, benchmark: Benchmark) -> float:
        restrict: Any = {"restrict_vocab": self.restrict_vocab}
        if holds_questions(benchmark):
            found = analogies(vectors, benchmark, **restrict).total.accuracy
        else:
            found = similarity(vectors, benchmark, **restrict).spearman
        if found is None:
            raise EmbedlayerError(
                f"{benchmark.path} has too few of this part's {len(vectors):,} words: give more "
                "time, so that the part of the text is larger, or another file"
            )
        return found


def _work(options: Mapping[str, Any], model: str) -> float:
    """What the time of a run grows with: rows that are read for a token, and their dimensions."""
    rows = options["negative"] + 1 if options["loss"] == "negative" else 15
    contexts = options["window"]
    pairs = contexts * rows if model == "skipgram" else contexts + rows
    bags = 0 if options["subwords"] == NO_SUBWORDS else pairs  # about as much again
    return options["epochs"] * (pairs + bags + 5) * (options["dim"] + 50)
