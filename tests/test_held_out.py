"""Windows that are held out: always the same, measured as the definition says, never learnt."""

import itertools
import json
import math
import re

import numpy as np
import pytest
from command import mistake, run
from planted import planted_sentences
from runs import RUNS, Stop

from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels, reference
from embedlayer.kernels.arguments import Batch, Tables
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples
from embedlayer.training.held_out import BLOCK, HeldOut
from embedlayer.training.run import Training

SHARE = 0.1
each_run = pytest.mark.parametrize(("model", "options"), RUNS.values(), ids=RUNS)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


def examples_of(corpus, model, library="numpy", kind="fused", tokens=500, share=SHARE):
    device = DEVICES[library]
    return Examples(
        corpus, model, 3, load_kernels(library, kind), device,
        chunk_tokens=tokens, measure=1, held_out=share,
    )  # fmt: skip


def windows_in(batch):
    """Each window that has contexts and rows, as it is told apart from others."""
    contexts, offsets, rows = map(to_numpy, batch[:3])
    starts = zip(offsets[:-1].tolist(), offsets[1:].tolist(), rows.tolist(), strict=True)
    return [
        (tuple(contexts[a:b].tolist()), tuple(row))
        for a, b, row in starts
        if b > a and max(row) >= 0
    ]


def chosen(seed, share, start, end):
    """The positions held out in this stretch."""
    positions = HeldOut(seed, share).around(start, end)
    return positions[(positions >= start) & (positions < end)]


