"""Training on words and their n-grams: the step, whole runs, and what unseen words are then."""

import json

import numpy as np
import pytest
from command import mistake, run
from examples import MODE_NAMES, MODES, check_equal, make_step
from planted import TOPICS, WORDS_A_TOPIC, check_neighbours, planted_sentences, word

from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels, reference
from embedlayer.kernels.arguments import Bags, Mode, Tables
from embedlayer.models.inputs.subwords import WordsAndNgrams, default_shared_windows
from embedlayer.models.options import CBOW, SkipGram, made_model
from embedlayer.models.tables import table_shapes
from embedlayer.ngrams import Subwords, bags
from embedlayer.storage import tensors
from embedlayer.text.corpus import Corpus
from embedlayer.training import chunks
from embedlayer.training.further import Learnt
from embedlayer.training.run import Training
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

SUBWORDS = Subwords(2, 4, buckets=200)
WORDS = [f"{a}{b}ing" for a in "abcdef" for b in "xyz"]


def made(dtype, sizes=(4, 1, 3, 6, 2) * 9, dim=20, **options):
    """Inputs of WORDS, tables and a batch of windows whose contexts are words."""
    inputs = WordsAndNgrams(WORDS, DEVICES["numpy"], subwords=SUBWORDS)
    step = make_step(sizes, words=len(WORDS), dim=dim, dtype=dtype, **options)
    W_in = np.random.default_rng(3).standard_normal((len(WORDS) + 200, dim)).astype(dtype)
    return inputs, Tables(W_in, step.W_out), step.batch


def trained(inputs, kernels, sgd_step, tables, batch, windows, mode):
    """The tables, loss and pairs, piece by piece through ``reading``."""
    tables, loss, pairs = Tables(*(table.copy() for table in tables)), 0.0, 0
    for piece in batch.split(windows):
        with inputs.reading(kernels, tables, piece) as (given, read):
            more = sgd_step(given, read, 0.1, mode)
        loss, pairs = loss + float(more[0]), pairs + int(more[1])
    return *tables, loss, pairs


def test_a_bag_is_the_words_own_row_and_those_of_its_ngrams():
    inputs, _, _ = made(np.float32)
    ids, offsets = inputs.bags()
    starts, buckets = bags(WORDS, SUBWORDS)
    for i in range(len(WORDS)):
        wanted = [i, *(len(WORDS) + buckets[starts[i] : starts[i + 1]])]
        assert ids[offsets[i] : offsets[i + 1]].tolist() == wanted


def test_the_hidden_gradient_goes_whole_to_every_row_of_the_bag():
    """fastText's rule, by hand: one context, one output row of label 1."""
    inputs, tables, _ = made(np.float64, sizes=(1,))
    ids, offsets = inputs.bags()
    rows = ids[offsets[5] : offsets[6]]
    h, o = tables.W_in[rows].mean(axis=0), tables.W_out[2]
    step = 0.1 * (1 - 1 / (1 + np.exp(-h @ o)))
    batch = make_step((1,), words=len(WORDS), width=1).batch._replace(
        contexts=np.array([5], np.int32),
        rows=np.array([[2]], np.int32),
        labels=np.ones((1, 1), np.float32),
    )
    found = trained(inputs, reference, reference.sgd_step, tables, batch, 1, Mode())
    wanted = tables.W_in.copy()
    np.add.at(wanted, rows, step * o)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-12)
    np.testing.assert_allclose(found[1][2], o + step * h, rtol=1e-12)
    assert len(set(rows.tolist())) < len(rows) + 1
    assert (np.delete(found[0], rows, axis=0) == np.delete(tables.W_in, rows, axis=0)).all()


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("windows", [1, 7, 1000])
@pytest.mark.parametrize("dim", [5, 16, 100])
@pytest.mark.parametrize("shared", [True, False])
def test_the_compiled_step_with_bags_is_the_pieces_one_after_the_other(mode, windows, dim, shared):
    cpu = load_kernels("numpy", "fused")
    inputs, tables, batch = made(np.float32, dim=dim, shared=shared)
    wanted = trained(inputs, cpu, cpu.sgd_step, tables, batch, windows, mode)
    given = Tables(*(table.copy() for table in tables))
    loss, pairs = cpu.sgd_step(given, batch, 0.1, mode, bags=Bags(*inputs.bags(), windows))
    check_equal((*given, loss, pairs), wanted, 1e-6)


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
def test_the_compiled_step_with_bags_is_the_definition_window_by_window(mode):
    cpu = load_kernels("numpy", "fused")
    sizes = (4, 1, 3, 6, 2, 5)
    inputs, tables, batch = made(np.float32, sizes)
    exact = Tables(*(table.astype(np.float64) for table in tables))
    together = 1 + mode.mean  # CBOW takes two windows at once
    wanted = trained(inputs, reference, reference.sgd_step, exact, batch, together, mode)
    cpu_loss = cpu.sgd_step(tables, batch, 0.1, mode, bags=Bags(*inputs.bags(), together))
    check_equal((*tables, *cpu_loss), wanted, 2e-5)


