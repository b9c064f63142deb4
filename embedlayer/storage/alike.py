"""Words that are spelt like another: what an unknown word may have been meant to be.

Letters are changed, left out, added, or two of them exchanged: each counts one (the restricted
Damerau-Levenshtein distance). Capitals count nothing, accents and the parts of a Korean syllable
are letters of their own. All words are looked at together, in arrays: first their lengths and which
letters they have, then the distance of the few that are left.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

import numpy as np

MOST_WORDS = 400_000  # of a vocabulary, the first: what bounds the time
MOST_LETTERS = 64  # of a word; longer ones are compared with none
GROUPS = 32  # letters are told apart by their code modulo so many: a to z are
END = "\0"  # behind each word of a long text of all
EDITS = (  # most edits that are taken for a mistake, in a word of so many letters
    (6, 2),
    (3, 1),
)


def did_you_mean(word: object, words: Sequence[str], known: Collection[str]) -> str:
    """What follows in an error: which words may have been meant; nothing where none is near.

    Args:
        word: the one that is unknown.
        words: those there are, the most frequent first.
        known: the same, where looking up is quick.
    """
    near = [repr(one) for one in alike(word, words, known)] if isinstance(word, str) else []
    if not near:
        return ""
    return f"; did you mean {' or '.join(filter(None, [', '.join(near[:-1]), near[-1]]))}?"


def alike(word: str, words: Sequence[str], known: Collection[str] = (), most: int = 3) -> list[str]:
    """The words that are spelt most like one, at most so many; of those alike the first come first.

    Args:
        word: any.
        words: to look among; of more than ``MOST_WORDS`` the first.
        known: where looking up is quick; what differs by capitals or spaces is looked up there.
    """
    if same := [other for other in dict.fromkeys(_written(word)) if other in known]:
        return same[:most]
    wanted = _letters(word)
    edits = next((edits for least, edits in EDITS if len(wanted) >= least), 0)
    if not edits or len(wanted) > MOST_LETTERS:
        return []
    letters, starts = _joined(list(islice(words, MOST_WORDS)), decomposed=not word.isascii())
    rows = _candidates(wanted, letters, starts, edits)
    distance = _distances(wanted, letters, starts[rows], starts[rows + 1] - 1 - starts[rows])
    nearest = np.argsort(distance, kind="stable")[:most]
    return [words[row] for row in rows[nearest[distance[nearest] <= edits]].tolist()]


def _written(word: str) -> Iterator[str]:
    """The same word with other capitals, composed otherwise, or joined as phrases are."""
    for text in (word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)):
        yield from (text.lower(), text.title(), text.capitalize(), text.upper(), text.strip())
        for sign in "_-" if " " in text else "":
            yield from (text.replace(" ", sign), text.lower().replace(" ", sign))


def _letters(word: str) -> np.ndarray:
    text = unicodedata.normalize("NFD", word).lower()
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _joined(words: list[str], decomposed: bool) -> tuple[np.ndarray, np.ndarray]:
    """The letters of all words, uint32, ``END`` behind each; and where each begins, int64."""
    text = END.join([*words, ""])
    if text.count(END) > len(words):
        text = END.join([*(word.replace(END, " ") for word in words), ""])
    if decomposed:
        text = unicodedata.normalize("NFD", text)
    letters = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), np.uint32)
    return letters, np.append(0, np.flatnonzero(letters == ord(END)) + 1)


def _candidates(
    wanted: np.ndarray, letters: np.ndarray, starts: np.ndarray, edits: int
) -> np.ndarray:
    """int64: the words whose length and letters allow so few edits."""
    near = np.flatnonzero(np.abs(np.diff(starts) - 1 - len(wanted)) <= edits)
    has = np.bitwise_or.reduceat(_bits(letters), starts[:-1])[near]
    wanted_has = np.bitwise_or.reduce(_bits(np.append(wanted, np.uint32(ord(END)))))
    return near[np.bitwise_count(has ^ wanted_has) <= 2 * edits]  # an edit changes two at most


def _bits(letters: np.ndarray) -> np.ndarray:
    return np.uint32(1) << (letters % np.uint32(GROUPS))


def _distances(
    wanted: np.ndarray, letters: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """int64, (n,): of one word to n others, a table of (letters + 1)² filled for all at once."""
    longest = int(lengths.max(initial=0))
    places = np.minimum(starts + np.arange(longest)[:, None], len(letters) - 1)
    others = letters[places]  # (longest, n); behind the end of a word the next ones follow
    same = others == wanted[:, None, None]  # (letters of the word, longest, n)
    table = np.zeros((len(wanted) + 1, longest + 1, len(starts)), np.int64)
    table[:, 0], table[0] = np.arange(len(wanted) + 1)[:, None], np.arange(longest + 1)[:, None]
    for i in range(len(wanted)):
        for j in range(longest):
            here = np.minimum(table[i, j] + ~same[i, j], 1 + table[i + 1, j])
            here = np.minimum(here, 1 + table[i, j + 1])
            if i and j:
                swapped = same[i, j - 1] & same[i - 1, j]
                here = np.where(swapped, np.minimum(here, 1 + table[i - 1, j - 1]), here)
            table[i + 1, j + 1] = here
    return table[len(wanted), lengths, np.arange(len(starts))]
