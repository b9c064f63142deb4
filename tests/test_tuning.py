"""Options chosen by measurement: the measure is one for all runs, the best is the best, in time."""

import json
import math
import os
import signal
import sys
import tomllib
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from command import mistake, run
from conftest import import_or_skip
from planted import planted_sentences, word

from embedlayer import CBOW, Corpus, EmbedlayerError, SkipGram, Subwords, Training, Vectors
from embedlayer.cli import tune as command
from embedlayer.errors import MissingLibraryError
from embedlayer.training import sampled_softmax as measure_module
from embedlayer.training import trials, tuning
from embedlayer.training.sampled_softmax import MEASURE, sampled_softmax_loss, split
from embedlayer.training.trials import Bench, OutOfTime, Trial
from embedlayer.training.tuning import Tuned, tune

SMALL = {"dim": 16, "sample": 0.0, "workers": 1}
WITH_SMALL = {"dim": 16, "sample": 0.0}
CHANCE = math.log(1 + MEASURE.negative)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(3000), min_count=1)


@pytest.fixture
def optuna():
    return import_or_skip("optuna")


# The measure.


def test_a_text_is_split_into_sentences_of_its_own(corpus):
    training, held_out = split(corpus, 9000, 1, seed=3)
    assert len(training.ids) == pytest.approx(9000, abs=12)
    assert len(held_out.ids) == pytest.approx(len(corpus.ids) // 10, abs=12)
    assert training.checked().vocabulary is held_out.checked().vocabulary
    counts = np.bincount(training.ids, minlength=len(training.vocabulary))
    np.testing.assert_array_equal(training.vocabulary.counts, counts)
    whole = sentences_of(corpus)
    for part in (training, held_out):
        assert set(map(tuple, sentences_of(part))) <= set(map(tuple, whole))
    everything, rest = split(corpus, 10**9, 1, seed=3)
    assert len(everything.ids) + len(rest.ids) == len(corpus.ids)
    again, _ = split(corpus, 9000, 1, seed=3)
    np.testing.assert_array_equal(again.ids, training.ids)
    other, _ = split(corpus, 9000, 1, seed=4)
    assert not np.array_equal(other.ids, training.ids)


def test_words_that_are_rare_in_a_part_are_in_neither():
    sentences = [["a", "b", "c"], ["a", "b"]] * 200 + [["a", "rare", "b"]] * 2
    training, held_out = split(Corpus.from_sentences(sentences, min_count=1), 10**6, 5, seed=1)
    assert "rare" not in training.vocabulary
    for part in (training, held_out):
        part.checked()
        assert all(words[:2] == ["a", "b"] for words in sentences_of(part))


def sentences_of(corpus):
    words = corpus.vocabulary.words
    bounds = zip(corpus.offsets, corpus.offsets[1:], strict=False)
    return [[words[i] for i in corpus.ids[start:end]] for start, end in bounds]


def test_a_run_that_knows_nothing_is_at_chance(corpus):
    training, held_out = split(corpus, 9000, 1, seed=3)
    untrained = Training(training, SkipGram(dim=16))
    assert sampled_softmax_loss(untrained, held_out) == pytest.approx(CHANCE, abs=0.02)


@pytest.mark.parametrize("kind", [SkipGram, CBOW])
def test_the_measure_is_the_same_for_other_noise(corpus, kind):
    """Runs that learn well by whatever noise come to one loss; their own losses differ widely."""
    training, held_out = split(corpus, 10**6, 1, seed=3)
    found, own = [], []
    for negative, power in ((2, 0.75), (15, 0.75), (5, 0.0)):
        model = kind(dim=16, sample=0, negative=negative, noise_power=power)
        learnt = Training(training, model, epochs=10, workers=1, lr=0.05)
        learnt.run()
        found.append(sampled_softmax_loss(learnt, held_out))
        own.append(learnt.report.loss[-1])
    assert max(found) - min(found) < 0.1 < max(own) - min(own)
    assert max(found) < CHANCE - 0.8  # a word of the topic among seven of others


def test_the_loss_is_what_the_formula_says(monkeypatch):
    """One context for each word, two words: the loss of a table that is known, by hand."""
    monkeypatch.setattr(measure_module, "MEASURE", replace(MEASURE, sample=0))
    text = Corpus.from_sentences([["a", "b"]] * 60 + [["a"]] * 60, min_count=1)
    learnt = Training(text, SkipGram(dim=1, noise_power=0.25, sample=0))
    tables = learnt.state.tables
    tables.W_in[:], tables.W_out[:] = 0, 0
    tables.W_in[:2, 0], tables.W_out[:2, 0] = [1.0, 2.0], [0.5, -0.25]
    held_out = Corpus(text.ids[:2], text.offsets[:2], text.vocabulary, 2, {})
    moved = (0.25 - 0.75) * np.log(text.vocabulary.counts)
    scores = np.outer([1.0, 2.0], [0.5, -0.25]) + moved  # of a context, of a word
    found = sampled_softmax_loss(learnt, held_out)
    # 20 draws of two words, those of the target dropped: k others are left, 0 … 20.
    possible = {
        round(
            sum(math.log(1 + k * math.exp(scores[c, c] - scores[c, 1 - c])) for c, k in pair) / 2, 6
        )
        for pair in [((0, i), (1, j)) for i in range(21) for j in range(21)]
    }
    kept = {
        round(math.log(1 + k * math.exp(scores[c, c] - scores[c, 1 - c])), 6)
        for c in (0, 1)
        for k in range(21)
    }
    assert round(found, 6) in possible | kept


def test_hierarchical_softmax_has_no_sampled_softmax_loss(corpus):
    training, held_out = split(corpus, 9000, 1, seed=3)
    learnt = Training(training, SkipGram(dim=16, loss="hierarchical"))
    with pytest.raises(EmbedlayerError, match="give something to evaluate"):
        sampled_softmax_loss(learnt, held_out)


# The search.


@pytest.fixture
def judged(monkeypatch):
    """Runs that are not run: a score of the options, and of the seed."""
    calls = []

    def score(self, options, seed):
        calls.append((options, seed))
        if options.get("dim") == 300:
            raise tuning.Diverged("the loss is not a number")
        return -abs(math.log(options["lr"] / 0.06)) - abs(options["window"] - 9) / 9 + seed / 1000

    monkeypatch.setattr(Bench, "score", score)
    monkeypatch.setattr(Bench, "begin", lambda self, seconds: None)
    monkeypatch.setattr(Bench, "training", Corpus.from_sentences([["a", "b"]], min_count=1), False)
    monkeypatch.setattr(Bench, "until", math.inf, raising=False)
    return calls


def test_the_search_begins_with_the_defaults_and_comes_near_the_best(corpus, optuna, judged):
    found = tune(corpus, "skipgram", seconds=2, epochs=3)
    defaults = {"dim": 100, "window": 5, "negative": 5, "lr": 0.025, "sample": 1e-4}
    assert judged[0] == (defaults, 1)
    assert found.trials[0].options == defaults
    assert found.best.score > found.trials[0].score + 0.5
    assert found.best.options["window"] in (8, 9, 10)
    assert 0.03 < found.best.options["lr"] < 0.12
    assert len(found.trials) > 20
    for options, _ in judged:
        assert 25 <= options["dim"] <= 300
        assert options["dim"] % 25 == 0
        assert 0.005 <= options["lr"] <= 0.125
        assert "epochs" not in options


def test_the_best_are_run_once_more_with_another_seed(corpus, optuna, judged):
    found = tune(corpus, "skipgram", seconds=1)
    again = [options for options, seed in judged if seed == 2]
    ordered = sorted(found.trials[1:], key=lambda one: -one.scores[0])
    assert again == [one.options for one in (ordered[0], found.trials[0], *ordered[1:3])]
    assert [len(one.scores) for one in (found.trials[0], *ordered[:4])] == [2, 2, 2, 2, 1]
    assert len(found.best.scores) == 2


def test_what_diverges_with_another_seed_is_not_the_best(corpus, optuna, judged, monkeypatch):
    score = Bench.score

    def second_diverges(self, options, seed):
        worth = score(self, options, seed)
        if seed == 2 and len([seed for _, seed in judged if seed == 2]) == 1:
            raise tuning.Diverged("the loss is not a number")
        return worth

    monkeypatch.setattr(Bench, "score", second_diverges)
    found = tune(corpus, "skipgram", seconds=1)
    again = [options for options, seed in judged if seed == 2]
    assert len(again) == 4
    assert again[0] not in [one.options for one in found.trials]
    assert [len(one.scores) for one in found.trials].count(2) == 3
    assert found.best.options == again[2]


def test_a_lucky_run_is_not_the_best():
    lucky, steady = Trial({"dim": 1}, [0.9, 0.1]), Trial({"dim": 2}, [0.7, 0.6])
    assert Tuned([lucky, steady, Trial({"dim": 3}, [0.8])], "x", 1, 1).best is steady


def test_what_costs_too_much_is_not_tried(corpus, optuna, judged):
    tune(corpus, "skipgram", seconds=1)
    bench = Bench(corpus, "skipgram", (), None, 1, 1, (), {})
    costs = [bench.cost(options) for options, _ in judged]
    assert costs[0] == 1
    assert max(costs) <= trials.MOST_COST
    assert bench.cost({"epochs": 10}) == 2


def test_ctrl_c_ends_with_the_best_so_far(corpus, optuna, judged):
    def stop(_):
        if len(judged) == 5:
            raise KeyboardInterrupt

    found = tune(corpus, "skipgram", seconds=60, told=stop)
    assert (found.interrupted, len(found.trials)) == (True, 5)
    assert found.best.score == max(one.score for one in found.trials)


def test_a_real_search_ends_in_its_time_and_finds_better_options(corpus, optuna):
    started = perf_counter()
    found = tune(corpus, "skipgram", seconds=6, min_count=1, epochs=1, window=3, **SMALL)
    assert perf_counter() - started < 30  # it ends by itself
    assert set(found.trials[0].options) == {"negative", "lr"}
    assert found.measure == "sampled softmax loss"
    assert found.best.score >= found.trials[0].score
    assert found.best.score > -CHANCE
    assert found.of_tokens == len(corpus.ids)


def test_a_run_is_given_up_when_the_time_is_over(corpus):
    bench = Bench(corpus, "skipgram", (), None, 1, 1, (), SMALL)
    bench.training, bench.held_out = split(corpus, 10**6, 1, 1)
    bench.until = perf_counter()
    with pytest.raises(OutOfTime):
        bench.score({"epochs": 1000}, 1)


def test_a_run_has_the_options_of_its_trial(corpus):
    fixed = {"sample": 0.0, "workers": 1, "epochs": 2}
    bench = Bench(corpus, "skipgram", (), None, 1, 1, (), fixed)
    bench.training, bench.held_out = split(corpus, 2000, 1, 1)
    options = {"dim": 7, "window": 3, "negative": 4, "lr": 0.031}
    learnt = bench._trained(options | {"subwords": "2-4"}, 9)
    found = {name: getattr(learnt.model, name) for name in ("dim", "window", "negative")}
    assert found | {"lr": learnt.options.lr} == options
    assert learnt.model.subwords == Subwords(2, 4, buckets=trials.BUCKETS)
    given = learnt.options
    assert (learnt.model.sample, given.workers, given.epochs, given.seed) == (0, 1, 2, 9)


def test_files_are_judged_by_the_mean_of_their_scores(corpus, tmp_path):
    pairs = [(word(t, 0), word(u, 1), 10 * (t == u)) for t in range(6) for u in range(6)]
    (tmp_path / "good").write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs))
    (tmp_path / "bad").write_text("".join(f"{a}\t{b}\t{-score}\n" for a, b, score in pairs))
    fixed = SMALL | {"epochs": 10}
    scores = []
    for names in (["good"], ["bad"], ["good", "bad"]):
        bench = Bench(
            corpus, "skipgram", [tmp_path / name for name in names], None, 1, 1, (), fixed
        )
        bench.training, bench.held_out = split(corpus, 10**6, 1, 1)
        scores.append(bench.score({}, 1))
    assert scores[0] == -scores[1] > 0.6
    assert scores[2] == pytest.approx(0, abs=1e-9)
    assert bench.measure == "good, bad"
    (tmp_path / "unknown").write_text("x\ty\t1\nz\ty\t2\n")
    bench = Bench(corpus, "skipgram", [tmp_path / "unknown"], None, 1, 1, (), fixed)
    bench.training, bench.held_out = split(corpus, 10**6, 1, 1)
    with pytest.raises(EmbedlayerError, match="unknown has too few of this part's 48 words"):
        bench.score({}, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "glove"}, "model 'glove': choose skipgram or cbow"),
        ({"seconds": 0.5}, "seconds is 0.5"),
        ({"dims": 3}, "no option dims: did you mean dim"),
        ({"dim": 0}, "dim is 0"),
        ({"lr": -1}, "lr is -1"),
        ({"try_subwords": True, "subwords": Subwords()}, "subwords are given, and"),
        ({"min_lr": 0.001}, "min_lr bounds lr, which is to be chosen"),
        (dict.fromkeys(("dim", "window", "negative", "epochs"), 2) | {"lr": 0.1, "sample": 0},
         "are given: there is nothing to choose"),
    ],
)  # fmt: skip
def test_mistakes_are_named(corpus, optuna, options, message):
    with pytest.raises(EmbedlayerError, match=message):
        tune(corpus, **options)


