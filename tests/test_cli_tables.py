"""Tables in terminals of every width, colors, and what a terminal must not obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import width

from embedlayer.cli.tables import fit, printable, table_lines, wrapped
from embedlayer.cli.terminal import wants_color

WORDS = [
    "서울특별시청앞광장에서", "日本国民", "שלום", "مرحبا", "👍🏽", "👩‍👩‍👧‍👦",
    "🇰🇷", "é́", "New York",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
]  # fmt: skip
HEAD = ("word", "nearest", "cosine")


def rows():
    return [(word, other, "-0.1234") for word in WORDS for other in WORDS[::-1]]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_table_fits_the_terminal_and_loses_nothing(columns):
    assert max(width(line) for line in table_lines(rows(), HEAD, columns)) <= columns
    for word in WORDS:
        lines = list(table_lines([(word,)], (), columns))
        assert "".join(lines) == word
        assert max(map(width, lines)) <= columns


@pytest.mark.parametrize("columns", [40, 80])
def test_columns_begin_at_one_place(columns):
    lines = list(table_lines(rows(), HEAD, columns))
    places = {width(line[: line.index("-0.1234")]) for line in lines if "-0.1234" in line}
    assert len(places) == 1


def test_without_a_terminal_a_row_is_a_line():
    lines = list(table_lines(rows(), HEAD))
    assert len(lines) == 1 + len(WORDS) ** 2
    assert not any("\u200e" in line for line in lines)


def test_words_from_right_to_left_do_not_run_into_each_other():
    (line,) = table_lines([("שלום", "مرحبا", "0.5")], (), 40)
    assert line == "שלום\u200e  مرحبا\u200e  0.5"


def test_what_is_too_wide_even_so_stands_one_below_the_other():
    names = [f"column{i}" for i in range(6)]
    lines = list(table_lines([[f"value {i}" for i in range(6)], [""] * 5 + ["last"]], names, 20))
    assert lines[0] == "column0  value 0"
    assert lines[6:] == ["", "column5  last"]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(10, 200))
def test_widths_are_reduced_from_the_largest(widths, room):
    fitted = fit(widths, room)
    if fitted is None:
        assert sum(min(one, 8) for one in widths) > room
    else:
        assert sum(fitted) <= room
        assert sum(fitted) == min(room, sum(widths))
        assert all(new == old for new, old in zip(fitted, widths, strict=True) if old <= 8)


def test_a_text_is_wrapped_between_letters_that_belong_together():
    assert wrapped("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2) == ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"]
    assert wrapped("a  b", 4) == ["a  b"]
    assert wrapped("", 4) == [""]


def test_a_terminal_obeys_no_word():
    assert printable("a\x1b[31mb\u202e\n\x9b") == "a\\x1b[31mb\\u202e\\n\\x9b"
    assert printable("👩‍👩‍👧‍👦 서울 é́") == "👩‍👩‍👧‍👦 서울 é́"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"NO_COLOR": ""}, None),  # as https://no-color.org says
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colors_are_what_the_environment_says(monkeypatch, environment, wanted):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color() is wanted
