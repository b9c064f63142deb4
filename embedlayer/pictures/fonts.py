"""Fonts of this machine that have the letters of some words, for pictures that matplotlib draws."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from embedlayer.errors import extra_library

# Looked at first, in this order; the first comes with matplotlib. Then all others that there are.
PREFERRED = (
    *("DejaVu Sans", "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic"),
    *("Apple SD Gothic Neo", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic"),
    *("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"),
    *("Noto Emoji", "Symbola", "Segoe UI Emoji", "Segoe UI Symbol"),
)
NO_LETTERS = (
    "last resort",
    "lastresort",
    "blank",
)  # in names of fonts whose glyphs are all the same
# Signs without a form of their own: joiners, marks of direction, choices of a form.
FORMLESS = {*range(0x200B, 0x2010), *range(0xFE00, 0xFE10), 0xFEFF}
# Debian's packages by ranges of Unicode; fonts-noto-core has the other alphabets.
CORE = "fonts-noto-core"
PACKAGES = (
    (0x1100, 0x1200, "fonts-noto-cjk"),  # parts of Korean syllables
    (0x2300, 0x2C00, "fonts-symbola"),  # signs and arrows
    (0x2E80, 0xA4D0, "fonts-noto-cjk"),
    (0xA960, 0xA980, "fonts-noto-cjk"),
    (0xAC00, 0xD800, "fonts-noto-cjk"),
    (0xF900, 0xFB00, "fonts-noto-cjk"),
    (0xFE30, 0xFE50, "fonts-noto-cjk"),
    (0xFF00, 0xFFF0, "fonts-noto-cjk"),
    (0x1F000, 0x1FB00, "fonts-symbola"),  # emoji, in black and white
    (0x20000, 0x40000, "fonts-noto-cjk"),
)


class Fonts(NamedTuple):
    """Names of fonts, to be tried in this order for each letter, and what none of them has."""

    families: list[str]
    missing: frozenset[str]

    def can_draw(self, text: str) -> bool:
        return self.missing.isdisjoint(text)

    def drawable(self, text: str) -> str:
        """A text with a sign in the place of letters that none of the fonts has."""
        return "".join("\ufffd" if letter in self.missing else letter for letter in text)


def fonts_for(texts: Iterable[str]) -> Fonts:
    """The fewest fonts, nearly, that have all letters of these texts.

    Raises:
        MissingLibraryError: matplotlib is not installed.
    """
    extra_library("matplotlib", "plot")
    from matplotlib import font_manager as manager

    wanted = {ord(letter) for text in texts for letter in text}
    missing = {code for code in wanted - FORMLESS if not chr(code).isspace()}
    names = {font.name for font in manager.fontManager.ttflist}
    here = {name for name in names if not any(one in name.lower() for one in NO_LETTERS)}
    families = [PREFERRED[0]]
    for name in [*PREFERRED, *sorted(here - {*PREFERRED})]:
        if not missing:
            break
        if name in here and (has := missing & _letters(manager, name)):
            missing -= has
            families += [name] if name not in families else []
    return Fonts(families, frozenset(map(chr, missing)))


def without_formless(text: str) -> str:
    """A text without the signs for which fonts have no glyph, or a box."""
    return "".join(letter for letter in text if ord(letter) not in FORMLESS)


def package_for(letter: str) -> str:
    """The package of Debian's that has a font for a letter."""
    code = ord(letter)
    return next((name for first, end, name in PACKAGES if first <= code < end), CORE)


def _letters(manager: Any, name: str) -> set[int]:
    path = manager.findfont(manager.FontProperties(family=name), fallback_to_default=False)
    return {*manager.get_font(path).get_charmap()}
