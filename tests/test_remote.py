"""Files of other machines: vectors, texts and benchmarks by URL, and what is told without them."""

import gzip
import http.server
import sys
import threading
from functools import partial

import numpy as np
import pytest
from command import mistake, run
from conftest import import_or_skip

from embedlayer import Corpus, Vectors, evaluate
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.remote import is_url
from embedlayer.vectors.files import check_writable

fsspec = import_or_skip("fsspec")
VECTORS = Vectors(["a", "b", "c"], np.array([[1, 0], [0.5, -0.1], [0, 1e-7]], np.float32))
SUFFIXES = [".safetensors", ".vec", ".bin.zst", ".glove.xz", ".txt.bz2"]


@pytest.fixture
def memory():
    """fsspec's file system in memory, empty."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    return files


def check_same(found: Vectors) -> None:
    """Raise unless they are the vectors, bit for bit."""
    assert found.words == VECTORS.words
    assert found.matrix.tobytes() == VECTORS.matrix.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_vectors_are_saved_and_loaded(memory, suffix):
    VECTORS.save(f"memory://folder/v{suffix}")
    check_same(Vectors.load(f"memory://folder/v{suffix}"))
    assert memory.find("/") == [f"/folder/v{suffix}"]
    VECTORS.save(f"memory://folder/v{suffix}")  # in the place of the other
    check_same(Vectors.load(f"memory://folder/v{suffix}"))


@pytest.mark.parametrize("step", ["put_file", "mv"])
def test_half_a_file_is_never_there(memory, monkeypatch, step):
    memory.pipe("/v.vec", b"precious")

    def fail(*arguments, **options):
        raise TimeoutError(110, "the line is cut")

    monkeypatch.setattr(type(memory), step, fail)
    with pytest.raises(OSError, match="the line is cut") as caught:
        VECTORS.save("memory://v.vec")
    assert caught.value.filename == "memory://v.vec"
    assert memory.find("/") == ["/v.vec"]
    assert memory.cat("/v.vec") == b"precious"


def test_a_word_that_a_format_cannot_hold_is_told_before_anything_is_sent(memory):
    with pytest.raises(EmbedlayerError, match=r"cannot write memory://v\.vec: the word 'a b'"):
        Vectors(["a b"], [[1]]).save("memory://v.vec")
    assert memory.find("/") == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "takes more memory than there is"),
        (RuntimeError("a\nb"), r"a b \(RuntimeError\)"),  # a kind of a store's own
    ],
    ids=["memory", "a store's own"],
)
def test_what_happens_while_it_is_read_is_told(memory, monkeypatch, error, message):
    VECTORS.save("memory://v.vec")

    def fails(*_):
        raise error

    with memory.open("/v.vec") as file:
        monkeypatch.setattr(type(file), "read", fails)
    with pytest.raises(EmbedlayerError, match=f"^memory://v.vec.*{message}"):
        Vectors.load("memory://v.vec")


def test_texts_and_benchmarks(memory):
    memory.pipe("/t/1.txt", b"a b c\n" * 10)
    memory.pipe("/t/2.txt.gz", gzip.compress(b"a d c\n" * 10))
    memory.pipe("/pairs", b"a b 1\nb c 2\na c 3\n")
    for paths in ("memory://t/*", ["memory://t/1.txt", "memory://t/2.txt.gz"]):
        corpus = Corpus.from_files(paths, min_count=1)
        assert dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts, strict=True)) == {
            "a": 20,
            "c": 20,
            "b": 10,
            "d": 10,
        }
        assert not Corpus.from_files(paths, min_count=1).from_cache
    result = evaluate(VECTORS, "memory://pairs")
    assert (result.benchmark, result.pairs) == ("pairs", 3)
    with pytest.raises(EmbedlayerError, match=r"no file matches memory://x/\*"):
        Corpus.from_files("memory://x/*")
    with pytest.raises(EmbedlayerError, match="cannot read memory://t/gone: no such file"):
        Corpus.from_files("memory://t/gone")


def test_on_the_command_line(memory, tmp_path):
    run("convert", _saved(tmp_path), "memory://w.bin")
    check_same(Vectors.load("memory://w.bin"))
    assert "path         memory://w.bin" in run("info", "memory://w.bin").stdout.splitlines()
    assert "memory://gone: no such file, or it cannot be" in mistake("info", "memory://gone")
    assert "cannot write https://a.org/v.bin: save a file" in mistake(
        "convert", "memory://w.bin", "https://a.org/v.bin"
    )


def _saved(folder) -> str:
    VECTORS.save(folder / "v.vec")
    return str(folder / "v.vec")


@pytest.fixture
def server(tmp_path):
    """A server of the files in a folder, on this machine; its address."""
    import_or_skip("aiohttp")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    made = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))
    )
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_web_server(tmp_path, server, suffix):
    VECTORS.save(tmp_path / f"v{suffix}")
    check_same(Vectors.load(f"{server}/v{suffix}"))
    with pytest.raises(FileNotFoundError) as caught:
        Vectors.load(f"{server}/gone.vec")
    assert caught.value.filename == f"{server}/gone.vec"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://v.vec", "nowhere://v.vec: Protocol not known: nowhere"),
        ("https://a.org/v.vec", "cannot write https://a.org/v.vec: save a file, and send it"),
    ],
)
def test_what_cannot_be_written(url, message):
    for write in (VECTORS.save, check_writable):
        with pytest.raises(EmbedlayerError) as caught:
            write(url)
        assert str(caught.value).startswith(message)


def test_without_the_extra(monkeypatch):
    for name in ("fsspec", "fsspec.core"):
        monkeypatch.setitem(sys.modules, name, None)
    for use in (Vectors.load, VECTORS.save, lambda url: Corpus.from_files(url)):
        with pytest.raises(EmbedlayerError, match=r"pip install 'embedlayer\[remote\]'"):
            use("memory://v.vec")


def test_a_store_without_its_package_says_which(monkeypatch):
    def raise_import_error(url, **options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", raise_import_error)
    with pytest.raises(
        EmbedlayerError, match=r"s3://a/v\.vec needs one more package: Install s3fs"
    ):
        Vectors.load("s3://a/v.vec")


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("s3://bucket/key", True),
        ("simplecache::https://a.org/v.vec", True),
        ("file:///tmp/v", True),
        ("C:\\words\\v.vec", False),
        ("folder/http:/v", False),
        ("1x://v", False),
        ("~/v.vec", False),
    ],
)
def test_what_is_a_url(path, known):
    assert is_url(path) is known
