"""npz, Parquet and Arrow: what other programs read of ours, and what we read of theirs."""

import io
import sys
import zipfile

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.files import check_writable
from embedlayer.vectors.vectors import Vectors

WORDS = ["the", "café", "한국어", "🙂", "new york", ""]
VECTORS = Vectors(
    WORDS, np.random.default_rng(3).standard_normal((6, 5)), range(12, 0, -2), {"b": [1, "é"]}
)


def check_same(found: Vectors, counts: bool = False) -> None:
    """Raise unless the words and vectors are those of VECTORS, and the counts, if asked for."""
    assert found.words == VECTORS.words
    assert found.matrix.tobytes() == VECTORS.matrix.tobytes()
    assert found.counts is None if not counts else found.counts.tolist() == [12, 10, 8, 6, 4, 2]


@pytest.fixture
def pandas():
    import_or_skip("pyarrow")
    return import_or_skip("pandas")


def test_numpy_loads_what_we_write(tmp_path):
    VECTORS.save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as arrays:  # without pickle, as NumPy has it
        assert set(arrays) == {"words", "vectors", "counts", "metadata"}
        assert arrays["words"].tolist() == WORDS
        assert arrays["vectors"].tobytes() == VECTORS.matrix.tobytes()
        assert arrays["counts"].tolist() == [12, 10, 8, 6, 4, 2]
        assert arrays["metadata"].item() == '{"b": [1, "\\u00e9"]}'
    Vectors(WORDS, VECTORS.matrix).save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as arrays:
        assert set(arrays) == {"words", "vectors"}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "arrays",
    [
        {"words": np.array(WORDS), "vectors": VECTORS.matrix},
        {"vocab": np.array(WORDS), "embeddings": VECTORS.matrix, "epoch": np.array(3)},
        {"arr_0": np.asfortranarray(VECTORS.matrix), "arr_1": np.array(WORDS, ">U9")},
        {"w": np.array([word.encode() for word in WORDS]), "m": VECTORS.matrix.astype(float)},
    ],
)
def test_archives_of_others(tmp_path, save, arrays):
    save(tmp_path / "v.npz", **arrays)
    check_same(Vectors.load(tmp_path / "v.npz"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.eye(2), "b": np.eye(2), "w": np.array(["x", "y"])}, "which array holds the vec"),
        ({"a": np.eye(2)}, "which array holds the words? The file has a: save it"),
        ({"words": np.array(["x"]), "vectors": np.eye(2)}, "1 words, but 2 vectors"),
        ({"words": np.array(["x", None]), "vectors": np.eye(2)}, "a pickled array"),
        ({"words": np.array([b"x", b"\xff"]), "vectors": np.eye(2)}, "are no text"),
        ({"words": np.array(["x", "x"]), "vectors": np.array([[1j], [2]])}, "an array of <c16"),
    ],
)
def test_archives_that_are_not_clear(tmp_path, arrays, message):
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(tmp_path / "v.npz")
    assert message in str(caught.value)