@pytest.mark.parametrize("share", [0.5, 0.3, 0.1, 0.001, 1 / 3, 2e-5])
def test_the_choice_is_that_of_the_seed_the_position_and_the_share(share):
    tokens = 200_000
    whole = chosen(1, share, 0, tokens)
    assert abs(len(whole) - share * tokens) <= 1
    assert whole.dtype == np.uint64
    assert (whole[1:] > whole[:-1]).all()
    block = round(BLOCK / share)
    around = [place for place in range(block - 3, block + 4) if place < tokens]
    edges = sorted({0, 1, 2, 777, 10_000, 10_001, 123_456, tokens, *around})
    parts = [chosen(1, share, a, b) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.tolist() != chosen(2, share, 0, tokens).tolist()


def test_the_choice_is_even_and_has_no_period():
    places = chosen(1, 0.01, 0, 10**6).astype(np.int64)
    within = places - np.arange(0, 10**6, 100)
    assert within.min() == 0
    assert within.max() == 99
    counts = np.bincount(within, minlength=100)
    assert counts.std() < 15  # 100 each; of draws that are even it is 10
    far = chosen(1, 0.01, 2**40, 2**40 + 10_000)
    assert abs(len(far) - 100) <= 1


@pytest.mark.parametrize("model", [SkipGram(sample=0.0), CBOW(sample=0.0, loss="hierarchical")])
def test_all_epochs_and_chunks_of_any_size_hold_out_the_same_and_train_on_the_others(corpus, model):
    whole = examples_of(corpus, model, share=0.0)
    found = []
    for tokens in (400, 10**6):
        parts = examples_of(corpus, model, tokens=tokens)
        for epoch in (0, 4):
            trained, held_out = [], []
            for chunk in range(len(parts)):
                one = parts.parts(epoch, chunk)
                trained += windows_in(one.trained)
                held_out += windows_in(one.held_out)
                assert one.held_out.measured.all()
            found.append(held_out)
            assert 0.05 < len(held_out) / (len(held_out) + len(trained)) < 0.15
            all_of_them = [
                w for i in range(len(whole)) for w in windows_in(whole.batch(epoch, i)[0])
            ]
            assert sorted(trained + held_out) == sorted(all_of_them)
    assert found[0] == found[2]
    assert found[1] == found[3]
    targets = [[rows[0] for _, rows in one] for one in found]
    assert targets[0] == targets[1]


@pytest.mark.parametrize("measure", [1, 2, 3, 6, 16])
def test_the_training_loss_is_measured_at_every_so_many_positions(corpus, measure):
    kernels, device = load_kernels("numpy"), DEVICES["numpy"]
    made = Examples(
        corpus, SkipGram(sample=0.0), 1, kernels, device, chunk_tokens=10**6, measure=measure
    )
    batch, positions, _ = made._made(0, 0)
    assert batch.measured.tolist() == [place % measure == 0 for place in positions.tolist()]


def test_off_is_the_batch_itself(corpus):
    examples = examples_of(corpus, SkipGram(), share=0.0)
    batch, kept = examples.batch(1, 0)
    one = examples.parts(1, 0)
    assert one.held_out is None
    assert one.kept == kept
    for a, b in zip(one.trained, batch, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("on_double")
@pytest.mark.parametrize("model", [SkipGram(), CBOW(loss="hierarchical")])
def test_on_a_device_the_same_are_held_out(corpus, model):
    here, there = (examples_of(corpus, model, name, tokens=900) for name in ("numpy", "cupy"))
    for chunk in range(2):
        a, b = here.parts(1, chunk), there.parts(1, chunk)
        assert windows_in(a.held_out) == windows_in(b.held_out)
        assert windows_in(a.trained) == windows_in(b.trained)


def numbers(state):
    """What an optimizer keeps, as it can be compared later."""
    return {
        name: [array.tobytes() for array in value] if isinstance(value, list) else value
        for name, value in state.items()
    }


@each_run
def test_measuring_leaves_the_tables_as_they_are(corpus, model, options, monkeypatch):
    run = Training(corpus, model, epochs=2, workers=1, held_out=SHARE, **options)
    measure, measured = run._loss, []

    def measure_and_look(tables, batch):
        before, kept = [table.copy() for table in tables], numbers(run._steps.state())
        told = measure(tables, batch)
        measured.append(told[1])
        for table, was in zip(tables, before, strict=True):
            np.testing.assert_array_equal(table, was)
        assert numbers(run._steps.state()) == kept
        return told

    monkeypatch.setattr(run, "_loss", measure_and_look)
    run.run()
    assert sum(measured) > 500
    assert bool(run._steps.state()) == ("optimizer" in options)
    assert all(loss < math.log(2) for loss in run.report.held_out_loss)


@pytest.mark.parametrize(
    "model", [SkipGram(dim=8, sample=0.0), CBOW(dim=8, sample=0.0, loss="hierarchical")]
)
def test_the_loss_is_that_of_the_definition(corpus, model):
    run = Training(corpus, model, epochs=2, workers=1, seed=3, lr=1e-9, min_lr=0, held_out=SHARE)
    run.state.tables.W_out[...] = np.random.default_rng(0).normal(size=run.state.tables.W_out.shape)
    tables = Tables(*(table.astype(np.float64) for table in run.state.tables))
    run.run()
    loss = pairs = 0
    parts = examples_of(corpus, model)
    for chunk in range(len(parts)):
        held_out: Batch = parts.parts(0, chunk).held_out
        more = reference.batch_loss(tables, held_out, model.mode())
        loss, pairs = loss + more[0], pairs + more[1]
    assert run.report.held_out_loss[0] == pytest.approx(loss / pairs, rel=1e-5)


@each_run
def test_a_run_that_is_resumed_measures_what_one_does_that_never_stopped(
    tmp_path, corpus, model, options, monkeypatch
):
    monkeypatch.setattr("embedlayer.training.epoch.TICK_SECONDS", 0.001)
    given = {"epochs": 2, "workers": 1, "measure": 1, "held_out": SHARE} | options
    whole = Training(corpus, model, **given)
    wanted = whole.run()

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        Training(corpus, model, checkpoint=tmp_path / "c", callbacks=[stop], **given).run()
    resumed = Training.resume(tmp_path / "c", corpus)
    np.testing.assert_array_equal(resumed.run().matrix, wanted.matrix)
    assert resumed.report.held_out_loss == whole.report.held_out_loss
    assert resumed.options.held_out == SHARE
    assert len(resumed.report.held_out_loss) == 2


def test_replicas_repeat_to_the_bit(corpus):
    runs = [
        Training(corpus, SkipGram(dim=8), epochs=2, workers=2, deterministic=True, held_out=SHARE)
        for _ in range(2)
    ]
    first, second = (one.run().matrix for one in runs)
    np.testing.assert_array_equal(first, second)
    assert runs[0].report.held_out_loss == runs[1].report.held_out_loss


def test_callbacks_and_metadata_tell_it_where_it_is_measured(corpus):
    told = []
    given = {"epochs": 2, "workers": 1, "callbacks": [told.append]}
    vectors = Training(corpus, SkipGram(dim=8), held_out=SHARE, **given).run()
    assert vectors.metadata["held_out_loss_per_epoch"] == [
        round(one.held_out_loss, 6) for one in told if one.epoch_done
    ]
    told.clear()
    vectors = Training(corpus, SkipGram(dim=8), **given).run()
    assert all(math.isnan(one.held_out_loss) for one in told)
    assert "held_out_loss_per_epoch" not in vectors.metadata


def test_too_little_is_an_error_and_little_is_told(corpus, caplog):
    with pytest.raises(EmbedlayerError, match=r"of the 3,600 tokens is less than one"):
        Training(corpus, SkipGram(sample=0.0), held_out=1e-4)
    Training(corpus, SkipGram(dim=8, sample=0.0), held_out=0.01)
    assert "leaves about 36 windows" in caplog.text
    with pytest.raises(EmbedlayerError, match=r"held_out is 0.6: it must be at most 0.5"):
        Training(corpus, SkipGram(), held_out=0.6)


def test_the_command_takes_percents(tmp_path):
    text, out = tmp_path / "text.txt", tmp_path / "out.vec"
    text.write_text("\n".join(map(" ".join, planted_sentences(200))))
    short = ["--dim", 8, "--sample", 0, "--epochs", 2, "--min-count", 1]
    told = run("train", text, "-o", out, *short, "--held-out", "10%", "--json").stdout
    report = json.loads(told)
    assert report["options"]["held_out"] == 0.1
    assert len(report["held_out_loss"]) == 2
    lines = run("train", text, "-o", out, *short, "--held-out", "0.1").stderr
    assert re.search(r"^held out +0\.", lines, re.MULTILINE)
    assert mistake("train", text, "-o", out, "--held-out", "some").startswith(
        "Invalid value for '--held-out': 'some' is no share: give 0.001 or 0.1%"
    )
    assert "at most 0.5" in mistake("train", text, "-o", out, "--held-out", "60%")
