"""What is read of a file: its first rows, and what is made of words and rows that are damaged."""

import gzip
import logging
import struct
from pathlib import Path

import numpy as np
import pytest
from command import mistake, run
from conftest import FORMATS_HERE

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.files import FORMATS
from embedlayer.vectors.formats import lines, rows, word2vec_binary
from embedlayer.vectors.formats.table import Table
from embedlayer.vectors.vectors import Vectors

RNG = np.random.default_rng(5)
MANY = Vectors([f"w{i}" for i in range(3000)], RNG.standard_normal((3000, 20)), range(3000, 0, -1))
KNOWN = ("word2vec-text", "word2vec-binary", "glove")


def content(name: str, words: list[bytes], promised: int | None = None) -> bytes:
    """A file of some words, the numbers of row i being i, in a format."""
    header = b"%d 2\n" % (len(words) if promised is None else promised)
    if name == "word2vec-binary":
        records = (w + b" " + struct.pack("<2f", i, i) + b"\n" for i, w in enumerate(words))
        return header + b"".join(records)
    text = b"".join(b"%b %d %d\n" % (word, i, i) for i, word in enumerate(words))
    return text if name == "glove" else header + text


@pytest.fixture(params=["in Python", "compiled in small blocks"])
def _ways(request, monkeypatch):
    """Small files are read in Python; here also as large ones are, in many blocks."""
    if request.param != "in Python":
        monkeypatch.setattr(lines, "FEW_BYTES", 0)
        monkeypatch.setattr(rows, "BLOCK_BYTES", 64)
        monkeypatch.setattr(word2vec_binary, "BUFFER_BYTES", 16)


def read(path: Path, data: bytes, name: str, **options: object) -> tuple[list[str], list[float]]:
    """The words of a file, and the first number of each."""
    path.write_bytes(data)
    vectors = Vectors.load(path, name, **options)
    return list(vectors.words), vectors.matrix[:, 0].tolist()


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize("name", FORMATS_HERE)
def test_only_the_first_rows(tmp_path, name):
    path = tmp_path / f"v{FORMATS[name].SUFFIXES[0]}"
    MANY.save(path)
    for limit in (1, 700, 2999, 3000, 4000):
        found = Vectors.load(path, limit=limit)
        assert found.words == MANY.words[:limit]
        assert found.matrix.tobytes() == MANY.matrix[:limit].tobytes()


@pytest.mark.parametrize("name", KNOWN)
def test_what_lies_behind_the_limit_is_not_read(tmp_path, name):
    data = content(name, [b"a", b"b", b"c\xff"])
    assert read(tmp_path / "v", data, name, limit=2) == (["a", "b"], [0, 1])
    if name != "glove":
        cut = content(name, [b"a", b"b"], promised=9)
        assert read(tmp_path / "v", cut, name, limit=2) == (["a", "b"], [0, 1])
        with pytest.raises(EmbedlayerError, match="promise"):
            read(tmp_path / "v", cut, name, limit=3)


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("errors", "words"), [("replace", ["a", "caf\ufffd", "b"]), ("ignore", ["a", "caf", "b"])]
)
def test_words_that_are_cut_inside_a_character(tmp_path, name, errors, words):
    data = content(name, [b"a", b"caf\xc3", b"b"])
    assert read(tmp_path / "v", data, name, errors=errors) == (words, [0, 1, 2])
    with pytest.raises(EmbedlayerError, match=r"b'caf\\xc3' is not a word in UTF-8: errors='repl"):
        read(tmp_path / "v", data, name)


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("duplicates", "found", "told"),
    [
        ("first", (["a", "b"], [0, 1]), "2 rows repeat an earlier word and are left out"),
        ("last", (["a", "b"], [2, 3]), "2 rows repeat a later word and are left out"),
    ],
)
def test_words_with_several_rows(tmp_path, caplog, name, duplicates, found, told):
    data = content(name, [b"a", b"b", b"a", b"b"])
    with caplog.at_level(logging.WARNING, logger="embedlayer"):
        assert read(tmp_path / "v", data, name, duplicates=duplicates) == found
    assert caplog.messages == [told]
    with pytest.raises(EmbedlayerError, match="rows 1 and 3 are of the word 'a': choose"):
        read(tmp_path / "v", data, name, duplicates="error")


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary"])
@pytest.mark.parametrize("promised", [2, 3, 4])
def test_a_header_that_is_a_row_off(tmp_path, caplog, name, promised):
    data = content(name, [b"a", b"b", b"c"], promised)
    with caplog.at_level(logging.WARNING, logger="embedlayer"):
        assert read(tmp_path / "v", data, name, damaged="skip") == (["a", "b", "c"], [0, 1, 2])
    assert len(caplog.messages) == (promised != 3)
    assert all("promise" in message for message in caplog.messages)
    if promised != 3:
        with pytest.raises(EmbedlayerError, match="promise"):
            read(tmp_path / "v", data, name)


