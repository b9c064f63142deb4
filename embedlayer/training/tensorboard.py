"""What a run tells TensorBoard: scalars on the way, and at its end the projector's files."""

import logging
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Self

from embedlayer.errors import EmbedlayerError, extra_library
from embedlayer.options import Whole
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import is_url
from embedlayer.storage.writing import check_place
from embedlayer.training.report import Progress
from embedlayer.vectors.formats.projector import CONFIG, METADATA, TENSORS
from embedlayer.vectors.vectors import Vectors

SCALARS = ("loss", "held_out_loss", "lr", "words_per_second")
WORDS = 10_000  # the projector gets slow with more

_log = logging.getLogger("embedlayer")


class TensorBoard:
    """A callback of a run: ``tensorboard --logdir FOLDER`` shows what it tells.

    It writes loss, held-out loss, learning rate and words per second, which mean what
    :class:`Progress` says, over the tokens done; and when the last epoch is done the commonest
    words for the projector. In a folder that a stopped run has written to, a run that goes on
    takes up where it stands.

    Args:
        folder: is made where it is missing.
        words: for the projector, at most; 0: none.

    Raises:
        MissingLibraryError: tensorboardX is not installed.
        EmbedlayerError: a folder that cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str], words: int = WORDS) -> None:
        if not isinstance(folder, str | os.PathLike) or is_url(folder):
            raise EmbedlayerError(f"folder is {folder!r:.60}: give a folder of this machine")
        self.folder, self._words = Path(expanded(folder)), Whole(0).checked("words", words)
        self._library = extra_library("tensorboardX", "tensorboard")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbedlayerError(f"cannot write {folder}: {error.strerror}") from None
        check_place(self.folder / CONFIG)
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, progress: Progress) -> None:
        if self._writer is None:  # what was told of later tokens is void
            self._writer = self._library.SummaryWriter(str(self.folder), purge_step=progress.tokens)
        for name in SCALARS:
            if not math.isnan(value := getattr(progress, name)):
                self._writer.add_scalar(name, value, progress.tokens)
        if progress.epoch_done:
            self._writer.flush()
            if progress.epoch + 1 == progress.epochs:
                self.close()
                self._project(progress.vectors())

    def close(self) -> None:
        """Write what is not written yet; the run does so at its end."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _project(self, vectors: Vectors) -> None:
        """Write the projector's files, the configuration last; a failure costs no run."""
        if not self._words:
            return
        counts = None if vectors.counts is None else vectors.counts[: self._words]
        some = Vectors(vectors.words[: self._words], vectors.matrix[: self._words], counts)
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as made:
                some.save(Path(made, "projector"), "projector")
                for name in (TENSORS, METADATA, CONFIG):
                    os.replace(Path(made, "projector", name), self.folder / name)
        except (OSError, EmbedlayerError) as error:
            _log.warning("no files for TensorBoard's projector in %s: %s", self.folder, error)
