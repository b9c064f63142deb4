"""The session on a machine with a GPU: phases end in time, JSON is kept, nothing is downloaded."""

import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import Step
from planted import planted_sentences

from . import session, wheels
from .cases import step

PYTHON = (sys.executable, "-P", "-c")
BENCHMARKS = wheels.PROJECT / "benchmarks"
THERE = wheels.PROJECT / "tests" / "gpu" / "there.py"
PAIRS = "t0w0\tt0w1\t9\nt0w2\tt0w3\t8\nt0w0\tt1w0\t1\n"


def phase(name: str, code: str, **options: Any) -> session.Phase:
    return session.Phase(name, (*PYTHON, code), **options)


def ended(todo: list[session.Phase], folder: Path) -> dict[str, Any]:
    """RESULT.json of these phases; the exit code must be the one it says."""
    result, numbers = folder / "result.json", folder / "numbers.json"
    code = session.run_all(todo, result, numbers)
    report = json.loads(result.read_text())
    assert report["exit"] == code
    return report


def test_every_phase_tells_how_it_ended_and_the_worst_is_the_exit_code(tmp_path: Path) -> None:
    report = ended(
        [
            phase("good", "print('fine')"),
            phase("bad", "import sys; print('why'); sys.exit(3)"),
            phase("absent", "", absent="no such tool"),
            phase("killed", "import os; os.kill(os.getpid(), 9)"),
        ],
        tmp_path,
    )
    told = {one["name"]: (one["outcome"], one["exit"]) for one in report["phases"]}
    assert told == {
        "good": ("passed", 0),
        "bad": ("failed", 3),
        "absent": ("not run", 0),
        "killed": ("failed", 137),
    }
    assert report["exit"] == 137
    assert [one.get("output") for one in report["phases"]] == [["fine"], ["why"], None, []]
    assert report["phases"][2]["reason"] == "no such tool"


def test_a_phase_that_takes_too_long_is_cut_with_what_it_started(tmp_path: Path) -> None:
    left = tmp_path / "left"
    child = f"import time; time.sleep(2); open({str(left)!r}, 'w')"
    parent = (
        "import subprocess, sys, time; print('begun', flush=True); "
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    begin = time.monotonic()
    report = ended([phase("long", parent, seconds=1), phase("next", "")], tmp_path)
    assert time.monotonic() - begin < 20
    assert [one["outcome"] for one in report["phases"]] == ["cut", "passed"]
    assert report["phases"][0]["output"] == ["begun"]
    assert report["exit"] == session.CUT
    time.sleep(2)
    assert not left.exists()


def test_nothing_runs_on_what_is_not_installed(tmp_path: Path) -> None:
    todo = [phase("install", "import sys; sys.exit(1)", needed=True), phase("tests", "")]
    report = ended(todo, tmp_path)
    assert report["phases"][1] == {
        "name": "tests", "limit_seconds": None, "outcome": "not run",
        "reason": "install failed", "exit": 0,
    }  # fmt: skip
    assert report["exit"] == 1


def test_the_result_is_there_after_every_phase(tmp_path: Path) -> None:
    """A phase sees what is written of those before it, and the benchmark's numbers so far."""
    result, numbers = tmp_path / "result.json", tmp_path / "numbers.json"
    look = f"import json; print(json.load(open({str(result)!r}))['finished'])"
    write = f"open({str(numbers)!r}, 'w').write('[1]'); raise SystemExit(1)"
    report = ended([phase("first", ""), phase("look", look), phase("write", write)], tmp_path)
    assert report["phases"][1]["output"] == ["False"]
    assert report["finished"]
    assert report["benchmark"] == [1]


def test_with_wheels_all_ends_within_nine_minutes_and_no_registry_is_asked(tmp_path: Path) -> None:
    (tmp_path / "embedlayer-1-py3-none-any.whl").touch()
    todo = session.phases("text", tmp_path / "numbers", tmp_path)
    assert sum(one.seconds or 1e9 for one in todo) < 9 * 60 - 10
    pip = [one.command for one in todo if "pip" in one.command]
    assert len(pip) == 2
    assert all("--no-index" in command for command in pip)
    assert [one.name for one in todo][-6:] == ["tests", *session.TOOLS, "benchmark"]


def test_without_wheels_nothing_is_cut(tmp_path: Path) -> None:
    assert {one.seconds for one in session.phases("text", tmp_path / "numbers", None)} == {None}


def test_one_wheel_of_the_project_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"0 wheels of embedlayer, not one; .*wheels\.py"):
        session.phases("text", tmp_path / "numbers", tmp_path)