def test_a_time_in_which_nothing_ends_is_told(corpus, optuna, monkeypatch):
    def late(*_):
        raise OutOfTime

    monkeypatch.setattr(Bench, "_trained", late)
    with pytest.raises(EmbedlayerError, match=r"no run ended in 3 s: give more time \(--time\)"):
        tune(corpus, seconds=3)
    monkeypatch.setattr(Bench, "begin", lambda self, seconds: None)
    monkeypatch.setattr(Bench, "training", corpus, False)
    with pytest.raises(EmbedlayerError, match="no run ended in 3 s"):
        tune(corpus, seconds=3)


# The command.


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("\n".join(" ".join(s) for s in planted_sentences(500)))
    return tmp_path / "text.txt"


def test_the_command_writes_what_train_takes(text, tmp_path, optuna, judged):
    about = json.loads(
        run("tune", text, "--time", "1s", "-o", "best.toml", "--json", "--quiet", "--epochs", "2",
            "--min-count", "1", "--workers", "1", "--model", "cbow").stdout
    )  # fmt: skip
    found = tomllib.loads((tmp_path / "best.toml").read_text())
    given = {"model": "cbow", "epochs": 2, "min-count": 1, "workers": 1}
    assert found == given | about["best"]["options"]
    assert about["trials"][0]["options"]["lr"] == CBOW.default_lr
    assert (about["measure"], about["output"]) == ("sampled softmax loss", "best.toml")
    run("train", text, "-o", "v.safetensors", "--config", "best.toml", "--quiet", "--sample", "0")


