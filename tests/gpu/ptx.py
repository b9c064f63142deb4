"""Executes the PTX that CuPy's NVRTC makes of cuda.cu, in NumPy, one warp of 32 lanes at a time.

A second engine, which shares nothing with the emulator: it runs the compiler's output. It knows
the instructions that cuda.cu compiles to and refuses others by name. Every global access must lie
inside an array of the launch and be aligned; its bytes are counted by array. Lanes may be at
different places; the hindmost go first, and all must come where a warp meets. Warps run one after
the other, so races are not its business.
"""

import re
from collections import Counter
from typing import Any

import numpy as np

from .ptx_arithmetic import COMPARISONS, LANES, SHARED, compute, poison, resized
from .ptx_program import TYPES, Instruction, Program, PtxError


class Launch:
    """``Launch(program, args)(grid, block, shared_mem)``; ``loaded`` and ``added`` count bytes."""

    def __init__(self, program: Program, args: tuple[Any, ...]) -> None:
        self.program = program
        self.loaded: Counter[str] = Counter()
        self.added: Counter[str] = Counter()
        self.memory: list[tuple[int, np.ndarray, str]] = []
        self.parameters: dict[str, np.ndarray] = {}
        for (kind, name), argument in zip(program.parameters, args, strict=True):
            value = np.asarray(argument)
            if value.ndim:
                raw = value.reshape(-1).view(np.uint8)
                self.memory.append((value.ctypes.data, raw, name))
                value = np.uint64(value.ctypes.data)
            if value.dtype.itemsize != np.dtype(TYPES[kind]).itemsize:
                raise PtxError(f"{name}: {value.dtype} for .{kind}")
            self.parameters[name] = np.asarray(value)

    def __call__(self, grid: int, block: int, shared_mem: int) -> None:
        lane = np.arange(LANES, dtype=np.uint32)
        for place in range(grid * block // LANES):
            index, first = divmod(place * LANES, block)
            special = {"%tid.x": lane + first, "%ctaid.x": index, "%ntid.x": block}
            special |= {"%nctaid.x": grid}
            with np.errstate(all="ignore"):
                _Warp(self, special, shared_mem).run()


class _Warp:
    def __init__(self, launch: Launch, special: dict[str, Any], shared_mem: int) -> None:
        self.launch = launch
        self.shared = np.full(shared_mem, 0xFF, np.uint8)  # NaN
        self.special = {k: np.broadcast_to(np.uint32(v), LANES) for k, v in special.items()}
        self.registers = {
            name: np.zeros(LANES, bool) if kind == "?" else poison(kind)
            for name, kind in launch.program.registers.items()
        }
        self.here = np.zeros(LANES, np.int64)  # the next instruction of each lane

    def run(self) -> None:
        code = self.launch.program.code
        ended = np.iinfo(np.int64).max
        waiting = np.zeros(LANES, bool)
        while (self.here != ended).any():
            ready = np.where(waiting, ended, self.here)
            at = ready.min()
            if at == ended:
                raise PtxError(f"lanes of the warp never come to: {code[self.here.min()].text}")
            lanes = ready == at
            step = code[at]
            kind = step.parts[0]
            if kind in ("shfl", "vote") or step.parts[:2] == ["bar", "warp"]:
                waiting |= lanes
                if waiting.all():
                    if (self.here != at).any():
                        raise PtxError(f"lanes of the warp meet elsewhere than at: {step.text}")
                    self.meet(step)
                    waiting[:] = False
                    self.here += 1
                continue
            if step.guard:
                lanes = lanes & (self.registers[step.guard.lstrip("!")] != (step.guard[0] == "!"))
                self.here[ready == at] += 1
            else:
                self.here[lanes] += 1
            if kind == "bra":
                self.here[lanes] = self.launch.program.labels[step.operands[0]]
            elif kind == "ret":
                self.here[lanes] = ended
            elif lanes.any():
                try:
                    self.execute(step, lanes)
                except PtxError as error:
                    raise PtxError(f"{error} in `{step.text}`") from None

    # ------------------------------------------------------------------------------- operands

    def value(self, operand: str, kind: str) -> np.ndarray:
        """What an operand holds, in all lanes, seen as this type."""
        if operand in self.registers:
            bits = self.registers[operand]
            return bits if kind == "?" else resized(bits, kind)
        if operand in self.special:
            return resized(self.special[operand], kind)
        if operand == "shared_memory":
            return np.zeros(LANES, kind)
        if re.match(r"0f[0-9A-F]{8}$", operand):
            return np.broadcast_to(np.uint32(int(operand[2:], 16)).view(np.float32), LANES)
        if re.match(r"-?\d+$", operand):
            size = 64 if kind == "?" else 8 * np.dtype(kind).itemsize
            bits = np.uint64(int(operand) % 2**size)
            return np.broadcast_to(bits != 0 if kind == "?" else resized(bits, kind), LANES)
        raise PtxError(f"operand {operand}")

    def store(self, register: str, value: Any, lanes: np.ndarray) -> None:
        register_bits = self.registers[register]
        bits = np.broadcast_to(value, LANES)
        if register_bits.dtype != bool:
            bits = resized(bits, register_bits.dtype.str[1:])
        register_bits[lanes] = bits[lanes]

    def address(self, operand: str) -> np.ndarray:
        base, offset = re.match(r"\[([%\w]+)(?:\+(-?\d+))?\]", operand).groups()  # type: ignore[union-attr]
        return self.value(base, "u8").astype(np.int64) + int(offset or 0)

    def places(
        self, address: np.ndarray, lanes: np.ndarray, size: int, shared: bool, counts: Any
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(memory, lanes, byte offsets) for an access of ``size`` bytes by these lanes."""
        if (address[lanes] % size).any():
            raise PtxError("misaligned address")
        if shared:
            address = address + SHARED
        areas = [(SHARED, self.shared, "shared"), *self.launch.memory]
        left, found = lanes.copy(), []
        for base, memory, name in areas:
            inside = left & (address >= base) & (address + size <= base + len(memory))
            if inside.any():
                found.append((memory, inside, (address - base)[inside]))
                left &= ~inside
                if counts is not None:
                    counts[name] += size * int(inside.sum())
        if left.any():
            raise PtxError(f"lane {np.flatnonzero(left)[0]} is outside every array")
        return found

    # --------------------------------------------------------------------------- instructions

    def meet(self, step: Instruction) -> None:
        everyone = np.ones(LANES, bool)
        if step.parts[0] == "bar":
            return
        if (self.value(step.operands[-1], "i4") != -1).any():
            raise PtxError(f"not the whole warp is named: {step.text}")
        if step.parts[0] == "vote":
            votes = np.packbits(self.value(step.operands[1], "?"), bitorder="little").view("u4")
            self.store(step.operands[0], votes, everyone)
        else:
            other = np.arange(LANES) ^ self.value(step.operands[2], "i4")
            target = step.operands[0].split("|")[0]
            self.store(target, self.value(step.operands[1], "u4")[other], everyone)

    def execute(self, step: Instruction, lanes: np.ndarray) -> None:
        name, parts, operands = step.parts[0], step.parts, step.operands
        kind = TYPES[parts[-1]]
        if name in ("ld", "st", "atom"):
            return self.move(step, kind, lanes)
        if name == "setp":
            left, right = (self.value(operand, kind) for operand in operands[1:])
            return self.store(operands[0], COMPARISONS[parts[1]](left, right), lanes)
        if name == "selp":
            chosen = self.value(operands[3], "?")
            left, right = (self.value(operand, kind) for operand in operands[1:3])
            return self.store(operands[0], np.where(chosen, left, right), lanes)
        if name == "cvt":
            target = TYPES[parts[-2]]
            return self.store(operands[0], self.value(operands[1], kind).astype(target), lanes)
        if name == "bfi":  # a field of a into b, at c, d bits wide
            a, b = (self.value(operand, "u8") for operand in operands[1:3])
            start, width = (self.value(operand, "u8") for operand in operands[3:])
            mask = ((np.uint64(1) << width) - np.uint64(1)) << start
            return self.store(operands[0], b & ~mask | (a << start) & mask, lanes)
        values = [self.value(operand, kind) for operand in operands[1:]]
        self.store(operands[0], compute(name, parts, values, kind), lanes)
        return None

    def move(self, step: Instruction, kind: str, lanes: np.ndarray) -> None:
        name, parts, operands = step.parts[0], step.parts, step.operands
        if "param" in parts:
            value = self.launch.parameters[operands[1].strip("[]")]
            return self.store(operands[0], value.reshape(1).view(kind), lanes)
        read = name != "st"
        names = re.findall(r"[%\w]+", operands[0 if read else 1])
        width = np.dtype(kind).itemsize
        counts = {"ld": self.launch.loaded, "atom": self.launch.added}.get(name)
        where = self.address(operands[1 if read else 0])
        size = width * len(names)
        for memory, inside, offsets in self.places(where, lanes, size, "shared" in parts, counts):
            for i, register in enumerate(names):
                cells = offsets // width + i
                typed = memory[: len(memory) // width * width].view(kind)
                if name == "atom":  # the old value is never used
                    added = re.findall(r"[%\w]+", operands[2])[i]
                    np.add.at(typed, cells, self.value(added, kind)[inside])
                elif read:
                    bits = np.zeros(LANES, kind)
                    bits[inside] = typed[cells]
                    self.store(register, bits, inside)
                else:
                    typed[cells] = self.value(register, kind)[inside]
        return None
