"""Several GPUs of one machine: a replica on each, whose rows travel between them by NCCL."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from embedlayer.backend import array_library
from embedlayer.device import DEVICES, Device
from embedlayer.device.cuda import nccl
from embedlayer.errors import EmbedlayerError
from embedlayer.training.collective import LostReplica, Member, Rows, Threads
from embedlayer.training.options import TrainingOptions

NCCL_CURE = "pip install nvidia-nccl-cu13 (nvidia-nccl-cu12 for CUDA 12)"
# Of the tables, on each device, at most: a replica's own, its share as it was last merged and, in a
# merge of all rows, what is sent, what comes and what the rule makes of it.
COPIES = 4
NOT_READY = 600  # cudaErrorNotReady
LOOK_SECONDS = 0.0005  # how often a thread asks whether its device is done


class Post(NamedTuple):
    """What a replica sends to each of them, and takes from each, in its own stream."""

    rank: int
    sent: Sequence[Rows]
    taken: Sequence[Rows]
    stream: int


class Gpus(Threads):
    """The replicas of one process, a thread and a GPU each.

    Nothing that they merge passes through the host. The thread that comes last to a meeting makes
    the calls of all devices, in one group: so no send lacks its receive, no call waits for another
    thread, and where a replica fails before the meeting no device waits for it.

    Args:
        devices: the number, CUDA's, of each replica's device.
    """

    def __init__(self, devices: list[int]) -> None:
        super().__init__(len(devices))
        self.devices, self.posts = devices, list[Post]()
        self.meeting = threading.Barrier(self.size, self._send)
        self._calling = threading.Lock()  # a communicator takes one call at a time
        self._nccl = nccl()
        self._communicators = self._nccl.NcclCommunicator.initAll(devices)

    def member(self, rank: int) -> "GpuMember":
        return GpuMember(self, rank)

    def check(self, rank: int) -> None:
        """Raise what went wrong on the way, of which nothing else tells."""
        with self._calling:
            if not self._communicators:
                raise LostReplica
            self._communicators[rank].check_async_error()

    def close(self) -> None:
        """Let no device wait for another any longer, and give back what communicators hold.

        All in one group: alone, one would wait for the devices that wait for the next.
        """
        with self._calling:
            closing, self._communicators = self._communicators, []
            with suppress(self._nccl.NcclError):  # on a device that failed, which told why
                self._nccl.groupStart()
                for communicator in closing:
                    communicator.abort()
                self._nccl.groupEnd()

    def _send(self) -> None:
        """Send all that is posted, while all threads wait; of a meeting alone, nothing."""
        posts, self.posts = self.posts, []
        with self._calling:
            self._nccl.groupStart()
            try:
                for post in posts:
                    self._call(post)
            finally:
                self._nccl.groupEnd()

    def _call(self, post: Post) -> None:
        communicator, kind = self._communicators[post.rank], self._nccl.NCCL_FLOAT32
        for peer in range(self.size):
            if peer == post.rank:
                continue
            for rows in filter(len, post.sent[peer]):
                communicator.send(rows.data.ptr, rows.size, kind, peer, post.stream)
            for rows in filter(len, post.taken[peer]):
                communicator.recv(rows.data.ptr, rows.size, kind, peer, post.stream)


class GpuMember(Member):
    """A replica's :class:`Collective`: inside the block its device is the thread's."""

    def __init__(self, gpus: Gpus, rank: int) -> None:
        super().__init__(gpus, rank)
        self._gpus, self._xp = gpus, array_library("cupy")
        self._device = self._xp.cuda.Device(gpus.devices[rank])

    def __enter__(self) -> Self:
        self._device.__enter__()
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        super().__exit__(kind, *error)
        if kind is not None:
            self._gpus.close()
        self._device.__exit__(kind, *error)

    def exchange(self, parts: Sequence[Rows]) -> list[Rows]:
        given: list[Rows] = [list(map(self._xp.empty_like, parts[self.rank])) for _ in parts]
        given[self.rank] = parts[self.rank]
        sent = [[] if rank == self.rank else part for rank, part in enumerate(parts)]
        self._swap(sent, given)
        return given

    def give_back(self, merged: Rows, parts: Sequence[Rows]) -> None:
        learnt: list[Rows] = [list(map(self._xp.empty_like, part)) for part in parts]
        learnt[self.rank] = merged
        self._swap([merged] * self.size, learnt)
        for part, rows in zip(parts, learnt, strict=True):
            for one, merged_rows in zip(part, rows, strict=True):
                one[...] = merged_rows

    def wait_for_device(self) -> None:
        """Wait until the device has done all that it was told to do.

        Raises:
            NcclError, CUDARuntimeError: it could not.
        """
        query, stream = self._xp.cuda.runtime.streamQuery, self._xp.cuda.get_current_stream()
        while query(stream.ptr) == NOT_READY:  # of a stream that has failed, done is False for ever
            self._gpus.check(self.rank)
            time.sleep(LOOK_SECONDS)
        stream.synchronize()  # which raises what failed

    def _swap(self, sent: Sequence[Rows], taken: Sequence[Rows]) -> None:
        """Send rows to each replica, take what each sends: done when the device comes to it.

        All memory is there before the calls are made, and all calls are made before any thread goes
        on: to ask for memory may be to wait for all devices, also for one that waits for a call.
        """
        whole = [[self._xp.ascontiguousarray(part) for part in rows] for rows in sent]
        stream = self._xp.cuda.get_current_stream().ptr
        self._gpus.posts.append(Post(self.rank, whole, taken, stream))
        self.barrier()


def chosen_gpus(options: TrainingOptions, device: Device, plain: bool) -> list[int]:
    """The devices that were asked for, CuPy's current one first; none where it is to choose.

    Args:
        options: of the run.
        device: of its backend.
        plain: the model has no n-grams, and no vectors are held back.

    Raises:
        EmbedlayerError: devices or NCCL that are not there, or a run that replicas on devices of
            their own cannot train.
    """
    if options.gpus is None:
        return []
    if device.name != "cupy":
        why = DEVICES["cupy"].problem() or "leave out backend (--backend)"
        raise EmbedlayerError(f"gpus needs the backend cupy, and this is {device.name}: {why}")
    if options.workers is not None:
        raise EmbedlayerError("gpus has one thread for each: leave out workers (--workers)")
    runtime = device.xp.cuda.runtime
    found, first = runtime.getDeviceCount(), runtime.getDevice()
    if options.gpus > found:
        raise EmbedlayerError(
            f"gpus is {options.gpus}, and CuPy sees {found} devices: lower it (--gpus), "
            "or check CUDA_VISIBLE_DEVICES and nvidia-smi"
        )
    if options.gpus > 1:
        _check_several(options, device, plain)
    return sorted(range(found), key=lambda one: one != first)[: options.gpus]


def _check_several(options: TrainingOptions, device: Device, plain: bool) -> None:
    if options.step == "layered":
        raise EmbedlayerError("gpus: the layered step is trained on one device: give gpus=1")
    if not plain:
        raise EmbedlayerError(
            "gpus: words of n-grams (--subwords), and vectors that take a part of their changes "
            "(--continue-from, unless --old-rate 1), are trained on one device: give gpus=1"
        )
    if not nccl().available:
        raise EmbedlayerError(f"several GPUs need NCCL, which CuPy does not find: {NCCL_CURE}")