def test_the_command_takes_options_of_a_file(text, tmp_path, optuna, judged):
    (tmp_path / "run.toml").write_text('model = "cbow"\nepochs = 2\nmin-count = 1\ndim = 50\n')
    run("tune", text, "--config", "run.toml", "--dim", "75", "--time", "1s", "-o", "best.toml",
        "--quiet")  # fmt: skip
    found = tomllib.loads((tmp_path / "best.toml").read_text())
    given = {"model": "cbow", "epochs": 2, "min-count": 1, "dim": 75}
    assert given.items() <= found.items()
    assert not {"epochs", "dim"} & judged[0][0].keys()


@pytest.mark.parametrize(("written", "measure"), [('"1"', "1"), ('["1", "2"]', "1, 2")])
def test_files_to_evaluate_by_may_be_named_in_a_file(
    text, tmp_path, optuna, judged, written, measure
):
    for name in ("1", "2"):
        (tmp_path / name).write_text(f"{word(0, 0)}\t{word(0, 1)}\t1\n")
    (tmp_path / "run.toml").write_text(f"evaluate = {written}\n")
    about = json.loads(
        run("tune", text, "--config", "run.toml", "--min-count", "1", "--time", "1s", "--quiet",
            "--json").stdout
    )  # fmt: skip
    assert about["measure"] == measure


