"""Replicas on a cluster: the bits of replicas in one process, whoever is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import import_or_skip

import_or_skip("distributed")

import dask
import distributed
from clusters import running
from kills import (
    MODEL,
    SMALL,
    kill_in_counting,
    kill_in_training,
    undisturbed,
    wait_for,
    workers,
    written,
)

from embedlayer.dask import ClusterTraining, DaskCorpus, train
from embedlayer.dask.attempt import Attempt
from embedlayer.dask.bells import Bells
from embedlayer.dask.mail import Mail
from embedlayer.dask.outbox import Outbox
from embedlayer.errors import EmbedlayerError, NothingToLearnError
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.training.collective import LostReplica
from embedlayer.training.health import Diverged
from embedlayer.training.replicas import Merging
from embedlayer.training.run import Training

MODELS = {
    "skip-gram": SkipGram(dim=16, window=3, sample=0.01),
    "CBOW, hierarchical": CBOW(dim=16, window=3, loss="hierarchical"),
}


@pytest.fixture(scope="module")
def client():
    with running(3) as client:
        yield client


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def corpus(client, text):
    return DaskCorpus.from_files(client, text, folder=text.parent / "corpus", min_count=1)


class Simulated(Training):
    """Replicas in one process, one after the other."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, deterministic=True, **options)
        self.turns = True

    def _merging(self):
        return SMALL


def check_same(found, vectors, wanted):
    np.testing.assert_array_equal(vectors.matrix, wanted.run().matrix)
    assert [*vectors.words] == wanted.corpus.vocabulary.words
    assert found.report.loss == wanted.report.loss
    np.testing.assert_array_equal(found.report.held_out_loss, wanted.report.held_out_loss)
    assert found.report.tokens_trained == wanted.report.tokens_trained
    assert found.report.workers == wanted.report.workers


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize(("processes", "threads"), [(1, 1), (2, 1), (3, 1), (2, 2), (1, 3)])
def test_replicas_anywhere_have_the_bits_of_replicas_in_one_process(
    client, corpus, model, processes, threads
):
    options = {"epochs": 2, "measure": 1, "held_out": 0.05}
    found = ClusterTraining(
        client,
        corpus,
        model,
        merge=SMALL,
        addresses=workers(client)[:processes],
        workers=threads,
        **options,
    )
    size = processes * threads
    made = Training if size == 1 else Simulated  # one is the plain run
    check_same(found, found.run(), made(corpus.corpus(), model, workers=size, **options))


KEPT = {"send": Mail.send, "opened": Outbox.__dict__["opened"]}


def count_sent(blind, dask_worker):
    """In a worker: count the bytes of arrays that are sent; it may find no outbox of others."""
    sent = dask_worker.plugins["embedlayer"].sent = [0]

    def counted(mail, *where):
        sent[0] += sum(one.nbytes for rows in where[-1] for one in rows)
        return KEPT["send"](mail, *where)

    Mail.send = counted
    if blind:
        Outbox.opened = classmethod(lambda cls, handle, note: None)


def count_no_more():
    Mail.send, Outbox.opened = KEPT.values()


@pytest.fixture
def last_blind(client):
    """The last of the workers has no memory in common with the others."""
    wait_for(client, 3)
    client.register_plugin(Mail())
    *sighted, last = workers(client)
    client.run(count_sent, False, workers=sighted)
    client.run(count_sent, True, workers=[last])
    yield
    client.run(count_no_more)


@pytest.mark.parametrize(("chosen", "threads"), [([0, 1], 2), ([0, 1, 2], 1), ([1, 2], 2)])
def test_rows_are_sent_only_to_processes_without_memory_in_common(
    client, corpus, last_blind, chosen, threads
):
    options = {"epochs": 2, "measure": 1}
    addresses = [workers(client)[i] for i in chosen]
    run = ClusterTraining(
        client, corpus, MODEL, merge=SMALL, addresses=addresses, workers=threads, **options
    )
    wanted = Simulated(corpus.corpus(), MODEL, workers=len(chosen) * threads, **options)
    check_same(run, run.run(), wanted)
    sent = client.run(lambda dask_worker: dask_worker.plugins["embedlayer"].sent[0])
    rows = {address: sent[address] > 10_000 for address in addresses}
    assert rows == dict.fromkeys(addresses, 2 in chosen), sent
    mapped = client.run(lambda: Path("/proc/self/maps").read_text().count("embedlayer-outbox"))
    assert not any(mapped.values())


