"""Columns of pandas, Polars, Arrow and NumPy are texts: each cell is a sentence."""

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer import Corpus, SkipGram, train
from embedlayer.errors import EmbedlayerError
from embedlayer.text import columns

TEXTS = ["tea  cup\n hot", "", "tea\u00a0bag tea"]  # as in a file, U+00A0 does not separate words
LISTS = [["tea", "cup", "hot"], [], ["tea\u00a0bag", "tea"]]


def pandas_series(values):
    return import_or_skip("pandas").Series(values)


def pandas_arrow_series(values):
    pandas, pyarrow = import_or_skip("pandas"), import_or_skip("pyarrow")
    return pandas.Series(values, dtype=pandas.ArrowDtype(pyarrow.array(values).type))


def arrow_array(values):
    return import_or_skip("pyarrow").array(values)


def arrow_chunks(values):
    return import_or_skip("pyarrow").chunked_array([values[:2], values[2:]])


def arrow_table_column(values):
    return import_or_skip("pyarrow").table({"text": values})["text"]


def polars_series(values):
    return import_or_skip("polars").Series("text", values)


def numpy_array(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


FRAMES = [
    pandas_series,
    pandas_arrow_series,
    arrow_array,
    arrow_chunks,
    arrow_table_column,
    polars_series,
]
each_column = pytest.mark.parametrize("column", [*FRAMES, numpy_array], ids=lambda f: f.__name__)


def same_corpus(found: Corpus, wanted: Corpus) -> None:
    assert found.vocabulary.words == wanted.vocabulary.words
    assert found.ids.tolist() == wanted.ids.tolist()
    assert found.offsets.tolist() == wanted.offsets.tolist()


@each_column
def test_texts_in_cells_are_split_as_lines_of_a_file(column, tmp_path):
    found = Corpus.from_sentences(column(TEXTS), min_count=1)
    same_corpus(found, Corpus.from_sentences(LISTS, min_count=1))
    (tmp_path / "text.txt").write_text("".join(text.replace("\n", " ") + "\n" for text in TEXTS))
    same_corpus(found, Corpus.from_files(tmp_path / "text.txt", min_count=1, cache=False))


@each_column
def test_lists_in_cells_are_sentences(column):
    found = Corpus.from_sentences(column(LISTS), min_count=1)
    same_corpus(found, Corpus.from_sentences(LISTS, min_count=1))


@each_column
@pytest.mark.parametrize("values", [["tea cup", None, "tea"], [["tea"], None, ["cup"]]], ids=str)
def test_a_missing_cell_is_told(column, values):
    with pytest.raises(EmbedlayerError, match=r"cell 2 of the column is the .*dropna"):
        Corpus.from_sentences(column(values), min_count=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["tea", ["tea"]], "cell 2 .* the list .*, and not a text"),
        ([["tea"], "tea"], "cell 2 .* the str 'tea', and not a list of words"),
        (["tea", "\ud800"], "cell 2 .* not a text"),
        (["tea\ncup", "a\0b"], "the column, line 2: byte 0x00, at 9 .* is a NUL"),
        ([None], "cell 1 of the column is the NoneType"),
        ([b"tea"], "sentence 1 is the bytes"),
        ([], "no words"),
        (["", " "], "no words"),
    ],
)
def test_what_no_cell_may_hold(values, message):
    with pytest.raises(EmbedlayerError, match=message):
        Corpus.from_sentences(numpy_array(values), min_count=1)


def test_a_column_of_many_blocks(monkeypatch):
    lists = np.random.default_rng(2).choice(["tea", "cup", "car"], (500, 9)).tolist()
    wanted = Corpus.from_sentences(lists, min_count=1)
    for size in (1, 50, 1 << 20):
        monkeypatch.setattr(columns, "BLOCK_BYTES", size)
        texts = numpy_array([" ".join(words) for words in lists])
        same_corpus(Corpus.from_sentences(texts, min_count=1), wanted)


def test_an_array_of_strings_is_a_column_of_texts():
    found = Corpus.from_sentences(np.array(TEXTS), min_count=1)
    same_corpus(found, Corpus.from_sentences(LISTS, min_count=1))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_table_is_no_column(library):
    module = import_or_skip(library)
    table = getattr(module, "table" if library == "pyarrow" else "DataFrame")({"text": TEXTS})
    with pytest.raises(EmbedlayerError, match=r"is a whole table: .*columns, df\['text'\]"):
        Corpus.from_sentences(table)


@pytest.mark.parametrize("column", FRAMES, ids=lambda f: f.__name__)
def test_a_column_trains_the_vectors_of_its_lists(column, monkeypatch):
    monkeypatch.setattr(columns, "SLICE", 7)  # Arrow's cells come in several slices
    lists = np.random.default_rng(1).choice(["tea", "cup", "car", "road"], (50, 6)).tolist()
    texts = [" ".join(words) for words in lists]
    options = {"min_count": 1, "epochs": 1, "workers": 1}
    model = SkipGram(dim=4, sample=0)
    found = train(column(texts), model, **options)
    wanted = train(lists, model, **options)
    assert found.words == wanted.words
    np.testing.assert_array_equal(found.matrix, wanted.matrix)
