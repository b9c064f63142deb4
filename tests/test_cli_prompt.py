"""The prompts of nearest, analogy and similarity, as a person at a terminal meets them."""

import os
import sys

import numpy as np
import pytest
from command import PROGRAM
from conftest import import_or_skip

from embedlayer import Vectors
from embedlayer.cli import lines, prompt
from embedlayer.cli.lines import Beginnings, line_reader
from embedlayer.cli.prompt import Question, converse

WORDS = ["king", "queen", "man", "woman", "/k", "kings", "서울", "New York"]
# An installation without the extra "prompt".
WITHOUT = (
    "import sys; sys.modules['prompt_toolkit'] = None; from embedlayer.__main__ import main; main()"
)
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matrix = np.array([[1, 1, 0], [1, -1, 0], [0, 1, 0], [0, -1, 0], [-1, 0, 1], [1, 1, 1],
                       [0, 0, 1], [0, 1, 1]], np.float32)  # fmt: skip
    Vectors(WORDS, matrix).save("v.safetensors")
    return "v.safetensors"


class Terminal:
    """A command in a terminal of its own, and what is on its screen."""

    def __init__(self, *arguments, command=PROGRAM, columns=80, **environment):
        self.screen = import_or_skip("pyte").Screen(columns, 60)
        self.stream = import_or_skip("pyte").Stream(self.screen)
        usual = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = import_or_skip("pexpect").spawn(
            sys.executable, [*command[1:], *map(str, arguments)], encoding="utf-8",
            dimensions=(60, columns), env=os.environ | usual | environment,
        )  # fmt: skip
        self.prompt = f"{arguments[0]}>"

    def lines(self):
        """Those of the screen, without empty ones."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def wait(self, reached):
        """Until what is on the screen is as it should be."""
        while not reached():
            self.stream.feed(self.process.read_nonblocking(4096, timeout=60))

    def start(self):
        """Wait for the first prompt; what is told before it."""
        self.wait(lambda: self.lines()[-1:] == [self.prompt])
        return " ".join(self.lines()[:-1])

    def enter(self, line):
        """A line, or a key that ends one; what is told until the next prompt."""
        before = len(self.prompts())
        self.process.send(line if line == CTRL_C else f"{line}\r")
        self.wait(
            lambda: (
                len(self.prompts()) > before and self.lines()[self.prompts()[-1] :] == [self.prompt]
            )
        )
        return self.lines()[self.prompts()[before - 1] + 1 : -1]

    def edit(self, keys, line):
        """Keys, until the line is what it should be."""
        self.process.send(keys)
        self.wait(lambda: f"{self.prompt} {line}" in self.lines()[self.prompts()[-1] :])

    def prompts(self):
        return [row for row, line in enumerate(self.lines()) if line.startswith(self.prompt)]

    def end(self):
        """Ctrl-D; the exit code."""
        self.process.send(CTRL_D)
        self.process.expect(import_or_skip("pexpect").EOF)
        self.process.close()
        return self.process.exitstatus


def test_nearest_asks_for_words_and_completes_them(path, tmp_path):
    import_or_skip("prompt_toolkit")
    terminal = Terminal("nearest", path, "-k", 2)
    assert terminal.start() == "8 words. Type a word, or several; /help has more."
    assert terminal.enter("king") == [
        "word  nearest  cosine",
        "king  kings    0.8165",
        "king  man      0.7071",
    ]
    assert len(terminal.enter("king queen")) == 5
    told = "".join(terminal.enter("Queen"))
    assert told.startswith("unknown word 'Queen'")
    assert told.endswith("did you mean 'queen'?")
    terminal.edit("man wom\t", "man woman")
    terminal.enter(CTRL_C)
    assert terminal.enter("/k 1") == []
    assert len(terminal.enter("New York")) == 2
    assert "/k 20: that many answers" in terminal.enter("/help")
    assert terminal.enter("/hlep") == ["no command /hlep; /help tells them. Did you mean '/help'?"]
    assert terminal.enter("/k zero") == ["how many answers? As in /k 20: that many answers"]
    terminal.edit(UP, "/k zero")
    terminal.edit(UP, "/hlep")
    terminal.enter(CTRL_C)
    assert terminal.end() == 0
    kept = tmp_path / "cache" / "history" / "nearest"
    assert "+king queen\n" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    assert {file.name for file in tmp_path.iterdir()} == {"cache", path}


def test_without_prompt_toolkit_lines_are_read_all_the_same(path, tmp_path):
    import_or_skip("readline")
    command = [sys.executable, "-P", "-c", WITHOUT]
    terminal = Terminal("analogy", path, command=command)
    assert "pip install 'embedlayer[prompt]'" in terminal.start()
    told = terminal.enter("man king woman")
    assert told[0] == "answer    cosine"
    assert told[1].split()[0] == "queen"
    assert terminal.enter("man king") == ["Missing argument 'C'."]
    terminal.edit("man quee\t", "man queen")
    terminal.enter(CTRL_C)
    assert terminal.end() == 0
    kept = tmp_path / "cache" / "history" / "analogy.readline"
    assert kept.read_text() == "man king woman\nman king\n"
    again = Terminal("analogy", path, command=command)
    again.start()
    again.edit(UP + UP, "man king woman")
    again.enter(CTRL_C)
    assert again.end() == 0


@pytest.mark.parametrize(("no_color", "bold"), [("", True), ("1", False)])
def test_the_head_of_a_table_is_bold_in_a_terminal(path, no_color, bold):
    terminal = Terminal("nearest", path, "king", columns=40, NO_COLOR=no_color)
    terminal.process.expect_exact("word")
    assert ("\x1b[1m" in terminal.process.before) is bold
    terminal.process.expect(import_or_skip("pexpect").EOF)
    terminal.process.close()
    assert terminal.process.exitstatus == 0


class Typed:
    """What is typed, a line or an exception each; and what is answered and told."""

    def __init__(self, monkeypatch, *typed):
        self.typed = iter([*typed, EOFError])
        self.answered, self.told = [], []
        monkeypatch.setattr(prompt, "line_reader", lambda *_: self.read)
        monkeypatch.setattr(prompt, "note", self.told.append)
        monkeypatch.setattr(prompt, "tell", self.told.append)

    def read(self):
        line = next(self.typed)
        if not isinstance(line, str):
            raise line
        return line

    def run(self, k=10):
        vectors = Vectors(WORDS, np.eye(len(WORDS)))
        question = Question("q", "words", lambda words, k: self.answered.append((list(words), k)))
        converse(question, vectors, k)


def test_a_line_is_a_word_some_words_or_a_command(monkeypatch):
    typed = Typed(monkeypatch, " king ", "", "king man", "New York", "/k", "/k  3", "king",
                  KeyboardInterrupt, "man", "/quit", "queen")  # fmt: skip
    typed.run()
    assert typed.answered == [(["king"], 10), (["king", "man"], 10), (["New York"], 10),
                              (["/k"], 10), (["king"], 3), (["man"], 3)]  # fmt: skip


def test_where_there_is_one_answer_no_number_is_asked_for(monkeypatch):
    typed = Typed(monkeypatch, "/k 3", "/help")
    typed.run(k=None)
    assert typed.told[1].startswith("no command /k; /help tells them.")
    assert "/quit" in typed.told[2]
    assert "/k" not in typed.told[2]


def test_words_by_their_beginning_the_most_frequent_first():
    beginnings = Beginnings(WORDS)
    assert beginnings.of("k") == ["king", "kings"]
    assert beginnings.of("서") == ["서울"]
    assert beginnings.of("x") == []
    many = Beginnings([f"a{i}" for i in range(1000)])
    assert many.of("a") == [f"a{i}" for i in range(lines.MOST_OFFERED)]


def test_a_history_that_cannot_be_kept_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "file"))
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    monkeypatch.setattr("builtins.input", lambda shown: f"typed behind {shown}")
    assert line_reader("nearest", WORDS)() == "typed behind nearest> "
    assert (tmp_path / "file").read_text() == ""