def do_not_see(process):
    """In a worker: one process has no memory in common with this one."""
    opened = KEPT["opened"].__func__
    Outbox.opened = classmethod(
        lambda cls, handle, note: None if handle[0] == process else opened(cls, handle, note)
    )


def test_a_process_that_shares_memory_with_all_others_which_do_not_with_each_other(client, corpus):
    wait_for(client, 3)
    client.register_plugin(Mail())
    chosen = workers(client)[:3]
    processes = client.run(os.getpid, workers=chosen)
    client.run(do_not_see, processes[chosen[0]], workers=chosen[2:])
    options = {"epochs": 2, "measure": 1}
    try:
        run = ClusterTraining(
            client, corpus, MODEL, merge=SMALL, addresses=chosen, workers=1, timeout=10, **options
        )
        check_same(run, run.run(), Simulated(corpus.corpus(), MODEL, workers=3, **options))
    finally:
        client.run(count_no_more)


def test_an_outbox_is_opened_by_who_was_told_of_it_as_long_as_it_is_open():
    parts = [[np.ones((3, 16), np.float32), np.ones((2, 16), np.float32)]] * 2
    note = np.zeros((2, 3))
    outbox = Outbox.made(parts, note)
    other = Outbox.opened(outbox.handle, note)
    outbox.note[1] = 5
    assert [[one.shape for one in rows] for rows in other.laid(parts)] == [[(3, 16), (2, 16)]] * 2
    outbox.laid(parts)[1][0][...] = 7
    assert (other.laid(parts)[1][0] == 7).all()
    assert not other.laid(parts)[0][0].any()
    assert not other.laid(parts)[1][1].any()
    assert other.note.tolist() == [[0.0] * 3, [5.0] * 3]
    process, file, secret = outbox.handle.tolist()
    for wrong in ([0, 0, 0], [process, file, secret + 1], [process, file + 1000, secret]):
        assert Outbox.opened(np.array(wrong), note) is None
    read, write = os.pipe()
    assert Outbox.opened(np.array([os.getpid(), read, 1]), note) is None  # it waits for no writer
    os.close(read)
    os.close(write)
    outbox.close()
    assert Outbox.opened(outbox.handle, note) is None
    other.laid(parts)[0][1][...] = 3
    assert (outbox.laid(parts)[0][1] == 3).all()


def pair_of_bells():
    """Two processes' bells, here both of this one, each of which may ring the other."""
    one, other = (Bells(here, ["one", "other"]) for here in ("one", "other"))
    assert one.open("other", os.getpid(), other.ends)
    assert other.open("one", os.getpid(), one.ends)
    one.close_ends()
    other.close_ends()
    return one, other


def test_a_bell_is_heard_once_for_each_time_it_is_rung():
    one, other = pair_of_bells()
    one.ring(["other"])
    one.ring(["other"])
    other.hear(["one"], lambda: None, 5)
    other.hear(["one"], lambda: None, 5)
    with pytest.raises(TimeoutError):
        other.hear(["one"], lambda: None, 0)
    assert not one.open("other", os.getpid(), np.array([10**6, 0]))


def test_a_bell_tells_that_its_other_side_is_gone_and_waiting_ends_where_it_is_looked():
    one, other = pair_of_bells()

    def look():
        raise LostReplica("by mail")

    with pytest.raises(LostReplica, match="by mail"):
        one.hear(["other"], look, 5)
    other.ring(["one"])
    del other
    one.hear(["other"], lambda: None, 5)  # it rang before
    with pytest.raises(LostReplica, match="the worker other is gone"):
        one.hear(["other"], lambda: None, 5)
    with pytest.raises(LostReplica, match="the worker other is gone"):
        one.ring(["other"])