def test_the_folder_of_wheels_has_what_pyproject_names() -> None:
    project = wheels._project()
    named = {wheels._name(one) for one in project["dependencies"]}
    named |= {wheels._name(one) for one in project["optional-dependencies"]["test-lowest"]}
    assert {"click", "zstandard", "hypothesis", "numpy"} <= named
    assert {wheels._name(one) for one in wheels.requirements()} == named - wheels.HAS


def test_the_tests_on_a_device_are_told_from_the_others() -> None:
    paths = os.pathsep.join([str(wheels.PROJECT / "tests"), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": paths}
    command = (
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    files = ("tests/gpu/test_r1_limits.py", "tests/gpu/test_device.py", "tests/test_vectors.py")
    done = subprocess.run(
        [*command, "-p", "gpu.only_device", *files],
        cwd=wheels.PROJECT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    chosen = [line for line in done.stdout.splitlines() if "::" in line]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/gpu/test_r1_limits.py::test_refused[device-1,025 threads per block]" in chosen
    assert any("test_vectors.py" in line for line in chosen)
    assert all("device" in line for line in chosen)
    assert not [line for line in chosen if "double" in line or "numpy" in line]
    assert "what needs the pinned CuPy or g++" in done.stdout


def test_an_environment_sees_what_is_there_and_cupy_its_libraries(tmp_path: Path) -> None:
    there = subprocess.run([sys.executable, THERE], capture_output=True, text=True, check=True)
    venv.create(tmp_path, with_pip=False)
    (site,) = tmp_path.glob("lib/python3*/site-packages")
    (site / "there.pth").write_text(there.stdout)
    python = (tmp_path / "bin" / "python", "-P", "-W", "ignore", "-c")
    code = (
        "import pip; from cupy_backends.cuda.libs import nvrtc; print(nvrtc.getVersion()[0] > 11)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*python, code], capture_output=True, text=True, env=environment)
    assert done.stdout == "True\n", done.stderr


class TestBenchmark:
    """The benchmark on the double, whose clock shows nothing: it must not fail on a device."""

    @pytest.fixture
    def benchmark(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(BENCHMARKS)
        from . import benchmark

        def once(cupy: Any, work: Any) -> float:
            work()
            return 0.5

        monkeypatch.setattr(benchmark, "seconds_of", once)
        monkeypatch.setattr(benchmark, "COPIED", 1 << 12)
        return benchmark

    def test_windows_and_their_rows_are_counted(self, benchmark: Any, cupy: Any) -> None:
        case = step(8, V=5, sizes=(3, 0, 6, 10))
        rows = 0
        for b, outputs in enumerate(case.rows):
            contexts = case.contexts[case.offsets[b] : case.offsets[b + 1]]
            if len(contexts):
                rows += len(np.unique(contexts)) + len(np.unique(outputs[outputs >= 0]))
        assert benchmark.count(Step(*map(cupy.asarray, case)).batch) == (3, rows)

    def test_it_measures_every_model_on_both_sides(
        self, benchmark: Any, cupy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text, result = tmp_path / "text", tmp_path / "result.json"
        text.write_text("\n".join(map(" ".join, planted_sentences(300))))
        (tmp_path / "eval").mkdir()
        (tmp_path / "eval" / "wordsim353.tsv").write_text(PAIRS)
        monkeypatch.setenv("EMBEDLAYER_DATA", str(tmp_path))
        code = benchmark.main(str(text), str(result))
        found = json.loads(result.read_text())
        assert found["copied_bytes_per_second"] == 2 * (1 << 12) / 0.5
        ratios = [found[name]["loss_ratio"] for name in benchmark.MODELS]
        assert max(abs(ratio - 1) for ratio in ratios) < benchmark.TOLERANCE
        assert code == 0
        for name in benchmark.MODELS:
            assert found["sgd_step"][name]["share_of_bandwidth"] > 0
            for backend in ("cupy", "numpy"):
                assert found[name][backend]["words_per_second"] > 0
                assert len(found[name][backend]["loss"]) == benchmark.EPOCHS
                assert -1 <= found[name][backend]["scores"]["WS-353"] <= 1

    def test_it_fails_where_a_loss_is_not_the_cpus(
        self, benchmark: Any, cupy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        train, name = benchmark.train, "skip-gram"

        def worse(corpus: Any, model: Any, backend: str) -> dict[str, Any]:
            losses = {"cupy": 0.7, "numpy": 0.69}
            return train(corpus, model, "numpy") | {"loss": [0.69, losses[backend]]}

        monkeypatch.setattr(benchmark, "train", worse)
        monkeypatch.setattr(benchmark, "MODELS", {name: benchmark.MODELS[name]})
        (tmp_path / "text").write_text("\n".join(map(" ".join, planted_sentences(60))))
        result = tmp_path / "result.json"
        assert benchmark.main(str(tmp_path / "text"), str(result)) == 1
        assert json.loads(result.read_text())[name]["loss_ratio"] == pytest.approx(0.7 / 0.69)
