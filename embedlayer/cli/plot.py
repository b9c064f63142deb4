"""The command that draws a map of words: plot."""

import logging
from typing import Any

import click

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import Documented
from embedlayer.cli.output import log_shown, note
from embedlayer.cli.reading import reading_options
from embedlayer.pictures.choosing import read_labels, read_words
from embedlayer.pictures.map import WORDS, Map, check_picture, neighbourhoods, word_map
from embedlayer.pictures.projection import PROJECTIONS, check_method
from embedlayer.vectors.vectors import Vectors


@click.command(cls=Documented)
@click.argument("path", metavar="VECTORS", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(),
    help="The map: .html, a page to explore; .png or .svg, a picture.",
)
@click.option(
    "--method",
    type=Choice(list(PROJECTIONS)),
    default="pca",
    show_default=True,
    help="How words get their places; tsne and umap come with the extra plot.",
)
@click.option(
    "--words",
    "size",
    metavar="NUMBER",
    type=click.IntRange(1),
    help=f"Show so many words, the commonest.  [default: {WORDS}, unless words are named]",
)
@click.option("--word", "named", metavar="WORD", multiple=True, help="Show this word; repeatable.")
@click.option(
    "--words-file", metavar="FILE", type=click.Path(), help="Show the words of FILE, one a line."
)
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(),
    help="Colour words by their labels: FILE has lines of word, tab, label.",
)
@click.option(
    "--analogy",
    "analogies",
    metavar="A B C",
    nargs=3,
    multiple=True,
    help="Draw A is to B as C is to the answer as a parallelogram; repeatable.",
)
@click.option(
    "--neighbours", metavar="A B", nargs=2, help="Show two words' neighbourhoods side by side."
)
@click.option("--title", metavar="TEXT", help="What stands above the map.")
@reading_options
def plot(
    path: str,
    output: str,
    method: str,
    size: int | None,
    named: tuple[str, ...],
    words_file: str | None,
    labels: str | None,
    analogies: tuple[tuple[str, str, str], ...],
    neighbours: tuple[str, str] | None,
    title: str | None,
    **reading: Any,
) -> None:
    """A map of words in two dimensions.

    Words whose vectors point the same way lie near each other, as far as two dimensions can show
    that. The page holds all that it needs, and asks nothing of anyone.

    Examples:
        embedlayer plot vectors.safetensors -o map.html
        embedlayer plot vectors.safetensors -o royal.png --analogy man king woman
        embedlayer plot vectors.safetensors -o two.svg --neighbours king coffee
    """
    if size is not None and (named or words_file):
        raise click.UsageError("give --words, or name words by --word and --words-file, not both")
    if neighbours and (size is not None or named or words_file or analogies):
        raise click.UsageError("--neighbours is a picture of its own: give it without other words")
    check_picture(output)
    check_method(method)
    words: Any = size
    if named or words_file:
        words = [*named, *(read_words(words_file) if words_file else ())]
    about = {"method": method, "labels": read_labels(labels) if labels else None, "title": title}
    vectors = Vectors.load(path, **reading)
    made = _made(vectors, words, analogies, neighbours, about)
    with log_shown(logging.WARNING):
        made.save(output)
    how = "; open it in a browser" if output.lower().endswith(".html") else ""
    note(f"wrote {output}: {made.about()}{how}")


def _made(
    vectors: Vectors, words: Any, analogies: Any, neighbours: Any, about: dict[str, Any]
) -> Map:
    if neighbours:
        return neighbourhoods(vectors, *neighbours, **about)
    made = word_map(vectors, words, analogies=analogies, **about)
    for panel in made.panels:
        for four in panel.analogies:
            a, b, c, d = (panel.shown[i] for i in four)
            note(f"{a} is to {b} as {c} is to {d}")
    return made
