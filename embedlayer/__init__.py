"""Word2vec-style embeddings on NumPy or CuPy: fast training, readable layers, exact gradients.

The public names are loaded when first used: ``import embedlayer`` imports neither numba nor CuPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlayer import layers, optim
    from embedlayer.backend import get_backend, set_backend, use_backend, xp
    from embedlayer.errors import EmbedlayerError
    from embedlayer.layers import Embedding, EmbeddingBag, EmbeddingDot
    from embedlayer.models.options import CBOW, SkipGram
    from embedlayer.ngrams import Subwords
    from embedlayer.text.corpus import Corpus
    from embedlayer.text.options import PhraseOptions
    from embedlayer.text.phrases import Phrases
    from embedlayer.text.vocabulary import Vocabulary
    from embedlayer.training.run import Training
    from embedlayer.training.tensorboard import TensorBoard
    from embedlayer.training.train import train
    from embedlayer.vectors.evaluation import evaluate
    from embedlayer.vectors.subwords import SubwordRows
    from embedlayer.vectors.vectors import Vectors

__version__ = "0.1.0"

_HOME = {
    "xp": "backend",
    "get_backend": "backend",
    "set_backend": "backend",
    "use_backend": "backend",
    "Embedding": "layers",
    "EmbeddingBag": "layers",
    "EmbeddingDot": "layers",
    "SkipGram": "models.options",
    "CBOW": "models.options",
    "Subwords": "ngrams",
    "Corpus": "text.corpus",
    "Vocabulary": "text.vocabulary",
    "Phrases": "text.phrases",
    "PhraseOptions": "text.options",
    "train": "training.train",
    "Training": "training.run",
    "TensorBoard": "training.tensorboard",
    "EmbedlayerError": "errors",
    "Vectors": "vectors.vectors",
    "SubwordRows": "vectors.subwords",
    "evaluate": "vectors.evaluation",
}

__all__ = [
    "CBOW",
    "Corpus",
    "Embedding",
    "EmbeddingBag",
    "EmbeddingDot",
    "EmbedlayerError",
    "PhraseOptions",
    "Phrases",
    "SkipGram",
    "SubwordRows",
    "Subwords",
    "TensorBoard",
    "Training",
    "Vectors",
    "Vocabulary",
    "evaluate",
    "get_backend",
    "layers",
    "optim",
    "set_backend",
    "train",
    "use_backend",
    "xp",
]


if not TYPE_CHECKING:  # type checkers know the names above, and so a misspelt one

    def __getattr__(name: str) -> Any:
        if name in ("layers", "optim"):
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
