"""A folder that sentence-transformers and model2vec load: a sentence is the mean of its words.

``SentenceTransformer(FOLDER)`` and ``StaticModel.from_pretrained(FOLDER)`` take it as it is. The
tokenizer splits at ASCII white space and changes nothing else; unknown words are no tokens, so they
do not count; the mean is not brought to length 1. Each is as :class:`Vectors` would do it by hand.
Folders of theirs are read: the words are the tokens, as they stand in the tokenizer.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import open_to_read
from embedlayer.storage.tensors import json_object, read_tensors, write_tensors
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.formats.words import check_words

MODEL, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
PLACES = (".", "0_StaticEmbedding")  # where model2vec, and sentence-transformers, put them
MATRICES = ("embeddings", "embedding.weight")
TENSORS = {
    **dict.fromkeys(MATRICES, (np.float32, 2)),
    "counts": (np.int64, 1),
    "mapping": (np.int64, 1),
    "weights": (np.float32, 1),
}
ENTRY = "embedlayer"
# Each word is a token under this mark. What is no token falls apart into characters, none of which
# is one, because a token has two at least: so nothing is left of it. (A tokenizer of whole words
# would give all unknown ones a row, and sentence-transformers would count it.)
MARK = "▁"
NORMALIZER = {
    "type": "Sequence",
    "normalizers": [
        {"type": "Replace", "pattern": {"Regex": "[ \\t\\n\\x0b\\f\\r]+"}, "content": f" {MARK}"},
        {"type": "Prepend", "prepend": MARK},
    ],
}
SPLITTER = {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False}
MODULES = [
    {
        "idx": 0,
        "name": "0",
        "path": ".",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
]
CARD = """---
library_name: model2vec
tags:
- embeddings
- static-embeddings
- sentence-transformers
---

{size} word vectors of {dim} dimensions, written by embedlayer. A sentence's vector is the mean of
its words' vectors; words are split at white space, and those that are unknown do not count.

```python
from sentence_transformers import SentenceTransformer
SentenceTransformer("FOLDER").encode(["some words"])

from model2vec import StaticModel
StaticModel.from_pretrained("FOLDER").encode(["some words"])
```
"""


def holds(folder: Path) -> bool:
    """A tokenizer and tensors."""
    return any(_is_file(folder, place) for place in PLACES)


def read(folder: Path, options: ReadingOptions) -> Contents:
    """Words, or what else the tokens are, and matrix; of ours counts and metadata, too.

    Raises:
        EmbedlayerError: a damaged file; tokens that are not numbered as the rows; rows that are
            not float32.
    """
    place = folder / next((place for place in PLACES if _is_file(folder, place)), PLACES[0])
    with open_to_read(place / TOKENIZER) as file:
        words = _tokens(json_object(file.stream.read()))
    with open_to_read(place / MODEL) as file:
        tensors, _ = read_tensors(file, TENSORS, optional=tuple(TENSORS))
    matrix = _matrix(tensors)
    if len(matrix) != len(words):
        raise EmbedlayerError(f"{len(words)} tokens, but {len(matrix)} vectors")
    metadata = {}
    if (folder / CONFIG).is_file():
        with open_to_read(folder / CONFIG) as file:
            metadata = json_object(file.stream.read()).get(ENTRY, {})
    return asked_for(Contents(words, matrix, tensors.get("counts"), metadata), options)


def write(folder: Path, contents: Contents) -> None:
    """Words, matrix, counts and metadata.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    check_words(contents.words)
    size, dim = contents.matrix.shape
    tensors = {MATRICES[0]: contents.matrix}
    if contents.counts is not None:
        tensors["counts"] = contents.counts
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": dim,
        "embedding_dtype": "float32",
        "normalize": False,
        "max_length": None,  # of a sentence: all of it
        ENTRY: contents.metadata or {},
    }
    write_tensors(folder / MODEL, tensors)
    _write_json(folder / TOKENIZER, _tokenizer(contents.words))
    _write_json(folder / CONFIG, config)
    _write_json(folder / "modules.json", MODULES)
    (folder / "README.md").write_text(CARD.format(size=size, dim=dim), "utf-8")


def _is_file(folder: Path, place: str) -> bool:
    return all((folder / place / name).is_file() for name in (TOKENIZER, MODEL))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1), "utf-8")


def _tokenizer(words: Any) -> dict[str, Any]:
    """As the library ``tokenizers`` reads it: https://huggingface.co/docs/tokenizers."""
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": True,  # a token is taken whole, and there are none to be merged
        "vocab": {MARK + word: row for row, word in enumerate(words)},
        "merges": [],
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": NORMALIZER,
        "pre_tokenizer": SPLITTER,
        "post_processor": None,
        "decoder": None,
        "model": model,
    }


def _tokens(tokenizer: dict[str, Any]) -> list[str]:
    """The tokens, in the order of their numbers."""
    try:
        vocab = tokenizer["model"]["vocab"]
        if isinstance(vocab, list):  # of pairs, in the order of their numbers
            vocab = {token: number for number, (token, _) in enumerate(vocab)}
        added = {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or []}
        token_of = {number: token for token, number in {**vocab, **added}.items()}
        tokens = [token_of[number] for number in range(len(token_of))]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise EmbedlayerError(f"{TOKENIZER} has no vocabulary, numbered from 0 up") from None
    if tokenizer.get("normalizer") == NORMALIZER:  # ours
        return [token.removeprefix(MARK) for token in tokens]
    return tokens


def _matrix(tensors: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of the tokens; those of some models are shared, and weighted."""
    matrix = next((tensors[name] for name in MATRICES if name in tensors), None)
    if matrix is None:
        raise EmbedlayerError(f"{MODEL} holds no tensor {' or '.join(MATRICES)}")
    mapping, weights = tensors.get("mapping"), tensors.get("weights")
    try:
        matrix = matrix if mapping is None else matrix[mapping]
        return matrix if weights is None else matrix * weights[:, None]
    except (IndexError, ValueError):
        raise EmbedlayerError(f"{MODEL}: mapping or weights are not of the tokens") from None