def test_an_archive_that_expands_too_far(tmp_path, monkeypatch):
    monkeypatch.setattr("embedlayer.storage.archives.FREE_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        content = io.BytesIO()
        np.save(content, np.zeros((1 << 10, 1 << 10), np.float32))
        archive.writestr("vectors.npy", content.getvalue())
    with pytest.raises(EmbedlayerError, match="more than 100 times its own size"):
        Vectors.load(tmp_path / "v.npz")


def test_an_archive_of_texts_is_to_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", "a 1 2\n")
    with pytest.raises(EmbedlayerError, match=r"zip archive that holds 'glove.6B.50d.txt'.*unpack"):
        Vectors.load(tmp_path / "glove.6B.zip")


def test_an_array_alone_is_told_with_the_cure(tmp_path):
    np.save(tmp_path / "v.npy", VECTORS.matrix)
    with pytest.raises(EmbedlayerError, match=r"one array, without words: np\.savez"):
        Vectors.load(tmp_path / "v.npy")


def test_an_archive_of_many_arrays_that_expand_too_far_together(tmp_path):
    content = io.BytesIO()
    np.save(content, np.zeros(1 << 23, np.int8))
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(9):
            archive.writestr(f"{number}.npy", content.getvalue())
    with pytest.raises(EmbedlayerError, match="the archive holds more than 100 times its own size"):
        Vectors.load(tmp_path / "v.npz")


def test_words_for_which_numpy_takes_too_much_room(tmp_path, monkeypatch):
    monkeypatch.setattr("embedlayer.vectors.formats.npz.MOST_TEXT", 1000)
    with pytest.raises(
        EmbedlayerError, match="has 200 characters, and NumPy keeps each of 2 words"
    ):
        Vectors(["a", "b" * 200], np.eye(2)).save(tmp_path / "v.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_pandas_reads_what_we_write(tmp_path, pandas, suffix):
    VECTORS.save(tmp_path / f"v{suffix}")
    read = pandas.read_parquet if suffix == ".parquet" else pandas.read_feather
    frame = read(tmp_path / f"v{suffix}")
    assert list(frame.columns) == ["word", "count", "vector"]
    assert frame["word"].tolist() == WORDS
    assert frame["count"].tolist() == [12, 10, 8, 6, 4, 2]
    assert np.stack(frame["vector"]).tobytes() == VECTORS.matrix.tobytes()


def frames(pandas):
    """Tables of others, with what is read of them: whether they have counts, or an error."""
    lists, wide = list(VECTORS.matrix), pandas.DataFrame(VECTORS.matrix, index=WORDS)
    wide.columns = [f"dim_{number}" for number in wide.columns]
    table = pandas.DataFrame({"token": WORDS, "embedding": lists})
    return [
        (table, False),
        (table.assign(freq=[12, 10, 8, 6, 4, 2]), True),
        (table.assign(embedding=list(VECTORS.matrix.astype(float))), False),
        (table.assign(token=table["token"].astype("category")), False),
        (table.rename(columns={"token": "word"}).assign(language="en"), False),
        (wide, False),
        (wide.rename_axis("word").reset_index().assign(count=[12, 10, 8, 6, 4, 2]), True),
        (table.assign(language="en"), "which column holds the words? The file has 'token, emb"),
        (table.assign(other=lists), "which column holds the vectors? The file has 'token, emb"),
        (table.drop(columns="embedding"), "which column holds the vectors? The file has 'token'"),
        (table.assign(token=[None, *WORDS[1:]]), "row 1 has nothing in the column 'token'"),
        (table.assign(embedding=[[1.0], *lists[1:]]), "'embedding' are not of one length"),
        (table.assign(embedding=[None, *lists[1:]]), "'embedding' are not of one length"),
    ]


@pytest.mark.parametrize("case", range(13))
@pytest.mark.parametrize("write", ["to_parquet", "to_feather"])
def test_tables_of_others(tmp_path, pandas, write, case):
    frame, wanted = frames(pandas)[case]
    getattr(frame, write)(tmp_path / "v")
    if isinstance(wanted, bool):
        check_same(Vectors.load(tmp_path / "v"), counts=wanted)
        assert Vectors.load(tmp_path / "v", limit=2).words == ("the", "café")
        return
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(tmp_path / "v")
    assert wanted in str(caught.value)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_arrow_that_is_compressed(tmp_path, pandas, compression):
    frames(pandas)[0][0].to_feather(tmp_path / "v", compression=compression)
    check_same(Vectors.load(tmp_path / "v"))


@pytest.mark.parametrize("write", ["to_parquet", "to_feather"])
def test_tables_that_expand_too_far(tmp_path, pandas, monkeypatch, write):
    monkeypatch.setattr("embedlayer.storage.archives.FREE_BYTES", 1 << 20)
    zeros = pandas.DataFrame({"word": WORDS, "vector": [np.zeros(1 << 17, np.float32)] * 6})
    getattr(zeros, write)(tmp_path / "v")
    with pytest.raises(EmbedlayerError, match="more than 100 times its own size"):
        Vectors.load(tmp_path / "v")


def test_repeated_words(tmp_path):
    words, matrix = ["a", "b", "a"], np.arange(3)[:, None]
    np.savez(tmp_path / "v.npz", words=words, vectors=matrix, counts=[5, 3, 1])
    assert Vectors.load(tmp_path / "v.npz").matrix.tolist() == [[0], [1]]
    last = Vectors.load(tmp_path / "v.npz", duplicates="last")
    assert last.words, last.counts.tolist() == (("a", "b"), [1, 3])
    with pytest.raises(EmbedlayerError, match="rows 1 and 3 are of the word 'a'"):
        Vectors.load(tmp_path / "v.npz", duplicates="error")


def test_without_pyarrow_the_cure_is_told_before_long_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "v").write_bytes(b"PAR1")
    for act in (
        lambda: VECTORS.save(tmp_path / "v.parquet"),
        lambda: Vectors.load(tmp_path / "v"),
        lambda: check_writable(tmp_path / "v.arrow"),
    ):
        with pytest.raises(EmbedlayerError, match=r"pip install 'embedlayer\[arrow\]'"):
            act()
