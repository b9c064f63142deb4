"""What ``chart.js`` draws: loss, learning rate and speed of one run, or of two."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

STYLES, SCRIPTS = ("report.css",), ("chart.js",)

OVER = (
    '<p class="over"><button type="button" data-over="tokens" aria-pressed="true">by tokens'
    '</button><button type="button" data-over="seconds" aria-pressed="false">by time</button></p>'
)
# Title, whether its axis begins at 0, and the columns of a history, with what each is called.
CHARTS: tuple[tuple[str, bool, dict[str, str]], ...] = (
    ("Loss per pair", False, {"loss": "training loss", "held_out_loss": "held-out loss"}),
    ("Learning rate", True, {"lr": "learning rate"}),
    ("Words per second", True, {"words_per_second": "words per second"}),
)


def charts_of(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The charts of one run, or of two side by side: their names, and what reports tell."""
    return [
        {"title": title, "zero": zero, "series": series}
        for title, zero, names in CHARTS
        if (series := _series(runs, names))
    ]


def figures(charts: Sequence[Mapping[str, Any]]) -> str:
    """Where the charts of a page stand, and how to choose what they are over."""
    if not charts:
        return "<p>The run told nothing on its way.</p>"
    made = (
        f'<figure data-chart="{i}"><figcaption>{html.escape(chart["title"])}</figcaption></figure>'
        for i, chart in enumerate(charts)
    )
    return f'{OVER}<div class="charts">{"".join(made)}</div>'


def _series(
    runs: Sequence[tuple[str, Mapping[str, Any]]], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The columns of each run that hold a number; the second of a run is dashed."""
    made = []
    for group, (run, told) in enumerate(runs):
        history = told["history"]
        for number, (column, name) in enumerate(names.items()):
            values = history.get(column, [])
            if any(value is not None for value in values):
                made.append(
                    {
                        "name": f"{name}, {run}" if len(runs) > 1 else name,
                        "group": group if len(runs) > 1 else number,
                        "dashed": number > 0,
                        "tokens": history["tokens"],
                        "seconds": history["seconds"],
                        "values": values,
                    }
                )
    return made
