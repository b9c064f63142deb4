"""What is known of a run: from its report, as JSON or as a page, or from the vectors it made."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embedlayer.errors import EmbedlayerError
from embedlayer.pictures.checks import COLUMNS, are_numbers, checked_report
from embedlayer.storage.reading import expanded
from embedlayer.vectors.samples import neighbours, sample_words
from embedlayer.vectors.vectors import Vectors

DATA = re.compile(r'<script type="application/json" id="page-data">(.*?)</script>', re.DOTALL)
MOST_BYTES = 1 << 28
WORDS = 12  # whose neighbours are compared, where no report names them
NOT_OPTIONS = ("loss_per_epoch", "held_out_loss_per_epoch", "tokens")


class Run(NamedTuple):
    """A run to be compared.

    Attributes:
        name: of its file.
        told: what ``Report.to_dict`` tells; of vectors, what their metadata do.
        vectors: where the file holds those.
    """

    name: str
    told: dict[str, Any]
    vectors: Vectors | None = None

    def neighbours(self, words: Sequence[str]) -> dict[str, list[list[Any]]]:
        """The last neighbours of those of the words of which they are known."""
        if self.vectors is not None:
            return neighbours(self.vectors, [word for word in words if word in self.vectors])
        last = self.told["neighbours"][-1]["neighbours"] if self.told["neighbours"] else {}
        return {word: last[word] for word in words if word in last}

    def words(self) -> list[str]:
        """Those whose neighbours it shows."""
        if self.vectors is not None:
            return sample_words(self.vectors.words, WORDS)
        return list(self.told["neighbours"][-1]["neighbours"]) if self.told["neighbours"] else []


def read_run(path: str) -> Run:
    """A report, as ``train --json`` prints it or ``train --report`` writes it; or vectors.

    Raises:
        EmbedlayerError, OSError: none of these, a damaged file, or a missing one.
    """
    place = Path(expanded(path))
    name = place.name
    if place.is_file() and place.stat().st_size <= MOST_BYTES:
        with place.open("rb") as file:
            start = file.read(15).lstrip().lower()
        if start.startswith((b"{", b"<!doctype html")):
            told = _told_in(place.read_text(encoding="utf-8", errors="replace"), path)
            return Run(name, checked_report(told, path))
    vectors = Vectors.load(path)
    return Run(name, _of_vectors(vectors), vectors)


def _told_in(text: str, path: str) -> Any:
    """The JSON of a report, which may stand in a page."""
    found = DATA.search(text)
    try:
        made = json.loads(found[1] if found else text)
    except (ValueError, RecursionError):
        raise EmbedlayerError(
            f"{path} holds no report: give what train --report or train --json wrote, or vectors"
        ) from None
    return made.get("report") if found and isinstance(made, dict) else made


def _of_vectors(vectors: Vectors) -> dict[str, Any]:
    """What the metadata of vectors tell of the run that made them."""
    about = vectors.metadata
    losses = {name: about.get(f"{name}_per_epoch") for name in ("loss", "held_out_loss")}
    known = {name: values if are_numbers(values) else [] for name, values in losses.items()}
    epochs, tokens = len(known["loss"]), about.get("tokens")
    history: dict[str, list[Any]] = {name: [None] * epochs for name in COLUMNS}
    history |= {name: values for name, values in known.items() if len(values) == epochs}
    if isinstance(tokens, int):
        history["tokens"] = [tokens * (epoch + 1) for epoch in range(epochs)]
    options = {name: value for name, value in about.items() if name not in NOT_OPTIONS}
    return {
        "options": options or {"dim": vectors.dim},
        "history": history,
        **known,
        "neighbours": [],
        "evaluation": [],
        "vocabulary": len(vectors),
        "words_per_second": 0.0,
        "seconds": {},
    }