def test_local_rows_of_the_output_table_serve_the_step_with_bags():
    cpu = load_kernels("numpy", "fused")
    inputs, tables, batch = made(np.float32)
    wanted = trained(inputs, cpu, cpu.sgd_step, tables, batch, 8, Mode())
    with cpu.LocalRows(tables, 10**6, 2) as local:
        cpu.sgd_step(tables, batch, 0.1, Mode(), local=local, bags=Bags(*inputs.bags(), 8))
    np.testing.assert_allclose(tables.W_in, wanted[0], atol=1e-5)
    np.testing.assert_allclose(tables.W_out, wanted[1], atol=1e-5)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(1500), min_count=1)


@pytest.fixture(scope="module")
def small():
    """Enough of it to learn from by one worker: untrained, half of the neighbours are right."""
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("loss", ["negative", "hierarchical"])
@pytest.mark.parametrize("model", [SkipGram, CBOW])
def test_runs_learn_and_unseen_words_are_near_their_topic(
    xp, small, corpus, model, loss, workers, monkeypatch
):
    if workers > 1 and xp is not np:
        pytest.skip("a device is fed by one thread, however many are asked for")
    if workers == 1:  # chunks of 900 tokens, as of `corpus`: in one, too much may be shared
        corpus = small
        monkeypatch.setattr(chunks, "LEAST_CHUNKS", 20)
    chosen = model(dim=16, window=3, sample=0.0, loss=loss, subwords=SUBWORDS)
    lr = 0.05 if workers == 1 else 0.01  # 48 words: see ``Reader.reading``
    training = Training(corpus, chosen, epochs=5, workers=workers, lr=lr, in_flight=2)
    vectors, size = training.run(), len(corpus.vocabulary)
    check_neighbours(vectors)
    W_in = to_numpy(training.state.tables.W_in)
    assert W_in.shape == table_shapes(chosen, size)[0] == (size + 200, 16)
    ids, offsets = map(
        to_numpy, chosen.make_inputs(corpus.vocabulary.words, training.device).bags()
    )
    wanted = W_in[ids[offsets[7] : offsets[8]]].mean(axis=0)
    np.testing.assert_allclose(vectors.matrix[7], wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(vectors.subwords.rows, W_in[size:])
    found = [name for t in range(TOPICS) for name, _ in vectors.nearest(word(t, 9), 5)]
    right = [name.startswith(f"t{i // 5}w") for i, name in enumerate(found)]
    assert word(0, 9) not in vectors
    assert WORDS_A_TOPIC == 8  # so that word 9 is unseen
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("kernels", ["fused", "reference"])
def test_pieces_do_not_depend_on_how_the_step_is_taken(corpus, kernels):
    model = SkipGram(dim=8, sample=0.01, subwords=SUBWORDS)
    options = {"epochs": 1, "workers": 1, "shared_windows": 64, "batch": 1, "measure": 1}
    compiled = Training(corpus, model, **options)
    compiled.run()
    other = Training(corpus, model, kernels=kernels, step="layered", **options)
    other.run()
    for one, two in zip(compiled.state.tables, other.state.tables, strict=True):
        np.testing.assert_allclose(one, two, atol=2e-4)
    assert compiled.report.loss == pytest.approx(other.report.loss, rel=1e-4)


def test_fewer_windows_share_less(corpus):
    model = SkipGram(dim=8, sample=0.01, subwords=SUBWORDS)
    runs = [
        Training(corpus, model, epochs=1, workers=1, shared_windows=windows).run()
        for windows in (16, 128)
    ]
    assert not np.array_equal(runs[0].matrix, runs[1].matrix)


def test_optimizers_with_numbers_for_each_row_are_refused(corpus):
    model = SkipGram(dim=8, subwords=SUBWORDS)
    with pytest.raises(EmbedlayerError, match="'adam' keeps numbers for each row"):
        Training(corpus, model, step="layered", optimizer="adam")


def test_words_that_are_held_stay_where_they_were():
    def sentences(topics, seed):
        lines = planted_sentences(600, seed=seed)
        return [line for line in lines if line[0][1] in topics]

    model = SkipGram(dim=16, window=3, sample=0.0, subwords=SUBWORDS)
    first = Corpus.from_sentences(sentences("012", 1), min_count=1)
    known = Training(first, model, epochs=5, workers=1, keep_output=True).run()
    learnt = Learnt.of(known)
    more = Corpus.from_sentences(sentences("234", 2), min_count=1, vocabulary=learnt.vocabulary)
    begun = Training.from_vectors(known, more, model, old_rates=1.0).vectors()
    np.testing.assert_allclose(begun[known.words], known.matrix, atol=1e-5)
    np.testing.assert_array_equal(begun.subwords.rows, known.subwords.rows)
    frozen = Training.from_vectors(known, more, old_rates=0.0, workers=1)
    assert frozen.model.subwords == SUBWORDS  # as the vectors' metadata tells
    vectors = frozen.run()
    np.testing.assert_allclose(vectors[known.words], known.matrix, atol=1e-5)
    free = Training.from_vectors(known, more, old_rates=1.0, workers=1).run()
    assert np.abs(free["t2w1"] - known["t2w1"]).max() > 0.01
    found = [name for i in range(8) for name, _ in vectors.nearest(word(4, i), 5)]
    assert np.mean([name.startswith("t4") for name in found]) > 0.8


def test_ngrams_of_other_lengths_are_refused(corpus):
    model = SkipGram(dim=16, subwords=SUBWORDS)
    known = Training(corpus, model, epochs=1, workers=1).run()
    other = SkipGram(dim=16, subwords=Subwords(3, 4, buckets=200))
    with pytest.raises(EmbedlayerError, match=r"the vectors have .*min_n=2.*not .*min_n=3"):
        Training.from_vectors(known, corpus, other)


def test_vectors_of_words_alone_begin_words_with_ngrams(corpus):
    known = Training(corpus, SkipGram(dim=16), epochs=1, workers=1).run()
    model = SkipGram(dim=16, subwords=SUBWORDS)
    begun = Training.from_vectors(known, corpus, model, old_rates=1.0).vectors()
    np.testing.assert_allclose(begun.matrix, known.matrix, atol=1e-6)


def test_a_checkpoint_gives_what_the_run_knows(corpus, tmp_path):
    model = SkipGram(dim=16, subwords=SUBWORDS)
    vectors = Training(corpus, model, epochs=1, workers=1, checkpoint=tmp_path).run()
    learnt = Learnt.of(tmp_path)
    np.testing.assert_allclose(learnt.matrix, vectors.matrix, atol=1e-6)
    np.testing.assert_array_equal(learnt.ngrams.array(), vectors.subwords.rows)
    assert learnt.made_model() == model


def test_options_are_told_to_metadata_and_come_back():
    model = CBOW(subwords=Subwords(3, 5, buckets=1000))
    told = json.loads(json.dumps(model.options()))
    assert told["subwords"] == {"min_n": 3, "max_n": 5, "buckets": 1000}
    assert made_model(told) == model
    assert "subwords" not in SkipGram().options()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("3-6", r"subwords is '3-6': give Subwords\(...\)"),
        ({"min": 3}, "there is no option min: did you mean min_n"),
        ({"min_n": 7}, "min_n 7, max_n 6"),
        (True, "subwords is True"),
    ],
)
def test_what_are_no_subwords_is_refused(given, named):
    with pytest.raises(EmbedlayerError, match=named):
        SkipGram(subwords=given)


