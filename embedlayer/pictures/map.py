"""Maps of words, as a page that is explored or as a picture."""

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embedlayer.errors import EmbedlayerError, extra_library, shown
from embedlayer.options import Whole
from embedlayer.pictures import static
from embedlayer.pictures.choosing import answered, chosen_words, known
from embedlayer.pictures.page import page
from embedlayer.pictures.panel import Panel, make_panel
from embedlayer.pictures.projection import PROJECTIONS, check_method
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import check_place, told_where
from embedlayer.vectors.vectors import Vectors

WORDS = 2000
AROUND = 40  # words of a neighbourhood, besides the word itself
STYLES = ("map.css",)
SCRIPTS = (
    *("map_camera.js", "map_points.js", "map_labels.js", "map_search.js", "map_parts.js"),
    *("map_over.js", "map_input.js", "map.js"),
)
BOTH, ALONE = "in both", "in one"


class Map(NamedTuple):
    """A picture of one map, or of two side by side.

    Made by :func:`word_map` and :func:`neighbourhoods`.

    Attributes:
        title: what stands above it.
        method: how the points were found, one of ``PROJECTIONS``.
        panels: the maps.
    """

    title: str
    method: str
    panels: tuple[Panel, ...]

    def to_html(self) -> str:
        """A page in one file that asks nothing of anyone: the maps, to be explored."""
        sections = [
            section(f"map-{i}", alone=len(self.panels) == 1) for i in range(len(self.panels))
        ]
        if len(self.panels) > 1:
            sections = [
                f"<h2>{html.escape(panel.title)}</h2>{text}"
                for panel, text in zip(self.panels, sections, strict=True)
            ]
        panels = "".join(f'<div class="map-panel">{text}</div>' for text in sections)
        body = (
            f'<header class="map-header"><h1>{html.escape(self.title)}</h1>'
            f'<p class="quiet">{html.escape(self.about())}</p></header>\n'
            f'<main class="maps">{panels}</main>'
        )
        maps = {f"map-{i}": panel.data() for i, panel in enumerate(self.panels)}
        return page(
            self.title,
            body=body,
            styles=(*STYLES, "map_page.css"),
            scripts=SCRIPTS,
            data={"maps": maps},
        )

    def about(self) -> str:
        """How many words there are, and how they were placed."""
        words = " and ".join(f"{len(panel.words):,}" for panel in self.panels)
        plural = "" if words == "1" else "s"
        return f"{words} word{plural} · {PROJECTIONS[self.method].title}"

    def save(self, path: str | Path) -> None:
        """Write the map, all of it or nothing: .html, or .png or .svg (matplotlib draws those).

        Raises:
            EmbedlayerError: another suffix, a place that cannot be written.
            MissingLibraryError: matplotlib is not installed.
        """
        write = PICTURES[_suffix(path)]
        with told_where(path) as unfinished:
            write(self, unfinished)


def word_map(
    vectors: Vectors,
    words: int | Sequence[str] | None = None,
    *,
    method: str = "pca",
    labels: Mapping[str, str] | None = None,
    analogies: Sequence[tuple[str, str, str]] = (),
    title: str | None = None,
) -> Map:
    """A map of the commonest words, or of words that are named.

    Args:
        vectors: the words and vectors.
        words: how many, the commonest, or which; None: 2,000, or those of the analogies alone.
        method: one of ``PROJECTIONS``.
        labels: of words, by which they are coloured; None: by their counts.
        analogies: each (a, b, c), drawn with its best answer as a parallelogram.
        title: what stands above it.

    Raises:
        EmbedlayerError: no words, no such method, too few words for it.
        UnknownWordError: a word that has no vector.
        MissingLibraryError: the method's library is not installed.
    """
    check_method(method)
    four = answered(vectors, analogies)
    if words is None and not four:
        words = WORDS
    chosen = [] if words is None else chosen_words(vectors, words)
    chosen = list(dict.fromkeys([*chosen, *(word for one in four for word in one)]))
    title = title or "A map of words"
    panel = make_panel(vectors, chosen, method, labels, title=title, analogies=four)
    return Map(title, method, (panel,))


def neighbourhoods(
    vectors: Vectors,
    left: str,
    right: str,
    k: int = AROUND,
    *,
    method: str = "pca",
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Map:
    """Two words, each among its k nearest, side by side.

    Args:
        vectors: the words and vectors.
        left, right: the two words.
        k: how many words around each.
        method, title: as for :func:`word_map`.
        labels: of words; None: words that both neighbourhoods have are told from the others.

    Raises:
        EmbedlayerError, UnknownWordError, MissingLibraryError: as :func:`word_map`.
    """
    check_method(method)
    k = Whole().checked("k", k)
    pair = [known(vectors, word) for word in (left, right)]
    around = [[w, *(near for near, _ in vectors.nearest(w, k))] for w in pair]
    both = set(around[0]) & set(around[1])
    given = labels or {w: BOTH if w in both else ALONE for words in around for w in words}
    panels = tuple(
        make_panel(vectors, words, method, given, title=f"Around {words[0]}", centre=0)
        for words in around
    )
    return Map(title or f"The neighbourhoods of {left} and {right}", method, panels)


def section(name: str, alone: bool = False) -> str:
    """The HTML of the map whose data the page has as ``maps[name]``; it needs STYLES and SCRIPTS.

    Args:
        name: of the data.
        alone: it is all that the page shows: a wheel zooms it and does not scroll the page.
    """
    words = "This map needs JavaScript, which is inside this file."
    kind = "yes" if alone else "no"
    return (
        f'<section class="word-map" data-map="{html.escape(name)}" data-alone="{kind}">'
        f"<noscript>{words}</noscript></section>"
    )


def check_picture(path: str | Path) -> None:
    """Raise now what saving a map would raise later, after long work.

    Raises:
        EmbedlayerError: another suffix, a place that cannot be written.
        MissingLibraryError: matplotlib is not installed.
    """
    if _suffix(path) != ".html":
        extra_library("matplotlib", "plot")
    check_place(expanded(path))


def _suffix(path: str | Path) -> str:
    suffix = Path(expanded(path)).suffix.lower()
    if suffix not in PICTURES:
        raise EmbedlayerError(
            f"a map is {', '.join(PICTURES)}: {shown(str(path))} is none of these"
        )
    return suffix


def _write_page(made: Map, path: Path) -> None:
    path.write_text(made.to_html(), encoding="utf-8", newline="\n")


def _write_drawing(made: Map, path: Path) -> None:
    static.write(made.title, made.about(), made.panels, path)


PICTURES: dict[str, Callable[[Map, Path], Any]] = {
    ".html": _write_page,
    ".png": _write_drawing,
    ".svg": _write_drawing,
}
