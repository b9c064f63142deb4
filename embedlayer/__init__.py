"""Word2vec-style embeddings on NumPy or CuPy: fast training, readable layers, exact gradients.

The public names are loaded when first used: ``import embedlayer`` imports neither numba nor CuPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlayer.backend import get_backend, set_backend, use_backend, xp
    from embedlayer.layers.embedding import Embedding, EmbeddingBag, EmbeddingDot
    from embedlayer.models import CBOW, SkipGram
    from embedlayer.text.corpus import Corpus
    from embedlayer.text.vocabulary import Vocabulary
    from embedlayer.training import train
    from embedlayer.vectors.evaluate import evaluate
    from embedlayer.vectors.vectors import Vectors

__version__ = "0.1.0"

_HOME = {
    "xp": "backend",
    "get_backend": "backend",
    "set_backend": "backend",
    "use_backend": "backend",
    "Embedding": "layers.embedding",
    "EmbeddingBag": "layers.embedding",
    "EmbeddingDot": "layers.embedding",
    "SkipGram": "models",
    "CBOW": "models",
    "Corpus": "text.corpus",
    "Vocabulary": "text.vocabulary",
    "train": "training",
    "Vectors": "vectors.vectors",
    "evaluate": "vectors.evaluate",
}

__all__ = [
    "CBOW",
    "Corpus",
    "Embedding",
    "EmbeddingBag",
    "EmbeddingDot",
    "SkipGram",
    "Vectors",
    "Vocabulary",
    "evaluate",
    "get_backend",
    "set_backend",
    "train",
    "use_backend",
    "xp",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
