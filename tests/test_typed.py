"""Editors and mypy know every option: the types are those of what takes the options."""

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from conftest import skip_or_fail

import embedlayer
from embedlayer import Corpus
from embedlayer.text.options import PhraseNames, PhraseOptions
from embedlayer.training.options import (
    FILE_NAMES,
    RUN_NAMES,
    SENTENCE_NAMES,
    TRAINING_NAMES,
    RunOptions,
    TrainingOptions,
    TrainOptions,
)
from embedlayer.training.report import Callback

DEFAULTS = {one.name: one.default for one in fields(TrainingOptions)} | {
    name: parameter.default
    for name, parameter in inspect.signature(Corpus.from_files).parameters.items()
    if name in FILE_NAMES
}
DEFAULTS |= {"callbacks": (), "checkpoint": None, "checkpoint_every": 300.0, "watch": 0}

# What mypy must say of each line; of those that are right, nothing.
SNIPPET = """\
import embedlayer
from embedlayer import Corpus, SkipGram, Training
from embedlayer.layers import MatMul

corpus = Corpus.from_files("text.txt", min_count=1)
embedlayer.train(corpus, SkipGram(dim=2), epochs=1, lr=0.1, callbacks=[print])
embedlayer.train("text.txt", epochs=1, min_count=1, tokenizer=str.split, cache=False)
words: tuple[str, ...] = Training(corpus, epochs=1, workers=None).run().words
vectors = embedlayer.train(corpus)
one: list[tuple[str, float]] = vectors.nearest("king", 3)
many: list[list[tuple[str, float]]] = vectors.nearest(["king", "man"], restrict_vocab=9)
one = vectors.nearest([0.5, 1.5])
one = vectors.analogy("man", "king", "woman")
many = vectors.analogy(["man"], ["king"], ["woman"])
layer: MatMul = embedlayer.layers.MatMul(None)
embedlayer.train(corpus, epocs=1)  # Unexpected keyword argument "epocs" for "train"
embedlayer.train(corpus, epochs="1")  # Argument "epochs" to "train" has incompatible type "str"
Training(corpus, sed=1)  # Unexpected keyword argument "sed" for "Training"
Training(corpus, min_count=1)  # Unexpected keyword argument "min_count" for "Training"
SkipGram(dims=2)  # Unexpected keyword argument "dims" for "SkipGram"
one = vectors.nearest(["king"])  # Incompatible types in assignment
many = vectors.analogy("man", "king", "woman")  # Incompatible types in assignment
embedlayer.trian(corpus)  # Module has no attribute "trian"
"""


def keyword_types(function) -> dict[str, object]:
    """The arguments of a function that are taken by name alone, and their types."""
    hints = get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    return {one.name: hints[one.name] for one in parameters if one.kind is one.KEYWORD_ONLY}


def test_a_run_has_the_options_of_its_dataclass_and_callbacks():
    besides = {
        "callbacks": Sequence[Callback],
        "checkpoint": str | os.PathLike[str] | None,
        "checkpoint_every": float,
        "watch": int | Sequence[str],
    }
    wanted = get_type_hints(TrainingOptions) | besides
    assert get_type_hints(RunOptions) == wanted
    assert [*RunOptions.__annotations__] == [*wanted] == [*RUN_NAMES]  # in one order, too
    assert not RunOptions.__required_keys__
    assert [one.name for one in fields(TrainingOptions)] == [*TRAINING_NAMES]


def test_train_has_those_of_a_run_and_of_the_corpus_that_it_makes():
    of_files = keyword_types(Corpus.from_files)
    assert get_type_hints(TrainOptions) == get_type_hints(RunOptions) | of_files
    assert {*of_files} == {*FILE_NAMES, "workers"}  # the threads of both
    assert not TrainOptions.__required_keys__
    of_sentences = keyword_types(Corpus.from_sentences)
    assert [*of_sentences] == [*SENTENCE_NAMES]
    assert of_sentences.items() <= of_files.items()


def test_phrases_have_the_options_of_their_dataclass():
    assert get_type_hints(PhraseNames) == get_type_hints(PhraseOptions)
    assert [*PhraseNames.__annotations__] == [one.name for one in fields(PhraseOptions)]
    assert not PhraseNames.__required_keys__


@pytest.mark.parametrize("name", [*RUN_NAMES, *FILE_NAMES])
def test_every_typed_option_is_taken(name):
    """What is typed is no unknown name to ``train``, which fails at the absent file."""
    with pytest.raises(embedlayer.EmbedlayerError, match=r"absent\.txt"):
        embedlayer.train("absent.txt", **{name: DEFAULTS[name]})


def test_mypy_checks_every_call(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        skip_or_fail("mypy", "mypy is not installed")
    (tmp_path / "snippet.py").write_text(SNIPPET)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir=cache", "snippet.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(embedlayer.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    found = {
        int(line): message
        for line, message in re.findall(r"^snippet\.py:(\d+): error: (.*)$", done.stdout, re.M)
    }
    wanted = {
        number: line.split("  # ")[1]
        for number, line in enumerate(SNIPPET.splitlines(), 1)
        if "  # " in line
    }
    assert found.keys() == wanted.keys(), done.stdout + done.stderr
    for number, message in wanted.items():
        assert found[number].startswith(message)
