"""The cache: used again while nothing differs, and only then; whole entries or none."""

import os
import random
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from damage import damage_entry

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.folders import cache_folder
from embedlayer.storage.manifest import (
    ROW_BYTES,
    ROWS,
    checksum,
    file_checksum,
    read_manifest,
    write_manifest,
)
from embedlayer.storage.mapped import CannotWrite
from embedlayer.text.cache import LOCK, UNFINISHED, clear_cache, make_entry, remove_entry
from embedlayer.text.corpus import Corpus
from embedlayer.text.entries import DESCRIPTION, cache_entries, describe, find_entry
from embedlayer.text.vocabulary import Vocabulary

TEXT = "the cat and the dog\nthe end\n"
MADE_UP = {"version": 0, "files": [{"path": "made up", "bytes": 0}], "options": {}}


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
        ("ids", "cut"),
        ("ids", "gone"),
        ("ids", "zeros"),
        ("offsets", "cut"),
        ("offsets", "gone"),
        ("offsets", "zeros"),
        ("vocabulary.safetensors", "cut"),
        ("vocabulary.safetensors", "gone"),
        ("vocabulary.safetensors", "zeros"),
    ],
)
def test_a_damaged_entry_is_made_again(text, name, damage, caplog):
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
    (record,) = caplog.records
    assert record.message == f"the cache's entry {entry.path} is damaged: the text is encoded again"


def as_folder(file):
    file.unlink()
    file.mkdir()


def as_pipe(file):
    file.unlink()
    os.mkfifo(file)


DESCRIPTIONS = {
    "cut": lambda file: os.truncate(file, 20),
    "a list": lambda file: file.write_text("[1]"),
    "a number": lambda file: file.write_text("3"),
    "no names": lambda file: file.write_text("{}"),
    "nested": lambda file: file.write_text("[" * 100_000),
    "null": lambda file: file.write_text('{"description": null, "tokens": null}'),
    "another count": lambda file: file.write_text(file.read_text().replace("s_read", "s_Read")),
    "no text": lambda file: file.write_bytes(b"\xff\xfe"),
    "a folder": as_folder,
    "a pipe": as_pipe,
}