def test_the_plan_counts_the_rows_of_ngrams(corpus):
    model = SkipGram(dim=16, subwords=Subwords(buckets=5000))
    plan = Training(corpus, model, workers=1).plan
    assert plan.W_in == (len(corpus.vocabulary) + 5000) * 16 * 4
    assert plan.sampling > Training(corpus, SkipGram(dim=16), workers=1).plan.sampling + 4 * 48 * 5
    with pytest.raises(EmbedlayerError, match="training needs 137,439"):
        Training(corpus, SkipGram(dim=16, subwords=Subwords(buckets=2**31 - 1 - 48)))
    with pytest.raises(EmbedlayerError, match=r"2,147,483,695 rows .* lower the buckets"):
        Training(corpus, SkipGram(dim=16, subwords=Subwords(buckets=2**31 - 1)))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(line) for line in planted_sentences(300)) + "\n")
    return path


def test_the_command_line_trains_and_says_what_it_did(text, tmp_path):
    out = tmp_path / "out.safetensors"
    options = ("--min-count", 1, "--sample", 0, "--dim", 8, "--workers", 1, "--quiet")
    run("train", text, "-o", out, "--subwords", "2-4", "--buckets", 200, *options)
    vectors = Vectors.load(out)
    assert vectors.metadata["subwords"] == {"min_n": 2, "max_n": 4, "buckets": 200}
    assert vectors.subwords.subwords == SUBWORDS
    assert vectors["t0w99"].any()
    again = tmp_path / "again.safetensors"
    run("train", text, "-o", again, "--continue-from", out, "--old-rate", 1, *options[:-3])
    assert Vectors.load(again).subwords.subwords == SUBWORDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--subwords", "3"], "'3' are no lengths: give the shortest and the longest n-gram"),
        (["--subwords", "6-3"], "min_n 6, max_n 3"),
        (["--subwords", "0-3"], "min_n is 0"),
        (["--buckets", 5], "--buckets has no effect without --subwords"),
        (["--shared-windows", 5], "--shared-windows has no effect without --subwords"),
    ],
)
def test_mistakes_on_the_command_line_are_told(text, tmp_path, options, message):
    assert message in mistake("train", text, "-o", tmp_path / "out.vec", *options)


