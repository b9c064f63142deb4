"""``train --report``: what a run is judged by, and the page that tells how it went."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import click

from embedlayer.cli.help import section
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import check_place
from embedlayer.text.options import CorpusOptions
from embedlayer.training.report import Report
from embedlayer.vectors.evaluation import evaluate
from embedlayer.vectors.evaluation.files import Benchmark, read_benchmark
from embedlayer.vectors.samples import neighbours, sample_words
from embedlayer.vectors.vectors import Vectors

WATCHED = 12  # words, where none are named
OF_TEXT = ("min_count", "max_size", "max_sentence")
NAMES = ("report", "watch", "evaluate", "restrict_vocab")


report_options = section(
    "Report",
    click.option(
        "--report",
        metavar="FILE",
        type=click.Path(),
        help="Tell how the run went on one HTML page.",
    ),
    click.option(
        "--watch",
        metavar="WORD",
        multiple=True,
        help="--report: show the neighbours of this word. May be repeated.  "
        f"[default: {WATCHED} words]",
    ),
    click.option(
        "--evaluate",
        metavar="FILE",
        type=click.Path(),
        multiple=True,
        help="Judge the vectors by this set, as the command evaluate does. May be repeated.",
    ),
    click.option(
        "--restrict-vocab",
        metavar="NUMBER",
        type=click.IntRange(1),
        help="--evaluate: so many words only.",
    ),
)


class Reporting(NamedTuple):
    """What is done when a run has ended.

    Attributes:
        path: of the page; None: none is written.
        watch: words, or how many, whose neighbours it tells.
        benchmarks: that the vectors are judged by.
        restrict_vocab: of the evaluation.
        options: of the text, which a run does not know.
    """

    path: str | None = None
    watch: tuple[str, ...] | int = 0
    benchmarks: tuple[Benchmark, ...] = ()
    restrict_vocab: int | None = None
    options: Mapping[str, Any] = {}

    def watched(self) -> dict[str, Any]:
        """The option of a run."""
        return {"watch": self.watch} if self.path else {}

    def judge(self, vectors: Vectors, report: Report) -> None:
        """Add the scores to a report, and neighbours if nobody watched them on the way."""
        report.options = {**self.options, **report.options}
        report.evaluation = [
            evaluate(vectors, one, restrict_vocab=self.restrict_vocab).to_dict()
            for one in self.benchmarks
        ]
        if self.path and not report.neighbours:
            words = self.watch
            named = sample_words(vectors.words, words) if isinstance(words, int) else words
            epoch = len(report.loss)
            report.neighbours = [{"epoch": epoch, "neighbours": neighbours(vectors, named)}]

    def write(self, report: Report, vectors: Vectors) -> None:
        """Write the page, if one is asked for."""
        if self.path is not None:
            report.save_html(self.path, vectors)


NO_REPORT = Reporting()


def reporting_of(given: Mapping[str, Any], text: CorpusOptions) -> Reporting:
    """What is asked for; mistakes are told before a text is read.

    Args:
        given: the options that were given.
        text: how the text is read.

    Raises:
        EmbedlayerError: a page that cannot be written, a set that cannot be used.
        UsageError: an option that means nothing.
    """
    path, files = given.get("report"), given.get("evaluate", ())
    if path is None and "watch" in given:
        raise click.UsageError("--watch has no effect without --report")
    if not files and "restrict_vocab" in given:
        raise click.UsageError("--restrict-vocab has no effect without --evaluate")
    if path is not None:
        check_place(expanded(path))
    watch = tuple(given.get("watch", ())) or WATCHED
    benchmarks = tuple(read_benchmark(one) for one in files)
    restrict = given.get("restrict_vocab")
    told = {name: value for name, value in asdict(text).items() if name in OF_TEXT and value}
    return Reporting(path, watch if path else 0, benchmarks, restrict, told)
