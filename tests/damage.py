"""Damage to an entry of the cache: every file of it, in the ways of disks, crashes and programs."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path


def damage_entry(folder: Path, rng: random.Random) -> str:
    """Damage one file of an entry so that its bytes differ; returns what was done."""
    file = rng.choice(sorted(path for path in folder.iterdir() if path.is_file()))
    kind = rng.choice(list(KINDS))
    before = file.read_bytes()
    KINDS[kind](file, bytearray(before), rng)
    if file.is_file() and file.read_bytes() == before:  # as zeros in the place of zeros
        file.write_bytes(before + b"\0")
    return f"{file.name}: {kind}"


def _flip(file: Path, data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)


def _flip_many(file: Path, data: bytearray, rng: random.Random) -> None:
    for place in range(rng.randrange(97) % len(data), len(data), 97):
        data[place] ^= 1 << rng.randrange(8)
    file.write_bytes(data)


def _overwrite(file: Path, data: bytearray, rng: random.Random) -> None:
    """One number becomes a large, a negative or a small one."""
    number, width = rng.choice((0, -1, 7, 2 * 10**9, 10**12, -(2**63))), rng.choice((4, 8))
    place = rng.randrange(len(data)) // width * width
    data[place : place + width] = (number % 2**64).to_bytes(8, "little")[: len(data) - place][
        :width
    ]
    file.write_bytes(data)


def _zeros(file: Path, data: bytearray, rng: random.Random) -> None:
    """A block of zeros: what a power cut leaves of a page that was not on the disk yet."""
    start = rng.randrange(len(data))
    data[start : start + 4096] = bytes(len(data[start : start + 4096]))
    file.write_bytes(data)


def _swap(file: Path, data: bytearray, rng: random.Random) -> None:
    """Two numbers change places: their sum stays, and how often each occurs."""
    one, other = (rng.randrange(max(1, len(data) // 4)) * 4 for _ in range(2))
    data[one : one + 4], data[other : other + 4] = data[other : other + 4], data[one : one + 4]
    file.write_bytes(data)


def _cut(file: Path, data: bytearray, rng: random.Random) -> None:
    os.truncate(file, rng.randrange(len(data)))


def _grow(file: Path, data: bytearray, rng: random.Random) -> None:
    file.write_bytes(data + rng.randbytes(rng.choice((1, 4, 8, 4096))))


def _text(file: Path, data: bytearray, rng: random.Random) -> None:
    """What an editor, or JSON that is none of ours, would leave."""
    texts = ("", "[1]", "3", "{}", "[" * 100_000, '{"tokens": null, "created": null}', "\ud7ff" * 9)
    file.write_text(rng.choice(texts))


def _remove(file: Path, data: bytearray, rng: random.Random) -> None:
    file.unlink()


def _folder(file: Path, data: bytearray, rng: random.Random) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path, data: bytearray, rng: random.Random) -> None:
    file.unlink()
    os.mkfifo(file)


def _dangling(file: Path, data: bytearray, rng: random.Random) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def _another(file: Path, data: bytearray, rng: random.Random) -> None:
    """Another file of the entry in the place of this one."""
    others = [path for path in file.parent.iterdir() if path != file and path.is_file()]
    if others:
        shutil.copyfile(rng.choice(others), file)


KINDS: dict[str, Callable[[Path, bytearray, random.Random], None]] = {
    "bits flipped": _flip,
    "a bit of every 97th byte flipped": _flip_many,
    "a number overwritten": _overwrite,
    "zeros": _zeros,
    "two numbers swapped": _swap,
    "cut": _cut,
    "longer": _grow,
    "other text": _text,
    "removed": _remove,
    "a folder": _folder,
    "a pipe": _pipe,
    "a link to nothing": _dangling,
    "another file": _another,
}
