"""A run's checkpoints: when one is due, what it tells, and how a run is made of one again."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from time import perf_counter
from typing import Any, Self

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import Word2Vec, made_model
from embedlayer.options import Real
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import Checkpoint, CheckpointFolder, Slices
from embedlayer.training.options import TRAINING_NAMES, TrainingOptions
from embedlayer.training.state import State

# What may be another when a run goes on: what they change is no part of the examples.
FREE = ("workers", "backend", "in_flight", "callbacks", "checkpoint_every", "watch")
EVERY = 300.0  # seconds

_log = logging.getLogger("embedlayer")


class Saving:
    """Writes the checkpoints of a run, if there is a folder for them.

    Args:
        given: ``checkpoint``, a folder, or the Checkpoint from which the run goes on in its folder;
            ``checkpoint_every``, seconds between two of them.
        corpus, model, options: of the run.
        size: bytes of its state.
        slices: has others write the tables; default nobody does.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        corpus: Corpus,
        model: Word2Vec,
        options: TrainingOptions,
        size: int,
        slices: Slices = lambda folder: {},
    ) -> None:
        self.every = Real(0).checked("checkpoint_every", given.get("checkpoint_every", EVERY))
        self._last, self._vocabulary = perf_counter(), corpus.vocabulary
        self._folder, self._slices = None, slices
        place = given.get("checkpoint")
        if place is not None:
            at = (place.path.parent, place.path) if isinstance(place, Checkpoint) else (place,)
            self._folder = CheckpointFolder(*at)
            self._folder.check_room(size)
            self._about = {
                "model": model.options(),
                "options": asdict(options),
                "checkpoint_every": self.every,
                "corpus": corpus.fingerprint(),
            }

    def __enter__(self) -> Self:
        if self._folder:
            self._folder.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.__exit__()

    def is_due(self) -> bool:
        """Whether so much time has passed that the next one is to be written."""
        return self._folder is not None and perf_counter() - self._last >= self.every

    def write(self, state: State, notes: dict[str, Any]) -> None:
        """Write one; where that fails, the run goes on, with one log line."""
        if self._folder is None:
            return
        try:
            about = self._about | {"notes": notes}
            self._folder.write(state, self._vocabulary, about, self._slices)
        except (OSError, MemoryError, EmbedlayerError) as error:
            why = getattr(error, "strerror", None) or str(error) or "not enough memory"
            _log.warning("no checkpoint could be written to %s: %s", self._folder.path, why)
        self._last = perf_counter()


def resumed(
    found: Checkpoint, corpus: Corpus, given: dict[str, Any]
) -> tuple[Word2Vec, dict[str, Any]]:
    """The model and the options of a checkpoint's run, with those given that may differ.

    Raises:
        EmbedlayerError: another corpus, or an option that may not differ and does.
    """
    wanted = found.about["corpus"]
    differences = [
        name if name.startswith("the") else f"{name} ({value:,} and not {wanted[name]:,})"
        for name, value in corpus.fingerprint().items()
        if value != wanted[name]
    ]
    if differences:
        raise EmbedlayerError(
            f"this is not the corpus of the checkpoint in {found.path.parent}: it differs in "
            f"{', '.join(differences)}; give the text, and the options for it, of that run"
        )
    made = made_model(found.about["model"])
    options = found.about["options"] | {"checkpoint_every": found.about["checkpoint_every"]}
    if "checkpoint" in given:
        raise EmbedlayerError(
            "a run that goes on keeps its checkpoints where they are: leave out checkpoint"
        )
    for name, value in given.items():
        known = options.get(name)
        if name in TRAINING_NAMES and name not in FREE and value != known:
            raise EmbedlayerError(
                f"{name} is {value!r}, but {known!r} in the checkpoint: leave it out to "
                "go on with that run, or begin another"
            )
    return made, options | given | {"checkpoint": found}
