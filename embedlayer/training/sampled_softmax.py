"""A part of a corpus, and what a run foretells of the text held out, by one measure for all runs.

A run's own loss of windows held out (``held_out.py``) is of its own noise and windows: it tells how
that run goes on, and compares it with no other.
"""

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.examples import Examples
from embedlayer.training.loop import Loop

HELD_OUT = 20_000  # tokens, and never more than a tenth
CHUNK = 2_000  # tokens whose scores are in memory at once
# Of all runs alike, whatever they learn by: contexts, noise and subsampling.
MEASURE = SkipGram(window=5, negative=20, noise_power=0.75, sample=1e-4)


def split(corpus: Corpus, tokens: int, min_count: int, seed: int) -> tuple[Corpus, Corpus]:
    """Random sentences of so many tokens to train on, and others that are held out.

    Args:
        corpus: the text.
        tokens: to train on; the whole text but what is held out, if there are fewer.
        min_count: words that are rarer in these sentences are left out of both.
        seed: of the choice.

    Raises:
        EmbedlayerError: no word occurs ``min_count`` times.
    """
    sizes = np.diff(corpus.offsets)
    order = np.random.default_rng(seed).permutation(len(sizes))
    behind = np.cumsum(sizes[order])
    held = min(HELD_OUT, len(corpus.ids) // 10)
    cut = int(np.searchsorted(behind, held)) + 1
    last = int(np.searchsorted(behind, behind[cut - 1] + tokens)) + 1
    training, held_out = np.sort(order[cut:last]), np.sort(order[:cut])
    ids, _ = _sentences(corpus, training)
    counts = np.bincount(ids, minlength=len(corpus.vocabulary))
    words = corpus.vocabulary.words
    vocabulary, chosen = Vocabulary.select(
        counts, lambda numbers: [words[i] for i in numbers], min_count, None
    )
    numbers = np.full(len(words), -1, np.int32)
    numbers[chosen] = np.arange(len(chosen), dtype=np.int32)
    made = [_renumbered(corpus, part, numbers, vocabulary) for part in (training, held_out)]
    return made[0], made[1]


def sampled_softmax_loss(run: Loop, corpus: Corpus) -> float:
    """How badly a run tells words of a text from noise: the mean of −ln p, nats.

    p is what a context gives its word, among itself and 20 noise words. What is learnt with other
    noise is another score: it tends to ln p(word | context) − ln noise(word) − ln K (Levy and
    Goldberg, NIPS 2014). So the run's own noise is added and the measure's subtracted, and runs of
    any ``negative`` and ``noise_power`` can be compared. Chance is ln 21 = 3.04.

    Raises:
        EmbedlayerError: a run without negative sampling, or a text without two words together.
    """
    if run.model.loss != "negative":
        raise EmbedlayerError(
            f"sampled softmax compares runs with negative sampling, not {run.model.loss}: "
            "give something to evaluate"
        )
    kernels, device = load_kernels("numpy", "fused"), DEVICES["numpy"]
    W_in, W_out = run.vectors().matrix, to_numpy(run.state.tables.W_out)[:, : run.model.dim]
    examples = Examples(corpus, MEASURE, 1, kernels, device, chunk_tokens=CHUNK, measure=1)
    logs = np.log(np.maximum(corpus.vocabulary.counts, 1))
    moved = (run.model.noise_power - MEASURE.noise_power) * logs
    loss, hidden = 0.0, 0
    for chunk in range(len(examples)):
        batch, _ = examples.batch(0, chunk)
        sizes = np.diff(batch.offsets)
        if run.model.mode().mean:
            vectors = kernels.bag_sum(W_in, batch.contexts, batch.offsets, True)[sizes > 0]
            rows = batch.rows[sizes > 0]
        else:
            vectors = W_in[batch.contexts]
            rows = np.repeat(batch.rows, sizes, axis=0)
        if len(rows) == 0:
            continue
        scores = np.stack(
            [np.einsum("ij,ij->i", vectors, W_out[column]) + moved[column] for column in rows.T], 1
        )
        scores[rows < 0] = -np.inf
        most = scores.max(axis=1)
        loss += float((most + np.log(np.exp(scores.T - most).sum(axis=0)) - scores[:, 0]).sum())
        hidden += len(rows)
    if hidden == 0:
        raise EmbedlayerError(
            "no two words stand together in what subsampling leaves of the text held out: give "
            "more text, or something to evaluate"
        )
    return loss / hidden


def _sentences(corpus: Corpus, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ids of some sentences, one behind the other, and their offsets."""
    sizes = np.diff(corpus.offsets)
    mask = np.zeros(len(sizes), bool)
    mask[chosen] = True
    offsets = np.zeros(len(chosen) + 1, np.int64)
    np.cumsum(sizes[mask], out=offsets[1:])
    return np.asarray(corpus.ids)[np.repeat(mask, sizes)], offsets


def _renumbered(
    corpus: Corpus, chosen: np.ndarray, numbers: np.ndarray, vocabulary: Vocabulary
) -> Corpus:
    """Some sentences in the words of a vocabulary; empty ones vanish."""
    ids, offsets = _sentences(corpus, chosen)
    ids = numbers[ids]
    kept = np.concatenate([[0], np.cumsum(ids >= 0)])
    return Corpus(ids[ids >= 0], np.unique(np.append(0, kept[offsets])), vocabulary, len(ids), {})