def test_the_client_hears_of_the_progress_and_may_ask_for_vectors(client, corpus):
    told, taken = [], []

    def look(progress):
        told.append(progress)
        if not taken:
            taken.append(progress.vectors())

    vectors = train(client, corpus, MODEL, merge=SMALL, epochs=3, callbacks=[look])
    assert told[-1].tokens == told[-1].tokens_total == 3 * corpus.tokens
    assert [one.epoch for one in told if one.epoch_done] == [0, 1, 2]
    assert taken[0].words == vectors.words
    assert taken[0].matrix.shape == vectors.matrix.shape


@pytest.mark.parametrize(
    ("kind", "calls", "replacement"),
    [("train", 20, 60), ("set rows", 30, 60), ("exchanged", 9, 0)],
)
def test_a_killed_worker_takes_no_example_with_it(client, corpus, kind, calls, replacement):
    wait_for(client, 3)
    wanted = undisturbed(client, corpus)
    kill_in_training(client, corpus, kind, calls, replacement, wanted)


def test_a_killed_worker_takes_no_word_with_it(client, text, tmp_path):
    kill_in_counting(client, text, tmp_path / "corpus", "encode", 2)


def test_who_is_gone_is_asked_now_and_then_and_lost_at_once(monkeypatch):
    asked, silent = [], SimpleNamespace(done=lambda: False)
    there = SimpleNamespace(cancel=lambda *_, **__: None, sync=lambda *_, **__: None)
    there.scheduler = SimpleNamespace(broadcast=None)
    monkeypatch.setattr("embedlayer.dask.attempt.ASK_SECONDS", 1e9)
    monkeypatch.setattr("embedlayer.dask.attempt.workers_of", lambda _: asked.append(1) or {"b": 0})
    attempt = Attempt(there, SimpleNamespace(run="one", attempt=0, timeout=60))
    attempt._futures = {"a": silent, "b": silent}
    for _ in range(2):
        attempt._collect()
        assert attempt.lost == "the worker a is gone"
        assert [*attempt._futures] == ["b"]
    assert len(asked) == 1


def wait_until_nothing_is_kept(client):
    """Workers hear of a run's end a moment after the client."""
    deadline = time.monotonic() + 30
    while True:
        kept = client.run(lambda dask_worker: [*dask_worker.plugins["embedlayer"].kept])
        if kept == {address: [] for address in workers(client)}:
            return
        assert time.monotonic() < deadline, kept
        time.sleep(0.1)


def test_a_worker_that_dies_when_it_is_done_takes_no_result_with_it(client, corpus, monkeypatch):
    """It is killed behind the end of its task, before the client has what the task told."""
    wait_for(client, 3)
    chosen = workers(client)[:2]
    processes, take, killed = client.run(os.getpid, workers=chosen), Attempt._take, []

    def kill_and_take(attempt, address, future):
        if not killed:
            killed.append(address)
            os.kill(processes[address], signal.SIGKILL)
        take(attempt, address, future)

    monkeypatch.setattr(Attempt, "_take", kill_and_take)
    options = {"merge": SMALL, "epochs": 3, "timeout": 20, "replacement": 0}
    found = ClusterTraining(client, corpus, MODEL, addresses=chosen, **options)
    vectors = found.run()
    assert killed
    assert found.report.tokens_trained + found.report.tokens_subsampled == 3 * corpus.tokens
    wanted = Simulated(corpus.corpus(), MODEL, workers=2, epochs=3)
    np.testing.assert_array_equal(vectors.matrix, wanted.run().matrix)


