"""The demo: the text is gathered out of source files, and what it prints works."""

import json
import re
import shlex
import sys

import pytest
from command import mistake, run

from embedlayer.cli import documentation
from embedlayer.cli.documentation import demo_sentences


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small standard library, and no NumPy."""
    folder = tmp_path / "library"
    (folder / "package" / "test").mkdir(parents=True)
    (folder / "site-packages").mkdir()
    (folder / "a.py").write_text('"""First paragraph.\n\nSecond: it\'s x_1.\n"""\nraise SystemExit')
    (folder / "package" / "b.py").write_text(
        'class C:\n "Of C."\n async def f(self):\n  "Über\\d f"\n  "no docs"\n'
    )
    (folder / "bad.py").write_text('"""Not Python 3."""\nprint "x"\n')
    (folder / "null.py").write_bytes(b'"""Not Python."""\0')
    for left_out in ("package/test/t.py", "site-packages/s.py"):
        (folder / left_out).write_text('"""Left out."""')
    monkeypatch.setattr(documentation.sysconfig, "get_path", lambda name: str(folder))
    monkeypatch.setattr(documentation.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("pydoc_data.topics.topics", {"one": "A Topic\n   \nin two.\n"})
    return folder


def test_the_paragraphs_of_topics_and_docstrings(library):
    heard = []
    found = list(demo_sentences(lambda done, total: heard.append((done, total))))
    assert [sentence for sentence in found if sentence] == [
        ["a", "topic"],
        ["in", "two"],
        ["first", "paragraph"],
        ["second", "it", "s", "x"],
        ["of", "c"],
        ["über", "d", "f"],
    ]
    assert "bad" not in sys.modules
    assert len(heard) == 4
    assert (
        heard[-1][0]
        == heard[-1][1]
        == sum(
            (library / name).stat().st_size
            for name in ("a.py", "bad.py", "null.py", "package/b.py")
        )
    )


def test_numpy_is_among_the_sources():
    folders = {"asyncio", "email", "numpy"}
    found = {
        folder for file in documentation._source_files() for folder in folders & set(file.parts)
    }
    assert found == folders


def test_the_demo_shows_neighbours_and_commands_that_work(tmp_path, monkeypatch):
    """On a part of the text, to be quick."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")
    chosen = {"numpy", "ma", "http", "asyncio", "socket.py"}
    few = [file for file in documentation._source_files() if chosen & set(file.parts[-3:])]
    monkeypatch.setattr(documentation, "_source_files", lambda: few)
    monkeypatch.setattr("embedlayer.cli.demo.EPOCHS", 10)
    result = run("demo")
    shown = result.stdout
    assert re.search(r"^minimum +→  \w+ +\w+ +\w+ +\w+ +\w+$", shown, re.MULTILINE)
    commands = [
        line.split("embedlayer ")[1] for line in shown.splitlines() if "  embedlayer" in line
    ]
    assert len(commands) == 4
    for command in commands[:3]:
        run(*shlex.split(command))
    (about,) = json.loads(run("info", "demo.safetensors", "--json").stdout)["results"]
    assert about["dim"] == 64


def test_an_unwritable_output_is_told_at_once(tmp_path):
    assert "No such file" in mistake("demo", "-o", tmp_path / "absent" / "demo.safetensors")
