"""The command line as a process: quick help, doctor, pipes that break, Ctrl-C."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command import PROGRAM, run, run_process

import embedlayer
from embedlayer.cli import main
from embedlayer.vectors.vectors import Vectors


def test_help_is_there_for_every_command_and_imports_nothing_heavy():
    assert run().stdout == run("--help").stdout == run("-h").stdout
    names = re.findall(r"^  ([a-z]+)  ", run().stdout, re.MULTILINE)
    assert set(names) == set(main.commands) == {
        "analogy", "compare", "completion", "convert", "demo", "doctor", "evaluate", "fasttext",
        "info", "nearest", "phrases", "plot", "similarity", "train", "tune",
    }  # fmt: skip
    for name in names:
        assert run(name, "--help").stdout.startswith(f"Usage: embedlayer {name} ")
    code = (
        "import sys; from embedlayer.cli import main\n"
        "try: main(['train', '--help'])\n"
        "finally: print([name for name in ('numba', 'scipy', 'cupy', 'safetensors', 'tqdm',"
        " 'optuna', 'distributed')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\n[]\n")


def test_defaults_in_the_help_are_those_of_the_library():
    shown = " ".join(run("train", "--help").stdout.split())
    for option, default in {
        "dim": "100", "window": "5", "negative": "5", "sample": "0.0001", "min-count": "5",
        "noise-power": "0.75", "epochs": "5", "max-sentence": "1000", "loss": "negative",
    }.items():  # fmt: skip
        assert re.search(rf"--{option} [^-]*\[default: {default}\]", shown), option


def test_version():
    assert run("--version").stdout == f"embedlayer {embedlayer.__version__}\n"


def test_doctor_trains_and_says_what_it_found(monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")
    found = json.loads(run("doctor", "--json").stdout)
    assert (found["backend"], found["backend_chosen_by"]) == ("numpy", "EMBEDLAYER_BACKEND")
    assert (found["kernels"], found["kernels_file"]) == ("fused", "cpu")
    assert found["packages"]["numpy"] == np.__version__
    assert found["environment"]["EMBEDLAYER_BACKEND"] == "numpy"
    assert found["cache"] == os.environ["EMBEDLAYER_CACHE"]
    assert found["problem"] is None
    shown = dict(line.split(maxsplit=1) for line in run("doctor").stdout.splitlines())
    assert shown["backend"] == "numpy (EMBEDLAYER_BACKEND)"
    assert shown["training"].startswith("works: ")
    assert shown["compiled"].startswith("compiled before, kept in ")


def test_doctor_examines_a_broken_installation_too(monkeypatch):
    monkeypatch.setattr("embedlayer.device.Cuda.problem", lambda self: "the planted reason")
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "cupy")
    result = run("doctor", code=2)
    assert "training            cannot work\n" in result.stdout
    assert result.stderr == (
        "embedlayer: error: backend 'cupy' (EMBEDLAYER_BACKEND) cannot work here: "
        "the planted reason\n"
    )


@pytest.fixture
def wide(tmp_path):
    """Vectors with so many words that their neighbours overflow a pipe."""
    path = tmp_path / "wide.safetensors"
    words = [f"word{i}é" for i in range(20_000)]
    Vectors(words, np.random.default_rng(1).normal(size=(20_000, 4))).save(path)
    return path


def test_a_broken_pipe_is_quiet(wide):
    command = [*PROGRAM, "nearest", str(wide), "word0é", "-k", "20000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"word    nearest     cosine\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 1


def test_letters_that_the_terminal_lacks_are_escaped(tmp_path):
    path = tmp_path / "v.safetensors"
    Vectors(["café", "서울"], [[1.0], [1.0]]).save(path)
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    options = {"env": environment, "encoding": "latin-1"}
    found = run_process("nearest", path, "café", **options).stdout
    assert found.splitlines()[1] == "café  \\uc11c\\uc6b8     1.0000"


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text("a b c d e f\n" * 2000)
    return "text.txt"


def started(tmp_path):
    """A training that takes for ever."""
    return subprocess.Popen(
        [*PROGRAM, "train", "text.txt", "-o", "out.vec", "--epochs", "1000000"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background has been told to ignore Ctrl-C, and would hand that on.
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number, _ in STOPS],
    )


def wait_for(process, what):
    for line in process.stderr:
        if what in line:
            return
    raise AssertionError(f"the command ended without a word of {what}")


STOPS = [
    (signal.SIGINT, "interrupted"),
    (signal.SIGTERM, "terminated"),
    (signal.SIGHUP, "hung up: its terminal was closed"),
]


@pytest.mark.parametrize(("number", "told"), STOPS)
def test_a_signal_stops_training_and_keeps_what_was_learnt(tmp_path, text, number, told):
    process = started(tmp_path)
    wait_for(process, "words; memory: ")  # told before training begins
    time.sleep(0.3)
    process.send_signal(number)
    *_, stopped, how, last = process.stderr.read().splitlines()
    process.stderr.close()
    assert process.wait(30) == 128 + number
    assert re.fullmatch(
        r"stopped in epoch \d+ of 1000000; what was learnt so far: out.interrupted.vec", stopped
    )
    assert how == "another time --checkpoint FOLDER makes it possible to go on"
    assert last == f"embedlayer: {told}"
    assert len(Vectors.load(tmp_path / "out.interrupted.vec")) == 6
    assert {path.name for path in tmp_path.iterdir()} == {
        "text.txt",
        "cache",
        "out.interrupted.vec",
    }
    assert not list((tmp_path / "cache").glob("*unfinished*"))


def test_a_run_that_was_killed_is_resumed_to_the_same_bytes(tmp_path, text):
    options = ["--workers", "1", "--epochs", "40", "--dim", "8", "--sample", "0", "--quiet"]
    run_process("train", text, "-o", "whole.vec", *options, cwd=tmp_path)
    saving = ["--checkpoint", "kept", "--checkpoint-every", "0"]
    process = subprocess.Popen(
        [*PROGRAM, "train", text, "-o", "out.vec", *options, *saving], cwd=tmp_path
    )
    while not list(tmp_path.glob("kept/checkpoint-*")):
        time.sleep(0.01)
    process.kill()
    process.wait(30)
    assert not (tmp_path / "out.vec").exists()
    elsewhere = tmp_path / "cache"
    run_process("train", "--resume", tmp_path / "kept", "--workers", "1", cwd=elsewhere)
    assert (tmp_path / "out.vec").read_bytes() == (tmp_path / "whole.vec").read_bytes()


def test_one_seed_and_one_worker_make_the_same_file_in_every_process(tmp_path, text):
    options = ["--workers", "1", "--epochs", "4", "--dim", "8", "--sample", "0", "--quiet"]
    for name, seed, more in ("a.vec", "1", []), ("b.vec", "2", []), ("c.vec", "3", ["--no-cache"]):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = ["train", text, "-o", name, *options, *more]
        run_process(*command, cwd=tmp_path, env=environment)
    a, b, c = (tmp_path.joinpath(name).read_bytes() for name in ("a.vec", "b.vec", "c.vec"))
    assert a == b == c


def shell(tmp_path, line):
    """``line`` in a shell, where $E is the command; what ended it, and its streams."""
    environment = os.environ | {"EMBEDLAYER_BACKEND": "numpy"}
    command = ["bash", "-c", line.replace("$E", shlex.join(PROGRAM))]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    "line",
    [
        "$E train text.txt -o out.vec --epochs 1 2>&-",
        "$E train text.txt -o out.vec --epochs 1 <&- >&- 2>&-",
        "$E train text.txt -o out.vec --epochs 1 2>/dev/full",
        "set -o pipefail; $E train text.txt -o out.vec --epochs 500 2>&1 | head -1",
    ],
)
def test_whatever_becomes_of_standard_error_the_work_goes_on(tmp_path, text, line):
    done = shell(tmp_path, line)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(Vectors.load(tmp_path / "out.vec")) == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$E train - -o out.vec <&-", "standard input is closed: name a file"),
        ("$E train text.txt -o out.vec --json >&-", "standard output is closed"),
        ("$E nearest v.vec a >&-", "standard output is closed"),
        ("$E nearest v.vec a >/dev/full", "cannot write to standard output: No space left"),
        ("$E info v.vec --json >/dev/full", "cannot write to standard output: No space left"),
    ],
)
def test_a_stream_that_is_needed_and_is_not_there_is_named(tmp_path, text, line, message):
    Vectors(["a", "b"], [[1.0], [2.0]]).save(tmp_path / "v.vec")
    done = shell(tmp_path, line)
    assert (done.returncode, done.stdout) == (2, "")
    (told,) = [one for one in done.stderr.splitlines() if one.startswith("embedlayer: error: ")]
    assert message in told
    assert not (tmp_path / "out.vec").exists()


def test_ctrl_c_while_the_command_is_imported_is_quiet(tmp_path):
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    assert run_process("--version", code=130, env=environment).stderr == "embedlayer: interrupted\n"


COMPILING = """
import os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from embedlayer.__main__ import main
from embedlayer.cli import run

