"""Workers of a cluster killed at chosen moments: nothing hangs, no example is lost or repeated.

    python tests/kills.py [TIMES [KIND...]]

kills one of two workers so many times, in each kind of work by turns: while it trains, gives rows
away, has received rows, has ended a round; writes its slice of a checkpoint, or the manifest;
counts, merges, encodes and joins a text.
"""

import os
import random
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np
from clusters import running
from planted import check_neighbours, planted_sentences

from embedlayer.dask import ClusterTraining, DaskCorpus
from embedlayer.dask.waves import workers_of
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.replicas import Merging

MODEL = SkipGram(dim=16, sample=0.01)
SMALL = Merging(tokens=200, head=4, merges=4)
# What a worker is killed in: the place of a function, and whether after it or before.
TRAINING = {
    "train": ("embedlayer.dask.member:MemberTraining._train", False),
    "exchange": ("embedlayer.dask.connection:Member.exchange", False),
    "exchanged": ("embedlayer.dask.connection:Member.exchange", True),
    "give back": ("embedlayer.dask.connection:Member.give_back", False),
    "set rows": ("embedlayer.dask.connection:Member.give_back", True),
    "end a round": ("embedlayer.dask.connection:Member.gather", True),
    "ring": ("embedlayer.dask.bells:Bells.ring", True),
    "hear": ("embedlayer.dask.bells:Bells.hear", False),
    "send": ("embedlayer.dask.mail:Mail.send", True),
    "receive": ("embedlayer.dask.mail:Box.slot", False),
    "begin": ("embedlayer.dask.member:MemberTraining.begin", False),
    "end": ("embedlayer.training.loop:Loop.vectors", False),
}
SAVING = {
    "write a slice": ("embedlayer.dask.mail:write_slice", False),
    "wrote a slice": ("embedlayer.dask.mail:write_slice", True),
    "manifest": ("embedlayer.training.checkpoint:write_manifest", False),
}
TRAINING |= SAVING
COUNTING = {name: (f"embedlayer.dask.shards:{name}", True) for name in ("count", "merge", "encode")}
COUNTING["join"] = ("embedlayer.dask.shards:join", False)
# A worker begins and ends once, and has a part of the tasks and rounds; else there are many calls.
MOST_CALLS = {"begin": 1, "end": 1, "end a round": 12, "send": 2, "receive": 2}
MOST_CALLS |= dict.fromkeys([*COUNTING, *SAVING], 3)


def arm(place: str, after: bool, calls: int) -> None:
    """Make this process kill itself at a call of a function, the ``calls``-th from now."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    function, left = getattr(owner, name), [calls]

    def armed(*arguments, **options):
        left[0] -= 1
        if left[0] == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


def armed_one(client, place: str, after: bool, calls: int, first: bool = False) -> str:
    """Arm one of the workers of a cluster, any or the first, which leads; its address.

    A nanny starts none in the place of one that is killed in its first moments.
    """
    time.sleep(1)
    victim = workers(client)[0] if first else random.choice(workers(client))
    client.run(arm, place, after, calls, workers=[victim])
    return victim


def workers(client) -> list[str]:
    return [*workers_of(client)]


def wait_for(client, count: int) -> None:
    """Wait for so many workers; those that were killed come again."""
    deadline = time.monotonic() + 60
    while len(workers(client)) < count:  # as the client sees them, who is told by and by
        assert time.monotonic() < deadline, workers(client)
        time.sleep(0.1)


def check_killed(client, victim: str) -> None:
    if victim in workers(client):
        raise AssertionError(f"{victim} was to be killed, and lives, as {workers(client)}")


def kill_in_training(
    client, corpus, kind: str, calls: int, replacement: float, wanted, **options
) -> None:
    """Train while a worker is killed; raise unless the run is whole.

    With a new worker in time the vectors are those of a run without the kill, to the bit.
    """
    wait_for(client, 2)
    victim = armed_one(client, *TRAINING[kind], calls, first=kind == "manifest")
    given = {"merge": SMALL, "epochs": 3, "timeout": 20, "replacement": replacement}
    run = ClusterTraining(client, corpus, MODEL, **given, **options)
    vectors = run.run()
    if kind != "end":  # then the run is over before anybody misses the worker
        check_killed(client, victim)
    matrix, trained, loss = wanted
    assert run.report.tokens_trained == trained
    if replacement:
        np.testing.assert_array_equal(vectors.matrix, matrix)
        assert run.report.loss == loss
    assert abs(run.report.loss[-1] - loss[-1]) < 0.02
    check_neighbours(vectors)


def kill_in_counting(client, text: Path, folder: Path, kind: str, calls: int) -> None:
    """Count while a worker is killed; raise unless the corpus is that of one process."""
    wait_for(client, 2)
    victim = armed_one(client, *COUNTING[kind], calls)
    found = DaskCorpus.from_files(
        client, text, folder=folder, min_count=1, shard_bytes=2000, parts=6, timeout=60
    )
    check_killed(client, victim)
    wanted = Corpus.from_files(text, min_count=1, cache=False)
    np.testing.assert_array_equal(found.corpus().ids, wanted.ids)
    np.testing.assert_array_equal(found.corpus().offsets, wanted.offsets)
    assert found.vocabulary.words == wanted.vocabulary.words
    found.check(client)


def undisturbed(client, corpus) -> tuple:
    """The vectors, the tokens and the losses of a run in which nobody is killed."""
    run = ClusterTraining(client, corpus, MODEL, merge=SMALL, epochs=3)
    return run.run().matrix, run.report.tokens_trained, run.report.loss


def written(folder: Path, sentences: int = 1500) -> Path:
    path = folder / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(sentences))))
    return path


def main(times: int, *only: str) -> None:
    with tempfile.TemporaryDirectory() as place, running(2) as client:
        folder = Path(place)
        text = written(folder)
        corpus = DaskCorpus.from_files(client, text, folder=folder / "corpus", min_count=1)
        wanted = undisturbed(client, corpus)
        kinds = only or [*TRAINING, *COUNTING]
        for i in range(times):
            kind, started = kinds[i % len(kinds)], time.monotonic()
            calls = random.randint(1, MOST_CALLS.get(kind, 45))
            replacement = random.choice([0, 60])
            if kind in COUNTING:
                kill_in_counting(client, text, folder / f"corpus-{i}", kind, calls)
            else:
                saving = {"checkpoint": folder / f"run-{i}", "checkpoint_every": 0}
                options = saving if kind in SAVING else {}
                kill_in_training(client, corpus, kind, calls, replacement, wanted, **options)
            seconds = time.monotonic() - started
            told = f", replaced: {bool(replacement)}" if kind in TRAINING else ""
            print(f"{i + 1}: {kind}, call {calls}{told}: whole, {seconds:.1f} s", flush=True)
        print(f"{times} kills: no hang, no example lost or repeated")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, *sys.argv[2:])
