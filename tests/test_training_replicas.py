"""Replicas: rounds that repeat to the bit, whoever runs them, and that are void as a whole."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from command import run
from planted import check_neighbours, planted_sentences

from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Tables
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import checkpoints_in
from embedlayer.training.collective import LostReplica, Threads
from embedlayer.training.epoch import TICK_SECONDS
from embedlayer.training.examples import Examples
from embedlayer.training.merge import MERGES, damped
from embedlayer.training.replicas import Merging, Replica, owned_rows
from embedlayer.training.run import Training
from embedlayer.training.touches import Touches
from embedlayer.vectors.vectors import Vectors

MODELS = {
    "skip-gram": SkipGram(dim=16, window=3, sample=0.01),
    "CBOW, hierarchical": CBOW(dim=16, window=3, loss="hierarchical"),
    "n-grams": SkipGram(dim=16, window=3, sample=0.01, subwords=Subwords(2, 4, buckets=90)),
}
SMALL = Merging(tokens=200, head=4, merges=4)
models = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(600), min_count=1)


class Tried(Training):
    """A run of replicas that are merged as the test says, also if it is one."""

    def __init__(self, *arguments, merging=SMALL, turns=False, **options):
        self.tried = merging
        super().__init__(*arguments, deterministic=True, epochs=2, measure=1, **options)
        self.turns = turns

    def _merging(self):
        return self.tried


@models
def test_one_replica_is_the_plain_run_with_one_worker(corpus, model):
    replica = Tried(corpus, model, workers=1)
    found = replica.run()
    plain = Training(corpus, model, workers=1, epochs=2, measure=1)
    np.testing.assert_array_equal(found.matrix, plain.run().matrix)
    np.testing.assert_array_equal(replica.state.tables.W_out, plain.state.tables.W_out)
    assert replica.report.loss == plain.report.loss
    option = Training(corpus, model, workers=1, epochs=2, deterministic=True)
    plain = Training(corpus, model, workers=1, epochs=2)
    np.testing.assert_array_equal(option.run().matrix, plain.run().matrix)


@models
@pytest.mark.parametrize("size", [2, 3, 4])
def test_replicas_in_turns_and_threads_at_once_have_the_same_bits(corpus, model, size):
    runs = [Tried(corpus, model, workers=size, turns=turns) for turns in (True, False, False)]
    wanted, *others = [one.run().matrix for one in runs]
    for other, one in zip(others, runs[1:], strict=True):
        np.testing.assert_array_equal(other, wanted)
        assert one.report.loss == runs[0].report.loss
        assert one.report.tokens_trained == runs[0].report.tokens_trained


def test_the_number_of_replicas_and_the_rule_make_a_difference(corpus):
    made = [
        Tried(corpus, MODELS["skip-gram"], workers=size, merging=merging).run().matrix
        for size, merging in [(2, SMALL), (3, SMALL), (2, Merging("mean", 240, 4, 4))]
    ]
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


@pytest.mark.parametrize("subwords", [None, Subwords(3, 4, buckets=200)])
@pytest.mark.parametrize("size", [2, 3])
def test_deterministic_workers_repeat_and_learn(size, subwords):
    corpus = Corpus.from_sentences(planted_sentences(3000), min_count=1)
    model = SkipGram(dim=16, sample=0.01, subwords=subwords)
    runs = [Training(corpus, model, workers=size, deterministic=True) for _ in range(2)]
    first, second = (one.run() for one in runs)
    np.testing.assert_array_equal(first.matrix, second.matrix)
    check_neighbours(first)


def test_a_round_that_fails_is_void_and_the_same_chunks_are_trained_again(corpus):
    wanted = Tried(corpus, MODELS["skip-gram"], workers=3)
    whole = wanted.run().matrix
    tried = Tried(corpus, MODELS["skip-gram"], workers=3)
    train = tried._train

    def fail(examples, tables, chunk, step):
        train(examples, tables, chunk, step)
        if chunk == 19:  # of the second round, 12 … 23
            raise KeyError("lost")

    tried._train = fail
    with pytest.raises(KeyError, match="lost"):
        tried.run()
    assert (tried.state.epoch, tried.state.chunk) == (0, 12)
    taken = tried.state.copy()
    assert not taken.sums[12:].any()
    tried._train = train
    np.testing.assert_array_equal(tried.run().matrix, whole)
    other = Tried(corpus, MODELS["skip-gram"], workers=3, state=taken)
    np.testing.assert_array_equal(other.run().matrix, whole)
    assert tried.report.loss == other.report.loss == wanted.report.loss


def test_a_run_that_is_stopped_ends_its_round_and_goes_on_to_the_same_bits(corpus):
    whole = Tried(corpus, MODELS["skip-gram"], workers=2).run().matrix

    def stop(progress):
        raise KeyboardInterrupt

    tried = Tried(corpus, MODELS["skip-gram"], workers=2, callbacks=[stop])
    train = tried._train

    def slowly(examples, tables, chunk, step):
        time.sleep(2 * TICK_SECONDS if chunk == 12 else 0)
        train(examples, tables, chunk, step)

    tried._train = slowly
    with pytest.raises(KeyboardInterrupt):
        tried.run()
    assert (tried.state.epoch, tried.state.chunk) == (0, 16)
    tried._train, tried.callbacks = train, ()
    np.testing.assert_array_equal(tried.run().matrix, whole)


@pytest.mark.parametrize("chunks", [1, 3, 1.9, 1 / 2])  # of a plain run; a replica's may be smaller
def test_every_chunk_is_trained_once_and_replicas_meet_after_so_many(corpus, monkeypatch, chunks):
    tokens = Training(corpus, SkipGram(dim=16), epochs=2).state.chunk_tokens
    merging = Merging("sum", int(chunks * tokens), 4, 4)
    tried, trained, merges = Tried(corpus, SkipGram(dim=16), workers=3, merging=merging), [], []
    train, merge = tried._train, Replica._merge

    def note(examples, tables, chunk, step):
        trained.append((tried.state.epoch, chunk, threading.current_thread()))
        train(examples, tables, chunk, step)

    def note_merge(self, tiers, lr):
        merges.append((len(trained), tiers))
        merge(self, tiers, lr)

    tried._train = note
    monkeypatch.setattr(Replica, "_merge", note_merge)
    tried.turns = True
    tried.run(until=1)
    size = len({chunk for _, chunk, _ in trained})
    assert sorted(chunk for _, chunk, _ in trained) == [*range(size)]
    assert 45 <= size * min(1, chunks) <= 50
    for thread in {thread for _, _, thread in trained}:
        (rank,) = {chunk % 3 for _, chunk, who in trained if who is thread}
        assert [c for _, c, who in trained if who is thread] == [*range(rank, size, 3)]
    a_round = [1, 2, 1, 3]
    wanted = [a_round[i % 4] for i in range(-(-size // (3 * max(1, round(chunks)))))]
    assert [tiers for _, tiers in merges[::3]] == [*wanted[:-1], 3]


def test_the_tiers_of_a_round():
    merging = Merging(head=1024, merges=8)
    assert [merging.tiers_of(merge) for merge in range(1, 9)] == [1, 2, 1, 3, 1, 2, 1, 4]
    assert merging.owned(9000, 0, 1) == [
        slice(0, 1024), slice(1024, 2048), slice(2048, 4096), slice(4096, 9000)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("replicas", "epochs", "tokens", "wanted"),
    [
        (2, 5, 16_694_578, Merging(tokens=695_608, head=4096, merges=4)),  # three rounds an epoch
        (2, 5, 3 * 8 * 640_000, Merging(tokens=640_000, head=4096, merges=4)),
        (2, 1, 10**9, Merging(tokens=641_026, head=4096, merges=4)),  # 195 rounds
        (2, 5, 10**6, Merging(tokens=41_667, head=4096, merges=4)),  # as often as any
        (2, 1, 1, Merging(tokens=1, head=4096, merges=4)),
        (4, 5, 16_694_578, Merging(tokens=10_000)),
        (16, 5, 16_694_578, Merging(tokens=5_000)),
        (4, 5, 1000, Merging(tokens=20)),
    ],
)
def test_how_often_replicas_meet_by_themselves(replicas, epochs, tokens, wanted):
    found = Merging.fitting(replicas, epochs, tokens)
    assert found == wanted
    a_round = replicas * found.merges * found.tokens
    rounds = max(1, round(tokens / a_round))
    assert replicas > 2 or tokens <= rounds * a_round < tokens + rounds * replicas * found.merges


@pytest.mark.parametrize("rows", [0, 1, 5, 8, 100, 2**40])
@pytest.mark.parametrize("size", [1, 2, 3, 8, 33])
def test_each_row_of_a_tier_is_merged_by_one_replica_and_all_merge_as_many(rows, size):
    merging = Merging(head=4, merges=8)
    for tier, ends in enumerate(merging.owned(rows, 0, 1)):
        shares = [merging.owned(rows, rank, size)[tier] for rank in range(size)]
        assert [shares[0].start, shares[-1].stop] == [ends.start, ends.stop]
        assert all(one.stop == other.start for one, other in pairwise(shares))
        sizes = {one.stop - one.start for one in shares}
        assert max(sizes) - min(sizes) <= 1


def test_a_merge_of_the_head_leaves_the_tail_to_each_replica():
    """Two merges, the first of four rows; each replica adds its own number to all rows."""
    start = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    seen = {}

    def train(tables, chunk, step):
        seen[chunk] = tables.W_in - start
        for table in tables:
            table += np.float32(chunk + 1)

    def work(rank):
        with threads.member(rank) as member:
            tables, touches = Tables(start.copy(), start.copy()), (Touches(ones, 1),) * 2
            merging = Merging("sum", 1, 4, 2)
            rows = owned_rows(merged, merging, rank, 3)
            replica = Replica(tables, rows, touches, lambda _: 0.1, merging, 1, member)
            replica.run_round(range(6), train, None)
            return tables

    merged, ones = Tables(start.copy(), start.copy()), np.ones(20, np.float32)

    threads = Threads(3)
    with ThreadPoolExecutor(3) as pool:
        for tables in pool.map(work, range(3)):
            for table, shared in zip(tables, merged, strict=True):
                np.testing.assert_allclose(table - start, 21, rtol=1e-5)
                np.testing.assert_array_equal(table, shared)
    for rank in range(3):
        np.testing.assert_allclose(seen[3 + rank][:4], 1 + 2 + 3, rtol=1e-5)
        np.testing.assert_allclose(seen[3 + rank][4:], 1 + rank, rtol=1e-5)


def test_a_replica_that_is_lost_ends_the_others(corpus):
    threads, ended = Threads(3), []

    def work(rank):
        try:
            with threads.member(rank) as member:
                if rank == 1:
                    raise MemoryError
                member.barrier()
        except LostReplica:
            ended.append(rank)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work, rank) for rank in range(3)]
    assert isinstance(working[1].exception(), MemoryError)
    assert sorted(ended) == [0, 2]


@pytest.mark.parametrize(("call", "whole"), [(16, True), (17, False)])
def test_a_merge_of_all_rows_that_fails_is_told_from_a_round_that_is_void(
    corpus, monkeypatch, tmp_path, call, whole
):
    """Of two tables by two replicas: 1, 2 and 1 tiers; from the seventeenth call on, all rows."""
    calls = []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise MemoryError
        damped(*arguments)

    monkeypatch.setitem(MERGES, "damped", fail)
    merging, folder = Merging("damped", 240, 4, 4), tmp_path / "run"
    tried = Tried(corpus, MODELS["skip-gram"], workers=2, merging=merging, checkpoint=folder)
    start = tried.state.copy()
    with pytest.raises(MemoryError):
        tried.run()
    assert (tried.state.epoch, tried.state.chunk) == (0, 0)
    assert bool(checkpoints_in(folder)) == whole
    if whole:
        np.testing.assert_array_equal(tried.state.tables.W_in, start.tables.W_in)


def test_what_replicas_cannot_train_is_refused_with_the_cure(corpus):
    with pytest.raises(EmbedlayerError, match=r"the layered step .*--workers 1"):
        Training(corpus, step="layered", deterministic=True, workers=2)
    Training(corpus, step="layered", deterministic=True, workers=1)


def test_the_plan_counts_the_tables_of_all_replicas(corpus):
    model = SkipGram(dim=16)
    two, three = (Training(corpus, model, workers=size, deterministic=True).plan for size in (2, 3))
    tables = two.W_in + two.W_out
    assert (two.replicas, three.replicas) == (2 * tables, 3 * tables)


def test_the_command_line_repeats_with_several_workers(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(map(" ".join, planted_sentences(300))))
    options = ("--workers", 3, "--deterministic", "--dim", 8, "--sample", 0.01, "--no-cache")
    for name in "ab":
        run("train", text, "-o", tmp_path / f"{name}.safetensors", *options)
    first, second = (Vectors.load(tmp_path / f"{name}.safetensors") for name in "ab")
    np.testing.assert_array_equal(first.matrix, second.matrix)


def test_replicas_that_cannot_all_begin_are_not_waited_for(corpus):
    tried = Tried(corpus, MODELS["skip-gram"], workers=3)
    tried.state.sums = np.zeros((50, 4))
    with ThreadPoolExecutor(3) as pool:
        submit, begun = pool.submit, []

        def refuse(work):
            if len(begun) == 2:
                raise KeyboardInterrupt
            begun.append(work)
            return submit(work)

        pool.submit = refuse
        examples = Examples(
            corpus, tried.model, 1, tried._kernels, tried.device, chunk_tokens=240, measure=1
        )
        rounds = tried._epoch(examples)
        with pytest.raises(KeyboardInterrupt):
            rounds.run(pool, 3, lambda done: None)
    assert rounds.taken == 0


def test_a_checkpoint_knows_the_number_of_replicas(corpus, tmp_path):
    options = {"epochs": 2, "checkpoint": tmp_path / "run"}
    first = Training(corpus, SkipGram(dim=8), workers=3, deterministic=True, **options)
    first.run(until=1)
    wanted = Training(corpus, SkipGram(dim=8), workers=3, deterministic=True, epochs=2).run()
    resumed = Training.resume(tmp_path / "run", corpus)
    assert resumed.workers == 3
    np.testing.assert_array_equal(resumed.run().matrix, wanted.matrix)
