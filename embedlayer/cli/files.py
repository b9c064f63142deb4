"""Commands about files: convert, and info on vectors and on the cache of encoded texts."""

import time
from pathlib import Path
from typing import Any

import click

from embedlayer.cli.output import json_option, note, print_json, print_table, show_bytes, tell
from embedlayer.storage.folders import cache_folder
from embedlayer.text.cache import cache_entries, clear_cache
from embedlayer.vectors.files import FORMATS, check_writable
from embedlayer.vectors.vectors import Vectors

format_option = click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    help="The format to write; without it the suffix of OUT tells.",
)
MOST_FREQUENT = 10


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@format_option
def convert(source: Path, output: Path, format: str | None) -> None:
    """Write the vectors of IN to OUT, in another format."""
    check_writable(output, format)
    vectors = Vectors.load(source)
    vectors.save(output, format)
    note(f"wrote {output}: {len(vectors):,} words, {vectors.dim:,} dimensions")


@click.command()
@click.argument("paths", metavar="[VECTORS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--clear-cache", "clear", is_flag=True, help="Remove all encoded texts from the cache."
)
@json_option
def info(paths: tuple[Path, ...], clear: bool, as_json: bool) -> None:
    """What vectors are, or what the cache holds.

    Without VECTORS: the texts that are kept encoded, ready to be trained on again.
    """
    if clear and paths:
        raise click.UsageError("--clear-cache goes without VECTORS")
    if paths:
        about = [_about_vectors(path) for path in paths]
        if as_json:
            print_json({"results": about})
        for entry in () if as_json else about:
            print_table((name, str(value)) for name, value in _flat(entry))
    elif clear:
        _clear_cache(as_json)
    else:
        _show_cache(as_json)


def _about_vectors(path: Path) -> dict[str, Any]:
    vectors = Vectors.load(path)
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "words": len(vectors),
        "dim": vectors.dim,
        "tokens": None if vectors.counts is None else int(vectors.counts.sum()),
        "first_words": list(vectors.words[:MOST_FREQUENT]),
        "metadata": vectors.metadata,
    }


def _flat(about: dict[str, Any]) -> list[tuple[str, Any]]:
    """The entries that are known, those of the metadata among them, lists as words."""
    entries = {**about, **about["metadata"]}
    del entries["metadata"]
    return [
        (name, " ".join(map(str, value)) if isinstance(value, list) else value)
        for name, value in entries.items()
        if value is not None
    ]


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
                time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created)),
                f"{entry.tokens:,}",
                show_bytes(entry.bytes),
                " ".join(entry.files),
            )
            for entry in entries
        ]
        print_table([("made", "tokens", "size", "files"), *rows])
    tell(f"{len(entries)} encoded texts, {show_bytes(size)}, in {cache_folder()}")


def _clear_cache(as_json: bool) -> None:
    removed = clear_cache()
    if as_json:
        print_json({"folder": str(cache_folder()), "removed": removed})
    else:
        tell(f"removed {removed} encoded texts from {cache_folder()}")
