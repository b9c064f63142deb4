"""What is known of a run: from its report, as JSON or as a page, or from the vectors it made."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded
from embedlayer.vectors.samples import neighbours, sample_words
from embedlayer.vectors.vectors import Vectors

DATA = re.compile(r'<script type="application/json" id="page-data">(.*?)</script>', re.DOTALL)
MOST_BYTES = 1 << 28
WORDS = 12  # whose neighbours are compared, where no report names them
# What a report has, and of which type; the rest of it is not looked at.
FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("options", "history", "machine", "seconds"), dict),
    **dict.fromkeys(("loss", "held_out_loss", "neighbours", "evaluation"), list),
    **dict.fromkeys(("vocabulary", "words_per_second", "tokens_trained", "begun"), (int, float)),
}
COLUMNS = ("tokens", "seconds", "lr", "loss", "held_out_loss", "words_per_second")
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


def checked_report(told: Any, path: str) -> dict[str, Any]:
    """What a report tells; EmbedlayerError unless it has what a comparison asks for."""
    if not isinstance(told, dict):
        raise EmbedlayerError(f"{path} holds no report of a run")
    for name, kind in FIELDS.items():
        if not isinstance(told.get(name), kind):
            raise EmbedlayerError(f"{path} is no report of a run: it tells no {name}")
    columns = [told["history"].get(name) for name in COLUMNS]
    numbers = all(isinstance(column, list) and _are_numbers(column) for column in columns)
    if not numbers or len({*map(len, columns)}) > 1 or not _are_numbers(told["loss"]):
        raise EmbedlayerError(f"{path} is no report of a run: its history is no table of numbers")
    if not all(map(_is_watched, told["neighbours"])) or not all(
        map(_is_result, told["evaluation"])
    ):
        raise EmbedlayerError(f"{path} is no report of a run: its neighbours or scores are none")
    return told


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
    losses = {name: about.get(f"{name}_per_epoch") or [] for name in ("loss", "held_out_loss")}
    epochs, tokens = len(losses["loss"]), about.get("tokens", 0)
    history: dict[str, list[Any]] = {name: [None] * epochs for name in COLUMNS}
    history |= {name: values for name, values in losses.items() if len(values) == epochs}
    history["tokens"] = [tokens * (epoch + 1) for epoch in range(epochs)]
    told: dict[str, Any] = {name: {} for name, kind in FIELDS.items() if kind is dict}
    told |= {name: [] for name, kind in FIELDS.items() if kind is list}
    options = {name: value for name, value in about.items() if name not in NOT_OPTIONS}
    return (
        told
        | losses
        | {
            "options": options or {"dim": vectors.dim},
            "history": history,
            "vocabulary": len(vectors),
            "words_per_second": 0.0,
            "tokens_trained": 0,
            "begun": 0.0,
        }
    )


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)


def _is_watched(one: Any) -> bool:
    found = one.get("neighbours") if isinstance(one, Mapping) else None
    return isinstance(found, dict) and all(
        isinstance(pairs, list)
        and all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in pairs)
        for pairs in found.values()
    )


def _is_result(one: Any) -> bool:
    if not isinstance(one, Mapping) or not isinstance(one.get("benchmark"), str):
        return False
    if "spearman" in one:
        return _are_numbers([one["spearman"], one.get("found"), one.get("pairs")])
    groups = [one.get(name) or {} for name in ("semantic", "syntactic", "total")]
    return all(isinstance(group, Mapping) for group in groups)
