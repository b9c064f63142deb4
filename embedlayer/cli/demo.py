"""The command that shows it all in a minute, on a text that every machine has: demo."""

import click

from embedlayer.cli.documentation import demo_sentences
from embedlayer.cli.help import Documented
from embedlayer.cli.output import note, print_table, tell
from embedlayer.cli.progress import ReadingProgress
from embedlayer.cli.run import run_training, summary
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.vectors.files import check_writable

WORDS = ("server", "month", "red", "minimum", "left", "file", "thread", "exception")
NEIGHBOURS = 5
# A text this small needs more passes and wider windows than the defaults, and fewer rare words.
MODEL = SkipGram(dim=64, window=10)
EPOCHS, LR = 40, 0.05
MIN_COUNT = 15


@click.command(cls=Documented, short_help="Train on Python's own documentation, and look at it.")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    default="demo.safetensors",
    show_default=True,
    type=click.Path(),
    help="The file for the vectors.",
)
def demo(output: str) -> None:
    """Train on the documentation of Python and NumPy, show some neighbours, save the vectors.

    The text is read out of the installed source files; nothing is fetched from anywhere.

    Examples:
        embedlayer demo
        embedlayer demo -o python.vec
    """
    check_writable(output)

    def read(progress: ReadingProgress | None) -> Corpus:
        note("gathering the documentation of Python and NumPy")
        return Corpus.from_sentences(demo_sentences(progress), min_count=MIN_COUNT)

    vectors, report = run_training(read, MODEL, output, None, epochs=EPOCHS, lr=LR)
    note(summary(report) + "\n")
    known = [word for word in WORDS if word in vectors]
    answers = vectors.nearest(known, NEIGHBOURS)
    print_table(
        (word, "→", "  ".join(neighbour for neighbour, _ in found))
        for word, found in zip(known, answers, strict=True)
    )
    tell(
        "\nWhat to try next:\n"
        f"  embedlayer nearest {output} socket matrix\n"
        f"  embedlayer analogy {output} minimum maximum left\n"
        f"  embedlayer info {output}\n"
        "  embedlayer train YOUR_TEXT.txt -o vectors.safetensors"
    )
