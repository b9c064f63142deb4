"""The file of phrases: arrays under names (safetensors), of which nothing is believed unseen."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.tensors import json_object, read_tensors, write_tensors
from embedlayer.storage.words import checked_counts, pack_words, unpack_words
from embedlayer.storage.writing import told_where
from embedlayer.text.options import Phrase, PhraseOptions, phrase_options

TENSORS = {
    "words": (np.uint8, 1),  # of all phrases, as pack_words packs them
    "word_offsets": (np.int64, 1),
    "phrase_offsets": (np.int64, 1),  # phrase i has the words from phrase_offsets[i] on
    "pass_offsets": (np.int64, 1),  # pass p has the phrases from pass_offsets[p] on
    "scores": (np.float64, 1),
    "counts": (np.int64, 1),
}
OPTIONS = "embedlayer.phrases"  # in the file's metadata


def save_phrases(
    path: str | os.PathLike[str], passes: Sequence[Sequence[Phrase]], options: PhraseOptions
) -> None:
    """Write phrases, whole or not at all; EmbedlayerError where that cannot be."""
    phrases = [phrase for one in passes for phrase in one]
    words, word_offsets = pack_words([word for phrase in phrases for word in phrase.words])
    tensors = {
        "words": words,
        "word_offsets": word_offsets,
        "phrase_offsets": _offsets(len(phrase.words) for phrase in phrases),
        "pass_offsets": _offsets(map(len, passes)),
        "scores": np.array([phrase.score for phrase in phrases], np.float64),
        "counts": np.array([phrase.count for phrase in phrases], np.int64),
    }
    with told_where(path) as unfinished:
        write_tensors(unfinished, tensors, {OPTIONS: json.dumps(asdict(options))})


def load_phrases(path: str | os.PathLike[str]) -> tuple[list[list[Phrase]], PhraseOptions]:
    """Read what :func:`save_phrases` wrote; EmbedlayerError for anything else."""
    place = Path(expanded(path))
    try:
        if not place.is_file():  # a pipe could make us wait for ever
            raise EmbedlayerError("no such file")
        with open_to_read(place) as file:
            arrays, metadata = read_tensors(file, TENSORS)
        options = phrase_options(json_object(str(metadata.get(OPTIONS, ""))))
        return _passes(arrays), options
    except (OSError, EmbedlayerError) as error:
        raise EmbedlayerError(f"{path} holds no phrases: {error}") from error


def check_phrases(passes: Sequence[Sequence[Phrase]], options: PhraseOptions) -> None:
    """Raise EmbedlayerError for phrases that these options do not make."""
    if len(passes) != options.passes:
        raise EmbedlayerError(f"there are phrases of {len(passes)} passes, not {options.passes}")
    connectors = set(options.connectors)
    for phrase in (phrase for one in passes for phrase in one):
        first, *inside, last = phrase.words if len(phrase.words) > 1 else ("", "")
        if not (first and last) or {first, last} & connectors or not connectors.issuperset(inside):
            raise EmbedlayerError(
                f"{phrase.words!r:.80} is no phrase: two words, and connectors between them"
            )


def _passes(arrays: dict[str, np.ndarray]) -> list[list[Phrase]]:
    words = unpack_words(arrays["words"], arrays["word_offsets"])
    counts, scores = arrays["counts"], arrays["scores"]
    phrase_ends = _bounds("phrase_offsets", arrays["phrase_offsets"], len(words))
    pass_ends = _bounds("pass_offsets", arrays["pass_offsets"], len(phrase_ends) - 1)
    checked_counts(counts, len(phrase_ends) - 1)
    if scores.shape != counts.shape or not np.isfinite(scores).all():
        raise EmbedlayerError(f"the scores are not {len(counts)} finite numbers")
    phrases = [
        Phrase(tuple(words[start:end]), score, count)
        for (start, end), score, count in zip(
            pairwise(phrase_ends), scores.tolist(), counts.tolist(), strict=True
        )
    ]
    return [phrases[start:end] for start, end in pairwise(pass_ends)]


def _bounds(name: str, offsets: np.ndarray, size: int) -> list[int]:
    """Offsets as a list, once they are known to rise from 0 to ``size``."""
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != size:
        raise EmbedlayerError(f"the {name} do not go from 0 to {size}")
    if (offsets[1:] < offsets[:-1]).any():
        raise EmbedlayerError(f"the {name} fall")
    return offsets.tolist()


def _offsets(sizes: Any) -> np.ndarray:
    return np.cumsum([0, *sizes], dtype=np.int64)
