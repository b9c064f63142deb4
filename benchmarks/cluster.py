"""What merging costs on a cluster of this machine, against the same processes without it.

    python benchmarks/cluster.py TEXT [--workers 2] [--tokens 160000 640000] [--heads 2048]

With no --tokens the cluster merges as it does by default.

Each line is the median of --runs; runs alternate. ``one`` is a plain run with one worker;
``apart`` one for each process, on its share of the text, all at once: what the machine's cores can
do side by side. ``threads`` is one process with as many threads on shared tables, ``replicas`` one
with ``deterministic``.
"""

import argparse
import logging
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import distributed
from texts import share_of

from embedlayer.dask import ClusterTraining, DaskCorpus
from embedlayer.dask.waves import workers_of
from embedlayer.models.options import MODELS, Word2Vec
from embedlayer.models.outputs import LOSSES
from embedlayer.training.replicas import Merging
from embedlayer.training.run import Training


def seconds_of(training: Training | ClusterTraining) -> float:
    training.run()
    return training.report.seconds["training"]


def apart(folder: str, part: int, parts: int, model: Word2Vec, epochs: int) -> float:
    """Seconds of a plain run on a share of the text."""
    corpus = share_of(DaskCorpus(folder).corpus(), part, parts)
    return seconds_of(Training(corpus, model, workers=1, epochs=epochs))


def together(client, corpus: DaskCorpus, model: Word2Vec, epochs: int, merging: Merging) -> float:
    return seconds_of(ClusterTraining(client, corpus, model, merge=merging, epochs=epochs))


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
        addresses = [*workers_of(client)]
        model, epochs = MODELS[given.model](loss=given.loss), given.epochs

        def all_apart() -> float:
            parts = enumerate(addresses)
            tasks = [
                client.submit(
                    apart, str(corpus.folder), i, len(addresses), model, epochs,
                    workers=[address], pure=False,
                )
                for i, address in parts
            ]  # fmt: skip
            return max(client.gather(tasks))

        def threads(workers: int, **options) -> float:
            return seconds_of(
                Training(corpus.corpus(), model, workers=workers, epochs=epochs, **options)
            )

        fitting = Merging.fitting(len(addresses), epochs, corpus.tokens)
        ways = {
            "apart": all_apart,
            "one": lambda: threads(1),
            "threads": lambda: threads(given.workers),
            "replicas": lambda: threads(given.workers, deterministic=True),
        }
        if not given.tokens:
            ways[f"cluster: {fitting.tokens:,} tokens"] = lambda: together(
                client, corpus, model, epochs, fitting
            )
        for tokens in given.tokens:
            for head in given.heads:
                merging = Merging(tokens=tokens, head=head)
                ways[f"cluster: {tokens:,} tokens, {head:,} rows"] = lambda merging=merging: (
                    together(client, corpus, model, epochs, merging)
                )
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        started = perf_counter()
        together(client, corpus, model, 1, Merging(tokens=1_000_000))  # compiles
        for _ in range(given.runs):
            for name, way in ways.items():
                seconds[name].append(way())
        for name, taken in seconds.items():
            of_apart, of_one = (
                median(mine / its for mine, its in zip(taken, seconds[base], strict=True))
                for base in ("apart", "one")
            )
            print(
                f"{name:30} {median(taken):6.2f} s  {of_apart:5.2f} of apart, "
                f"{1 / of_one:5.2f} times as fast as one"
            )
        took = perf_counter() - started
        print(f"{given.model}, {given.loss}, {corpus.tokens:,} tokens, {took:.0f} s in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, default="skipgram")
    parser.add_argument("--loss", choices=LOSSES, default="negative")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tokens", type=int, nargs="*", default=[])
    parser.add_argument("--heads", type=int, nargs="+", default=[Merging.head])
    main(parser.parse_args())
