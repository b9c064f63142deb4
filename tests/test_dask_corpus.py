"""Texts counted by the workers of a cluster: the bits of ``Corpus.from_files``, shard by shard."""

import gzip
import time
from itertools import pairwise

import numpy as np
import pytest
from conftest import import_or_skip
from corpora import check_same_corpus

import_or_skip("distributed")

from clusters import running

from embedlayer.dask import DaskCorpus, making, shards
from embedlayer.dask.waves import chosen_client, wave, workers_of
from embedlayer.errors import EmbedlayerError
from embedlayer.text import runs
from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import Shard, after_whitespace, cut_shards, shard_blocks

TEXTS = {
    "plain": b"a b a\nb c\n\n  d a\n",
    "no newline at the end": b"a b a\nb c d",
    "byte order mark": b"\xef\xbb\xbfa b\nb a b c\nc c",
    "returns": b"a b\r\nb\ta\x0bb\r\n\r\nc a\r\n",
    "empty": b"",
    "one line": b"a b c d " * 50,
    "other letters": "가 나 다\n나 가\nß é ß\n".encode(),
}


@pytest.fixture(scope="module")
def client():
    with running(2) as client:
        yield client


@pytest.fixture
def inline(monkeypatch):
    """Tasks are done here and now, in the order of the items: the client is none."""

    def wave(client, name, work, items, timeout):
        return (work(*item) for item in items)

    monkeypatch.setattr("embedlayer.text.readers.BLOCK_BYTES", 64)
    monkeypatch.setattr(making, "wave", wave)
    monkeypatch.setattr(making, "workers_of", lambda client: {})
    monkeypatch.setattr("embedlayer.dask.corpus.wave", wave)
    monkeypatch.setattr("embedlayer.dask.corpus.chosen_client", lambda client: client)


def written(folder, texts):
    """The texts as files, every second one compressed."""
    paths = []
    for i, text in enumerate(texts):
        path = folder / (f"{i}.txt.gz" if i % 2 else f"{i}.txt")
        path.write_bytes(gzip.compress(text) if i % 2 else text)
        paths.append(path)
    return paths


def noise(seed, lines=60):
    """Lines of words of a skewed distribution, with ties and long lines among them."""
    random = np.random.default_rng(seed)
    sizes = random.choice([0, 1, 3, 12, 90], lines)
    text = "\n".join(" ".join(f"w{n}" for n in random.zipf(1.3, size) % 97) for size in sizes)
    return text.encode()


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_shards_are_the_text_cut_behind_newlines(tmp_path, name, size):
    path, text = tmp_path / "text", TEXTS[name].removeprefix(b"\xef\xbb\xbf")
    path.write_bytes(TEXTS[name])
    found = cut_shards([str(path)], size)
    assert found[0].start == 0
    assert found[-1].stop is None
    for one, other in pairwise(found):
        assert one.stop == other.start >= one.start + size
        assert text[one.stop - 1 : one.stop] == b"\n"
    parts = [[*shard_blocks(shard, after_whitespace)] for shard in found]
    joined = [b"".join(block.data for block in blocks) for blocks in parts]
    ending = b"" if text[-1:] in (b"", b"\n") else b"\n"
    assert b"".join(joined) == text + ending
    assert sum(blocks[-1].bytes_read for blocks in parts) == len(TEXTS[name])
    assert [blocks[0].start for blocks in parts] == [shard.start for shard in found]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("inline")
def test_any_shards_runs_and_parts_give_the_bits_of_one_pass(tmp_path, monkeypatch, seed):
    random = np.random.default_rng(seed)
    monkeypatch.setattr(runs.count_shard, "__defaults__", (int(random.choice([1, 40, 5000])),))
    paths = written(tmp_path, [noise(seed), b"", noise(seed + 100), *TEXTS.values()])
    options = {
        "min_count": int(random.integers(1, 4)),
        "max_size": [None, 3, 20, 1000][random.integers(4)],
        "max_sentence": int(random.choice([1, 2, 7, 1000])),
    }
    found = DaskCorpus.from_files(
        None,
        paths,
        folder=tmp_path / "corpus",
        shard_bytes=int(random.choice([1, 30, 10_000])),
        parts=int(random.choice([1, 2, 7])),
        **options,
    )
    check_same_corpus(found.corpus(), Corpus.from_files(paths, cache=False, **options))
    found.check(None)


def test_a_cluster_counts_as_one_process_does(client, tmp_path):
    paths = written(tmp_path, [noise(seed, 3000) for seed in range(3)])
    told = []
    found = DaskCorpus.from_files(
        client,
        paths,
        folder=tmp_path / "corpus",
        shard_bytes=10_000,
        progress=lambda *numbers: told.append(numbers),
    )
    check_same_corpus(found.corpus(), Corpus.from_files(paths, cache=False))
    found.check(client)
    size = sum(path.stat().st_size for path in paths)
    assert told[-1] == (size, size)
    assert len(told) > 8
    assert told == sorted(told)
    assert not found.from_cache
    assert DaskCorpus.from_files(client, paths, folder=tmp_path / "corpus").from_cache
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(
        ["about.json", "embedlayer.lock", "ids", "offsets", "vocabulary.safetensors"]
    )


def test_a_result_that_comes_as_time_is_up_is_not_lost(client, monkeypatch):
    monkeypatch.setattr("embedlayer.dask.waves.LOOK_SECONDS", 0.001)
    assert [*wave(client, "sleep", time.sleep, [(0.002,)] * 60, 60)] == [None] * 60


def test_workers_are_seen_while_the_client_asks_for_something_else(client):
    """It asks twice a second for the scheduler without its workers."""
    client.sync(client._update_scheduler_info)
    update = client._update_scheduler_info

    async def late(**options):
        await update(**options)
        await update()  # as its timer does, before the caller has looked

    client._update_scheduler_info = late
    try:
        assert len(workers_of(client)) == 2
    finally:
        client._update_scheduler_info = update