def test_n_grams_are_tried_and_written_where_they_are_best(
    text, tmp_path, optuna, judged, monkeypatch
):
    score = Bench.score

    def prefers(best):
        monkeypatch.setattr(
            Bench, "score", lambda self, options, seed: score(self, options, seed)
            + 10 * (options["subwords"] == best)
        )  # fmt: skip

    arguments = ("--time", "1s", "--min-count", "1", "--quiet", "--epochs", "1")
    prefers("2-4")
    run("tune", text, "-o", "best.toml", "--try-subwords", *arguments)
    found = tomllib.loads((tmp_path / "best.toml").read_text())
    assert (found["subwords"], found["buckets"]) == ("2-4", trials.BUCKETS)
    assert judged[0][0]["subwords"] == "none"
    run("train", text, "-o", "v.safetensors", "--config", "best.toml", "--quiet", "--dim", "8",
        "--sample", "0", "--buckets", "100")  # fmt: skip
    assert Vectors.load(tmp_path / "v.safetensors").subwords.subwords == Subwords(2, 4, buckets=100)
    prefers("none")
    run("tune", text, "-o", "best.toml", "--try-subwords", *arguments)
    assert "subwords" not in tomllib.loads((tmp_path / "best.toml").read_text())


@pytest.mark.parametrize("subwords", [None, Subwords(2, 3, buckets=50)])
def test_the_measure_knows_words_of_n_grams(corpus, subwords):
    training, held_out = split(corpus, 30_000, 1, 1)
    run = Training(training, SkipGram(subwords=subwords, **WITH_SMALL), epochs=3, workers=1)
    before = sampled_softmax_loss(run, held_out)
    run.run()
    assert before == pytest.approx(CHANCE, abs=0.3)
    assert sampled_softmax_loss(run, held_out) < CHANCE - 0.3


