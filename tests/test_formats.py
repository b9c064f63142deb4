"""File formats: files known byte by byte, round trips of every word, and damaged files."""

import gzip
import json
import logging
import os
import resource
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import FORMATS_HERE, import_or_skip
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import open_to_read
from embedlayer.storage.words import pack_words
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.vectors.files import FORMATS, check_writable, recognise
from embedlayer.vectors.formats import native
from embedlayer.vectors.vectors import Vectors

WORDS = ["the", "café", "한국어", "🙂", "a\u00a0b", "c\u3000d", "\u2028", "e\x1cf", "#", ":x"]
RNG = np.random.default_rng(3)
VECTORS = Vectors(
    WORDS, RNG.standard_normal((10, 7)), counts=range(20, 0, -2), metadata={"b": [1, "é"], "a": {}}
)
ROWS = [("한", (1.0, -0.5)), ("b", (0.1, 2.5e-7))]
TEXT = "2 2\n한 1.0 -0.5\nb 0.1 2.5e-07\n".encode()
SUFFIXES = [(name, suffix) for name in FORMATS_HERE for suffix in FORMATS[name].SUFFIXES]
OF_GENSIM = ["word2vec-text", "word2vec-binary", "glove"]
NO_SPACES = [*OF_GENSIM, "fasttext"]
KEEP_METADATA = ["native", "npz", "parquet", "arrow"]
KEEP_COUNTS = [*KEEP_METADATA, "gensim"]
WRITTEN = list(dict.fromkeys(name for name, _ in SUFFIXES))

words_of_text = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f\0"), min_size=1
    ),
    min_size=1,
    max_size=8,
    unique=True,
)
any_words = st.lists(
    st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8, unique=True
)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def recognised(path: Path) -> str:
    """The format that a file's content shows."""
    with open_to_read(path) as file:
        return recognise(file)


def known_binary(newline: bytes) -> bytes:
    """The file of ROWS, as word2vec.c (a newline after each row) or gensim (none) writes it."""
    rows = [word.encode() + b" " + struct.pack("<2f", *row) + newline for word, row in ROWS]
    return b"2 2\n" + b"".join(rows)


def check_same(found: Vectors, wanted: Vectors) -> None:
    """Raise unless words and matrix are the same, bit for bit."""
    assert found.words == wanted.words
    assert found.matrix.tobytes() == wanted.matrix.tobytes()
    assert found.matrix.shape == wanted.matrix.shape


def check_known(vectors: Vectors) -> None:
    """Raise unless the vectors are those of ROWS."""
    check_same(vectors, Vectors([word for word, _ in ROWS], [row for _, row in ROWS]))


@pytest.mark.parametrize("newline", [b"\n", b""], ids=["word2vec.c", "gensim"])
def test_reads_known_binary(tmp_path, newline):
    path = tmp_path / "v"
    path.write_bytes(known_binary(newline))
    assert recognised(path) == "word2vec-binary"
    check_known(Vectors.load(path))


def test_raw_floats_that_look_like_digits_are_still_binary(tmp_path):
    numbers = np.frombuffer(b"0 \n[\0\0\0\0", np.float32)
    Vectors(["0"], numbers[None]).save(tmp_path / "v.bin")
    assert recognised(tmp_path / "v.bin") == "word2vec-binary"
    assert Vectors.load(tmp_path / "v.bin").matrix.tobytes() == numbers.tobytes()


def test_writes_known_binary(tmp_path):
    path = tmp_path / "v.bin"
    Vectors([word for word, _ in ROWS], [row for _, row in ROWS]).save(path)
    assert path.read_bytes() == known_binary(b"\n")


@pytest.mark.parametrize(
    ("name", "content"), [("word2vec-text", TEXT), ("glove", TEXT.split(b"\n", 1)[1])]
)
def test_reads_and_writes_known_text(tmp_path, name, content):
    path = tmp_path / "v"
    path.write_bytes(content)
    assert recognised(path) == name
    vectors = Vectors.load(path)
    check_known(vectors)
    vectors.save(tmp_path / "again", format=name)
    assert (tmp_path / "again").read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n", b" \n"),  # as word2vec.c and fastText
        TEXT.rstrip(),
        TEXT + b"\n\n",
        TEXT.replace(b" ", b"\t"),
        TEXT.replace(b"1.0", b"1").replace(b"-0.5", b"-5E-1"),
        gzip.compress(TEXT, mtime=0),
    ],
)
def test_reads_text_in_all_its_spellings(tmp_path, content):
    (tmp_path / "v.bin").write_bytes(content)  # content wins over the suffix
    check_known(Vectors.load(tmp_path / "v.bin"))