def test_a_worker_that_hangs_is_done_without(client, corpus):
    wait_for(client, 3)
    chosen = workers(client)[:2]
    process = client.run(os.getpid, workers=chosen[:1])[chosen[0]]

    def stop(progress):
        os.kill(process, signal.SIGSTOP)

    found = ClusterTraining(
        client,
        corpus,
        MODEL,
        merge=SMALL,
        addresses=chosen,
        epochs=15,
        timeout=3,
        replacement=0,
        callbacks=[stop],
    )
    try:
        found.run()
    finally:
        os.kill(process, signal.SIGCONT)
    assert found.report.workers == 1
    assert found.report.tokens_trained + found.report.tokens_subsampled == 15 * corpus.tokens
    # It may wake up before it hears that the run is over: the next one there clears up after it.
    train(client, corpus, MODEL, merge=SMALL, epochs=1)
    wait_until_nothing_is_kept(client)


def test_what_is_kept_of_a_run_goes_when_another_is_trained_alone():
    mail = Mail()
    mail.stop("run", 1)
    assert mail.stopping["run"] == 1
    with mail.training("run"):
        assert mail.stopping["run"] == 1
        with mail.training("other"):  # of a worker that two runs have got
            assert mail.stopping["run"] == 1
    mail.kept["run"] = object()
    with mail.training("other"):
        assert not mail.stopping
        assert not mail.kept


def stop_after(tokens):
    def look(progress):
        if progress.tokens > tokens:
            raise KeyboardInterrupt

    return look


def test_a_stopped_run_goes_on_to_the_same_bits(client, corpus, tmp_path):
    wait_for(client, 3)
    options = {"merge": SMALL, "addresses": workers(client)[:2]}
    wanted = train(client, corpus, MODEL, epochs=15, **options)
    place = {"checkpoint": tmp_path / "run"}
    first = ClusterTraining(
        client, corpus, MODEL, epochs=15, callbacks=[stop_after(1)], **options, **place
    )
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert first.vectors().matrix.any()
    with pytest.raises(EmbedlayerError, match=r"epochs is 3, but 15 in the checkpoint"):
        train(client, corpus, MODEL, epochs=3, resume=True, **options, **place)
    with pytest.raises(EmbedlayerError, match="holds the checkpoints of a run"):
        train(client, corpus, MODEL, epochs=15, **options, **place)
    resumed = ClusterTraining(client, corpus, resume=True, addresses=options["addresses"], **place)
    np.testing.assert_array_equal(resumed.run().matrix, wanted.matrix)


def test_a_run_that_was_interrupted_may_be_run_on(client, corpus):
    wait_for(client, 3)
    options = {"merge": SMALL, "epochs": 15, "addresses": workers(client)[:2]}
    wanted = train(client, corpus, MODEL, **options)
    found = ClusterTraining(client, corpus, MODEL, callbacks=[stop_after(1)], **options)
    with pytest.raises(KeyboardInterrupt):
        found.run()
    found._attempts._callbacks = ()
    np.testing.assert_array_equal(found.run().matrix, wanted.matrix)


def test_a_mistake_is_told_once_and_ends_the_run_everywhere(client, corpus, tmp_path):
    wait_for(client, 3)
    with pytest.raises(Diverged, match="training diverged"):
        train(client, corpus, MODEL, merge=SMALL, lr=1e6, epochs=20)
    path = tmp_path / "one"
    path.write_text("a\nb\na\n" * 9)
    single = DaskCorpus.from_files(client, path, folder=tmp_path / "corpus")
    with pytest.raises(NothingToLearnError, match="every sentence has one word"):
        train(client, single, MODEL)
    wait_until_nothing_is_kept(client)
    # Nothing of it is in the way of the next run.
    train(client, corpus, MODEL, merge=SMALL, epochs=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"merge": "median"}, "merge 'median': choose sum or mean"),
        ({"merge": SMALL, "round_tokens": 3}, "leave out round_tokens"),
        ({"round_tokens": 0}, "round_tokens is 0"),
        ({"addresses": ["tcp://1.2.3.4:5"]}, r"'tcp://1.2.3.4:5' is no worker of the cluster"),
        ({"addresses": []}, "the cluster has no workers"),
        ({"step": "layered"}, "step"),
        ({"epochs": 0}, "epochs is 0"),
        ({"resume": True}, "resume goes on from checkpoints"),
        ({"resume": 3, "checkpoint": "x"}, "resume is 3"),
        ({"timeout": -1}, "timeout is -1"),
        ({"callbacks": [3]}, r"callbacks\[0\] is 3"),
    ],
)
def test_what_a_cluster_cannot_do_is_told_before_it_begins(client, corpus, options, message):
    with pytest.raises(EmbedlayerError, match=message):
        ClusterTraining(client, corpus, MODEL, **options)
    with pytest.raises(EmbedlayerError, match="give a DaskCorpus"):
        train(client, corpus.corpus(), MODEL)


