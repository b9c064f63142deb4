"""Words as a picture shows them: on one line, and never as nothing."""

import re
import unicodedata

MOST_LETTERS = 40
FEW = 3  # characters that nobody sees, which are named
# Controls, ends of lines, marks that turn the direction of what follows, halves of surrogate pairs.
DISTURBING = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
DOTTED_CIRCLE = "\u25cc"  # what Unicode draws marks on that have no letter


def shown_word(word: str) -> str:
    """How a picture shows a word: itself, if it can be seen and disturbs nothing."""
    if not word:
        return "(empty)"
    if not any(map(_is_seen, word)):
        names = " ".join(f"U+{ord(letter):04X}" for letter in word[:FEW])
        return f"{names} …" if len(word) > FEW else names
    shown = DISTURBING.sub("\ufffd", word)
    if unicodedata.category(shown[0]).startswith("M"):
        shown = DOTTED_CIRCLE + shown
    return shown if len(shown) <= MOST_LETTERS else shown[: MOST_LETTERS - 1] + "…"


def _is_seen(letter: str) -> bool:
    """Whether a character is more than a space, a control or a sign without a form."""
    return unicodedata.category(letter)[0] not in "ZC" and letter not in "\u3164\u115f\u1160\uffa0"