def test_vectors_of_a_run_under_way_are_copies(corpus):
    model, seen = SkipGram(dim=10, subwords=SUBWORDS), []
    training = Training(
        corpus, model, epochs=2, workers=1, callbacks=[lambda p: seen.append(p.vectors())]
    )
    last = training.run()
    table = training.state.tables.W_in
    assert not np.shares_memory(seen[0].subwords.rows, table)
    assert np.shares_memory(last.subwords.rows, table)  # done: no second copy of a large table
    with pytest.raises(ValueError, match="read-only"):
        last.subwords.rows[0, 0] = 1


def test_a_file_of_the_tables_own_rows_is_that_of_their_copy(corpus, tmp_path):
    vectors = Training(corpus, SkipGram(dim=10, subwords=SUBWORDS), epochs=1, workers=1).run()
    rows = vectors.subwords.rows
    assert not rows.flags.c_contiguous
    copy = Vectors(
        vectors.words,
        vectors.matrix,
        vectors.counts,
        vectors.metadata,
        subwords=SubwordRows(SUBWORDS, rows.copy()),
    )
    paths = tmp_path / "view.safetensors", tmp_path / "copy.safetensors"
    for one, path in zip((vectors, copy), paths, strict=True):
        one.save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    np.testing.assert_array_equal(Vectors.load(paths[0]).subwords.rows, rows)


def test_tensors_in_pieces_are_the_bytes_that_safetensors_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "PIECE", 40)
    random = np.random.default_rng(0)
    arrays = {
        "zz": random.random((5, 3)).astype(np.float32),
        "a": np.arange(6),
        "w": np.arange(5, dtype=np.uint8),
        "half": np.ones((2, 2), np.float16),
        "double": random.random((7, 2)),
        "empty": np.zeros((0, 4), np.float32),
    }
    metadata = {"text": '{"ü": "a\\"b\n\x07/"}'}
    tensors.write_tensors(tmp_path / "whole", arrays, metadata)
    arrays["zz"] = np.asfortranarray(arrays["zz"])
    tensors.write_tensors(tmp_path / "pieces", arrays, metadata)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()


def test_few_words_share_for_fewer_windows():
    host, device = DEVICES["numpy"], DEVICES["cupy"]
    found = [default_shared_windows(words, host) for words in (2, 48, 511, 512, 10**6)]
    assert found == [1, 12, 127, 128, 128]
    assert default_shared_windows(10**6, device) == 2048
