"""Which words a map shows, and files that name words and their labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import Whole
from embedlayer.storage.reading import open_to_read
from embedlayer.vectors.vectors import Vectors

MOST_BYTES = 1 << 26  # of a file of words or labels
Analogy = tuple[str, str, str, str]


def chosen_words(vectors: Vectors, words: Any) -> list[str]:
    """The commonest words, where a number is given, or those of a list, each once.

    Raises:
        EmbedlayerError: a number below 1, a list of none or of what is no word.
        UnknownWordError: a word that has no vector.
    """
    if isinstance(words, str) or not isinstance(words, Sequence):
        return list(vectors.words[: Whole().checked("words", words)])
    if not words:
        raise EmbedlayerError("no words to show: name one at least")
    return list(dict.fromkeys(known(vectors, word) for word in words))


def known(vectors: Vectors, word: Any) -> str:
    """The word; UnknownWordError if it has no vector."""
    if not isinstance(word, str):
        raise EmbedlayerError(f"words are strings, not {shown(word)}")
    if vectors.subwords is None:
        vectors.index(word)
    return word


def answered(vectors: Vectors, analogies: Any) -> list[Analogy]:
    """Each analogy (a, b, c) with its best answer among all words.

    Raises:
        EmbedlayerError: an analogy that is not of three words, or has no answer.
        UnknownWordError: a word that has no vector.
    """
    found: list[Analogy] = []
    for given in analogies:
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 3:
            raise EmbedlayerError(f"an analogy is three words (a, b, c), not {shown(given)}")
        a, b, c = (known(vectors, word) for word in given)
        answers = vectors.analogy(a, b, c, 1)
        if not answers:
            raise EmbedlayerError(f"no word is left that could answer {a} : {b} = {c} : ?")
        found.append((a, b, c, answers[0][0]))
    return found


def read_words(path: str | Path) -> list[str]:
    """The words of a text, one a line; empty lines are skipped.

    Raises:
        EmbedlayerError: no words, a text that is not UTF-8, or too long.
        OSError: a file that is missing or cannot be read.
    """
    words = [line for _, line in _lines(path)]
    if not words:
        raise EmbedlayerError(f"{path} has no words: it needs one a line")
    return words


def read_labels(path: str | Path) -> Mapping[str, str]:
    """The label of each word, of a text with lines of word, tab, label; empty lines are skipped.

    Raises:
        EmbedlayerError: a line without a tab, by its number; a word with two labels; no labels.
        OSError: a file that is missing or cannot be read.
    """
    labels: dict[str, str] = {}
    for number, line in _lines(path):
        word, tab, label = line.partition("\t")
        if not tab or not label.strip():
            raise EmbedlayerError(f"{path}, line {number}: it needs a word, a tab and a label")
        if labels.setdefault(word, label.strip()) != label.strip():
            raise EmbedlayerError(f"{path}, line {number}: {shown(word)} has another label above")
    if not labels:
        raise EmbedlayerError(f"{path} has no labels: it needs lines of word, tab, label")
    return labels


def _lines(path: str | Path) -> list[tuple[int, str]]:
    with open_to_read(path) as file:
        data = file.text().read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise EmbedlayerError(
            f"{path} has more than {MOST_BYTES >> 20} MiB: it is no list of words"
        )
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise EmbedlayerError(f"{path} is not UTF-8: {error}") from None
    numbered = ((number, line.removesuffix("\r")) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in numbered if line.strip()]