def test_a_worker_that_may_use_too_little_memory_is_told_before_it_begins(client, corpus):
    with pytest.raises(EmbedlayerError, match=r"may use 2,147.5 MB, of which Dask leaves it 80%"):
        ClusterTraining(client, corpus, SkipGram(dim=1_000_000), workers=4)


def started(what, *arguments):
    """A process of Dask's command line."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def test_a_dead_scheduler_is_told_and_its_run_goes_on_elsewhere(client, corpus, tmp_path):
    """A scheduler and a worker, each a process; the scheduler is killed in the middle."""
    wanted = train(
        client, corpus, MODEL, merge=SMALL, epochs=60, addresses=workers(client)[:1], workers=2
    )
    place = tmp_path / "scheduler.json"
    scheduler = started("scheduler", "--port", "0", "--scheduler-file", place)
    worker = started("worker", "--scheduler-file", place, "--nthreads", "1", "--no-nanny")
    options = {"merge": SMALL, "checkpoint": tmp_path / "run", "workers": 2}

    def kill(progress):
        if progress.tokens > 2 * corpus.tokens:
            scheduler.kill()

    try:
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
            distributed.Client(scheduler_file=str(place), timeout=4) as other,
        ):
            other.wait_for_workers(1, timeout=60)
            given = {"epochs": 60, "checkpoint_every": 0.05, "callbacks": [kill]}
            with pytest.raises(EmbedlayerError, match="the scheduler is gone"):
                train(other, corpus, MODEL, **given, **options)
        worker.wait(60)  # it ends by itself, so that nothing holds the checkpoints
    finally:
        scheduler.kill()
        worker.kill()
    options |= {"addresses": workers(client)[:1], "resume": True}
    found = train(client, corpus, MODEL, **options)
    np.testing.assert_array_equal(found.matrix, wanted.matrix)


ENDLESS = """
import sys
import distributed
from kills import MODEL, SMALL, ClusterTraining, DaskCorpus
client, corpus = distributed.Client(sys.argv[1]), DaskCorpus(sys.argv[2])
look = [lambda progress: print("learning", flush=True)]
ClusterTraining(client, corpus, MODEL, merge=SMALL, epochs=10**6, callbacks=look).run()
"""


def test_a_client_that_is_killed_leaves_its_workers_to_others(client, corpus, monkeypatch, caplog):
    monkeypatch.setattr("embedlayer.dask.cluster.WAIT_SECONDS", 1)
    wait_for(client, 3)
    command = [sys.executable, "-P", "-c", ENDLESS, client.scheduler.address, str(corpus.folder)]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as other:
        assert other.stdout.readline() == b"learning\n"
        other.kill()
    train(client, corpus, MODEL, merge=SMALL, epochs=1)
    assert "a client that is gone" in caplog.text
    wait_until_nothing_is_kept(client)
    caplog.clear()
    train(client, corpus, MODEL, merge=SMALL, epochs=1)
    assert "a client that is gone" not in caplog.text


def test_one_replica_alone_merges_with_nobody(client, corpus):
    one = {"addresses": workers(client)[:1], "epochs": 1}
    found = ClusterTraining(client, corpus, MODEL, merge=Merging("mean"), **one)
    other = Training(corpus.corpus(), MODEL, workers=1, epochs=1)
    np.testing.assert_array_equal(found.run().matrix, other.run().matrix)
