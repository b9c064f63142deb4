"""Checkpoints of a cluster: slices written at the same time, whole whoever is killed meanwhile."""

import asyncio
import errno
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import import_or_skip

import_or_skip("distributed")

from clusters import running
from kills import MODEL, SMALL, arm, undisturbed, wait_for, workers, written

from embedlayer.dask import ClusterTraining, DaskCorpus, mail
from embedlayer.dask.slices import MARK
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Tables
from embedlayer.training.checkpoint import (
    MANIFEST,
    STATE,
    VOCABULARY,
    checkpoints_in,
    read_checkpoint,
)
from embedlayer.training.run import Training
from embedlayer.training.state import State
from embedlayer.training.state_files import map_arrays, slices_among

KEPT = mail.write_slice, Path.read_text
WHOLE = [STATE, VOCABULARY]
SLICES = ["slice-1-of-2.safetensors", "slice-2-of-2.safetensors"]


@pytest.fixture(scope="module")
def cluster():
    with running(2) as client:
        yield client


def restore(dask_worker):
    plugin = dask_worker.plugins["embedlayer"]
    dask_worker.handlers["embedlayer_slice"] = plugin.slice
    mail.write_slice, Path.read_text = KEPT


@pytest.fixture
def client(cluster):
    wait_for(cluster, 2)
    yield cluster
    cluster.run(restore)


@pytest.fixture(scope="module")
def corpus(cluster, tmp_path_factory):
    text = written(tmp_path_factory.mktemp("text"))
    return DaskCorpus.from_files(cluster, text, folder=text.parent / "corpus", min_count=1)


@pytest.fixture(scope="module")
def wanted(cluster, corpus):
    return undisturbed(cluster, corpus)[0]


def training(client, corpus, folder, **options):
    """A run that writes a checkpoint whenever it can."""
    given = {"merge": SMALL, "epochs": 3, "checkpoint": folder, "checkpoint_every": 0}
    return ClusterTraining(client, corpus, MODEL, **given | options)


def write_together(place):
    """In a worker: each slice is written when the other is about to be."""

    def write(folder, tables, part, parts):
        (place / f"{folder.name}-{part}").write_text(str(os.getpid()))
        deadline = time.monotonic() + 5
        while len([*place.glob(f"{folder.name}-*")]) < parts:
            if time.monotonic() > deadline:
                raise OSError(errno.EIO, "the other does not write")
            time.sleep(0.01)
        return KEPT[0](folder, tables, part, parts)

    mail.write_slice = write


def test_each_process_writes_its_slice_at_the_same_time(client, corpus, wanted, tmp_path):
    (tmp_path / "written").mkdir()
    client.run(write_together, tmp_path / "written")
    run = training(client, corpus, tmp_path / "run", checkpoint_every=300)
    np.testing.assert_array_equal(run.run().matrix, wanted)
    found = read_checkpoint(tmp_path / "run")
    assert sorted(path.name for path in found.path.iterdir()) == [MANIFEST, *SLICES, *WHOLE]
    by = sorted(int(path.read_text()) for path in (tmp_path / "written").iterdir())
    assert by == sorted(client.run(os.getpid).values())
    np.testing.assert_array_equal(found.state.tables.W_in[:, : MODEL.dim], wanted)
    assert [len(one["W_in"]) for one in found.slices] == [24, 24]


@pytest.mark.parametrize(
    ("place", "after"),
    [
        ("embedlayer.dask.mail:write_slice", True),
        ("embedlayer.training.checkpoint:write_manifest", False),
    ],
    ids=["a slice is written", "slices, and no manifest"],
)
def test_after_kills_a_run_goes_on_from_the_last_whole_checkpoint_to_the_same_bits(
    client, corpus, wanted, tmp_path, place, after
):
    """The leader is killed as it writes its third, the other as it would go on without it."""
    time.sleep(1)  # for the nannies
    leader, other = workers(client)
    client.run(arm, place, after, 3, workers=[leader])
    client.run(arm, "embedlayer.dask.member:MemberTraining.begin", False, 2, workers=[other])
    run = training(client, corpus, tmp_path, timeout=20, replacement=60)
    np.testing.assert_array_equal(run.run().matrix, wanted)
    assert run.position() == (3, 0)
    assert not {leader, other} & {*workers(client)}
    assert not [*tmp_path.glob(".*.checkpoint-*")]


@pytest.fixture(scope="module")
def stopped(cluster, corpus, tmp_path_factory):
    """The folder of a run that was stopped after some checkpoints."""
    folder = tmp_path_factory.mktemp("stopped")
    wait_for(cluster, 2)

    def stop(progress):
        if len(checkpoints_in(folder)) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training(cluster, corpus, folder, epochs=100, callbacks=[stop]).run()
    return folder


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {"a flipped bit": flip, "cut off": lambda path: os.truncate(path, 99), "no": Path.unlink}


