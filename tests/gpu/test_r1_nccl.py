"""R1: what replicas on several devices send each other, and the double of NCCL that takes it."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import LostReplica
from embedlayer.training.gpus import COPIES, Gpus
from embedlayer.training.replicas import Merging, Replica, owned_rows
from embedlayer.training.touches import Touches

from . import double
from .double import nccl
from .double.devices import Device, OtherDevice
from .double.nccl import NcclCommunicator, NcclError, NcclHang


def on_each(size: int, work: Callable[[Any], Any]) -> list[Any]:
    """What replicas, each with its device, make; raises what one of them does."""
    gpus = Gpus(list(range(size)))

    def begin(rank: int) -> Any:
        with gpus.member(rank) as member:
            return work(member)

    with ThreadPoolExecutor(size) as pool:
        made = [pool.submit(begin, rank) for rank in range(size)]
    gpus.close()
    errors = [error for error in map(Future.exception, made) if error]
    for error in sorted(errors, key=lambda one: isinstance(one, LostReplica)):
        raise error
    return [one.result() for one in made]


def test_a_merge_never_passes_through_the_host(gpus: Any) -> None:
    whole = np.arange(24, dtype=np.float32).reshape(6, 4)

    def work(member: Any) -> Any:
        table = gpus.asarray(whole) + np.float32(100 * member.rank)
        parts = [[table[0:5:2]], [table[1:5:2]]]
        given = member.exchange(parts)
        assert {rows.device.id for part in given for rows in part} == {member.rank}
        member.give_back([given[0][0] + given[1][0]], parts)
        return table

    before = double.counters["to_host"]
    with double.no_sync():
        made = on_each(2, work)
    assert double.counters["to_host"] == before
    for rank, table in enumerate(made):
        np.testing.assert_array_equal(table.get()[:5], 2 * whole[:5] + 100)
        np.testing.assert_array_equal(table.get()[5], whole[5] + 100 * rank)


@pytest.mark.parametrize("size", [2, 3])
def test_a_merge_of_all_rows_takes_what_the_plan_says(size: int, gpus: Any) -> None:
    ones, shape = np.ones(3000, np.float32), (3000, 64)

    def work(member: Any) -> None:
        tables = Tables(gpus.zeros(shape, np.float32), gpus.zeros(shape, np.float32))
        touches = [Touches(gpus.asarray(ones), 1.0)] * 2
        merging = Merging("damped", 1, 4, 2)
        owned = owned_rows(tables, merging, member.rank, member.size)
        merged = [[tier.copy() for tier in tiers] for tiers in owned]
        rate = 0.1
        replica = Replica(tables, merged, touches, lambda _: rate, merging, 1, member)
        replica.run_round(range(4 * size), lambda *_: None, None)

    tracemalloc.start()
    try:
        on_each(size, work)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    copies = peak / size / (2 * 4 * 3000 * 64)
    assert COPIES - 2 < copies < COPIES


@pytest.fixture
def pair(gpus: Any) -> Any:
    return NcclCommunicator.initAll([0, 1])


@pytest.fixture
def rows(gpus: Any) -> Any:
    made = []
    for device in range(2):
        with Device(device):
            made.append(gpus.zeros((4, 2), np.float32) + np.float32(device))
    return made


def pass_on(pair: Any, rows: Any, sent: int = 8, taken: int = 8) -> None:
    nccl.groupStart()
    try:
        pair[0].send(rows[0].data.ptr, sent, nccl.NCCL_FLOAT32, 1, 0)
        pair[1].recv(rows[1].data.ptr, taken, nccl.NCCL_FLOAT32, 0, 0)
    finally:
        nccl.groupEnd()


def test_a_copy_from_device_to_device(pair: Any, rows: Any) -> None:
    pass_on(pair, rows)
    assert not rows[1].get().any()


def test_counts_differ(pair: Any, rows: Any) -> None:
    with pytest.raises(NcclHang, match="rank 0 to 1: 8 sent, 6 taken"):
        pass_on(pair, rows, taken=6)


def test_a_send_without_its_receive(pair: Any, rows: Any) -> None:
    nccl.groupStart()
    pair[0].send(rows[0].data.ptr, 8, nccl.NCCL_FLOAT32, 1, 0)
    with pytest.raises(NcclHang, match="1 sent, 0 taken"):
        nccl.groupEnd()
    with pytest.raises(NcclHang, match="without a group"):
        pair[0].send(rows[0].data.ptr, 8, nccl.NCCL_FLOAT32, 1, 0)


def test_two_threads_call_one_communicator(pair: Any, rows: Any) -> None:
    nccl.groupStart()
    pair[0].send(rows[0].data.ptr, 8, nccl.NCCL_FLOAT32, 1, 0)
    with ThreadPoolExecutor(1) as pool, pytest.raises(NcclHang, match="two threads"):
        pool.submit(pair[0].check_async_error).result()
    with pytest.raises(NcclHang):
        nccl.groupEnd()


def test_an_array_of_another_device(pair: Any, rows: Any) -> None:
    with pytest.raises(NcclHang, match="on device 1, not 0"):
        pass_on(pair, rows[::-1])
    with pytest.raises(OtherDevice, match="array device = 1 while current = 0"):
        rows[0] + rows[1]
    with pytest.raises(OtherDevice):
        rows[1][0] = 0


def test_an_array_with_gaps(pair: Any, rows: Any) -> None:
    with pytest.raises(NcclHang, match="no whole array's"):
        pass_on(pair, [rows[0][::2], rows[1]], 4, 4)


def test_one_is_aborted_while_the_other_waits(pair: Any) -> None:
    with pytest.raises(NcclHang, match="while the others"):
        pair[0].abort()
    nccl.groupStart()
    for one in pair:
        one.abort()
    nccl.groupEnd()
    with pytest.raises(NcclError):
        pair[0].check_async_error()