@pytest.mark.usefixtures("_ways")
def test_lines_that_are_no_rows(tmp_path, caplog):
    text = b"a 0 0\nb 1\n\nc 2 2\nd 3 x\n" + b"".join(b"w%d 4 4\n" % i for i in range(99))
    with caplog.at_level(logging.WARNING, logger="embedlayer"):
        words, _ = read(tmp_path / "v", text, "glove", damaged="skip")
    assert words == ["a", "c", *(f"w{i}" for i in range(99))]
    told = "2 lines are no rows and are left out; the first is line 2: a word and 2 numbers are"
    assert caplog.messages[0].startswith(told)
    with pytest.raises(EmbedlayerError, match="line 2: a word and 2 numbers are expected"):
        read(tmp_path / "v", text, "glove")


@pytest.mark.usefixtures("_ways")
def test_the_line_of_a_fault_in_a_later_block(tmp_path):
    text = content("glove", [b"w%d" % i for i in range(500)]).replace(b"w321 321", b"w321 x")
    text = text.replace(b"w7 7 7\n", b"w7 7 7\n\n")  # a line that is no row
    with pytest.raises(EmbedlayerError, match="line 323: could not convert string to float: b'x'"):
        read(tmp_path / "v", text, "glove")


@pytest.mark.usefixtures("_ways")
def test_the_place_of_a_fault_in_a_later_buffer(tmp_path):
    words = [b"word%d" % i for i in range(500)]
    data = content("word2vec-binary", words)
    place = data.index(b"word321 ")
    for wrong, why in ((b"wor\xff321 ", "is not a word"), (b"wo\td321 ", "holds white space")):
        with pytest.raises(EmbedlayerError, match=f"row 322, byte {place}: .*{why}"):
            read(tmp_path / "v", data.replace(b"word321 ", wrong), "word2vec-binary")


@pytest.mark.parametrize(
    ("option", "value"), [("limit", 0), ("errors", "hope"), ("duplicates", 1), ("damaged", None)]
)
def test_options_are_checked_before_a_file_is_opened(option, value):
    with pytest.raises(EmbedlayerError, match=option):
        Vectors.load("absent.vec", **{option: value})


def test_a_table_grows_to_what_is_known_and_no_further():
    table = Table(2, most=1000)
    for i in range(500):
        table.add(np.full((3, 2), i, np.float32))
        assert len(table.room(0)) + 3 * (i + 1) <= max(1000, 3 * (i + 1))
    found = table.filled()
    assert found.shape == (1500, 2)
    assert found[:, 1].tolist() == [i // 3 for i in range(1500)]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("name", KNOWN)
def test_every_archive_is_written_alike_and_read(tmp_path, suffix, name):
    few = Vectors(MANY.words[:300], MANY.matrix[:300])
    for file in "ab":
        few.save(tmp_path / f"{file}{FORMATS[name].SUFFIXES[0]}{suffix}", name)
    one, other = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert one == other
    (tmp_path / "unnamed").write_bytes(one)
    assert Vectors.load(tmp_path / "unnamed").matrix.tobytes() == few.matrix.tobytes()
    few.save(tmp_path / "plain", name)
    assert len(one) < len((tmp_path / "plain").read_bytes())


def test_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = content("word2vec-text", [b"a", b"caf\xc3", b"b"], promised=4)
    (tmp_path / "v.vec").write_bytes(data)
    assert "errors='replace'" in mistake("convert", "v.vec", "w.bin")
    assert "'--limit'" in mistake("nearest", "v.vec", "a", "--limit", 0)
    run("convert", "v.vec", "w.bin.zst", "--limit", 2, "--errors", "replace")
    assert Vectors.load("w.bin.zst").words == ("a", "caf\ufffd")
    result = run("info", "v.vec", "--errors", "ignore", "--damaged", "skip")
    assert "words        3" in result.stdout.splitlines()
    (tmp_path / "g.glove.gz").write_bytes(gzip.compress(content("glove", [b"a", b"b", b"a"])))
    assert "rows 1 and 3 are of the word 'a'" in mistake(
        "similarity", "g.glove.gz", "a", "b", "--duplicates", "error"
    )