def test_native_file_is_the_one_documented(tmp_path):
    path = tmp_path / "v.safetensors"
    VECTORS.save(path)
    tensors = load_file(path)
    data, offsets = pack_words(WORDS)
    assert {name: str(t.dtype) for name, t in tensors.items()} == {
        "matrix": "float32",
        "words": "uint8",
        "word_offsets": "int64",
        "counts": "int64",
    }
    assert tensors["words"].tobytes() == data.tobytes() == "".join(WORDS).encode()
    assert tensors["word_offsets"].tolist() == offsets.tolist()
    size = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + size])
    entry = json.loads(header["__metadata__"]["embedlayer-vectors"])
    assert entry == {"version": 1, "metadata": {"a": {}, "b": [1, "é"]}}


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_suffix_chooses_the_format_and_content_tells_it(tmp_path, name, suffix):
    path = tmp_path / f"v{suffix}"
    VECTORS.save(path)
    assert recognised(path) == name
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == suffix.endswith(".gz")
    vectors = Vectors.load(path)
    check_same(vectors, VECTORS)
    check_same(Vectors.load(str(path), format=name), VECTORS)
    counts = VECTORS.counts.tolist() if name in [*KEEP_COUNTS, "fasttext"] else None
    assert vectors.counts is None if counts is None else vectors.counts.tolist() == counts
    if name == "fasttext":  # has arguments and nothing else: they are the usual ones
        assert (vectors.metadata["model"], vectors.metadata["window"]) == ("skipgram", 5)
    else:
        assert vectors.metadata == (VECTORS.metadata if name in KEEP_METADATA else {})


@pytest.mark.parametrize(
    ("name", "suffix"), [("native", ".vec"), ("word2vec-binary", ".txt.gz"), ("glove", ".bin")]
)
def test_a_name_that_says_another_format_is_refused(tmp_path, name, suffix):
    with pytest.raises(EmbedlayerError, match=f"its suffix says .*, and not {name}; use one of"):
        VECTORS.save(tmp_path / f"v{suffix}", name)
    for good in "v.any", "v.txt" if name == "glove" else f"v{FORMATS[name].SUFFIXES[0]}":
        VECTORS.save(tmp_path / good, name)
        check_same(Vectors.load(tmp_path / good), VECTORS)


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_two_saves_are_the_same_bytes(tmp_path, name, suffix):
    reordered = Vectors(WORDS, VECTORS.matrix, VECTORS.counts, {"a": {}, "b": [1, "é"]})
    VECTORS.save(tmp_path / f"one{suffix}")
    reordered.save(tmp_path / f"two{suffix}")
    content = (tmp_path / f"one{suffix}").read_bytes()
    assert content == (tmp_path / f"two{suffix}").read_bytes()
    if suffix.endswith(".gz"):  # no flags (so no file name), and no time
        assert content[3:8] == bytes(5)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_is_for_whom_the_user_makes_files(tmp_path, name):
    (tmp_path / "any").touch()
    VECTORS.save(tmp_path / "v", format=name)
    assert (tmp_path / "v").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("name", WRITTEN)
@given(words=words_of_text, numbers=st.lists(floats, min_size=2, max_size=5))
def test_every_word_and_number_survives(tmp_path_factory, name, words, numbers):
    path = tmp_path_factory.getbasetemp() / f"any{FORMATS[name].SUFFIXES[0]}"
    matrix = [np.roll(numbers, shift) for shift in range(len(words))]
    vectors = Vectors(words, matrix)
    vectors.save(path, format=name)
    assert recognised(path) == name
    check_same(Vectors.load(path), vectors)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name in KEEP_COUNTS])
