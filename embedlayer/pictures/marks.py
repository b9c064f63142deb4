"""The colours of a drawn map and what is said of them, and the parallelograms of its analogies."""

from typing import Any

import numpy as np

from embedlayer.pictures.fonts import Fonts
from embedlayer.pictures.panel import NO_LABEL, Panel

GROUPS = 8  # labels with a colour of their own; map.js says so too
MANY = 5000  # points; an .svg holds more of them as pixels, as it else is as large as its text
SIZES = 8  # of points, and the smallest
Colours = dict[str, str]


def draw_points(axes: Any, panel: Panel, colours: Colours) -> np.ndarray:
    """The points, those of frequent words larger and on top; float64, (n,): how wide, in points."""
    shares, many = _shares_of(panel), len(panel.words) > MANY
    steps = np.rint(shares**2 * SIZES)
    widths = np.clip(9 - 1.6 * np.log10(len(shares)), 1.4, 7) * (0.8 + 0.6 * steps / SIZES)
    fills = _fills_of(panel, shares, colours)
    told = panel.is_told()
    for kind, step in np.unique(np.column_stack([told, steps]), axis=0):
        (those,) = np.nonzero((told == kind) & (steps == step))  # an .svg holds each size once
        rows = those[::-1]
        style = {"alpha": (0.75 if many else 0.9) if kind else 0.45, "rasterized": many}
        size = widths[rows[0]] ** 2
        axes.scatter(*panel.points[rows].T, s=size, c=fills[rows], linewidths=0, **style)
    return widths


def _shares_of(panel: Panel) -> np.ndarray:
    """float64, (n,): from 0, the rarest word, to 1, by the logarithms of counts, or of places."""
    size = len(panel.words)
    places = size / np.arange(1, size + 1)
    values = np.log(places if panel.counts is None else np.maximum(panel.counts, 1))
    spread = np.ptp(values)
    return (values - values.min()) / spread if spread > 0 else np.ones(size)


def _fills_of(panel: Panel, shares: np.ndarray, colours: Colours) -> np.ndarray:
    """float64, (n, 4): the colour of each point."""
    from matplotlib.colors import to_rgba_array

    if panel.labels is None:
        return np.asarray(_scale(colours)(shares))
    return to_rgba_array([_group_colour(group, colours) for group in panel.groups.tolist()])


def draw_analogy(axes: Any, corners: np.ndarray, colours: Colours) -> None:
    """a is to b as c is to d: arrows a → b and c → d, and the other two sides, dashed.

    Args:
        corners: floats, (4, 2): a, b, c, d.
    """
    a, b, c, d = corners
    colour = colours["strong"]
    axes.fill(*np.array([a, b, d, c]).T, color=colour, alpha=0.07, linewidth=0)
    for start, end in ((a, c), (b, d)):
        axes.plot(*np.array([start, end]).T, color=colour, linewidth=0.7, linestyle="--", alpha=0.8)
    for start, end in ((a, b), (c, d)):
        arrow = {"arrowstyle": "->", "color": colour, "linewidth": 1.2, "shrinkB": 3, "shrinkA": 0}
        axes.annotate("", end, start, arrowprops=arrow)


def draw_legend(axes: Any, panel: Panel, found: Fonts, colours: Colours) -> None:
    """How often words occur, or the labels that they have; below the map."""
    if panel.labels is None:
        _frequency_legend(axes, panel, colours)
        return
    rows = [(found.drawable(name), group) for group, name in enumerate(panel.labels[:GROUPS])]
    rest = len(panel.labels) - GROUPS
    rows += [(f"{rest:,} more", GROUPS)] if rest > 0 else []
    rows += [("no label", NO_LABEL)] if (panel.groups == NO_LABEL).any() else []
    for name, group in rows:
        label = name if not name.startswith("_") else "\u200b" + name  # matplotlib hides those
        axes.scatter([], [], s=20, color=_group_colour(group, colours), label=label)
    place = {"loc": "upper left", "bbox_to_anchor": (-0.01, 0), "ncols": 5, "frameon": False}
    box = axes.legend(**place, handletextpad=0.1, columnspacing=1.2)
    for text in box.get_texts():
        text.set(parse_math=False, color=colours["text"])


def _frequency_legend(axes: Any, panel: Panel, colours: Colours) -> None:
    known = np.empty(0) if panel.counts is None else panel.counts[panel.counts >= 0]
    low, high, name = "last", "first", "Place in the vocabulary"
    if len(known):
        low, high = f"{int(known.min()):,}", f"{int(known.max()):,}"
        name = "How often a word occurs"
    bar = axes.inset_axes((0, -0.045, 0.18, 0.011))
    bar.imshow(np.linspace(0, 1, 256)[None], aspect="auto", cmap=_scale(colours))
    bar.set(xticks=[], yticks=[])
    bar.spines[:].set_visible(False)
    style = {"transform": bar.transAxes, "size": 7.5, "parse_math": False}
    bar.text(0, 1.4, name, color=colours["quiet"], va="bottom", **style)
    bar.text(0, -0.4, low, color=colours["text"], va="top", **style)
    bar.text(1, -0.4, high, color=colours["text"], va="top", ha="right", **style)


def _scale(colours: Colours) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    ends = [colours["scale-low"], colours["scale-high"]]
    return LinearSegmentedColormap.from_list("frequency", ends)


def _group_colour(group: int, colours: Colours) -> str:
    return colours[f"group-{group}" if group < GROUPS else "group-none"]