@pytest.mark.parametrize("damage", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_damaged_description_is_no_entry_and_stops_nothing(text, tmp_path, damage):
    read(text)
    [entry] = cache_entries()
    damage(entry.path / DESCRIPTION)
    (tmp_path / "other").write_text("a b")
    read(tmp_path / "other")
    damaged, whole = sorted(cache_entries(), key=lambda entry: entry.tokens)
    assert (damaged.path, damaged.files) == (entry.path, [])
    assert (whole.files, whole.tokens) == ([str(tmp_path / "other")], 2)
    assert not read(text).from_cache
    assert read(text).from_cache
    damage(entry.path / DESCRIPTION)
    assert clear_cache() == 2
    assert not entry.path.exists()


def contents(corpus):
    """All that a corpus is used for."""
    vocabulary = corpus.vocabulary.words, corpus.vocabulary.counts.tolist()
    return corpus.ids.tolist(), corpus.offsets.tolist(), *vocabulary, corpus.tokens_read


@pytest.mark.parametrize("part", range(4))
def test_random_damage_is_never_used(text, part):
    """``python tests/test_text_cache.py 1000`` does more."""
    damage_often(text, 50, random.Random(part))


def damage_often(text, times, rng):
    text.write_text("".join(f"w{rng.randrange(60)} {chr(10) * (i % 9 == 0)}" for i in range(900)))
    wanted = contents(read(text))
    [entry] = cache_entries()
    kept = text.parent / "kept"
    shutil.copytree(entry.path, kept)
    for _ in range(times):
        shutil.rmtree(entry.path)
        shutil.copytree(kept, entry.path)
        assert read(text).from_cache
        done = damage_entry(entry.path, rng)
        cache_entries()
        corpus = read(text)
        assert not corpus.from_cache, done
        assert contents(corpus) == wanted, done


BLOCK = ROWS * ROW_BYTES


def test_a_checksum_is_one_of_all_bytes():
    data = np.random.default_rng(3).integers(0, 256, 2 * BLOCK + 3 * ROW_BYTES + 5).astype(np.uint8)
    whole = checksum(data)
    assert whole == checksum(data.copy())
    for place in [*range(8), BLOCK - 1, BLOCK, 2 * BLOCK + 7, *range(len(data) - 6, len(data))]:
        for bit in (1, 128):
            data[place] ^= bit
            assert checksum(data) != whole, place
            data[place] ^= bit
    for one, other in [(0, 8), (0, ROW_BYTES), (8, BLOCK + 8), (BLOCK, 2 * BLOCK), (4, 12)]:
        swapped = data.copy()  # numbers of one row, of one column, of one place in two blocks
        swapped[one : one + 4], swapped[other : other + 4] = (
            data[other : other + 4],
            data[one : one + 4],
        )
        assert checksum(swapped) != whole, (one, other)
    rows = data[:BLOCK].reshape(ROWS, ROW_BYTES)
    for moved in (np.roll(rows, 1, axis=0), np.roll(rows, 8, axis=1)):
        assert checksum(moved) != checksum(rows)
    assert len({checksum(data[:size]) for size in (0, 1, 8, ROW_BYTES, BLOCK, BLOCK + 8)}) == 6


def test_a_checksum_is_worked_out_by_hand():
    """Files that are on a disk stay readable: 2 rows of 1,024 numbers, and 3 bytes."""
    data = np.zeros(2 * ROW_BYTES + 3, np.uint8)
    data[0], data[ROW_BYTES + 8], data[-1] = 5, 7, 9
    columns, rows = np.zeros(ROW_BYTES // 8, "<u8"), np.array([5, 7], "<u8")
    columns[:2] = 5, 7
    wanted = zlib.crc32(columns.tobytes() + rows.tobytes() + bytes([0, 0, 9]))
    assert checksum(data) == wanted


def forged(ids, offsets, words, counts):
    """Write these, with checksums that are right, in the place of the entry's."""
    [entry] = cache_entries()
    np.asarray(ids, np.int32).tofile(entry.path / "ids")
    np.asarray(offsets, np.int64).tofile(entry.path / "offsets")
    Vocabulary(words, counts).save(entry.path / "vocabulary.safetensors")
    about = read_manifest(entry.path / DESCRIPTION)
    about |= {"tokens": len(ids), "sentences": len(offsets) - 1}
    about["checksums"] = {name: file_checksum(entry.path / name) for name in about["checksums"]}
    write_manifest(entry.path / DESCRIPTION, about)


@pytest.mark.parametrize(
    ("ids", "offsets", "used"),
    [
        ([0, 1, 0], [0, 2, 3], True),
        ([0, 2, 0], [0, 2, 3], False),
        ([0, -1, 0], [0, 2, 3], False),
        ([0, 2 * 10**9, 0], [0, 2, 3], False),
        ([0, 1, 0], [0, 2, 2], False),
        ([0, 1, 0], [1, 2, 3], False),
        ([0, 1, 0], [0, 10**12, 3], False),
        ([0, 1, 0], [0, -1, 3], False),
    ],
)
def test_what_compiled_code_relies_on_is_checked_beside_the_checksums(text, ids, offsets, used):
    read(text)
    forged(ids, offsets, ["a", "b"], [2, 1])
    assert read(text).from_cache == used


def sized(text, name, tokens):
    path = text.with_name(name)
    path.write_text("a " * tokens)
    read(path)
    return path


def names():
    return [Path(file).name for entry in cache_entries() for file in entry.files]


def test_the_least_recently_used_entries_make_room_for_the_newest(text, monkeypatch):
    one, two, three = (sized(text, name, 10_000) for name in ("one", "two", "three"))
    for age, path in enumerate((one, three, two), 1):
        [entry] = [entry for entry in cache_entries() if entry.files == [str(path)]]
        os.utime(entry.path / DESCRIPTION, (0, 1e9 - age * 1000))
    assert names() == ["one", "three", "two"]
    assert read(two).from_cache
    assert names() == ["two", "one", "three"]
    assert abs(cache_entries()[0].used - time.time()) < 60
    monkeypatch.setenv("EMBEDLAYER_CACHE_GB", "0.00013")  # three of 40 kB
    sized(text, "four", 10_000)
    assert names() == ["four", "two", "one"]
    sized(text, "large", 50_000)
    assert names() == ["large"]
    monkeypatch.setenv("EMBEDLAYER_CACHE_GB", "0")
    sized(text, "five", 10)
    assert names() == ["five"]


def test_entries_of_texts_that_have_changed_are_removed_when_another_is_made(text, tmp_path):
    gone = sized(text, "gone", 5)
    gone.unlink()  # perhaps its disk is not there today
    read(text)
    assert not any(entry.changed for entry in cache_entries())
    text.write_text(TEXT + "more")
    assert {entry.files[0]: entry.changed for entry in cache_entries()} == {
        str(gone): False,
        str(text): True,
    }
    read(text)
    assert sorted(names()) == ["gone", "text.txt"]


@pytest.mark.parametrize("limit", ["ten", "-1", "nan", "inf"])
def test_a_limit_that_is_none(text, monkeypatch, limit):
    monkeypatch.setenv("EMBEDLAYER_CACHE_GB", limit)
    with pytest.raises(EmbedlayerError, match="EMBEDLAYER_CACHE_GB is "):
        read(text)


def test_one_entry_can_be_removed(text):
    read(text)
    sized(text, "other", 5)
    for name, found in (("", 2), ("no such", 0)):
        with pytest.raises(EmbedlayerError, match=f"{found} entries of the cache begin with"):
            remove_entry(name)
    first, second = cache_entries()
    assert remove_entry(second.path.name[:12]) == second
    assert cache_entries() == [first]


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
        make_entry(MADE_UP, write_second, lambda *entry: None)
        assert find_entry(MADE_UP)[1]["tokens"] == 2
        return {"tokens": 1}

    def write_second(folder):
        (folder / "ids").write_text("second")
        return {"tokens": 2}

    folder, about = make_entry(MADE_UP, write_first, lambda *entry: entry)
    assert find_entry(MADE_UP) == (folder, about)
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
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", KILLED], stdout=subprocess.PIPE, text=True
    )
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
    assert record.message.startswith("no cache: cannot write in the cache folder")
    assert "EMBEDLAYER_CACHE" in record.message


def no_room(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "fails",
    [
        "embedlayer.text.cache.tempfile.mkdtemp",
        "embedlayer.storage.manifest.sync",
        "embedlayer.text.cache.Path.rename",
        "embedlayer.text.cache.Path.write_text",
        "safetensors.numpy.save_file",
    ],
)
def test_wherever_the_cache_fails_it_is_done_without(text, monkeypatch, caplog, cache, fails):
    monkeypatch.setattr(fails, no_room)
    assert read(text).ids.tolist() == [0, 2, 1, 0, 3, 0, 4]
    (record,) = caplog.records
    assert record.message.startswith("no cache: cannot write")
    assert {path.name for path in cache.iterdir()} <= {LOCK}


def test_a_file_system_without_locks_has_no_cache(text, monkeypatch, caplog):
    def no_locks(self):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert not read(text).from_cache
    assert "no locks on this file system" in caplog.text
    with pytest.raises(CannotWrite):
        clear_cache()


def test_the_users_own_folder(monkeypatch):
    monkeypatch.delenv("EMBEDLAYER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder().name == "embedlayer"
    monkeypatch.setenv("EMBEDLAYER_CACHE", "~/kept")
    assert str(cache_folder()) == "/home/someone/kept"


def test_a_home_folder_of_nobody(text, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_CACHE", "~nobody-has-this-name/cache")
    with pytest.raises(EmbedlayerError, match="EMBEDLAYER_CACHE is '~nobody"):
        read(text)


@pytest.mark.parametrize("answer", [Path("~/.cache/embedlayer"), None], ids=["as given", "error"])
def test_a_user_without_a_home_folder_has_a_temporary_cache(tmp_path, monkeypatch, answer):
    def user_cache_path(name):
        if answer is None:
            raise RuntimeError("could not determine the home directory")
        return answer

    monkeypatch.delenv("EMBEDLAYER_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", user_cache_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder().parent == tmp_path


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
    subprocess.run([sys.executable, "-P", "-c", script], check=True)


if __name__ == "__main__":  # python tests/test_text_cache.py [DAMAGES]
    import logging
    import tempfile

    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMBEDLAYER_CACHE"] = folder + "/cache"
        damage_often(Path(folder, "text"), int([*sys.argv, 1000][1]), random.Random(0))
        print("every damage was seen, and the entry made again")
