"""TensorBoard: what a run writes is read back by TensorBoard's own reader, and by our own."""

import logging

import numpy as np
import pytest
from conftest import import_or_skip
from planted import planted_sentences
from runs import Stop

from embedlayer import Corpus, EmbedlayerError, SkipGram, TensorBoard, Training, Vectors
from embedlayer.errors import MissingLibraryError

MODEL = SkipGram(dim=8, sample=0.0)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


@pytest.fixture(autouse=True)
def _library():
    import_or_skip("tensorboardX")


def scalars_in(folder):
    """Of each tag its steps and values."""
    accumulator = import_or_skip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(one.step, one.value) for one in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_scalars_and_the_projector_are_what_the_run_told(tmp_path, corpus):
    told = []
    board = TensorBoard(tmp_path / "runs" / "a", words=20)
    given = {"epochs": 3, "workers": 1, "held_out": 0.1, "measure": 1}
    vectors = Training(corpus, MODEL, callbacks=[board, told.append], **given).run()
    found = scalars_in(board.folder)
    assert {*found} == {"loss", "held_out_loss", "lr", "words_per_second"}
    for tag, points in found.items():
        assert [step for step, _ in points] == [one.tokens for one in told]
        wanted = [getattr(one, tag) for one in told]
        assert [value for _, value in points] == pytest.approx(wanted, rel=1e-6)
    shown = Vectors.load(board.folder)
    assert shown.words == vectors.words[:20]
    np.testing.assert_array_equal(shown.matrix, vectors.matrix[:20])
    assert shown.counts.tolist() == vectors.counts[:20].tolist()


def test_a_run_without_measured_windows_has_no_such_scalar(tmp_path, corpus):
    with TensorBoard(tmp_path, words=0) as board:
        Training(corpus, MODEL, epochs=1, workers=1, callbacks=[board]).run()
    assert "held_out_loss" not in scalars_in(tmp_path)
    assert not (tmp_path / "projector_config.pbtxt").exists()


def test_a_run_that_goes_on_takes_up_where_it_stands(tmp_path, corpus):
    def stop(progress):
        if progress.epoch == 2:
            raise Stop

    run = Training(corpus, MODEL, epochs=4, workers=1, callbacks=[stop])
    with TensorBoard(tmp_path) as board:
        run.callbacks = (board, stop)
        with pytest.raises(Stop):
            run.run()
    run.callbacks = (TensorBoard(tmp_path),)
    run.run()
    steps = [step for step, _ in scalars_in(tmp_path)["lr"]]
    assert steps == sorted(set(steps))
    assert steps[-1] == 4 * len(corpus.ids)


def test_words_that_the_projector_cannot_hold_cost_no_run(tmp_path, caplog):
    sentences = [["a b\tc", "b"]] * 20
    run = Training(
        Corpus.from_sentences(sentences, min_count=1), MODEL, epochs=1, workers=1,
        callbacks=[TensorBoard(tmp_path)],
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "embedlayer"):
        assert len(run.run()) == 2
    assert "no files for TensorBoard's projector" in caplog.text
    assert not [*tmp_path.glob("*.tsv")]


def test_mistakes(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", "s3://bucket/runs", 3):
        with pytest.raises(EmbedlayerError):
            TensorBoard(folder)
    with pytest.raises(EmbedlayerError, match="words is -1"):
        TensorBoard(tmp_path, words=-1)
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'embedlayer\[tensorboard\]'"):
        TensorBoard(tmp_path)
