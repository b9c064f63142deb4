"""Runs of every kind that repeats to the bit: a model, and the options of its training."""

from typing import Any

from embedlayer.models.options import CBOW, SkipGram, Word2Vec
from embedlayer.ngrams import Subwords

RUNS: dict[str, tuple[Word2Vec, dict[str, Any]]] = {
    "skip-gram": (SkipGram(dim=16, window=3, sample=0.01), {}),
    "CBOW, hierarchical": (CBOW(dim=16, window=3, loss="hierarchical", sample=0.01), {}),
    "n-grams": (SkipGram(dim=16, window=3, sample=0.01, subwords=Subwords(2, 4, buckets=50)), {}),
    "layered, Adam": (SkipGram(dim=8, sample=0.01), {"step": "layered", "optimizer": "adam"}),
    "reference": (CBOW(dim=8, sample=0.01), {"kernels": "reference"}),
}


class Stop(Exception):
    """What a callback raises to stop a run."""