@given(words=any_words)
def test_words_of_any_characters_are_kept(tmp_path_factory, name, words):
    path = tmp_path_factory.getbasetemp() / "any"
    if name == "npz":
        words = [f"{word}." for word in words]  # NumPy drops a NUL at the end
    vectors = Vectors(words, np.arange(len(words))[:, None])
    vectors.save(path, name)
    check_same(Vectors.load(path), vectors)


def test_text_numbers_are_the_shortest_that_give_the_float_again(tmp_path):
    numbers = np.array([0.1, 1 / 3, 3.4028235e38, 1e-45, 12345, -0.0, 1e-5], np.float32)
    Vectors(["w"], numbers[None]).save(tmp_path / "v.txt")
    line = (tmp_path / "v.txt").read_text().splitlines()[1]
    assert line == "w 0.1 0.33333334 3.4028235e+38 1e-45 12345.0 -0.0 1e-05"
    assert Vectors.load(tmp_path / "v.txt").matrix.tobytes() == numbers.tobytes()


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("word", ["whole milk", "a\nb", "tab\t", "\r", "v\vt", "f\f", "\0", ""])
def test_a_word_is_held_or_refused_before_anything_is_written(tmp_path, name, word):
    path, vectors = tmp_path / "v", Vectors(["fine", word], np.eye(2))
    path.write_text("precious")
    if name not in NO_SPACES and not (name == "npz" and word == "\0"):
        vectors.save(path, format=name)
        check_same(Vectors.load(path), vectors)
        return
    with pytest.raises(EmbedlayerError) as caught:
        vectors.save(path, format=name)
    assert f"cannot write {path}: the word {word!r}" in str(caught.value)
    assert ".safetensors" in str(caught.value)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", WRITTEN)
def test_words_that_utf8_cannot_hold(tmp_path, name):
    with pytest.raises(EmbedlayerError, match="lone surrogate"):
        Vectors(["\ud800"], [[1.0]]).save(tmp_path / "v", format=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, name, monkeypatch):
    def fail(source, target):
        raise OSError("no space left on device")

    path = tmp_path / "v"
    path.write_text("precious")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        VECTORS.save(path, format=name)
    assert [p.name for p in tmp_path.iterdir()] == ["v"]
    assert path.read_text() == "precious"


def test_a_write_replaces_what_was_there(tmp_path):
    path = tmp_path / "v.bin"
    VECTORS.save(path)
    Vectors(["x"], [[1.0]]).save(path)
    assert Vectors.load(path).words == ("x",)
    assert [p.name for p in tmp_path.iterdir()] == ["v.bin"]