@pytest.mark.parametrize("name", SLICES)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_slice_that_is_damaged_is_named_and_the_checkpoint_before_it_used(
    stopped, tmp_path, caplog, name, damage
):
    folder = shutil.copytree(stopped, tmp_path / "run")
    older, newest = checkpoints_in(folder)
    damage(newest / name)
    assert read_checkpoint(folder).path == older
    (record,) = caplog.records
    assert record.message.startswith(f"{newest} is damaged (")
    assert name in record.message
    damage(older / name)
    with pytest.raises(EmbedlayerError, match=f"each of the 2 checkpoints .*{older.name}.*{name}"):
        read_checkpoint(folder)


class Trained:
    """What a worker has kept of a run: tables at a position."""

    def __init__(self, at):
        self.at, rows = at, np.arange(52, dtype=np.float32).reshape(26, 2)
        self.state = State(Tables(rows, -rows))

    def position(self):
        return self.at


def kept_at(at):
    """A worker's mail with a run that is at a position in its attempt 1."""
    found = mail.Mail()
    found.kept["run"], found._boxes["run"] = Trained(at), mail.Box(1)
    return found


def asked(found, folder, part=0, parts=1, attempt=1):
    return found.slice("run", attempt, (1, 4), str(folder), part, parts)


def test_slices_are_joined_in_the_order_of_their_rows(tmp_path):
    found = kept_at((1, 4))
    told = dict(asyncio.run(asked(found, tmp_path, part, 12)) for part in range(12))
    names = slices_among(sorted(told))
    assert names == [*told]
    rows = [map_arrays(tmp_path / name, {}, tables=True) for name in names]
    tables = found.kept["run"].state.tables
    np.testing.assert_array_equal(np.concatenate([one["W_in"] for one in rows]), tables.W_in)
    np.testing.assert_array_equal(np.concatenate([one["W_out"] for one in rows]), tables.W_out)


def test_a_slice_is_of_tables_at_the_position_that_is_asked_for(tmp_path):
    async def late():
        found = kept_at((1, 2))
        asking = asyncio.ensure_future(asked(found, tmp_path))
        await asyncio.sleep(0.1)
        assert not asking.done()
        found.kept["run"].at = 1, 4
        return await asking

    async def never():
        found = kept_at((1, 2))
        found._boxes["run"].lose("a worker is gone")
        return await asked(found, tmp_path / "not there")

    assert asyncio.run(late())[0] == "slice-1-of-1.safetensors"
    assert asyncio.run(never()) is None
    assert asyncio.run(asked(kept_at((1, 6)), tmp_path / "not there")) is None
    assert asyncio.run(asked(kept_at((1, 4)), tmp_path / "not there", attempt=2)) is None
    assert asyncio.run(asked(mail.Mail(), tmp_path / "not there")) is None
    told = asyncio.run(asked(kept_at((1, 4)), tmp_path / "not there"))
    assert "not there" in told
    assert "No such file" in told


def test_a_run_goes_on_from_slices_in_one_process(stopped, tmp_path, corpus):
    folder = shutil.copytree(stopped, tmp_path / "run")
    found = Training.resume(folder, corpus.corpus())
    kept = read_checkpoint(folder)
    rows = [dict(one) for one in kept.slices]
    for name, table in found.state.tables._asdict().items():
        np.testing.assert_array_equal(table, np.concatenate([one[name] for one in rows]))
    assert found.position() == (kept.state.epoch, kept.state.chunk)


def elsewhere(place):
    """In a worker: the folder of that name is another one, of this machine alone."""
    (place / MARK).write_text("another run's")
    read = Path.read_text
    Path.read_text = lambda path, **how: read(place / MARK if path.name == MARK else path, **how)


@pytest.mark.parametrize("lead", [True, False])
def test_a_worker_that_does_not_see_the_folder_is_told_before_training(
    client, corpus, tmp_path, lead
):
    (tmp_path / "other").mkdir()
    blind = workers(client)[0 if lead else 1]
    client.run(elsewhere, tmp_path / "other", workers=[blind])
    told = []
    run = training(client, corpus, tmp_path / "run", callbacks=[told.append])
    with pytest.raises(EmbedlayerError, match=f"the worker {blind} does not see .*one name"):
        run.run()
    assert not told
    assert not checkpoints_in(tmp_path / "run")


def fill_disk():
    def write(folder, *_):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    mail.write_slice = write


def test_a_worker_that_cannot_write_costs_checkpoints_and_not_the_run(
    client, corpus, wanted, tmp_path
):
    client.run(fill_disk, workers=workers(client)[1:])
    run = training(client, corpus, tmp_path / "run")
    np.testing.assert_array_equal(run.run().matrix, wanted)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", MARK]


def lose_place(dask_worker):
    async def nowhere(**_):
        return None

    dask_worker.handlers["embedlayer_slice"] = nowhere


def test_where_a_worker_is_lost_the_leader_writes_all(client, corpus, wanted, tmp_path):
    """The other says that it never will be where the leader is."""
    client.run(lose_place, workers=workers(client)[1:])
    run = training(client, corpus, tmp_path / "run")
    np.testing.assert_array_equal(run.run().matrix, wanted)
    found = read_checkpoint(tmp_path / "run")
    assert sorted(path.name for path in found.path.iterdir()) == [MANIFEST, *WHOLE]
    np.testing.assert_array_equal(found.state.tables.W_in[:, : MODEL.dim], wanted)
