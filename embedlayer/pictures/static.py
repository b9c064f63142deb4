"""Maps of words drawn by matplotlib, as a .png or an .svg."""

import logging
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedlayer.errors import extra_library
from embedlayer.pictures import fonts, marks
from embedlayer.pictures.page import COMMON_STYLE, asset
from embedlayer.pictures.panel import Panel
from embedlayer.pictures.placing import placed_labels

log = logging.getLogger(__name__)

DOTS = 150  # per inch
HEIGHT, WIDTH, HALF_WIDTH = 8.0, 11.0, 8.0  # inches of a picture, of one map, of each of two
LABELLED = 3000  # words whose labels are tried, the first ones
LETTERS, AIR = 8.5, 6.0  # points; pixels
FEW = 3
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


class Look(NamedTuple):
    """Fonts, colours by the names of ``page.css``, and what lies around letters."""

    fonts: fonts.Fonts
    colours: marks.Colours
    halo: list[Any]


def write(title: str, about: str, panels: Sequence[Panel], path: Path) -> None:
    """Draw maps side by side; words whose letters no font has are told and keep their points.

    Raises:
        MissingLibraryError: matplotlib is not installed.
    """
    matplotlib = extra_library("matplotlib", "plot")
    from matplotlib.patheffects import withStroke

    words = [[fonts.without_formless(word) for word in panel.shown] for panel in panels]
    names = [title, about, *(panel.title for panel in panels)]
    names += [label for panel in panels for label in panel.labels or ()]
    found = fonts.fonts_for([*names, *chain.from_iterable(words)])
    _tell_missing(found, list(chain.from_iterable(words)))
    vector = path.suffix.lower() == ".svg"
    colours = dict(
        reversed(COLOUR.findall(asset(COMMON_STYLE)))
    )  # of two, the first: the light one
    # An .svg would hold the outlines of a halo's letters one by one, and be ten times as large.
    halo = [] if vector else [withStroke(linewidth=2, foreground=colours["ground"])]
    settings = {"font.family": found.families, "svg.hashsalt": "embedlayer", "font.size": LETTERS}
    with matplotlib.rc_context(settings):
        figure = _drawn(title, about, panels, words, Look(found, colours, halo))
        kept = {"Date": None} if vector else None  # the same bytes each time
        figure.savefig(path, dpi=DOTS, metadata=kept, facecolor=figure.get_facecolor())


def _tell_missing(found: fonts.Fonts, words: Sequence[str]) -> None:
    lost = [word for word in dict.fromkeys(words) if not found.can_draw(word)]
    if lost:
        packages = " ".join(sorted({fonts.package_for(letter) for letter in found.missing}))
        more = f" and {len(lost) - FEW:,} more" if len(lost) > FEW else ""
        log.warning(
            f"no font here has all letters of {', '.join(lost[:FEW])}{more}: these points are "
            "drawn without their words. Install a font, on Debian and Ubuntu by apt-get install "
            f"{packages}, or make an .html"
        )


def _drawn(
    title: str, about: str, panels: Sequence[Panel], texts: list[list[str]], look: Look
) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = WIDTH if len(panels) == 1 else HALF_WIDTH * len(panels)
    figure = Figure((width, HEIGHT), dpi=DOTS)
    FigureCanvasAgg(figure)  # it measures the letters, also those of an .svg
    figure.set_facecolor(look.colours["ground"])
    head = 0.85 if len(panels) == 1 else 1.15  # inches; below each map there is its legend
    edge = 0.2 / width
    inside = {"left": edge, "right": 1 - edge, "bottom": 0.7 / HEIGHT, "top": 1 - head / HEIGHT}
    figure.subplots_adjust(**inside, wspace=0.03)
    draw, text, quiet = look.fonts.drawable, look.colours["text"], look.colours["quiet"]
    lines = ((0.4, title, 15, "bold", text), (0.65, about, 9, "normal", quiet))
    for down, line, size, weight, colour in lines:
        style: Any = {"size": size, "weight": weight, "color": colour, "parse_math": False}
        figure.text(edge, 1 - down / HEIGHT, draw(line), **style)
    places = np.atleast_1d(figure.subplots(1, len(panels)))
    for axes, panel, words in zip(places, panels, texts, strict=True):
        if len(panels) > 1:
            axes.set_title(draw(panel.title), loc="left", color=text, parse_math=False)
        _draw_panel(axes, panel, words, look)
    return figure


def _draw_panel(axes: Any, panel: Panel, words: Sequence[str], look: Look) -> None:
    axes.set(xticks=[], yticks=[], facecolor=look.colours["ground"], aspect="equal")
    axes.spines[:].set_color(look.colours["line"])
    axes.set_adjustable("datalim")
    axes.margins(0.08)
    widths = marks.draw_points(axes, panel, look.colours)
    for four in panel.analogies:
        marks.draw_analogy(axes, panel.points[list(four)], look.colours)
    _draw_labels(axes, panel, words, widths, look)
    marks.draw_legend(axes, panel, look.fonts, look.colours)


def _draw_labels(
    axes: Any, panel: Panel, words: Sequence[str], widths: np.ndarray, look: Look
) -> None:
    """The names that have room: first of analogies and of the word in the middle, then of words
    that have a label."""
    first = [i for four in panel.analogies for i in four] + [i for i in [panel.centre] if i >= 0]
    first += np.flatnonzero(panel.is_told())[:LABELLED].tolist()
    order = list(dict.fromkeys([*first, *range(min(LABELLED, len(words)))]))
    order = [i for i in order if words[i].strip() and look.fonts.can_draw(words[i])]
    style = {"color": look.colours["text"], "parse_math": False, "va": "center", "zorder": 5}
    texts = [axes.text(0, 0, words[i], path_effects=look.halo, **style) for i in order]
    axes.apply_aspect()
    renderer = axes.get_figure().canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts]
    corner = axes.bbox.min
    pixels = axes.transData.transform(panel.points[order].reshape(-1, 2)) - corner
    sizes = np.array([[box.width, box.height] for box in boxes]).reshape(-1, 2)
    gaps = (widths[order] / 2 * DOTS / 72 + AIR / 2).tolist()
    places = placed_labels(pixels, sizes, gaps, (axes.bbox.width, axes.bbox.height), AIR)
    back = axes.transData.inverted()
    for k, text in enumerate(texts):
        if k in places:
            text.set_position(back.transform(places[k] + corner))
        else:
            text.remove()