def compile_for_ever(*_, **__):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 3600)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(3600)

run.warm_up = compile_for_ever
sys.argv = ["embedlayer", "train", "text.txt", "-o", "out.vec"]
main()
"""


def test_ctrl_c_while_kernels_compile_waits_for_no_thread(tmp_path, text):
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMPILING],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "embedlayer: interrupted"
    assert {path.name for path in tmp_path.iterdir()} <= {"text.txt", "cache"}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path, closed):
    code = (
        "from embedlayer.cli.streams import settle_streams; settle_streams();"
        "open('number', 'w').write(str(open('other', 'w').fileno()))"
    )
    subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{code}" {closed}'], cwd=tmp_path, check=True
    )
    assert int((tmp_path / "number").read_text()) >= 3


def test_ctrl_c_after_the_work_changes_nothing(tmp_path):
    """As Python ends, which may take a while, an interrupt is no news."""
    code = (
        "import atexit, os, signal, sys; from embedlayer.__main__ import main\n"
        "atexit.register(print, 'as Python ends', flush=True)\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['embedlayer', '--version']; main()"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("as Python ends\n")


TAKEN_APART = """
import atexit, gc, sys, threading
from embedlayer.__main__ import main

class Held:
    def __del__(self):
        print("taken apart")

def begin():
    atexit.register(print, "tidied up")
    threading.Thread(target=sys.stdout.write, args=["a thread\\n"]).start()
    sys.modules["held"] = Held()

if "before" in sys.argv:
    begin()
else:
    gc.disable = begin
sys.argv = ["embedlayer", sys.argv[1]]
main()
"""


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--nonsense", 2)])
@pytest.mark.parametrize("before", [False, True])
def test_a_command_that_is_done_is_not_taken_apart(argument, code, before):
    """Unless others asked to be called at the end, before it began: they are called after it."""
    arguments = [argument, "before"] if before else [argument]
    done = subprocess.run(
        [sys.executable, "-P", "-c", TAKEN_APART, *arguments], capture_output=True, text=True
    )
    assert done.returncode == code
    told = done.stdout.splitlines()
    assert {"a thread", "tidied up"} <= {*told}
    assert ("taken apart" in told) == before
    assert (f"embedlayer {embedlayer.__version__}" in told) == (code == 0)
