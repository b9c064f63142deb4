"""What a device takes in one launch, and how the driver refuses more.

The numbers are those of the CUDA C++ Programming Guide, "Compute Capabilities". Devices are named
by ten times their compute capability, as in ``sm_90``.
"""

THREADS = 1024  # of a block
BLOCKS = 2**31 - 1
WARP = 32
REGISTERS = 65536  # of a block; a warp is given them by eights for each thread
MOST_REGISTERS = 255  # of a thread
UNASKED = 48 << 10  # bytes of shared memory a block may have, unless its kernel asks for more
SHARED = {  # bytes that it may ask for
    75: 64 << 10, 80: 163 << 10, 86: 99 << 10, 87: 163 << 10, 89: 99 << 10, 90: 227 << 10,
    100: 227 << 10, 103: 227 << 10, 120: 99 << 10, 121: 99 << 10,
}  # fmt: skip


class CUDADriverError(RuntimeError):
    """As CuPy's of this name; the message tells the limit besides, which the driver does not."""


class LimitedKernel:
    """What a ``cupy.RawKernel`` is allowed on a device, whatever runs it.

    Args:
        name: of the kernel.
        device: ten times its compute capability.
        bound: the threads of a block that ``__launch_bounds__`` promises; 0 where nothing does.
        registers: that a thread takes; None where no compiler has told: then what it may take.
        static: bytes of shared memory that the kernel itself declares.
    """

    def __init__(
        self, name: str, device: int, *, bound: int, registers: int | None = None, static: int = 0
    ) -> None:
        self.name, self.most_shared, self.static = name, SHARED[device], static
        self.most_threads = bound or THREADS
        self.registers = registers or min(MOST_REGISTERS, REGISTERS // bound if bound else 10**9)
        self._dynamic = UNASKED - static

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """The shared memory that a launch may name; more than by default must be asked for."""
        return self._dynamic

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        self._require("bytes of shared memory asked for", size + self.static, self.most_shared)
        self._dynamic = size

    def check(self, blocks: int, threads: int, shared: int) -> None:
        """Refuse a launch that the device cannot take.

        Raises:
            CUDADriverError: as CuPy raises it.
            ValueError: no blocks or no threads, of which CuPy would silently make one.
        """
        if blocks < 1 or threads < 1:
            raise ValueError(f"{self.name}: {blocks} blocks of {threads}: CuPy would launch one")
        self._require("blocks", blocks, BLOCKS)
        self._require("threads per block", threads, self.most_threads)
        self._require("bytes of shared memory", shared, self._dynamic)
        granted = -(-self.registers // 8) * 8 * -(-threads // WARP) * WARP
        error = "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: too many resources requested for launch"
        self._require("registers per block", granted, REGISTERS, error)

    def _require(
        self,
        what: str,
        asked: int,
        limit: int,
        error: str = "CUDA_ERROR_INVALID_VALUE: invalid argument",
    ) -> None:
        if asked > limit:
            raise CUDADriverError(f"{error} ({self.name}: {asked:,} {what}, at most {limit:,})")
