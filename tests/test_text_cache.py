"""The cache: used again while nothing differs, and only then; whole entries or none."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from embedlayer.storage.folders import cache_folder
from embedlayer.text.cache import (
    LOCK,
    UNFINISHED,
    cache_entries,
    clear_cache,
    describe,
    find_entry,
    make_entry,
)
from embedlayer.text.corpus import Corpus

TEXT = "the cat and the dog\nthe end\n"
DESCRIPTION = {"version": 0, "files": [{"path": "made up"}], "options": {}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(folder))
    return folder


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def read(text, **options):
    return Corpus.from_files(text, **{"min_count": 1, **options})


def test_an_unchanged_text_is_encoded_once(text):
    first, second = read(text), read(text)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.vocabulary.words == first.vocabulary.words == ["the", "and", "cat", "dog", "end"]
    np.testing.assert_array_equal(second.vocabulary.counts, first.vocabulary.counts)
    np.testing.assert_array_equal(second.ids, first.ids)
    np.testing.assert_array_equal(second.offsets, [0, 5, 7])
    assert second.tokens_read == 7
    assert not second.ids.flags.writeable
    assert set(second.seconds) == {"vocabulary", "encoding"}


def test_what_the_cache_counted_out_comes_back(text):
    read(text, min_count=2)
    corpus = read(text, min_count=2)
    assert corpus.from_cache
    assert (corpus.tokens_read, corpus.tokens_out_of_vocabulary) == (7, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 2},
        {"max_size": 3},
        {"max_sentence": 4},
        {"errors": "replace"},
        {"tokenizer": str.split, "tokenizer_key": "split"},
    ],
)
def test_another_option_is_another_entry(text, options):
    read(text)
    assert not read(text, **options).from_cache
    assert read(text, **options).from_cache
    assert read(text).from_cache
    assert len(cache_entries()) == 2


def test_the_number_of_threads_is_no_difference(text):
    read(text, workers=1)
    assert read(text, workers=2).from_cache


def test_tokenizers_are_told_apart_by_their_key_alone(text):
    read(text, tokenizer=str.split)
    assert cache_entries() == []
    read(text, tokenizer=str.split, tokenizer_key="1")
    assert read(text, tokenizer=list, tokenizer_key="1").from_cache
    assert not read(text, tokenizer=list, tokenizer_key="2").from_cache


def same_size_and_times(text):
    about = text.stat()
    text.write_text(TEXT.replace("cat", "cow"))
    os.utime(text, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.write_text(TEXT + "more"),
        lambda text: text.write_text(TEXT.replace("cat", "cow")),
        same_size_and_times,
        os.utime,
    ],
)
def test_a_changed_file_is_read_again(text, change):
    read(text)
    time.sleep(0.02)  # a file system's clock ticks every few milliseconds
    change(text)
    corpus = read(text)
    assert not corpus.from_cache
    assert set(corpus.vocabulary.words) == set(text.read_text().split())


def test_another_file_under_the_name_is_read_again(text, tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(text)
    read(link)
    assert read(text).from_cache  # the same file
    other = tmp_path / "other.txt"
    other.write_text(TEXT)
    link.unlink()
    link.symlink_to(other)
    assert not read(link).from_cache


def test_without_the_cache(text, cache):
    assert not read(text, cache=False).from_cache
    assert not read(text, cache=False).from_cache
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("ids", "cut"),  # zeros of the right number would be trusted: there is no checksum
        ("ids", "gone"),
        ("offsets", "cut"),
        ("offsets", "gone"),
        ("offsets", "zeros"),
        ("vocabulary.safetensors", "cut"),
        ("vocabulary.safetensors", "gone"),
        ("vocabulary.safetensors", "zeros"),
    ],
)
def test_a_damaged_entry_is_made_again(text, name, damage):
    expected = read(text).ids.tolist()
    [entry] = cache_entries()
    file = entry.path / name
    if damage == "zeros":
        file.write_bytes(bytes(file.stat().st_size))
    elif damage == "cut":
        os.truncate(file, file.stat().st_size - 4)
    else:
        file.unlink()
    corpus = read(text)
    assert not corpus.from_cache
    assert corpus.ids.tolist() == expected
    assert read(text).from_cache


def test_a_damaged_description_is_no_entry(text):
    read(text)
    [entry] = cache_entries()
    (entry.path / "embedlayer-entry.json").write_text("{")
    assert cache_entries() == []
    assert not read(text).from_cache
    assert read(text).from_cache


def test_entries_can_be_listed_and_cleared(text, cache):
    corpus = read(text)
    other = cache / "not ours"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    [entry] = cache_entries()
    assert entry.files == [str(text)]
    assert entry.tokens == 7
    assert entry.bytes > 7 * 4 + 3 * 8
    assert abs(entry.created - time.time()) < 60
    assert clear_cache() == 1
    assert cache_entries() == []
    assert (other / "thesis.txt").exists()
    assert corpus.ids.tolist() == [0, 2, 1, 0, 3, 0, 4]  # still mapped


def test_nothing_to_clear(cache):
    assert clear_cache() == 0
    assert not cache.exists()


def test_an_exception_leaves_nothing(text, cache):
    def broken(line):
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="own"):
        read(text, tokenizer=broken, tokenizer_key="broken")
    assert [path.name for path in cache.iterdir()] == [LOCK]


def test_two_runs_at_once_both_succeed():
    def write_first(folder):
        (folder / "ids").write_text("first")
        make_entry(DESCRIPTION, write_second, lambda *entry: None)
        assert find_entry(DESCRIPTION)[1]["tokens"] == 2
        return {"tokens": 1}

    def write_second(folder):
        (folder / "ids").write_text("second")
        return {"tokens": 2}

    folder, about = make_entry(DESCRIPTION, write_first, lambda *entry: entry)
    assert find_entry(DESCRIPTION) == (folder, about)
    assert about["tokens"] == 1
    assert (folder / "ids").read_text() == "first"
    assert sorted(path.name for path in cache_folder().iterdir()) == sorted([LOCK, folder.name])


KILLED = """
import os, sys, time
from embedlayer.text.cache import make_entry
def write(folder):
    print(folder, flush=True)
    time.sleep(60)
