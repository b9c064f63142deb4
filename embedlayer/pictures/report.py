"""The page of a training run: how it went, what it took, what it made."""

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from embedlayer.pictures.charts import SCRIPTS, STYLES, charts_of, figures
from embedlayer.pictures.map import SCRIPTS as map_scripts
from embedlayer.pictures.map import STYLES as map_styles
from embedlayer.pictures.map import section, word_map
from embedlayer.pictures.page import page
from embedlayer.pictures.told import (
    duration,
    flat,
    last_loss,
    marked,
    megabytes,
    score_text,
    scores_of,
    title_of,
)
from embedlayer.vectors.shown import Cell, html_table, text_of, titled
from embedlayer.vectors.vectors import Vectors

SKIPPED = ("output",)  # a path of the machine
MAP = "map"
ON_DEVICE = "on the device"  # where a corpus takes memory of its own
PARTS = {
    "table_bytes": "both tables",
    "optimizer_bytes": "the optimizer's arrays",
    "replica_bytes": "tables of replicas",
    "sampling_bytes": "tables for drawing",
    "workspace_bytes": "work space, at most",
    "corpus_bytes": "the text's ids",
}

Row = Sequence[Cell]


def report_page(told: Mapping[str, Any], vectors: Vectors | None = None) -> str:
    """The page of a run.

    Args:
        told: ``Report.to_dict()``, of which the page keeps a copy as JSON.
        vectors: what the run made, for a map of its commonest words.
    """
    told = {name: value for name, value in told.items() if name not in SKIPPED}
    charts = charts_of([("", told)])
    maps = {MAP: word_map(vectors).panels[0].data()} if vectors is not None else {}
    sections = [
        ("How it went", figures(charts)),
        ("Scores", scores_table(told)),
        ("Neighbours on the way", neighbours_table(told["neighbours"])),
        ("Map of the commonest words", section(MAP) if maps else ""),
    ]
    panels = [
        ("The text", html_table(text_rows(told))),
        ("Memory", html_table(memory_rows(told), right=(1,))),
        ("Time", html_table(time_rows(told), right=(1,))),
        ("Options", html_table(sorted(flat(told["options"]).items()))),
        ("Machine", html_table(machine_rows(told))),
    ]
    body = [
        f"<header><h1>{html.escape(title_of(told))}</h1>"
        f'<p class="quiet">{html.escape(began(told))}</p></header>',
        tiles(told),
        *(f"<section><h2>{name}</h2>{text}</section>" for name, text in sections if text),
        '<div class="panels">',
        *(f'<section><h2>{name}</h2><div class="scroll">{t}</div></section>' for name, t in panels),
        "</div>",
    ]
    return page(
        title_of(told),
        body=f"<main>{''.join(body)}</main>",
        styles=STYLES + (map_styles if maps else ()),
        scripts=SCRIPTS + (map_scripts if maps else ()),
        data={"report": told, "charts": charts, "maps": maps},
    )


def summary_tables(told: Mapping[str, Any]) -> str:
    """What a notebook shows of a report: its numbers, and the losses of its epochs."""
    losses = zip(told["loss"], told["held_out_loss"], strict=True)
    epochs: list[Row] = [(str(i), *two) for i, two in enumerate(losses, 1)]
    return titled(
        title_of(told),
        html_table([*numbers_of(told).items()], right=(1,)),
        html_table(epochs, ("epoch", "loss", "held-out loss"), right=(1, 2)) if epochs else "",
    )


def began(told: Mapping[str, Any]) -> str:
    """When, and with which version."""
    when = f"{datetime.fromtimestamp(told['begun'], UTC):%d %B %Y, %H:%M} UTC"
    return f"Trained on {when}, by embedlayer {told['machine'].get('embedlayer', '')}"


