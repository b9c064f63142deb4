"""What merging costs on a cluster of this machine, against the same processes without it.

    python benchmarks/cluster.py TEXT [--workers 2] [--tokens 160000 640000] [--heads 2048]

With no --tokens replicas merge as they do by default.

Each line is the median of --runs; runs alternate. ``apart`` is one plain run with one worker for
each process, on its share of the text, all at once; ``threads`` one process with as many threads.
"""

import argparse
import logging
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import distributed

from embedlayer.dask import ClusterTraining, DaskCorpus
from embedlayer.models.options import MODELS
from embedlayer.text.corpus import Corpus
from embedlayer.training.replicas import Merging
from embedlayer.training.run import Training


def share(folder: str, part: int, parts: int) -> Corpus:
    """A share of a corpus, of whole sentences."""
    whole = DaskCorpus(folder).corpus()
    first, last = (len(whole) * i // parts for i in (part, part + 1))
    start, stop = whole.offsets[[first, last]].tolist()
    offsets = whole.offsets[first : last + 1] - start
    return Corpus(whole.ids[start:stop].copy(), offsets, whole.vocabulary, stop - start, {})


def apart(folder: str, part: int, parts: int, model: str, epochs: int) -> float:
    """Seconds of a plain run on a share of the text."""
    training = Training(share(folder, part, parts), MODELS[model](), workers=1, epochs=epochs)
    training.run()
    return training.report.seconds["training"]


def together(client, corpus: DaskCorpus, model: str, epochs: int, merging: Merging) -> float:
    run = ClusterTraining(client, corpus, MODELS[model](), merge=merging, epochs=epochs)
    run.run()
    return run.report.seconds["training"]


def main(given: argparse.Namespace) -> None:
    logging.getLogger("embedlayer").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory() as place,
        distributed.LocalCluster(
            n_workers=given.workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        corpus = DaskCorpus.from_files(client, given.text, folder=Path(place, "corpus"))
        addresses = [*client.scheduler_info(n_workers=-1)["workers"]]

        def all_apart() -> float:
            parts = enumerate(addresses)
            tasks = [
                client.submit(
                    apart, str(corpus.folder), i, len(addresses), given.model, given.epochs,
                    workers=[address], pure=False,
                )
                for i, address in parts
            ]  # fmt: skip
            return max(client.gather(tasks))

        def threads() -> float:
            run = Training(
                corpus.corpus(), MODELS[given.model](), workers=given.workers, epochs=given.epochs
            )
            run.run()
            return run.report.seconds["training"]

        fitting = Merging.fitting(len(addresses), given.epochs * corpus.tokens)
        ways = {"apart": all_apart, "threads": threads}
        if not given.tokens:
            ways[f"default: {fitting.tokens:,} tokens"] = lambda: together(
                client, corpus, given.model, given.epochs, fitting
            )
        for tokens in given.tokens:
            for head in given.heads:
                merging = Merging(tokens=tokens, head=head)
                ways[f"{tokens:,} tokens, {head:,} rows"] = lambda merging=merging: together(
                    client, corpus, given.model, given.epochs, merging
                )
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        started = perf_counter()
        together(client, corpus, given.model, 1, Merging(tokens=1_000_000))  # compiles
        for _ in range(given.runs):
            for name, way in ways.items():
                seconds[name].append(way())
        for name, taken in seconds.items():
            ratio = median(taken) / median(seconds["apart"])
            print(f"{name:30} {median(taken):6.2f} s  {ratio:5.2f} of apart")
        print(f"{given.model}, {corpus.tokens:,} tokens, {perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, default="skipgram")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tokens", type=int, nargs="*", default=[])
    parser.add_argument("--heads", type=int, nargs="+", default=[Merging.head])
    main(parser.parse_args())
