"""Readers: which files a name stands for, decompression, and where blocks are cut."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from embedlayer.errors import EmbedlayerError
from embedlayer.storage import archives
from embedlayer.text import readers
from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import (
    after_newline,
    after_whitespace,
    all_regular,
    find_files,
    read_blocks,
    total_bytes,
)

COMPRESS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".GZ": gzip.compress,
}
TEXT = b"one two\nthree  four\r\n" * 500 + b"the last"


def text_of(files, cut=after_whitespace):
    return b"".join(block.data for block in read_blocks(files, cut))


@pytest.fixture
def tree(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt", ".hidden", ".git/e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def names(files, tree):
    return [os.path.relpath(file, tree) for file in files]


def test_folders_globs_and_files(tree):
    everything = ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"]
    assert names(find_files(tree), tree) == everything
    assert names(find_files(str(tree / "*.txt")), tree) == ["a.txt", "b.txt"]
    assert names(find_files(str(tree / "**")), tree) == everything
    chosen = [tree / "sub" / "c.txt", str(tree / "a.txt"), tree / "a.txt"]
    assert names(find_files(chosen), tree) == ["sub/c.txt", "a.txt", "a.txt"]
    assert find_files("-") == ["-"]


def test_a_glob_passes_over_empty_folders(tree):
    (tree / "empty").mkdir()
    assert len(find_files(str(tree / "*"))) == 4
    with pytest.raises(EmbedlayerError, match="no file matches"):
        find_files(str(tree / "emp*"))


def test_a_link_to_nothing_is_left_out_of_a_folder_and_told(tree, caplog):
    there = find_files(tree)
    (tree / "link").symlink_to("nowhere")
    assert find_files(tree) == there
    assert [record.message for record in caplog.records] == [
        f"{tree}/link is left out: it is a link to nothing"
    ]
    with pytest.raises(EmbedlayerError, match=r"no file matches .*/li\*"):
        find_files(tree / "li*")
    with pytest.raises(EmbedlayerError, match=r"a link to nothing: .*/link"):
        find_files(tree / "link")


def test_a_folder_that_may_not_be_read(tree, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(EmbedlayerError, match=r"cannot read the folder .*: Permission denied"):
        find_files(tree)


def test_a_file_whose_name_looks_like_a_glob(tmp_path):
    path = tmp_path / "what[1]?.txt"
    path.write_text("x")
    assert find_files(path) == [str(path)]


def test_home(tree, monkeypatch):
    monkeypatch.setenv("HOME", str(tree))
    assert names(find_files("~/a.txt"), tree) == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent.txt", "no such file: .*absent.txt"), ("*.csv", "no file matches .*csv")],
)
def test_nothing_there(tree, name, message):
    with pytest.raises(EmbedlayerError, match=message):
        find_files(str(tree / name))


def test_an_empty_folder_and_an_empty_list(tmp_path):
    with pytest.raises(EmbedlayerError, match="holds no files"):
        find_files(tmp_path)
    with pytest.raises(EmbedlayerError, match="no text was named"):
        find_files([])


def test_a_file_that_may_not_be_read(tree, monkeypatch):
    # root may read everything, so chmod cannot set the scene
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith("a.txt"))
    with pytest.raises(EmbedlayerError, match=r"cannot read .*a\.txt: permission denied"):
        find_files(tree)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("block_bytes", [1 << 20, 100, 1])
def test_every_compression(tmp_path, monkeypatch, suffix, block_bytes):
    monkeypatch.setattr(readers, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("embedlayer.storage.archives.PIECE_BYTES", block_bytes)
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT))
    blocks = list(read_blocks([str(path)], after_whitespace))
    assert b"".join(block.data for block in blocks) == TEXT + b"\n"
    assert blocks[-1].bytes_read == path.stat().st_size


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_several_members_in_one_archive(tmp_path, suffix):
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](b"one ") + COMPRESS[suffix](b"two"))
    assert text_of([str(path)]) == b"one two\n"


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("damage", ["cut off", "not an archive", "changed"])
def test_damaged_archives(tmp_path, suffix, damage):
    whole = COMPRESS[suffix](os.urandom(10_000))
    data = {
        "cut off": whole[:-20],
        "not an archive": b"just a plain text, long enough to hold any header",
        "changed": whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
    }[damage]
    if suffix == ".zst" and damage == "changed":
        data = b"\0" + whole[1:]  # zstd has no checksum by default
    path = tmp_path / f"text{suffix}"
    path.write_bytes(data)
    with pytest.raises(EmbedlayerError, match=f"text{suffix} is damaged"):
        text_of([str(path)])


def test_a_file_that_vanishes(tmp_path):
    with pytest.raises(EmbedlayerError, match=r"cannot read .*gone: No such file"):
        text_of([str(tmp_path / "gone")])


def test_every_file_ends_its_line_and_counts_on(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2.gz"
    first.write_bytes(b"one two")
    second.write_bytes(gzip.compress(b"three\n"))
    blocks = list(read_blocks([str(first), str(second)], after_whitespace))
    assert b"".join(block.data for block in blocks) == b"one two\nthree\n"
    assert [block.start for block in blocks if block.data.startswith(b"three")] == [0]
    size = total_bytes([str(first), str(second)])
    assert blocks[-1].bytes_read == size == 7 + second.stat().st_size


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one two")))
    assert text_of(["-"]) == b"one two\n"
    assert not sys.stdin.closed
    assert total_bytes(["-"]) is None


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"one two",))
    writer.start()
    files = find_files(path)
    assert not all_regular(files)
    assert total_bytes(files) is None
    blocks = list(read_blocks(files, after_whitespace))
    writer.join()
    assert b"".join(block.data for block in blocks) == b"one two\n"
    assert blocks[-1].bytes_read == 7


@given(st.lists(st.sampled_from([*b"ab \t\r\n\x0b\x0c\x00\x1c\xc3"])).map(bytes))
def test_where_a_block_may_end(piece):
    spaces = [i + 1 for i in range(len(piece)) if piece[i : i + 1].isspace()]
    newlines = [i + 1 for i in range(len(piece)) if piece[i] == ord("\n")]
    if piece:
        assert after_whitespace(piece) == max(spaces, default=0)
    assert after_newline(piece) == max(newlines, default=0)


@pytest.mark.parametrize("cut", [after_whitespace, after_newline])
@pytest.mark.parametrize("block_bytes", [1, 3, 7, 64])
def test_no_token_and_no_line_is_split(tmp_path, monkeypatch, cut, block_bytes):
    monkeypatch.setattr(readers, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    blocks = list(read_blocks([str(path)], cut))
    assert b"".join(block.data for block in blocks) == TEXT + b"\n"
    assert all(cut(block.data) == len(block.data) for block in blocks)
    starts = [block.start for block in blocks]
    assert starts == [sum(len(b.data) for b in blocks[:i]) for i in range(len(blocks))]


def test_a_token_longer_than_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "BLOCK_BYTES", 10)
    path = tmp_path / "text"
    path.write_bytes(b"short " + b"x" * 10_000 + b" short")
    blocks = [block.data for block in read_blocks([str(path)], after_whitespace)]
    assert blocks == [b"short ", b"x" * 10_000 + b" ", b"short\n"]


def test_a_word_that_no_text_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "BLOCK_BYTES", 10)
    monkeypatch.setattr(readers, "MOST_WORD", 1000)
    path = tmp_path / "text"
    path.write_bytes(b"short " + b"x" * 2000)
    with pytest.raises(EmbedlayerError, match="text holds a word of more than 1000 bytes"):
        text_of([str(path)])
    assert text_of([str(path)], after_newline) == path.read_bytes() + b"\n"  # a line may be long


MARK = b"\xef\xbb\xbf"
NO_TEXT = {
    "UTF-16 with a mark": (
        "one two".encode("utf-16"),
        "is in UTF-16: convert it, as by iconv -f UT",
    ),
    "UTF-32 with a mark": ("one two".encode("utf-32"), "is in UTF-32"),
    "UTF-16 without a mark": ("one two".encode("utf-16-be"), "byte 0 is a NUL"),
    "a binary file": (b"one two\0three", "byte 7 is a NUL"),
    "another encoding": ("한국어 문장\n".encode("cp949") * 20, "iconv -f CP949"),
    "compressed twice": (gzip.compress(b"one two"), "compressed twice"),
}


@pytest.mark.parametrize("compress", [*COMPRESS.values()])
@pytest.mark.parametrize("data", [MARK + b"one \xef\xbb\xbftwo", b"one \xef\xbb\xbftwo"])
def test_a_byte_order_mark_at_the_start_is_no_part_of_a_word(tmp_path, compress, data):
    path = tmp_path / "text"
    path.write_bytes(compress(data))
    assert text_of([str(path)]) == b"one \xef\xbb\xbftwo\n"


@pytest.mark.parametrize("compress", [gzip.compress, COMPRESS[".zst"]])
@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize(("data", "message"), NO_TEXT.values(), ids=NO_TEXT)
def test_what_is_no_text_is_refused_with_the_cure(tmp_path, compress, errors, data, message):
    path = tmp_path / "text"
    path.write_bytes(compress(data))
    with pytest.raises(EmbedlayerError, match=rf"text is (in|no|comp).*|{message}") as caught:
        Corpus.from_files(path, min_count=1, errors=errors, cache=False)
    assert message in str(caught.value)


@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize("tokenizer", [None, str.split])
def test_a_nul_far_into_a_text(tmp_path, errors, tokenizer):
    path = tmp_path / "text"
    path.write_bytes(b"one two\n" * 10_000 + b"fo\0ur\n")
    options = {"min_count": 1, "errors": errors, "cache": False, "tokenizer": tokenizer}
    if errors == "replace":
        assert Corpus.from_files(path, **options).vocabulary.words[-1] == "fo\ufffdur"
        return
    with pytest.raises(EmbedlayerError, match=r"line 10001: byte 0x00, at 80002 .*replace"):
        Corpus.from_files(path, **options)


def test_a_few_wrong_bytes_are_still_replaced(tmp_path):
    (tmp_path / "text").write_bytes(b"caf\xe9 " * 4)
    corpus = Corpus.from_files(tmp_path / "text", min_count=1, errors="replace", cache=False)
    assert corpus.vocabulary.words == ["caf\ufffd"]


@pytest.mark.parametrize("compress", [*COMPRESS.values()])
def test_compressed_standard_input_goes_on_where_it_was_left(tmp_path, monkeypatch, compress):
    (tmp_path / "text").write_bytes(b"head\n" + compress(TEXT))
    with (tmp_path / "text").open() as stdin:
        stdin.buffer.read(5)
        monkeypatch.setattr(sys, "stdin", stdin)
        assert text_of(["-"]) == TEXT + b"\n"


def test_a_closed_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(EmbedlayerError, match="standard input is closed"):
        text_of(["-"])


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_what_follows_an_archive(tmp_path, suffix):
    path, archive = tmp_path / "text", COMPRESS[suffix](TEXT)
    for behind in (b"garbage behind it", b"x", archive[:5], b"\0\0x"):
        path.write_bytes(archive + behind)
        with pytest.raises(EmbedlayerError, match="text is damaged"):
            text_of([str(path)])
    path.write_bytes(archive + bytes(100) + archive + bytes(100_000))  # as on a tape
    assert text_of([str(path)]) == TEXT + TEXT + b"\n"


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_an_archive_made_to_fill_the_memory(tmp_path, monkeypatch, suffix):
    path, text = tmp_path / "text", b"one two\n" * (1 << 17)
    path.write_bytes(COMPRESS[suffix](text))
    assert text_of([str(path)]) == text  # 64 MB are free
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 16)
    with pytest.raises(EmbedlayerError, match="text holds more than 100 times its own size"):
        text_of([str(path)])
    monkeypatch.setenv("EMBEDLAYER_EXPANSION", "1e6")
    assert text_of([str(path)]) == text
    for wrong in ("much", "0.5", "nan"):
        monkeypatch.setenv("EMBEDLAYER_EXPANSION", wrong)
        with pytest.raises(EmbedlayerError, match=f"EMBEDLAYER_EXPANSION is '{wrong}'"):
            text_of([str(path)])


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_pieces_of_an_archive_are_bounded(monkeypatch, suffix):
    monkeypatch.setenv("EMBEDLAYER_EXPANSION", "inf")
    data = COMPRESS[suffix](bytes(1 << 28))
    kind = archives.KINDS[suffix]
    sizes = [len(piece) for piece in archives.decompress(io.BytesIO(data), kind, "zeros")]
    assert sum(sizes) == 1 << 28
    assert max(sizes) <= 128 << 20


def test_a_name_with_a_nul():
    with pytest.raises(EmbedlayerError, match="no file can have the name"):
        find_files("a\0b")
