"""The benchmarks: each runs to its end on a made text, and refuses to time a wrong result."""

import json
import os
import statistics
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.device import DEVICES
from embedlayer.kernels import CONTRACT
from embedlayer.models.options import SkipGram
from embedlayer.models.tables import start_tables
from embedlayer.training.examples import Examples
from embedlayer.vectors.evaluation import similarity
from embedlayer.vectors.vectors import Vectors

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SCRIPT = '#!/bin/sh\nexec {python} {program} "$@"\n'
# Says what word2vec.c says while it trains, and writes three vectors.
WORD2VEC = """
import json, sys, time
from pathlib import Path
from embedlayer.vectors.vectors import Vectors
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
Path({log!r}).write_text(json.dumps(options))
time.sleep(0.3)
for share in (0, 50, 100):
    print(f"Progress: {{share}}%", end="\\r", flush=True)
    time.sleep(0.1)
Vectors(["</s>", "a", "b"], [[1.0, 2.0]] * 3).save(options["-output"], "word2vec-binary")
"""


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    """The benchmarks import each other as scripts in one folder do."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def benchmark(name: str, *arguments: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """A benchmark in a process of its own; raises unless it ends with the code."""
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done


def test_kernels_measures_every_kernel_of_the_contract(tmp_path):
    done = benchmark("kernels", "--quick", "--json", tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["threads"] == len(os.sched_getaffinity(0))
    for outcome in report["kernels"] + report["layers"]:
        results = {result["implementation"]: result for result in outcome["results"]}
        assert results[outcome["ours"]]["slower"] == {"median": 1.0, "low": 1.0, "high": 1.0}
        for result in results.values():
            if "absent" in result:
                assert find_spec("torch") is None
                continue
            rate = outcome["work"] / statistics.median(result["seconds"])
            assert result["rate"] == pytest.approx(rate)
            assert result["share"] == pytest.approx(rate / report["limits"][outcome["unit"]])
    for kernel in CONTRACT:
        contests = [it for it in report["kernels"] if it["operation"].startswith(kernel)]
        assert contests
        for contest in contests:
            names = {result["implementation"] for result in contest["results"]}
            assert {"cpu", "reference"} <= names
    assert "np.add.at" in done.stdout


def test_two_trees_at_the_same_moment(tmp_path):
    text, tree = tmp_path / "text.txt", BENCHMARKS.parent
    text.write_text("a text that no job here reads\n")
    chosen = ("--quick", "--jobs", "import embedlayer", "Embedding, 100 ids, forward")
    done = benchmark("same_moment", text, tree, *chosen, "--json", tmp_path / "out.json")
    assert "Embedding, 100 ids, forward" in done.stdout
    for result in json.loads((tmp_path / "out.json").read_text())["results"]:
        (ratio,) = result["ratios"]
        assert ratio > 0 < result["seconds"]
    assert (
        "does not run in both trees"
        in benchmark("same_moment", text, tmp_path, *chosen, code=2).stderr
    )


def test_the_networks_of_the_book_dense_and_sparse(tmp_path):
    done = benchmark("book", "--quick", "--json", tmp_path / "out.json")
    assert "SkipGram" in done.stdout
    networks = json.loads((tmp_path / "out.json").read_text())["networks"]
    assert {name: {*kinds} for name, kinds in networks.items()} == {
        name: {"dense", "sparse"} for name in ("CBOW", "SkipGram")
    }


def test_two_workers_are_held_against_processes_apart(tmp_path):
    done = benchmark("threads", "--quick", "--runs", 1, "--json", tmp_path / "out.json")
    assert "| cbow, hierarchical " in done.stdout
    (first,) = json.loads((tmp_path / "out.json").read_text())["rounds"]
    assert first["line_ns"] > 0
    for model in ("skipgram, negative", "cbow, hierarchical"):
        assert {*first[model]} == {"one", "threads", "replicas", "apart"}
        assert min(first[model].values()) > 0


def test_replicas_are_simulated_and_judged_by_what_was_held_out(tmp_path):
    chosen = ("--quick", "--replicas", 1, 3, "--rules", "damped", "mean")
    done = benchmark("replicas", *chosen, "--json", tmp_path / "out.json")
    assert "| 3, damped, 10,000, 1,024, 32 " in done.stdout
    report = json.loads((tmp_path / "out.json").read_text())
    trials = [(trial["replicas"], trial["merging"]["rule"]) for trial in report["trials"]]
    assert trials == [(1, "damped"), (3, "damped"), (3, "mean")]
    assert report["held_out"] == pytest.approx(report["tokens"] / 9, rel=0.01)
    for trial in report["trials"]:
        (run,) = trial["runs"]
        assert run["losses"] == {"100+": pytest.approx(0.2, abs=0.01)}


def test_phrases_are_gensims_before_they_are_timed(tmp_path):
    import_or_skip("gensim")
    settings = ("--settings", "word2vec, connectors", "npmi")
    benchmark("phrases", "--quick", *settings, "--json", tmp_path / "out.json")
    runs = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert [*runs] == ["word2vec, connectors", "npmi"]
    for found in runs.values():
        (ours,), (theirs,) = found["embedlayer"], found["gensim"]
        assert ours["seconds"] > 0 < theirs["seconds"]
        assert ours["memory"] > 1e6 < theirs["memory"]


def test_search_is_checked_and_timed(tmp_path):
    done = benchmark("search", "--quick", "--json", tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    assert [one["operation"] for one in report["contests"]] == ["1 query", "20 queries"]
    for contest in report["contests"]:
        names = [result["implementation"] for result in contest["results"]]
        assert (names[0], names[-1]) == ("embedlayer", "product alone")
    assert "product alone |" in done.stdout


def test_search_of_wrong_neighbours_is_not_timed():
    from measure import WrongResult
    from search import check

    wanted, cosines = np.array([[3, 1]]), np.array([[0.9, 0.8]])
    check(lambda: (wanted, cosines), wanted, cosines)
    with pytest.raises(WrongResult, match=r"0\.5000 of the neighbours"):
        check(lambda: (np.array([[3, 2]]), cosines), wanted, cosines)
    with pytest.raises(WrongResult, match="off by"):
        check(lambda: (wanted, cosines - 0.1), wanted, cosines)


def test_training_counts_raw_words_alike_for_all_trainers(tmp_path):
    done = benchmark("training", "--quick", "--json", tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["text"] == {"tokens": 36_000, "tokens_read": 36_000, "words": 48}
    for runs in report["runs"].values():
        assert [run["seed"] for run in runs] == [1, 2]
        for run in runs:
            if run["training_seconds"] is not None:
                words = run["words_per_second"] * run["training_seconds"]
                assert words == pytest.approx(36_000 * report["settings"]["epochs"])
                assert run["training_seconds"] < run["whole_seconds"]
    assert {*report["runs"], *report["absent"]} == {
        *("embedlayer", "other checkout"),
        *("gensim corpus_file", "gensim queue", "fastText", "word2vec.c"),
    }
    for name, reason in report["absent"].items():
        assert f"| {name} " in done.stdout
        assert f"absent: {reason}" in done.stdout


def test_trainers_are_told_of_ngrams(tmp_path):
    arguments = ["--subwords", "2-4", "--buckets", "100", "--json", tmp_path / "out.json"]
    benchmark("training", "--quick", *arguments, "--trainers", "embedlayer", "gensim corpus_file")
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["settings"]["subwords"], report["settings"]["buckets"]) == ("2-4", 100)
    assert len(report["runs"]["embedlayer"]) == 2


def test_times_faster_is_formed_run_by_run():
    from training import times_faster

    def run(words_per_second, whole_seconds):
        return {"words_per_second": words_per_second, "whole_seconds": whole_seconds}

    runs = {
        "embedlayer": [run(8.0, 2.0), run(6.0, 3.0), run(9.0, 1.0)],
        "gensim corpus_file": [run(1.0, 10.0), run(2.0, 6.0), run(3.0, 4.0)],
        "fastText": [run(None, 10.0), run(2.0, 12.0), run(2.0, 3.0)],
    }
    assert times_faster("gensim corpus_file", runs) == {
        "words_per_second": {"median": 3.0, "low": 3.0, "high": 8.0},
        "whole": {"median": 4.0, "low": 2.0, "high": 5.0},
    }
    assert times_faster("fastText", runs)["words_per_second"] is None
    assert times_faster("fastText", runs)["whole"]["median"] == 4.0
    assert times_faster("embedlayer", runs) == {"words_per_second": None, "whole": None}


def test_quality_is_judged_against_gensim_or_not_at_all(tmp_path):
    from texts import planted_word

    (tmp_path / "eval").mkdir()
    lines = [
        f"{planted_word(a, 0)}\t{planted_word(b, 1)}\t{int(a == b)}"
        for a in range(6)
        for b in range(6)
    ]
    (tmp_path / "eval" / "wordsim353.tsv").write_text("\n".join(lines) + "\n")
    judged = find_spec("gensim") is not None
    arguments = ["--quick", "--data", tmp_path, "--json", tmp_path / "out.json"]
    arguments += ["--trainers", "embedlayer", "gensim corpus_file"]
    command = [sys.executable, str(BENCHMARKS / "quality.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    report = json.loads((tmp_path / "out.json").read_text())
    mean, deviation = report["statistics"]["embedlayer"]["WS-353"]
    scores = [run["scores"]["WS-353"] for run in report["runs"]["embedlayer"]]
    assert mean == pytest.approx(statistics.mean(scores))
    assert deviation == pytest.approx(statistics.stdev(scores))
    assert mean > 0.5
    assert report["statistics"]["embedlayer"]["analogies"] is None
    worse = any(found["worse"] for found in report["verdict"].values())
    assert set(report["verdict"]) == ({"WS-353"} if judged else set())
    assert done.returncode == ((1 if worse else 0) if judged else 2)
    assert ("Not judged: " in done.stdout) is not judged


def test_scaling_draws_what_it_measured(tmp_path):
    plot = tmp_path / "out.png"
    done = benchmark("scaling", "--quick", "--json", tmp_path / "out.json", "--plot", plot)
    report = json.loads((tmp_path / "out.json").read_text())
    workers = [1, 2][: len(os.sched_getaffinity(0))]
    found = [
        [point[name] for name in ("tokens", "words", "dim", "workers")]
        for point in report["points"]
    ]
    sizes = [(10_000, 500, 20), (20_000, 500, 20), (20_000, 100, 20), (20_000, 500, 10)]
    assert found == [[*size, count] for size in sizes for count in workers]
    for point in report["points"]:
        (run,) = point["runs"]
        seconds = 1e-9 * (run["training_ns_a_token"] + run["reading_ns_a_token"]) * point["tokens"]
        assert 0 < seconds < run["whole_seconds"]
    if find_spec("matplotlib"):
        assert plot.read_bytes().startswith(b"\x89PNG")
    else:
        assert "no plot: matplotlib is not installed" in done.stderr
    assert done.stdout.count("\n| tokens ") == 2 * len(workers)


def test_frontier_draws_what_it_measured_and_runs_no_point_twice(tmp_path):
    from texts import planted_word

    (tmp_path / "eval").mkdir()
    pairs = [(a, b) for a in range(6) for b in range(6)]
    lines = [f"{planted_word(a, 0)}\t{planted_word(b, 1)}\t{int(a == b)}" for a, b in pairs]
    (tmp_path / "eval" / "simlex999.txt").write_text("\n".join(lines) + "\n")
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    arguments = ("--quick", "--data", tmp_path, "--trainers", "embedlayer", "--json", out)
    benchmark("frontier", *arguments)
    first, second = json.loads(out.read_text())["points"]
    out.write_text(json.dumps({"points": [second]}))
    done = benchmark("frontier", *arguments, "--plot", plot)
    again, other = json.loads(out.read_text())["points"]
    assert again == second
    assert other["settings"] == first["settings"]
    assert other["whole_seconds"] != first["whole_seconds"]
    assert done.stdout.count("\n| embedlayer ") == 2
    if find_spec("matplotlib"):
        assert plot.read_bytes().startswith(b"\x89PNG")


def test_frequency_is_held_where_it_explains_all_or_nothing(tmp_path):
    from frontier import frequency_held

    random, words = np.random.default_rng(1), [f"w{i}" for i in range(60)]
    angles = np.linspace(0, 3, 60)  # the rarer, the farther from the commonest
    vectors = Vectors(words, np.column_stack([np.cos(angles), np.sin(angles)]))
    pairs = tmp_path / "pairs.txt"
    falling = [(0, i, 60 - i) for i in range(1, 60)]
    pairs.write_text("".join(f"w{a}\tw{b}\t{score}\n" for a, b, score in falling))
    assert similarity(vectors, pairs).spearman == pytest.approx(1)
    scored = [(a, b, score + 9 * random.random()) for a, b, score in falling]
    pairs.write_text("".join(f"w{a}\tw{b}\t{score}\n" for a, b, score in scored))
    assert similarity(vectors, pairs).spearman > 0.9
    assert abs(frequency_held(vectors, pairs)) < 0.3
    drawn = random.permutation(60)
    vectors = Vectors(words, np.column_stack([np.cos(angles), np.sin(angles)])[drawn])
    scored = [(0, i, vectors.similarity("w0", f"w{i}")) for i in range(1, 60)]
    pairs.write_text("".join(f"w{a}\tw{b}\t{score}\n" for a, b, score in scored))
    assert frequency_held(vectors, pairs) > 0.95
    pairs.write_text("".join(f"w{a}\tw{b}\t{score}\n" for a, b, score in scored[:9]))
    assert frequency_held(vectors, pairs) is None


def test_mistakes_are_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.delenv("EMBEDLAYER_DATA", raising=False)
    assert "name a text" in benchmark("training", code=2).stderr
    assert (
        f"no such text: {tmp_path / 'no'}" in benchmark("training", tmp_path / "no", code=2).stderr
    )
    assert "evaluation sets" in benchmark("quality", "--quick", code=2).stderr
    assert "may use" in benchmark("kernels", "--threads", 4096, code=2).stderr


def test_fewer_threads_are_fewer_cores(tmp_path):
    code = "import os; from machine import use_cores; use_cores(1); print(os.sched_getaffinity(0))"
    program = tmp_path / "program.py"
    program.write_text(code + "; print(os.environ.get('OPENBLAS_CORETYPE'))\n")
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS), "OPENBLAS_CORETYPE": "Zen"}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, env=environment
    )
    first = min(os.sched_getaffinity(0))
    assert done.stdout.split("\n")[:2] == [f"{{{first}}}", "None"]


def test_a_verdict_is_two_pooled_deviations():
    from quality import verdict

    gensim = {"WS-353": (0.66, 0.01), "SimLex": (0.30, 0.02), "RG-65": None}
    ours = {"WS-353": (0.645, 0.0), "SimLex": (0.26, 0.02), "RG-65": (0.5, 0.1)}
    found = verdict({"embedlayer": ours, "gensim corpus_file": gensim})
    assert set(found) == {"WS-353", "SimLex"}
    assert found["WS-353"]["least"] == pytest.approx(0.66 - 2 * 0.01 / 2**0.5)
    assert found["WS-353"]["worse"]
    assert found["SimLex"]["least"] == pytest.approx(0.26)
    assert not verdict({"embedlayer": gensim, "gensim corpus_file": ours})["SimLex"]["worse"]
    assert verdict({"embedlayer": ours}) == {}


def test_a_wrong_result_is_never_timed():
    from contest import Contest, check_same, compared, hold
    from measure import WrongResult

    right, wanted = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)
    check_same((right, right), [wanted, wanted])
    check_same(right + 4e-5, wanted, 1e-5)
    for found in (right[:1], right + 6e-5, np.full((2, 3), np.nan)):
        with pytest.raises(WrongResult):
            check_same(found, wanted, 1e-5)
    with pytest.raises(WrongResult, match="2 of 6 numbers differ"):
        check_same(np.where(right > 3, 0, right), wanted)
    with pytest.raises(WrongResult, match="1 arrays instead of 2"):
        check_same([right], [wanted, wanted])

    contenders = {"good": compared(lambda: 1, 1), "bad": compared(lambda: 2, 1)}
    with pytest.raises(WrongResult, match="adding, bad: 1 of 1 numbers differ"):
        hold(Contest("adding", 1.0, "bytes", "good", contenders), 1, 0.0, {"bytes": 1.0})


def test_the_check_of_a_step_rejects_a_wrong_step():
    from kernel_contests import IMPLEMENTATIONS, check_step, zipf_corpus
    from measure import WrongResult
    from sizes import QUICK

    model = SkipGram(dim=QUICK.dim)
    corpus, kernels = zipf_corpus(QUICK, threads=1), IMPLEMENTATIONS["cpu"]
    examples = Examples(
        corpus, model, 1, kernels, DEVICES["numpy"], chunk_tokens=QUICK.tokens, measure=16
    )
    batch = examples.batch(0, 0)[0].split(20)[0]
    W_in, W_out = start_tables(model, len(corpus.vocabulary), 1, DEVICES["numpy"])
    W_out[:, : model.dim] = 0.1

    def faster(tables, batch, lr, mode):
        return kernels.sgd_step(tables, batch, 1.01 * lr, mode)

    check_step(kernels.sgd_step, (W_in, W_out), batch, model)
    with pytest.raises(WrongResult, match="off by"):
        check_step(faster, (W_in, W_out), batch, model)


def test_vectors_of_a_wrong_vocabulary_or_without_neighbours_are_rejected():
    from measure import WrongResult
    from scaling import BASE, check_run
    from texts import TOPICS, WORDS_A_TOPIC, check_planted, planted_word
    from trainers import check_vectors

    vectors = Vectors(["</s>", "a", "b"], np.eye(3))
    check_vectors(vectors, {"a", "b"}, 3)
    for words, dim, problem in (
        ({"a", "b"}, 4, "3 dimensions instead of 4"),
        ({"a", "c"}, 3, "lacks 1 words and has 1 others"),
    ):
        with pytest.raises(WrongResult, match=problem):
            check_vectors(vectors, words, dim)
    with pytest.raises(WrongResult, match="zero"):
        check_vectors(Vectors(["a", "b"], [[1.0], [0.0]]), {"a", "b"}, 1)

    words = [planted_word(topic, i) for topic in range(TOPICS) for i in range(WORDS_A_TOPIC)]
    random = np.random.default_rng(1).standard_normal((len(words), TOPICS))
    check_planted(Vectors(words, np.repeat(np.eye(TOPICS), WORDS_A_TOPIC, axis=0) + 0.1 * random))
    with pytest.raises(WrongResult, match="of the nearest words"):
        check_planted(Vectors(words, random))

    point = BASE._replace(words=3, dim=3)
    check_run(SimpleNamespace(vectors=vectors, told={"loss": [0.69]}), point)
    with pytest.raises(WrongResult, match=r"a loss of 0\.7000"):
        check_run(SimpleNamespace(vectors=vectors, told={"loss": [0.7]}), point)
    with pytest.raises(WrongResult, match=r"shape \(3, 3\)"):
        check_run(SimpleNamespace(vectors=vectors, told={"loss": [0.6]}), point._replace(dim=4))


def test_a_program_on_the_path_is_timed_by_its_progress(tmp_path, monkeypatch):
    from measure import WrongResult
    from trainers import Settings, present, run_trainer

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    program, log = tmp_path / "program.py", tmp_path / "log.json"
    program.write_text(WORD2VEC.format(log=str(log)))
    script = tmp_path / "word2vec"
    script.write_text(SCRIPT.format(python=sys.executable, program=program))
    script.chmod(0o755)
    assert present(["word2vec.c"]) == (["word2vec.c"], {})
    run = run_trainer("word2vec.c", tmp_path / "text", Settings(model="cbow", loss="hierarchical"))
    assert run.training > 0.19
    assert run.whole - run.training > 0.3  # what came before the first progress does not count
    assert run.vectors.words == ("</s>", "a", "b")
    options = json.loads(log.read_text())
    assert (options["-hs"], options["-negative"], options["-cbow"]) == ("1", "0", "1")
    assert (options["-alpha"], options["-iter"], options["-size"]) == ("0.05", "5", "100")
    program.write_text("raise SystemExit('no such text')")
    with pytest.raises(WrongResult, match=r"word2vec\.c ended with code 1: no such text"):
        run_trainer("word2vec.c", tmp_path / "text", Settings())


def test_texts(tmp_path):
    from texts import plain_lines, zipf_text

    words = [f"w{i}" for i in range(250_000)]  # more than a block of the reader
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_text("a b\n\n  c\td \n" + " ".join(words) + "\ne")
    plain_lines(source, target)
    lines = target.read_text().split("\n")
    assert lines[:3] == ["a b", "", "c d"]
    assert [len(line.split()) for line in lines[3:-2]] == [1000] * 250
    assert " ".join(lines[3:-2]).split() == words
    assert lines[-2:] == ["e", ""]

    zipf_text(target, 10_500, 700)
    lines = target.read_text().splitlines()
    tokens = [token for line in lines for token in line.split()]
    assert (len(lines), len(tokens), len(set(tokens))) == (11, 10_500, 700)
    share = tokens.count("e") / len(tokens)  # of the first word, 1 / (1 + 1/2 + … + 1/700)
    assert share == pytest.approx(0.14 * (1 - 700 / 10_500), rel=0.15)


def test_turns_and_ratios(monkeypatch):
    import measure
    from measure import Spread, ratios, timed, turns

    assert list(turns("AB", 2)) == [(0, "A"), (0, "B"), (1, "A"), (1, "B")]
    assert ratios([4.0, 9.0, 8.0], [2.0, 3.0, 8.0]) == Spread(2.0, 1.0, 3.0)
    calls, clock = [], iter(range(0, 100, 2))
    monkeypatch.setattr(measure, "perf_counter", lambda: next(clock))
    assert timed(lambda: calls.append(1), least=3) == 2
    assert len(calls) == 2


def test_files_are_read_as_gensim_reads_them_before_anything_is_timed(tmp_path):
    import_or_skip("gensim")
    done = benchmark("files", "--quick", "--json", tmp_path / "out.json")
    runs = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert {*runs} == {
        f"{task} {kind}" for task in ("write", "read") for kind in ("text", "binary")
    }
    assert all({*found} == {"embedlayer", "gensim"} for found in runs.values())
    assert "| read binary" in done.stdout