def tiles(told: Mapping[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    made = "".join(
        f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>"
        for name, text in numbers_of(told).items()
    )
    return f'<dl class="tiles">{made}</dl>'


def numbers_of(told: Mapping[str, Any]) -> dict[str, str]:
    """The few numbers that say what a run came to."""
    numbers = {
        "training": duration(told["seconds"].get("training", 0.0)),
        "words per second": text_of(float(round(told["words_per_second"]))),
        "tokens trained": text_of(told["tokens_trained"]),
        "loss, last epoch": last_loss(told["loss"]),
        "held-out loss, last epoch": last_loss(told["held_out_loss"]),
        "memory at the peak": megabytes(told["peak_memory"]),
    }
    return {name: text for name, text in numbers.items() if text}


def text_rows(told: Mapping[str, Any]) -> list[Row]:
    """What became of the tokens."""
    read, unknown = told["tokens_read"], told["tokens_out_of_vocabulary"]
    trained, dropped = told["tokens_trained"], told["tokens_subsampled"]
    return [
        ("words of the vocabulary", told["vocabulary"], ""),
        ("tokens read", read, ""),
        ("out of vocabulary", unknown, _share(unknown, read)),
        ("dropped by subsampling, all epochs", dropped, _share(dropped, dropped + trained)),
        ("trained on, all epochs", trained, _share(trained, dropped + trained)),
    ]


def time_rows(told: Mapping[str, Any]) -> list[Row]:
    """What took how long."""
    return [(name, duration(value)) for name, value in told["seconds"].items()]


def memory_rows(told: Mapping[str, Any]) -> list[Row]:
    """What the run was going to take, part by part, and what the process took."""
    rows: list[Row] = [
        (
            name + (f", {told['corpus_is']}" if part == "corpus_bytes" else ""),
            megabytes(told[part]),
        )
        for part, name in PARTS.items()
        if told.get(part)
    ]
    counted = [part for part in PARTS if part != "corpus_bytes" or told["corpus_is"] == ON_DEVICE]
    rows.append(("planned in all", megabytes(sum(told[part] for part in counted))))
    rows.append(("the process at its peak", megabytes(told["peak_memory"])))
    if told.get("peak_anonymous_memory"):
        rows.append(("of it without mapped files", megabytes(told["peak_anonymous_memory"])))
    return rows


def machine_rows(told: Mapping[str, Any]) -> list[Row]:
    """What trained."""
    more = {name: told[name] for name in ("backend", "kernels", "step", "workers")}
    return [(name, str(value)) for name, value in {**told["machine"], **more}.items()]


def scores_table(told: Mapping[str, Any]) -> str:
    """The scores, if there are any."""
    rows = [(name, what, score_text(score), of) for name, what, score, of in scores_of(told)]
    if not rows:
        return ""
    table = html_table(rows, ("benchmark", "measure", "score", "of"), right=(2,))
    return f'<div class="scroll">{table}</div>'


def neighbours_table(epochs: Sequence[Mapping[str, Any]]) -> str:
    """The neighbours at each epoch that was watched; those that are new since the one before."""
    if not epochs or not epochs[0]["neighbours"]:
        return ""
    head = "".join(f"<th>epoch {int(one['epoch'])}</th>" for one in epochs)
    lines = []
    for word in epochs[-1]["neighbours"]:
        before: set[str] | None = None
        cells = ""
        for one in epochs:
            found = [name for name, _ in one["neighbours"].get(word, [])]
            epoch = f"epoch {int(one['epoch'])}"
            cells += f'<td class="words" data-column="{epoch}">{marked(found, before)}</td>'
            before = set(found)
        lines.append(f'<tr><th scope="row">{html.escape(word)}</th>{cells}</tr>')
    rows = "".join(lines)
    head = f"<thead><tr><th>word</th>{head}</tr></thead>"
    return (
        f'<div class="scroll"><table class="stacked">{head}{rows}</table></div>'
        + '<p class="quiet">Marked: neighbours that were none in the column before.</p>'
        * (len(epochs) > 1)
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""
