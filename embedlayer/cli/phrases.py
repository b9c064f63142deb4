"""The command that finds phrases and writes texts with them, and the options of them for train."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields
from time import perf_counter
from typing import Any

import click

from embedlayer.cli.command import find_texts
from embedlayer.cli.help import Documented, section
from embedlayer.cli.options import declared, flag
from embedlayer.cli.output import json_option, log_shown, note, print_json, tell
from embedlayer.cli.progress import ReadingProgress
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import check_place
from embedlayer.text.options import ENGLISH, CorpusOptions, Phrase, PhraseOptions
from embedlayer.text.phrases import Phrases
from embedlayer.training.warmup import when_compiling

COMPILING = "compiling what finds phrases, once: it is kept on disk"
PREFIX = "phrase_"
DECLARED = [field for field in fields(PhraseOptions) if field.metadata]
(ERRORS,) = [field for field in fields(CorpusOptions) if field.name == "errors"]


def _options(prefix: str) -> list[Callable[[Any], Any]]:
    """The options of phrases, their names behind a prefix."""
    return [
        *(declared(field, prefix) for field in DECLARED),
        click.option(
            flag(f"{prefix}delimiter"),
            metavar="SIGN",
            help=f"Between the words of a phrase.  [default: {PhraseOptions.delimiter}]",
        ),
        click.option(
            flag(f"{prefix}connectors"),
            metavar="WORDS",
            help="Words that stand inside of phrases only, divided by commas; or english.",
        ),
    ]


# What a command that trains takes about phrases.
with_phrase_options = section(
    "Phrases",
    *_options(PREFIX),
    click.option(
        "--phrases-from",
        metavar="FILE",
        type=click.Path(),
        help="Join the phrases that embedlayer phrases --save kept there.",
    ),
)


def phrases_of(given: dict[str, Any]) -> Phrases | PhraseOptions | None:
    """What a command that trains was told about phrases."""
    options = {
        name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)
    }
    if "phrases_from" in given:
        if options:
            raise click.UsageError(
                f"--phrases-from knows its phrases: no {flag(PREFIX + next(iter(options)))}"
            )
        return Phrases.load(given["phrases_from"])
    if options and "passes" not in options:
        raise click.UsageError(
            f"{flag(PREFIX + next(iter(options)))} has no effect without --phrases"
        )
    return PhraseOptions(**_read(options)) if options else None


@click.command(cls=Documented)
@click.argument("texts", metavar="TEXT...", nargs=-1, type=click.Path())
@click.option("-o", "--output", metavar="OUT", type=click.Path(), help="The text with phrases.")
@section("Phrases", *_options(""))
@click.option("--save", metavar="FILE", type=click.Path(), help="Keep the phrases there.")
@click.option(
    "--load", metavar="FILE", type=click.Path(), help="Join the phrases that --save kept there."
)
@click.option("--list", "listed", is_flag=True, help="Print the phrases, the best first.")
@declared(ERRORS)
@click.option(
    "--workers", metavar="NUMBER", type=click.IntRange(1), help="Threads.  [default: all cores]"
)
@click.option("--quiet", is_flag=True, help="Only errors on standard error.")
@json_option
def phrases(
    texts: tuple[str, ...],
    output: str | None,
    save: str | None,
    load: str | None,
    listed: bool,
    errors: str | None,
    workers: int | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the phrases of texts, and write the texts with them: "New York" becomes New_York.

    TEXT is a file (also .gz, .bz2, .xz, .zst), a folder, a glob, or - for standard input; a line
    is a sentence, and stays one in OUT. With --load the phrases are those of another text. --list
    prints phrase, score, count and pass, divided by tabs.

    Examples:
        embedlayer phrases corpus.txt -o joined.txt --passes 2 --connectors english
        embedlayer phrases corpus.txt --save phrases.tsv --list
        embedlayer phrases more.txt --load phrases.tsv -o more_joined.txt
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_asked(texts, output, save, load, listed or as_json, given)
    started = perf_counter()
    reading: dict[str, Any] = {"errors": errors or CorpusOptions.errors, "workers": workers}
    places = [place for place in (output, save) if place is not None]
    files = find_texts(texts, *places) if texts else []
    for place in places:
        check_place(expanded(place))
    compiling = nullcontext() if quiet else when_compiling(lambda: note(COMPILING))
    progress = None if quiet else ReadingProgress()
    with log_shown(logging.WARNING), compiling, progress or nullcontext():
        reading["progress"] = progress
        if load is None:
            found = Phrases.from_files(files, output=output, **reading, **_read(given))
        else:
            found = Phrases.load(load)
            if output is not None:
                found.write(files, output, **reading)
    if save is not None:
        found.save(save)
    _tell(found, output, save, listed, as_json, quiet, perf_counter() - started)


def _check_asked(
    texts: tuple[str, ...],
    output: str | None,
    save: str | None,
    load: str | None,
    shown: bool,
    given: dict[str, Any],
) -> None:
    """Raise UsageError for a command that lacks something, or asks for what it cannot have."""
    if load is not None and (given or save is not None):
        name = flag(next(iter(given))) if given else "--save"
        raise click.UsageError(f"--load knows its phrases: no {name}")
    if not texts and (load is None or output is not None):
        raise click.UsageError("Missing argument 'TEXT...'.")
    if texts and load is not None and output is None:
        raise click.UsageError("--load joins phrases in a text: give -o OUT for it")
    if output is None and save is None and not shown:
        raise click.UsageError("nothing is asked for: give -o OUT, --save FILE or --list")


def _read(options: dict[str, Any]) -> dict[str, Any]:
    """The options, connectors as words."""
    words = options.get("connectors")
    if words is None or words == ENGLISH:
        return options
    return options | {"connectors": [word for word in words.split(",") if word]}


def _tell(
    found: Phrases,
    output: str | None,
    save: str | None,
    listed: bool,
    as_json: bool,
    quiet: bool,
    seconds: float,
) -> None:
    if as_json:
        report: dict[str, Any] = {
            "phrases": len(found),
            "passes": [len(one) for one in found.passes],
            "seconds": seconds,
            "output": output,
            "save": save,
        }
        if listed:
            report["list"] = [
                {"phrase": found.spelled(phrase), "words": phrase.words, "score": phrase.score,
                 "count": phrase.count, "pass": number}
                for number, phrase in _numbered(found)
            ]  # fmt: skip
        print_json(report)
        return
    if listed and len(found):
        tell(
            "\n".join(
                f"{found.spelled(phrase)}\t{phrase.score:.6g}\t{phrase.count}\t{number}"
                for number, phrase in _numbered(found)
            )
        )
    if not quiet:
        each = ", ".join(f"{len(one):,}" for one in found.passes)
        wrote = "".join(f"; wrote {place}" for place in (output, save) if place)
        note(f"{len(found):,} phrases ({each}), {seconds:.1f} s{wrote}")


def _numbered(found: Phrases) -> list[tuple[int, Phrase]]:
    return [(number, phrase) for number, one in enumerate(found.passes, 1) for phrase in one]