def test_a_url_is_read_by_the_workers(client, tmp_path):
    import_or_skip("fsspec")
    path, places = tmp_path / "text", tmp_path / "corpus"
    path.write_bytes(noise(3, 500))
    found = DaskCorpus.from_files(client, f"file://{path}", folder=places, shard_bytes=1000)
    check_same_corpus(found.corpus(), Corpus.from_files(path, cache=False))


@pytest.mark.parametrize("wrong", [b"\xff", b"\0"])
@pytest.mark.parametrize("place", [30, 100, 2000])
@pytest.mark.usefixtures("inline")
def test_a_wrong_byte_is_told_as_one_process_tells_it(tmp_path, monkeypatch, wrong, place):
    monkeypatch.setattr(runs.count_shard, "__defaults__", (50,))
    monkeypatch.setattr("embedlayer.storage.reading.TEXT_START", 1)
    text = bytearray(noise(5, 200))
    at = text.index(b"w", place)
    text[at : at + 1] = wrong
    paths = written(tmp_path, [noise(1), noise(2), bytes(text)])
    with pytest.raises(EmbedlayerError) as wanted:
        Corpus.from_files(paths, cache=False)
    with pytest.raises(EmbedlayerError) as found:
        DaskCorpus.from_files(None, paths, folder=tmp_path / "corpus", shard_bytes=300)
    assert str(found.value) == str(wanted.value)
    assert f"{paths[2]}, line {text.count(10, 0, at) + 1}: byte 0x{wrong[0]:02x}" in str(
        wanted.value
    )
    options = {"errors": "replace", "min_count": 1}
    found = DaskCorpus.from_files(None, paths, folder=tmp_path / "replaced", **options)
    check_same_corpus(found.corpus(), Corpus.from_files(paths, cache=False, **options))


def test_errors_of_workers_are_the_users(client, tmp_path):
    bad, rare = tmp_path / "bad", tmp_path / "rare"
    bad.write_bytes(b"a b\n" * 2000 + b"\xff\n")
    rare.write_text("a b c a")
    with pytest.raises(EmbedlayerError, match="bad, line 2001: byte 0xff"):
        DaskCorpus.from_files(client, bad, folder=tmp_path / "1", shard_bytes=1000)
    for options, message in [
        ({}, "no word occurs 5 times .*the most frequent occurs 2 times"),
        ({"shard_bytes": 0}, "shard_bytes is 0"),
        ({"progress": 3}, "progress is 3"),
    ]:
        with pytest.raises(EmbedlayerError, match=message):
            DaskCorpus.from_files(client, rare, folder=tmp_path / "2", **options)
    rare.write_text(" \n")
    with pytest.raises(EmbedlayerError, match=r"no words in .*rare: the text is empty"):
        DaskCorpus.from_files(client, rare, folder=tmp_path / "3")
    with pytest.raises(EmbedlayerError, match="workers do not share standard input"):
        DaskCorpus.from_files(client, "-", folder=tmp_path / "4")
    with pytest.raises(EmbedlayerError, match=r"client is 'tcp://x'"):
        chosen_client("tcp://x")


@pytest.mark.usefixtures("inline")
def test_a_folder_keeps_one_corpus_and_shows_its_damage(tmp_path):
    path, folder = tmp_path / "text", tmp_path / "corpus"
    path.write_bytes(noise(1, 300))
    made = DaskCorpus.from_files(None, path, folder=folder, shard_bytes=500)
    with pytest.raises(EmbedlayerError, match="corpus of other files or options"):
        DaskCorpus.from_files(None, path, folder=folder, min_count=2)
    with pytest.raises(EmbedlayerError, match="holds no corpus"):
        DaskCorpus(tmp_path)
    for name in ("ids", "offsets"):
        data = (folder / name).read_bytes()
        for at in (0, len(data) // 2, len(data) - 1):
            (folder / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(EmbedlayerError, match="is damaged: remove the folder"):
                made.check(None)
        (folder / name).write_bytes(data)
    made.check(None)


@pytest.mark.usefixtures("inline")
def test_what_a_killed_run_left_is_used_again(tmp_path, monkeypatch):
    path, folder = tmp_path / "text", tmp_path / "corpus"
    path.write_bytes(noise(1, 300))
    done = []

    def encode(place, *arguments):
        done.append(place)
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(place, *arguments)

    real = shards.encode
    monkeypatch.setattr(shards, "encode", encode)
    with pytest.raises(KeyboardInterrupt):
        DaskCorpus.from_files(None, path, folder=folder, shard_bytes=200)
    monkeypatch.setattr(runs, "count_shard", None)  # nothing is counted again
    found = DaskCorpus.from_files(None, path, folder=folder, shard_bytes=200)
    check_same_corpus(found.corpus(), Corpus.from_files(path, cache=False))


def test_the_memory_of_a_part_is_a_share_of_the_words(tmp_path, monkeypatch):
    """A part of eight has about an eighth of the words; all of them together have them all."""
    monkeypatch.setattr("embedlayer.text.readers.BLOCK_BYTES", 1 << 16)
    path = tmp_path / "text"
    path.write_text(" ".join(f"word{i}" for i in range(40_000)))
    runs.count_shard(Shard(str(path)), "strict", 8, tmp_path, 1 << 16)
    files = sorted(tmp_path.glob("*.words"))
    assert len(files) > 3
    sizes = [runs.merge_part(files, part).size for part in range(8)]
    assert sum(sizes) == 40_000
    assert max(sizes) < 1.1 * 40_000 / 8