def test_the_command_shows_the_best_beside_the_defaults(text, optuna, judged):
    done = run("tune", text, "--time", "1s", "--min-count", "1")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["default", "best"]
    assert [line.split()[0] for line in lines[1:7]] == [*tuning.SPACE]
    assert lines[1].split()[1] == "100"
    assert lines[-1].startswith("score, seed 2")
    assert "judged by sampled softmax loss" in done.stderr


def test_the_command_keeps_the_best_when_it_is_stopped(text, tmp_path, optuna, judged, monkeypatch):
    monkeypatch.setattr(command, "note", stop_at(judged, 4))
    done = run("tune", text, "--time", "60s", "-o", "best.toml", "--min-count", "1", code=130)
    assert "interrupted" in done.stderr
    assert tomllib.loads((tmp_path / "best.toml").read_text())["model"] == "skipgram"


def stop_at(calls, number):
    """A note that presses Ctrl-C, once, when so many runs have ended."""
    pressed = []

    def note(_):
        if len(calls) >= number and not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    return note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.txt"], "no such file: absent.txt"),
        (["text.txt", "-o", "text.txt"], "text.txt is one of the texts"),
        (["text.txt", "-o", "absent/best.toml"], "cannot write absent/best.toml"),
        (["text.txt", "--time", "long"], "'long' is no time"),
        (["text.txt", "--divide"], "--divide has no effect with --model skipgram"),
        (["text.txt", "--min-count", "1", "--evaluate", "absent"], "absent: No such file"),
        (["text.txt", "--phrase-score", "npmi"], "no effect without --phrases"),
    ],
)
def test_mistakes_of_the_command_are_named(text, tmp_path, optuna, arguments, message):
    assert message in mistake("tune", *arguments)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["text.txt"]


def test_without_the_library_the_extra_is_named(corpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingLibraryError, match=r"embedlayer\[tune\]"):
        tune(corpus)
