"""Commands about files: convert, and info on vectors and on the cache of encoded texts."""

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import Documented
from embedlayer.cli.output import (
    json_option,
    log_shown,
    note,
    print_json,
    print_table,
    show_age,
    show_bytes,
    tell,
)
from embedlayer.cli.reading import reading_options
from embedlayer.storage.folders import cache_folder
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import is_url
from embedlayer.text.cache import clear_cache, remove_entry
from embedlayer.text.entries import cache_entries
from embedlayer.vectors.files import FOLDERS, FORMATS, check_writable
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

format_option = click.option(
    "--format",
    type=Choice([*FORMATS, *FOLDERS]),
    help="The format to write; without it the suffix of OUT tells. The last two are folders.",
)
MOST_FREQUENT = 10
ENTRY_LETTERS = 8  # of an entry's name, that are shown: enough to tell it from the others


@click.command(cls=Documented)
@click.argument("source", metavar="IN", type=click.Path())
@click.argument("output", metavar="OUT", type=click.Path())
@format_option
@click.option("--prune", is_flag=True, help="Drop the rows of n-grams that none of the words has.")
@click.option("--half", is_flag=True, help="Round to float16, which the native format keeps.")
@reading_options
def convert(
    source: str, output: str, format: str | None, prune: bool, half: bool, **reading: Any
) -> None:
    """Write the vectors of IN to OUT, in another format.

    With --half it is told how far numbers and words are from what they were.

    Examples:
        embedlayer convert vectors.safetensors vectors.bin
        embedlayer convert vectors.safetensors vectors.txt.gz --format glove
        embedlayer convert vectors.safetensors small.safetensors --half --limit 50000
    """
    check_writable(output, format, half=half)
    vectors = Vectors.load(source, **reading)
    if prune:
        rows, vectors = vectors.subwords, vectors.pruned()
        note(f"kept {len(vectors.subwords or ()):,} of {len(rows or ()):,} rows of n-grams")
    with log_shown(logging.INFO):
        vectors.save(output, format, half=half)
    note(f"wrote {output}: {len(vectors):,} words, {vectors.dim:,} dimensions")


@click.command(cls=Documented)
@click.argument("paths", metavar="[VECTORS]...", nargs=-1, type=click.Path())
@click.option(
    "--clear-cache", "clear", is_flag=True, help="Remove all encoded texts from the cache."
)
@click.option(
    "--remove", metavar="ENTRY", help="Remove one of them, named by the first letters of its entry."
)
@reading_options
@json_option
def info(
    paths: tuple[str, ...], clear: bool, remove: str | None, as_json: bool, **reading: Any
) -> None:
    """What vectors are, or what the cache holds.

    Without VECTORS: the texts that are kept encoded, ready to be trained on again. They take 10 GB
    at most, or what EMBEDLAYER_CACHE_GB says: a new one takes the place of those whose files have
    changed, and then of those that were used least recently.

    Examples:
        embedlayer info vectors.safetensors
        embedlayer info
        embedlayer info --clear-cache
    """
    if bool(paths) + clear + (remove is not None) > 1:
        raise click.UsageError("give VECTORS, --clear-cache or --remove: one of them")
    if paths:
        about = [_about_vectors(path, reading) for path in paths]
        if as_json:
            print_json({"results": about})
        for entry in () if as_json else about:
            print_table((name, str(value)) for name, value in _flat(entry))
    elif clear:
        _tell_removed(clear_cache(), "encoded texts", as_json)
    elif remove is not None:
        _tell_removed(1, f"encoded text, {remove_entry(remove).path.name},", as_json)
    else:
        _show_cache(as_json)


def _about_vectors(path: str, reading: dict[str, Any]) -> dict[str, Any]:
    vectors = Vectors.load(path, **reading)
    return {
        "path": path,
        "bytes": None if is_url(path) else _bytes_of(Path(expanded(path))),
        "words": len(vectors),
        "dim": vectors.dim,
        "tokens": None if vectors.counts is None else int(vectors.counts.sum()),
        "first_words": list(vectors.words[:MOST_FREQUENT]),
        "metadata": vectors.metadata,
    } | ({} if vectors.subwords is None else {"subwords": _about_subwords(vectors.subwords)})


def _about_subwords(subwords: SubwordRows) -> dict[str, int]:
    return asdict(subwords.subwords) | {"rows": len(subwords)}


def _bytes_of(path: Path) -> int:
    """Those of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if not file.is_dir())


def _flat(about: dict[str, Any]) -> list[tuple[str, Any]]:
    """The entries that are known, those of the metadata among them, lists as words."""
    entries = {**about, **about["metadata"]}
    del entries["metadata"]
    return [(name, _told(value)) for name, value in entries.items() if value is not None]


def _told(value: Any) -> Any:
    """A list as words, and a dict as names and values."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _show_cache(as_json: bool) -> None:
    entries = cache_entries()
    size = sum(entry.bytes for entry in entries)
    if as_json:
        about = [entry._asdict() | {"path": str(entry.path)} for entry in entries]
        print_json({"folder": str(cache_folder()), "bytes": size, "entries": about})
        return
    if entries:
        rows = [
            (
                entry.path.name[:ENTRY_LETTERS],
                show_age(time.time() - entry.created),
                "never again" if entry.changed else show_age(time.time() - entry.used),
                f"{entry.tokens:,}",
                show_bytes(entry.bytes),
                " ".join(entry.files) or "damaged, or of another version",
            )
            for entry in entries
        ]
        print_table(rows, ("entry", "made", "used", "tokens", "size", "files"))
    tell(f"{len(entries)} encoded texts, {show_bytes(size)}, in {cache_folder()}")


def _tell_removed(removed: int, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(cache_folder()), "removed": removed})
    else:
        tell(f"removed {removed} {what} from {cache_folder()}")
