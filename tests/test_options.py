"""Options are checked in one place, before any text is read; NumPy's scalars are numbers."""

import json

import numpy as np
import pytest

import embedlayer
from embedlayer import CBOW, Corpus, EmbedlayerError, SkipGram, Training
from embedlayer.options import Choice, Flag, Real, Whole
from embedlayer.text.options import CorpusOptions
from embedlayer.training.options import TrainingOptions

SENTENCES = [["a", "b", "a", "c"]] * 20


def unread():
    """Sentences that no one may ask for."""
    raise AssertionError("the text was read")
    yield


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (Whole(), 3, 3),
        (Whole(), np.int64(3), 3),
        (Whole(), np.uint8(3), 3),
        (Real(), 1, 1.0),
        (Real(), np.float32(0.5), 0.5),
        (Real(), np.int64(2), 2.0),
        (Flag(), np.True_, True),
        (Choice(["a"], ("auto",)), "auto", "auto"),
    ],
)
def test_what_is_meant_is_kept_in_pythons_types(kind, given, kept):
    found = kind.checked("x", given)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (Whole(), "8", "x is '8': it must be a whole number"),
        (Whole(), 8.0, "x is 8.0: it must be a whole number"),
        (Whole(), True, "x is True: it must be a whole number"),
        (Whole(), None, "x is None: it must be a whole number"),
        (Whole(), np.array([1, 2]), "it must be a whole number"),
        (Whole(1, 9), 0, "x is 0: it must be at least 1"),
        (Whole(1, 9), 10**40, "x is 1000.*: it must be at most 9"),
        (Real(0), -0.5, "x is -0.5: it must be at least 0"),
        (Real(0, 2), 3, "x is 3.0: it must be at most 2"),
        (Real(), "0.5", "x is '0.5': it must be a finite number"),
        (Real(), float("nan"), "x is nan: it must be a finite number"),
        (Real(), 10**400, "it must be a finite number"),
        (Real(), None, "x is None: it must be a finite number"),
        (Flag(), 1, "x is 1: it must be True or False"),
        (Choice(["a", "b"]), "c", "x 'c': choose a or b"),
        (Choice(["a", "b"]), ["a"], "choose a or b"),
    ],
)
def test_mistakes_are_named(kind, given, message):
    with pytest.raises(EmbedlayerError, match=message):
        kind.checked("x", given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SkipGram(dim="8"), "dim is '8'"),
        (lambda: CBOW(window=2.5), "window is 2.5"),
        (lambda: SkipGram(window=2**31), "window is 2147483648: it must be at most"),
        (lambda: CBOW(divide="no"), "divide is 'no'"),
        (lambda: SkipGram(sample=float("inf")), "sample is inf"),
        (lambda: CorpusOptions(min_count=2.5), "min_count is 2.5"),
        (lambda: Corpus.from_sentences(unread(), max_sentence=0), "max_sentence is 0"),
        (lambda: Corpus.from_files("absent", workers=0), "workers is 0"),
        (lambda: TrainingOptions(seed=None), "seed is None"),
        (lambda: TrainingOptions(measure=1.5), "measure is 1.5"),
        (lambda: TrainingOptions(epochs=2.0), "epochs is 2.0"),
        (lambda: embedlayer.train(unread(), epochs="3"), "epochs is '3'"),
        (lambda: embedlayer.train(unread(), lr=0.1, min_lr=0.2), "min_lr ≤ lr"),
        (lambda: embedlayer.train(unread(), min_count=2.5), "min_count is 2.5"),
        (lambda: embedlayer.train(unread(), epocs=3), "no option epocs: did you mean epochs"),
        (lambda: embedlayer.train(unread(), cache=False), "no option cache: "),
        (lambda: embedlayer.train("absent.txt", epocs=3), "no option epocs: did you mean epochs"),
        (lambda: embedlayer.train("absent.txt", 100), "model is 100: give SkipGram"),
        (lambda: embedlayer.train(3), "the int 3 is no text: give a path, or lists of words"),
        (lambda: embedlayer.train(unread(), callbacks=print), "callbacks is .*give a list of func"),
        (
            lambda: embedlayer.train(unread(), callbacks=[3]),
            r"callbacks\[0\] is 3: it must be a fun",
        ),
        (lambda: embedlayer.train("absent.txt", tokenizer=3), "tokenizer is 3: it must be a func"),
        (
            lambda: embedlayer.train("absent.txt", progress=3),
            "progress is 3: it must be a function",
        ),
        (lambda: Training("text.txt"), "corpus is 'text.txt': give a Corpus"),
    ],
)
def test_a_mistake_is_found_before_the_text_is_read(make, message):
    with pytest.raises(EmbedlayerError, match=message):
        make()


@pytest.mark.parametrize(
    ("sentences", "model", "message"),
    [
        ([["a", "a"]], SkipGram(), "'a' is the only word of the vocabulary"),
        ([["a"], ["b"]], CBOW(), "every sentence has one word of the vocabulary"),
        ([["a", "b"]] * 9, SkipGram(sample=1e-300), "sample 1e-300 drops every token but .* of 18"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused(sentences, model, message):
    with pytest.raises(EmbedlayerError, match=message):
        embedlayer.train(sentences, model, min_count=1)


def test_the_cache_is_kept_or_not(tmp_path):
    path = tmp_path / "text"
    path.write_text("a b\n" * 9)
    with pytest.raises(EmbedlayerError, match="cache is 3: it must be True or False"):
        Corpus.from_files(path, cache=3)


def test_numpys_scalars_train_and_are_saved(tmp_path):
    model = SkipGram(dim=np.int64(8), window=np.int32(2), sample=np.float32(0))
    options = {"epochs": np.int64(1), "seed": np.uint8(3), "lr": np.float32(0.05)}
    vectors = embedlayer.train(SENTENCES, model, min_count=np.int64(1), workers=1, **options)
    vectors.save(tmp_path / "v.safetensors")
    assert json.dumps(vectors.metadata)
    assert vectors.metadata["lr"] == pytest.approx(0.05)


def test_a_corpus_takes_no_options_of_a_text():
    corpus = Corpus.from_sentences(SENTENCES, min_count=1)
    with pytest.raises(EmbedlayerError, match="no option min_count"):
        embedlayer.train(corpus, min_count=1)
    with pytest.raises(EmbedlayerError, match="no option sed: did you mean seed"):
        Training(corpus, sed=1)
