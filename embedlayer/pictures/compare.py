"""Two runs side by side: what differs, as rows for a terminal and as a page."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from embedlayer.pictures.charts import SCRIPTS, STYLES, charts_of, figures
from embedlayer.pictures.page import page
from embedlayer.pictures.runs import Run
from embedlayer.pictures.told import duration, flat, last_loss, marked, score_text, scores_of
from embedlayer.vectors.shown import html_table, text_of

NONE = "-"

Pair = tuple[str, str, str]  # a name, and what each of the two has


class Changed(NamedTuple):
    """The neighbours of a word in both runs, the nearest first."""

    word: str
    left: list[str]
    right: list[str]

    @property
    def shared(self) -> int:
        """How many they have in common."""
        return len({*self.left} & {*self.right})


class Comparison:
    """Two runs side by side.

    Args:
        left, right: the runs.
        words: whose neighbours are compared; default those that the left one shows.

    Attributes:
        options: those that differ.
        numbers: losses and speed.
        scores: of the benchmarks of either.
        neighbours: of the words that both know, those that changed most first.
    """

    def __init__(self, left: Run, right: Run, words: Sequence[str] = ()) -> None:
        self.runs = left, right
        self.names = _names(left.name, right.name)
        self.options = self._options()
        self.numbers = self._numbers()
        self.scores = self._scores()
        self.neighbours = self._neighbours(list(words) or left.words() or right.words())

    def to_html(self) -> str:
        """The page: charts of both in one, and tables."""
        runs = zip(self.names, self.runs, strict=True)
        charts = charts_of([(name, run.told) for name, run in runs])
        head = ("", *self.names)
        title = f"{self.names[0]} and {self.names[1]}"
        same = "<p>All options that both tell of are the same.</p>"
        parts = [
            ("Options that differ", html_table(self.options, head) if self.options else same),
            ("Loss and speed", html_table(self.numbers, head, right=(1, 2))),
            ("Scores", html_table(self.scores, head, right=(1, 2)) if self.scores else ""),
            ("How it went", figures(charts)),
            ("Neighbours", self._neighbours_table() if self.neighbours else ""),
        ]
        sections = (
            f'<section><h2>{name}</h2><div class="scroll">{text}</div></section>'
            for name, text in parts
            if text
        )
        body = f"<header><h1>{html.escape(title)}</h1></header>{''.join(sections)}"
        data = {"charts": charts}
        return page(title, body=f"<main>{body}</main>", styles=STYLES, scripts=SCRIPTS, data=data)

    def _options(self) -> list[Pair]:
        left, right = (flat(run.told["options"]) for run in self.runs)
        told = dict.fromkeys([*left, *right])
        if any(run.vectors is not None for run in self.runs):  # whose metadata leave some out
            told = {name: None for name in told if name in left and name in right}
        return [
            (name, left.get(name, NONE), right.get(name, NONE))
            for name in told
            if left.get(name) != right.get(name)
        ]

    def _numbers(self) -> list[Pair]:
        found = []
        for run in self.runs:
            told = run.told
            training, speed = told["seconds"].get("training"), told["words_per_second"]
            found.append(
                {
                    "words": text_of(told["vocabulary"]),
                    "loss, last epoch": last_loss(told["loss"]),
                    "held-out loss, last epoch": last_loss(told["held_out_loss"]),
                    "training": duration(training) if training else "",
                    "words per second": text_of(float(round(speed))) if speed else "",
                }
            )
        return [
            (name, found[0][name] or NONE, found[1][name] or NONE)
            for name in found[0]
            if found[0][name] or found[1][name]
        ]

    def _scores(self) -> list[Pair]:
        left, right = (
            {f"{name}, {what}": score_text(score) for name, what, score, _ in scores_of(run.told)}
            for run in self.runs
        )
        return [(name, left.get(name, NONE), right.get(name, NONE)) for name in left | right]

    def _neighbours(self, words: list[str]) -> list[Changed]:
        left, right = (run.neighbours(words) for run in self.runs)
        made = [
            Changed(word, [name for name, _ in left[word]], [name for name, _ in right[word]])
            for word in words
            if word in left and word in right
        ]
        return sorted(made, key=lambda changed: changed.shared)

    def _neighbours_table(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in ("word", *self.names))
        lines = []
        for word, left, right in self.neighbours:
            cells = zip(self.names, (marked(left, {*right}), marked(right, {*left})), strict=True)
            text = "".join(
                f'<td class="words" data-column="{html.escape(name)}">{words}</td>'
                for name, words in cells
            )
            lines.append(f'<tr><th scope="row">{html.escape(word)}</th>{text}</tr>')
        table = f'<table class="stacked"><thead><tr>{head}</tr></thead>{"".join(lines)}</table>'
        return f'{table}<p class="quiet">Marked: words that are no neighbours in the other run.</p>'


def _names(left: str, right: str) -> tuple[str, str]:
    """Names of the two by which they can be told apart."""
    return (left, right) if left != right else (f"{left} (1)", f"{right} (2)")
