"""Counting on a cluster of this machine: the bits of one process, and the memory of the workers.

    python benchmarks/counting.py TEXT [--files 3] [--workers 2] [--parts 1 4]

The text is cut at newlines into files, which are counted as they are and compressed (.gz), by new
workers each time; raises unless words, counts, ids and offsets are those of ``Corpus.from_files``.
"""

import argparse
import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import distributed
import numpy as np

from embedlayer.dask import DaskCorpus
from embedlayer.text.corpus import Corpus

PIECE = 1 << 24  # bytes


def cut(text: Path, count: int, folder: Path) -> Iterator[list[Path]]:
    """So many files, plain and then compressed."""
    ends = [text.stat().st_size * (i + 1) // count for i in range(count)]
    plain, packed = ([folder / f"{i}{kind}" for i in range(count)] for kind in (".txt", ".txt.gz"))
    with text.open("rb") as whole:
        for path, other, end in zip(plain, packed, ends, strict=True):
            with path.open("wb") as file, gzip.open(other, "wb", compresslevel=1) as archive:
                while whole.tell() < end and (
                    piece := whole.read(min(PIECE, end - whole.tell())) + whole.readline()
                ):
                    file.write(piece)
                    archive.write(piece)
    yield plain
    yield packed


def peak() -> float:
    """The most memory that this process has had, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def check(found: Corpus, wanted: Corpus) -> None:
    if found.vocabulary.words != wanted.vocabulary.words:
        raise AssertionError("other words")
    for name, mine, its in (
        ("counts", found.vocabulary.counts, wanted.vocabulary.counts),
        ("ids", found.ids, wanted.ids),
        ("offsets", found.offsets, wanted.offsets),
    ):
        np.testing.assert_array_equal(mine, its, name)


def main(given: argparse.Namespace) -> None:
    options = {"min_count": given.min_count}
    with tempfile.TemporaryDirectory() as place:
        for files in cut(Path(given.text), given.files, Path(place)):
            started = perf_counter()
            wanted = Corpus.from_files(files, cache=False, **options)
            kind = "".join(files[0].suffixes)
            print(
                f"{kind:8} {'one process':14} {perf_counter() - started:6.1f} s, "
                f"{len(wanted.ids):,} tokens, {len(wanted.vocabulary):,} words"
            )
            for parts in given.parts:
                with (
                    distributed.LocalCluster(
                        n_workers=given.workers, threads_per_worker=1, dashboard_address=":0"
                    ) as cluster,
                    distributed.Client(cluster) as client,
                ):
                    begun = max(client.run(peak).values())
                    started = perf_counter()
                    found = DaskCorpus.from_files(
                        client, files, folder=Path(place, f"{kind}-{parts}"), parts=parts,
                        shard_bytes=given.shard_bytes, **options,
                    )  # fmt: skip
                    seconds = perf_counter() - started
                    peaks = sorted(client.run(peak).values())
                check(found.corpus(), wanted)
                told = ", ".join(f"{one:,.0f}" for one in peaks)
                print(
                    f"{kind:8} {f'{parts} parts':14} {seconds:6.1f} s, the same bits; peaks of the "
                    f"workers {told} MB, {begun:,.0f} before it"
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--files", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--shard-bytes", type=int, default=1 << 28)
    main(parser.parse_args())
