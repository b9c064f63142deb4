"""Completion by the Tab key: as the shells ask for it, and in the shells that are here."""

import os
import shlex
import shutil
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from command import PROGRAM, mistake, run
from conftest import import_or_skip

from embedlayer import Vectors
from embedlayer.cli import main
from embedlayer.cli.completion import SHELLS, VARIABLE
from embedlayer.vectors.beginnings import words_beginning

WORDS = ["germany", "the", "german", "서울", "서쪽", "o'clock", "germ,any", "german war"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Vectors(WORDS, np.eye(len(WORDS))).save("v.safetensors")
    Vectors(WORDS[:2], np.eye(2)).save("v.vec")
    return tmp_path


def completed(line, shell="bash"):
    """What click answers to a shell that asks how a line may go on, each as (type, value)."""
    words = shlex.split(line)
    number = str(len(words) if line.endswith(" ") else len(words) - 1)
    asked = {VARIABLE: f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": number}
    result = CliRunner().invoke(main, [], env=asked)
    assert result.exit_code == 0, result.output
    return [tuple(answer.split(",", 1)) for answer in result.stdout.splitlines() if answer]


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("embedlayer near", ["nearest"]),
        ("embedlayer fasttext print-s", ["print-sentence-vectors"]),
        ("embedlayer train x --checkpoint-e", ["--checkpoint-every"]),
        ("embedlayer train x --model ", ["skipgram", "cbow"]),
        ("embedlayer train x --loss=h", ["hierarchical"]),
        ("embedlayer train x --format word", ["word2vec-text", "word2vec-binary"]),
        ("embedlayer completion ", [*SHELLS]),
        ("embedlayer nearest v.safetensors ger", ["germany", "german"]),
        ("embedlayer nearest v.safetensors the 서", ["서울", "서쪽"]),
        ("embedlayer nearest -k 3 v.safetensors q", []),
        ("embedlayer analogy v.safetensors th", ["the"]),
        ("embedlayer similarity v.safetensors the germa", ["germany", "german"]),
        ("embedlayer nearest v.vec ger", []),  # it would have to be parsed
        ("embedlayer nearest absent ger", []),
    ],
)
def test_what_a_shell_is_answered(line, answers):
    assert completed(line) == [("plain", answer) for answer in answers]


@pytest.mark.parametrize(
    "line",
    [
        "embedlayer train ",
        "embedlayer train a.txt ",
        "embedlayer train a.txt -o ",
        "embedlayer train a.txt --config ",
        "embedlayer train a.txt --continue-from ",
        "embedlayer nearest ",
        "embedlayer evaluate v.vec ",
        "embedlayer phrases ",
        "embedlayer fasttext skipgram -input ",
        "embedlayer info ",
    ],
)
def test_files_are_completed_by_the_shell(line):
    assert completed(line) == [("file", "")]


def test_the_words_of_a_file_that_is_damaged_or_no_file_are_none(folder):
    data = (folder / "v.safetensors").read_bytes()
    (folder / "cut").write_bytes(data[: len(data) // 2])
    os.mkfifo(folder / "pipe")
    for name in ("cut", "pipe", ".", "http://localhost:1/v.safetensors"):
        assert completed(f"embedlayer nearest {name} ger") == []


def test_words_by_their_beginning():
    assert words_beginning("v.safetensors", "", 3) == WORDS[:3]
    assert words_beginning("v.safetensors", "german", 9) == ["germany", "german", "german war"]
    assert words_beginning("v.safetensors", "germanyx", 9) == []


def test_a_shell_that_is_not_known():
    assert "'fsh' is not one of 'bash', 'zsh', 'fish'. Did you mean" in mistake("completion", "fsh")


@pytest.fixture
def program(folder, monkeypatch):
    """The command by its name, on the path of a shell."""
    file = folder / "bin" / "embedlayer"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")


def script(shell):
    """The script of a shell, in a file."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: apt-get install {shell}, or your system's own way")
    with open(f"embedlayer.{shell}", "w") as file:
        file.write(run("completion", shell).stdout)
    return file.name


def test_in_bash(program):
    asked = """
        source $0
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
                _embedlayer_completion embedlayer; echo "${COMPREPLY[@]}"; }
        ask embedlayer near; ask embedlayer train x --model ""
        ask embedlayer nearest v.safetensors ger
    """
    done = subprocess.run(["bash", "-c", asked, script("bash")], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["nearest", "skipgram cbow", "germany german"]


def test_in_fish(program, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))  # fish keeps files there
    asked = f"source {script('fish')}"
    for line in ("near", "train x --model ", "nearest v.safetensors ger", "train v.v"):
        asked += f"; complete -C 'embedlayer {line}'"
    done = subprocess.run(["fish", "--no-config", "-c", asked], capture_output=True, text=True)
    told = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert sorted(told) == ["cbow", "german", "germany", "nearest", "skipgram", "v.vec"]


def test_in_zsh(program, folder):
    file = script("zsh")
    spawned = import_or_skip("pexpect").spawn(
        "zsh", ["-f"], encoding="utf-8", timeout=60, dimensions=(24, 80),
        env=os.environ | {"TERM": "dumb", "PS1": "$ "},
    )  # fmt: skip
    spawned.sendline("unsetopt beep zle_bracketed_paste; autoload -U compinit; compinit -D -u")
    spawned.sendline(f"source ./{file}; echo rea''dy")
    spawned.expect("ready")
    spawned.send("embedlayer near\t")
    spawned.expect("embedlayer nearest ")
    spawned.send("v.v\t")
    spawned.expect("v.vec ")
    spawned.send("\b" * 6 + "v.safetensors germany 서울 th\t")
    spawned.expect("the ")
    spawned.close(force=True)
