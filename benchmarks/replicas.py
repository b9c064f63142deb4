"""How good vectors are that replicas train, merged by a rule, beside those of one replica.

    python benchmarks/replicas.py TEXT --replicas 1 8 --runs 5 --json replicas.json

Replicas are simulated one after the other: the same bits as ``--deterministic`` has with as many
threads. The loss is that of text held out, by how often the target occurs in the text.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from report import count, data_folder, end, finish, mistake, note, parser, show, start
from scores import Scores, evaluation_folder, mean_and_deviation, score
from texts import check_planted, plain_lines, planted_text

from embedlayer.device import DEVICES
from embedlayer.kernels import load_kernels
from embedlayer.models.options import MODELS, Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples
from embedlayer.training.health import Diverged
from embedlayer.training.merge import MERGES
from embedlayer.training.replicas import Merging
from embedlayer.training.run import Training

DEFAULT_TEXT = Path("text", "wiki100m.txt.gz")  # in the folder of data
HELD_OUT = 200_000  # tokens at the end of the text, at most a tenth of it
BUCKETS = (5, 20, 100, 1000, 10_000, 10**9)  # counts of targets
DIVERGED: dict[str, Any] = {"scores": {}, "losses": {}}
SHOWN = ("analogies", "WS-353", "SimLex")


class Simulation(Training):
    """A training run of replicas that work one after the other, merged in any way."""

    def __init__(self, corpus: Corpus, model: Word2Vec, merging: Merging, **options: Any) -> None:
        self.tried = merging
        super().__init__(corpus, model, deterministic=True, **options)
        self.turns = True

    def _merging(self) -> Merging | None:
        return self.tried if self.workers > 1 else None


class Trial(NamedTuple):
    """So many replicas, merged in this way."""

    replicas: int
    merging: Merging

    def __str__(self) -> str:
        if self.replicas == 1:
            return "1"
        rule, tokens, head, merges = astuple(self.merging)
        return f"{self.replicas}, {rule}, {tokens:,}, {head:,}, {merges}"


def main() -> int:
    """Simulate all that is asked for, show the scores and the losses."""
    chosen = _parser().parse_args()
    report = start("replicas")
    with _text(chosen) as path:
        corpus = Corpus.from_files(path, min_count=5, cache=False)
    training, held_out = _split(corpus)
    tokens, words = len(training.ids), len(corpus.vocabulary)
    print(f"\n{tokens:,} tokens of {words:,} words, {len(held_out.ids):,} held out.")
    report |= {"tokens": tokens, "words": words, "held_out": len(held_out.ids), "trials": []}
    found: dict[Trial, list[dict[str, Any]]] = {}
    for trial in _trials(chosen):
        runs = found[trial] = []
        for seed in range(1, chosen.runs + 1):
            runs.append({"seed": seed} | _run(chosen, training, held_out, trial, seed))
            note(f"{trial}, seed {seed}: {runs[-1]}")
        about = {"replicas": trial.replicas, "merging": asdict(trial.merging)}
        report["trials"].append(about | {"runs": runs})
        finish(report, chosen.json)
    _show(found)
    return 0


def _run(
    chosen: argparse.Namespace, corpus: Corpus, held_out: Corpus, trial: Trial, seed: int
) -> dict[str, Any]:
    """Simulate one run; what its vectors are worth."""
    model = MODELS[chosen.model](dim=chosen.dim, sample=chosen.sample)
    options = {"workers": trial.replicas, "seed": seed, "epochs": chosen.epochs}
    run = Simulation(corpus, model, trial.merging, **options)
    try:
        vectors = run.run()
    except Diverged:
        return DIVERGED
    if chosen.quick:
        check_planted(vectors)
    data = evaluation_folder(data_folder(chosen.data))
    scores: Scores = score(vectors, data) if data else {}
    return {"scores": scores, "losses": losses_by_count(run, held_out)}


def losses_by_count(run: Training, corpus: Corpus) -> dict[str, float]:
    """The mean loss per pair over windows whose target occurs so often: its least and most."""
    kernels, device = load_kernels("numpy", "fused"), DEVICES["numpy"]
    examples = Examples(corpus, run.model, 1, kernels, device, chunk_tokens=50_000, measure=1)
    W_in, W_out = run.state.tables
    sums = np.zeros((len(BUCKETS), 2))
    for chunk in range(len(examples)):
        batch, _ = examples.batch(0, chunk)
        group = np.repeat(np.arange(batch.windows), np.diff(batch.offsets))
        hidden = W_in[batch.contexts]
        if run.model.mode().mean:
            sizes = np.diff(batch.offsets)
            hidden = kernels.bag_sum(W_in, batch.contexts, batch.offsets, True)[sizes > 0]
            group = np.flatnonzero(sizes)
        counts = corpus.vocabulary.counts[batch.rows[group, 0]]
        bucket = np.searchsorted(BUCKETS, counts, side="right") - 1
        for k in range(batch.rows.shape[1]):
            rows = batch.rows[group, k]
            signs = -1.0 if k == 0 else 1.0
            loss = np.logaddexp(0, signs * np.einsum("ij,ij->i", hidden, W_out[rows]))
            loss[rows < 0] = 0
            sums[:, 0] += np.bincount(bucket, loss, len(BUCKETS))
            sums[:, 1] += np.bincount(bucket, rows >= 0, len(BUCKETS))
    losses = sums[:, 0] / np.maximum(sums[:, 1], 1)
    named = zip(pairwise(BUCKETS), losses, sums[:, 1], strict=False)
    return {f"{low}+": float(loss) for (low, _), loss, pairs in named if pairs}


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, runs=1)
    made.add_argument("text", type=Path, nargs="?", help="default: wiki100m of the data's folder")
    made.add_argument("--data", type=Path, help="folder with text/ and eval/ [EMBEDLAYER_DATA]")
    made.add_argument("--model", choices=MODELS, default="skipgram")
    made.add_argument("--replicas", type=count, nargs="+", default=[1, 8])
    made.add_argument("--rules", choices=MERGES, nargs="+", default=[Merging.rule])
    made.add_argument("--tokens", type=count, nargs="+", default=[Merging.tokens])
    made.add_argument("--head", type=count, nargs="+", default=[Merging.head])
    made.add_argument("--merges", type=count, nargs="+", default=[Merging.merges])
    made.add_argument("--dim", type=count, default=100)
    made.add_argument("--epochs", type=count, default=5)
    made.add_argument("--sample", type=float, default=1e-4)
    return made


def _trials(chosen: argparse.Namespace) -> Iterator[Trial]:
    """Each number of replicas with each way to merge; one replica merges nothing."""
    ways = list(product(chosen.rules, chosen.tokens, chosen.head, chosen.merges))
    for size in chosen.replicas:
        for way in ways if size > 1 else ways[:1]:
            yield Trial(size, Merging(*way))


@contextmanager
def _text(chosen: argparse.Namespace) -> Iterator[Path]:
    if chosen.quick and chosen.text:
        mistake("--quick makes a text of its own: name none")
    data = data_folder(chosen.data)
    source = chosen.text or (data and data / DEFAULT_TEXT)
    if not chosen.quick and (source is None or not source.is_file()):
        mistake(f"no such text: {source}: name one, or a folder of data")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        if chosen.quick:
            planted_text(path, sentences=3000)
            chosen.dim, chosen.sample = 16, 0.0
        else:
            plain_lines(source, path)
        yield path


def _split(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """The text to train on, and its end."""
    tokens = len(corpus.ids)
    begin = np.searchsorted(corpus.offsets, tokens - min(HELD_OUT, tokens // 10))
    ids, offsets, at = corpus.ids, np.asarray(corpus.offsets), corpus.offsets[begin]
    return (
        Corpus(ids[:at], offsets[: begin + 1], corpus.vocabulary, int(at), {}),
        Corpus(ids[at:], offsets[begin:] - at, corpus.vocabulary, tokens - int(at), {}),
    )


def _show(found: dict[Trial, list[dict[str, Any]]]) -> None:
    (first, *_), *_ = found.values()
    names = [name for name in SHOWN if first["scores"].get(name) is not None]
    counts = list(first["losses"])
    rows = []
    for trial, runs in found.items():
        cells = [_spread([run["scores"].get(name) for run in runs], 3) for name in names]
        cells += [_spread([run["losses"].get(count) for run in runs], 4) for count in counts]
        rows.append((str(trial), *cells))
    header = ("replicas, rule, tokens, head, merges", *names, *counts)
    show("Scores, and held-out loss by the count of the target", header, rows)


def _spread(values: list[float | None], digits: int) -> str:
    found = mean_and_deviation(values)
    if found is None:
        return "diverged"
    deviation = f" ± {found[1]:.{digits}f}" if len(values) > 1 else ""
    return f"{found[0]:.{digits}f}{deviation}"


if __name__ == "__main__":
    end(main)