make_entry({"version": 0, "files": [], "options": {}}, write, print)
"""


def test_what_a_killed_run_left_is_removed_and_a_living_one_is_not(text, cache):
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    with process:
        folder = process.stdout.readline().strip()
        read(text)
        clear_cache()
        assert os.path.exists(folder)
        process.kill()
    assert os.path.exists(folder)
    read(text)
    assert not os.path.exists(folder)
    assert not list(cache.glob(f"{UNFINISHED}*"))


def test_a_cache_folder_that_cannot_be_written_is_done_without(text, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "file" / "cache"))
    assert read(text).ids.tolist() == [0, 2, 1, 0, 3, 0, 4]
    (record,) = caplog.records
    assert record.message.startswith("no cache: its folder")
    assert "EMBEDLAYER_CACHE" in record.message


def test_the_users_own_folder(monkeypatch):
    monkeypatch.delenv("EMBEDLAYER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder().name == "embedlayer"
    monkeypatch.setenv("EMBEDLAYER_CACHE", "~/kept")
    assert str(cache_folder()) == "/home/someone/kept"


def test_a_description_names_every_difference(text):
    before = describe([str(text)], {"min_count": 1})
    assert before == describe([str(text)], {"min_count": 1})
    assert before != describe([str(text)], {"min_count": 2})
    assert set(before["files"][0]) == {"path", "bytes", "modified", "changed", "inode"}


def test_a_cached_corpus_needs_no_compiler(text):
    read(text)
    script = (
        "import sys; from embedlayer.text.corpus import Corpus; "
        f"assert Corpus.from_files({str(text)!r}, min_count=1).from_cache; "
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
