"""The command that puts two runs side by side: compare."""

import click

from embedlayer.cli.help import Documented
from embedlayer.cli.output import json_option, note, print_json, print_table
from embedlayer.pictures.compare import Changed, Comparison
from embedlayer.pictures.runs import read_run
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import check_place, told_where

SHOWN = 5  # neighbours of a word


@click.command(cls=Documented)
@click.argument("left", metavar="A", type=click.Path())
@click.argument("right", metavar="B", type=click.Path())
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="An HTML page, too.")
@click.option(
    "--word",
    "words",
    metavar="WORD",
    multiple=True,
    help="Compare the neighbours of this word. May be repeated.  [default: those of the reports]",
)
@json_option
def compare(
    left: str, right: str, output: str | None, words: tuple[str, ...], as_json: bool
) -> None:
    """Two runs side by side: options that differ, losses, speed, scores, neighbours.

    A and B are reports, as train --report or train --json wrote them, or files of vectors, of
    which less is known.

    Examples:
        embedlayer compare a.html b.html
        embedlayer compare a.html b.html -o both.html --word king
    """
    if output is not None:
        check_place(expanded(output))
    found = Comparison(read_run(left), read_run(right), words)
    if output is not None:
        with told_where(output) as unfinished:
            unfinished.write_text(found.to_html(), encoding="utf-8")
    if as_json:
        print_json(_as_json(found))
        return
    rows = [*found.options, *found.numbers, *found.scores]
    print_table([("", *found.names), *rows])
    if found.neighbours:
        print_table([("", "", ""), ("neighbours of", *found.names), *map(_row, found.neighbours)])
    if output is not None:
        note(f"wrote {output}")


def _row(changed: Changed) -> tuple[str, str, str]:
    """The nearest of both, in a line."""
    return changed.word, " ".join(changed.left[:SHOWN]), " ".join(changed.right[:SHOWN])


def _as_json(found: Comparison) -> dict[str, object]:
    tables = {"options": found.options, "numbers": found.numbers, "scores": found.scores}
    return {
        "names": found.names,
        **{name: {row[0]: row[1:] for row in rows} for name, rows in tables.items()},
        "neighbours": {
            one.word: {"left": one.left, "right": one.right, "shared": one.shared}
            for one in found.neighbours
        },
    }