def test_missing_file_folder_and_names(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.bin"):
        Vectors.load(tmp_path / "gone.bin")
    with pytest.raises(FileNotFoundError, match=r"no such folder to write to.*gone"):
        VECTORS.save(tmp_path / "gone" / "v.bin")
    with pytest.raises(
        EmbedlayerError, match=r"v\.doc: no format has its suffix; use one of \.saf"
    ):
        VECTORS.save(tmp_path / "v.doc")
    for use in (VECTORS.save, Vectors.load):
        with pytest.raises(EmbedlayerError, match="format 'xml': choose native or gen"):
            use(tmp_path / "v.txt", format="xml")
    with pytest.raises(OSError, match=r"No such file or directory: .*/gone/v\.safetensors"):
        native.write(tmp_path / "gone" / "v.safetensors", VECTORS)


BINARY = known_binary(b"")
DAMAGED = {
    "empty": (b"", "the file is empty"),
    "prose": (
        b"It was a dark and stormy night.\n",
        "of a known format (native, gensim, npz, parquet, arrow, fasttext, word2vec-text",
    ),
    "zeros": (bytes(100), "byte 0 is a NUL"),
    "no rows": (b"0 2\n", "promises 0 words of 2 dimensions"),
    "no numbers": (b"2 0\na\nb\n", "promises 2 words of 0 dimensions"),
    "text: too few numbers": (TEXT.replace(b"0.1 ", b""), "line 3: a word and 2 numbers"),
    "text: too many numbers": (TEXT.replace(b"0.1", b"0.1 0.1"), "line 3: a word and 2 numbers"),
    "text: not a number": (TEXT.replace(b"2.5e-07", b"2.5x"), "line 3: could not convert"),
    "text: a NaN": (TEXT.replace(b"0.1", b"nan"), "the vector of 'b' holds a NaN"),
    "text: too large": (TEXT.replace(b"0.1", b"1e39"), "the vector of 'b' holds a NaN or an inf"),
    "text: bad first row": (b"1 4\na 1 2 3 4x\n", "line 2: could not convert"),
    "text: short first row": (b"1 4\na 1 2 3\n", "line 2: a word and 4 numbers"),
    "text: cut": (TEXT[: TEXT.index(b"\nb")], "promises 2 rows, but 1 follow"),
    "text: longer": (TEXT + b"c 1 2\n", "promises 2 rows, but 3 follow"),
    "text: not UTF-8": (TEXT.replace(b"b ", b"\xe9 "), "line 3: b'\\xe9' is not a word in UTF-8"),
    "glove: too few numbers": (b"a 1 2\nb 1\n", "line 2: a word and 2 numbers are expected"),
    "glove: too many numbers": (b"a 1 2\nb 1 2 3\n", "line 2: a word and 2 numbers"),
    "binary: cut in a vector": (BINARY[:-1], "the file ends inside row 2 of the 2 promised"),
    "binary: cut in a word": (BINARY[:8], "the file ends inside row 1 of the 2 promised"),
    "binary: header alone": (b"2 2\n", "the file ends inside row 1 of the 2 promised"),
    "binary: too many dimensions": (
        BINARY.replace(b"2 2", b"2 999999999999"),
        "the file ends inside row 1 of the 2 promised",
    ),
    "binary: longer": (BINARY + b"xyz", "3 bytes follow the 2 rows promised"),
    "binary: a row more": (known_binary(b"\n") + b"c 12345678\n", "follow the 2 rows promised"),
    "binary: not UTF-8": (
        BINARY.replace(b"b ", b"\xff "),
        "row 2, byte 16: b'\\xff' is not a word",
    ),
    "binary: an empty word": (BINARY.replace(b"b ", b" "), "row 2, byte 16: b'' is not a word"),
    "gzip: cut": (gzip.compress(TEXT)[:-10], "damaged"),
    "gzip: changed": (gzip.compress(TEXT)[:-8] + bytes(8), "damaged"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_named(tmp_path, content, message):
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("content", [b"", b"prose", bytes(100), TEXT[:-9], BINARY[:-3]])
def test_a_named_format_that_is_not_the_file_s_is_an_error(tmp_path, name, content):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(EmbedlayerError, match=str(tmp_path)):
        Vectors.load(tmp_path / "v", format=name)


def write_native(path: Path, entry: object, **changed: object) -> None:
    data, offsets = pack_words(["a", "b"])
    matrix = np.eye(2, dtype=np.float32)
    tensors = {"matrix": matrix, "words": data, "word_offsets": offsets} | changed
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    metadata = None if entry is None else {"embedlayer-vectors": entry}
    save_file(kept, path, metadata)


GOOD = json.dumps({"version": 1, "metadata": {}})
UNFIT = [
    (None, {}, "not of embedlayer's vectors"),
    ("{", {}, "damaged JSON"),
    ("[]", {}, "damaged JSON: list in the place of an object"),
    ("[" * 100_000, {}, "damaged JSON"),
    ("{}", {}, "version None"),
    ('{"version": 1, "metadata": []}', {}, "damaged metadata"),
    (GOOD.replace("{}", '{"a": ' + "[" * 300 + "]" * 300 + "}"), {}, "more than 64 levels"),
    (GOOD.replace("{}", '{"a": NaN}'), {}, "what JSON can hold"),
    (GOOD.replace("{}", '{"a": "\\ud800"}'), {}, "what JSON can hold"),
    (GOOD.replace("{}", '{"a": "' + "x" * 2**21 + '"}'), {}, "at most 2097152 are kept"),
    (GOOD.replace("1", "2"), {}, "version 2 of the format, but this embedlayer reads version 1"),
    (GOOD, {"matrix": None}, "the tensor matrix is missing"),
    (GOOD, {"words": None}, "the tensor words is missing"),
    (GOOD, {"matrix": np.eye(2)}, "the tensor matrix is not float32 or float16, 2-D"),
    (GOOD, {"counts": np.zeros(2, np.int32)}, "the tensor counts is not int64, 1-D"),
    (GOOD, {"counts": np.zeros(3, np.int64)}, "counts are 2 integers"),
    (GOOD, {"matrix": np.eye(3, dtype=np.float32)}, "2 words need a matrix (2, D)"),
    (GOOD, {"matrix": np.full((2, 2), np.nan, np.float32)}, "the vector of 'a' holds a NaN"),
    (GOOD, {"word_offsets": np.array([0, 1, 9])}, "the word offsets do not span"),
    (GOOD, {"words": np.array([97, 97], np.uint8)}, "word 'a' is given twice"),
    (GOOD, {"word_offsets": np.array([0, 2**63 - 1, -2, 2])}, "the word offsets fall"),
    (
        GOOD,
        {"matrix": np.zeros((1,) * 64, np.float32)},
        "the tensor matrix is not float32 or float16, 2-D",
    ),
    (GOOD, {"matrix": np.zeros((2, 0), np.float32)}, "2 words need a matrix (2, D)"),
    (GOOD, {"counts": np.array([2**62, 2**62])}, "sum to more than 64 bits"),
    (GOOD, {"words": np.array([97, 255], np.uint8)}, "is not UTF-8"),
]


@pytest.mark.parametrize(("entry", "changed", "message"), UNFIT)
def test_unfit_native_files_are_named(tmp_path, entry, changed, message):
    path = tmp_path / "v.safetensors"
    write_native(path, GOOD)
    assert Vectors.load(path).words == ("a", "b")
    write_native(path, entry, **changed)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", WRITTEN)
def test_no_cut_of_a_file_goes_unseen(tmp_path, name):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    VECTORS.save(whole, format=name)
    content = whole.read_bytes()
    for size in range(0, len(content) - 1, 3):
        cut.write_bytes(content[:size])
        try:
            found = Vectors.load(cut)
        except EmbedlayerError:
            continue
        rows = len(found)  # lines without a header end where they are cut
        check_same(found, Vectors(VECTORS.words[:rows], found.matrix))
        assert name != "native", size
        assert name == "glove" or rows == len(VECTORS) or name not in OF_GENSIM, size


@pytest.mark.parametrize(
    "content",
    [
        b"4 1\na 1\nb 2\na 3\nb 4\n",
        b"a 1\nb 2\na 3\nb 4\n",
        b"4 1\n"
        + b"".join(w + b" " + struct.pack("<f", n) for n, w in enumerate(b"a b a b".split(), 1)),
    ],
)
def test_the_first_of_repeated_words_is_kept(tmp_path, caplog, content):
    (tmp_path / "v").write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="embedlayer"):
        vectors = Vectors.load(tmp_path / "v")
    assert vectors.words == ("a", "b")
    assert vectors.matrix.tolist() == [[1], [2]]
    assert [r.message for r in caplog.records] == ["2 rows repeat an earlier word and are left out"]


def test_glove_words_may_hold_spaces_as_published(tmp_path):
    (tmp_path / "v").write_bytes(b", 1 2\n. . . 3 4\nat name@domain.com 5 6\n")
    vectors = Vectors.load(tmp_path / "v")
    assert vectors.words == (",", ". . .", "at name@domain.com")
    assert vectors.matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # gensim's, without header
@pytest.mark.parametrize("name", OF_GENSIM)
def test_gensim_reads_what_we_write(tmp_path, name):
    models = import_or_skip("gensim.models")
    VECTORS.save(tmp_path / "v", format=name)
    theirs = models.KeyedVectors.load_word2vec_format(
        str(tmp_path / "v"), binary=name == "word2vec-binary", no_header=name == "glove"
    )
    check_same(Vectors(theirs.index_to_key, theirs.vectors), VECTORS)


@pytest.mark.parametrize("name", OF_GENSIM)
def test_we_read_what_gensim_writes(tmp_path, name):
    models = import_or_skip("gensim.models")
    theirs = models.KeyedVectors(VECTORS.dim)
    theirs.add_vectors(WORDS, VECTORS.matrix)
    theirs.save_word2vec_format(
        str(tmp_path / "v"), binary=name == "word2vec-binary", write_header=name != "glove"
    )
    assert recognised(tmp_path / "v") == name
    check_same(Vectors.load(tmp_path / "v"), VECTORS)


def test_a_link_in_the_files_place_stays_and_is_followed(tmp_path):
    (tmp_path / "large").mkdir()
    link = tmp_path / "latest.vec"
    link.symlink_to("large/v.vec")
    for _ in range(2):  # what it links to is made, then replaced
        VECTORS.save(link)
        check_same(Vectors.load(tmp_path / "large" / "v.vec"), VECTORS)
    assert link.is_symlink()
    assert [path.name for path in (tmp_path / "large").iterdir()] == ["v.vec"]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_full_disk_is_told_with_the_path_that_was_asked_for(tmp_path, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        with pytest.raises(OSError, match="File too large") as raised:
            VECTORS.save(tmp_path / "v", name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.filename == str(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("content", [TEXT, TEXT.split(b"\n", 1)[1], known_binary(b"")])
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path, compress, content):
    (tmp_path / "v").write_bytes(compress(MARK + content))
    check_known(Vectors.load(tmp_path / "v"))


def test_a_first_word_that_begins_with_a_byte_order_mark(tmp_path):
    vectors = Vectors(["\ufeff", "\ufeffb"], np.eye(2))
    for name in WRITTEN:
        vectors.save(tmp_path / "v", format=name)
        check_same(Vectors.load(tmp_path / "v"), vectors)


@pytest.mark.parametrize("format", [None, "glove", "word2vec-text"])
@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-16", "is in UTF-16"), ("utf-16-le", "is a NUL")]
)
def test_text_in_another_encoding(tmp_path, format, encoding, message):
    (tmp_path / "v").write_bytes(TEXT.decode().replace("한", "a").encode(encoding))
    with pytest.raises(EmbedlayerError, match=message):
        Vectors.load(tmp_path / "v", format)


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_a_pipe_gives_all_rows(tmp_path, name, suffix):
    vectors = Vectors([f"w{i}" for i in range(2000)], RNG.standard_normal((2000, 50)))
    vectors.save(tmp_path / f"v{suffix}")
    os.mkfifo(tmp_path / "pipe")
    for format in (None, name):
        content = (tmp_path / f"v{suffix}").read_bytes()
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
        writer.start()
        check_same(Vectors.load(tmp_path / "pipe", format), vectors)
        writer.join()


def test_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    VECTORS.save("~/v.vec")
    check_same(Vectors.load("~/v.vec"), VECTORS)
    assert [path.name for path in tmp_path.iterdir()] == ["v.vec"]
    check_writable(Path("~/w.vec"))


@pytest.mark.parametrize("newlines", [b"", b"\n", b"\n\n", b"\n\n\n"])
def test_newlines_before_a_binary_word_are_no_part_of_it(tmp_path, newlines):
    (tmp_path / "v").write_bytes(known_binary(newlines))
    check_known(Vectors.load(tmp_path / "v"))


def shifted(before: bytes, end: bytes) -> bytes:
    """Two rows, the first of a word with a space, whose numbers are ASCII."""
    return b"2 2\nnew york " + before + end + b"b " + struct.pack("<2f", 1, 2) + end


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (shifted(b"abcdefgh", b"\n"), "row 2, byte 16: the word b'defgh\\nb' holds white space"),
        (shifted(struct.pack("<2f", 2, 2), b""), "row 2, byte 16: the word b'@\\x00\\x00\\x00@b'"),
        (known_binary(b"").replace(b"b ", b"b\t "), "row 2, byte 16: the word b'b\\t' holds"),
        (b"3 1\na\nb abcdc defg", "row 1, byte 4: the word b'a\\nb' holds white space"),
        (known_binary(b"\n") + b"c 12345678\n", "12 bytes follow the 2 rows promised"),
    ],
)
def test_binary_rows_that_are_shifted(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(tmp_path / "v", "word2vec-binary")
    assert message in str(caught.value)


NUMBERS = b"1 2 3\n4 5 6\n"


def test_a_table_of_numbers_is_not_taken_for_vectors(tmp_path):
    for name, content in (("v", NUMBERS), ("v.txt", NUMBERS), ("v", b"3 4\n5 6\n7 8\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(EmbedlayerError):
            Vectors.load(tmp_path / name)
    (tmp_path / "v").write_bytes(NUMBERS)
    (tmp_path / "v.glove").write_bytes(NUMBERS)
    (tmp_path / "nodes.emb").write_bytes(b"2 2\n" + NUMBERS)
    for path, format in (("v", "glove"), ("v.glove", None), ("nodes.emb", None)):
        assert Vectors.load(tmp_path / path, format).words == ("1", "4")
    (tmp_path / "v").write_bytes(NUMBERS + b"a 7 8\n")
    assert Vectors.load(tmp_path / "v").words == ("1", "4", "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2\nnew_york 1_0 2\n", "line 2: 1_0 is Python's spelling"),
        ("1 2\na ٣ 2\n".encode(), "line 2: could not convert"),
        (b"1 1\na " + b"1" * 1_000_000 + b"x\n", "line 2: "),  # no end if it were quadratic
        (b"1 1\na " + b"1" * 1_000_000 + b" 1\n", "line 2: a word and 1 numbers"),
        (b"1 1\na" + b" 12345678" * 2_000_000 + b"\n", "line 2 has more than 16777216 bytes"),
        (b"a 1" + b" " * 20_000_000, "line 1 has more than 16777216 bytes"),
    ],
    ids=["1_0", "Arabic", "long number", "long word", "long line", "long first line"],
)
def test_numbers_and_lines_that_are_none(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(tmp_path / "v", None if content[:1] == b"a" else "word2vec-text")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500
    Vectors(["new_york"], [[1]]).save(tmp_path / "v.vec")
    assert Vectors.load(tmp_path / "v.vec").words == ("new_york",)


HEADERS = {
    "no JSON": b"{" * 50,
    "nested": b'{"a":' + b"[" * 100_000,
    "a list": b"[1, 2]",
    "no tensors": b"{}",
    "a shape that overflows": b'{"matrix":{"dtype":"F32","shape":[%d,0],"data_offsets":[0,0]}}'
    % 2**62,
    "a huge shape": b'{"matrix":{"dtype":"F32","shape":[%d,4],"data_offsets":[0,16]}}' % 2**62,
    "a negative shape": b'{"matrix":{"dtype":"F32","shape":[-2,-2],"data_offsets":[0,16]}}',
    "fractions": b'{"matrix":{"dtype":"F32","shape":[2.0,2.0],"data_offsets":[0,16]}}',
    "a place beyond the end": b'{"matrix":{"dtype":"F32","shape":[2,2],"data_offsets":[99,115]}}',
    "a place that is none": b'{"matrix":{"dtype":"F32","shape":[2,2],"data_offsets":"ab"}}',
    "a shape that is none": b'{"matrix":{"dtype":"F32","shape":7,"data_offsets":[0,16]}}',
    "100 dimensions": b'{"matrix":{"dtype":"F32","shape":[%b1],"data_offsets":[0,4]}}'
    % (b"1," * 99),
    "BF16": b'{"matrix":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}',
    "F8": b'{"matrix":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}',
    "an entry that is none": b'{"matrix":[]}',
    "metadata that is none": b'{"__metadata__":7}',
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_headers_of_native_files_that_are_not_believed(tmp_path, header):
    body = len(header).to_bytes(8, "little") + header + bytes(16)
    for content in (body, b"\xff" * 8 + body[8:], (2**23).to_bytes(8, "little") + body[8:]):
        (tmp_path / "v.safetensors").write_bytes(content)
        for load in (lambda path: Vectors.load(path, "native"), Vocabulary.load):
            with pytest.raises(EmbedlayerError, match=r"v\.safetensors") as caught:
                load(tmp_path / "v.safetensors")
            assert len(str(caught.value)) < 500


def test_a_native_file_that_holds_more_than_its_tensors(tmp_path):
    VECTORS.save(tmp_path / "v.safetensors")
    with (tmp_path / "v.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(EmbedlayerError, match="4 bytes follow the tensors"):
        Vectors.load(tmp_path / "v.safetensors")
