"""Reads PTX: the instructions, registers and labels of one kernel."""

import re
from typing import NamedTuple

TYPES = {
    "f32": "f4", "s16": "i2", "s32": "i4", "s64": "i8", "u8": "u1", "s8": "i1", "u16": "u2",
    "u32": "u4", "u64": "u8", "b16": "u2", "b32": "u4", "b64": "u8", "pred": "?",
}  # fmt: skip


class PtxError(RuntimeError):
    """The program does what the hardware leaves undefined, or what is not known here."""


class Instruction(NamedTuple):
    """``@guard op.parts operands``."""

    guard: str
    parts: list[str]
    operands: list[str]
    text: str


class Program:
    """One kernel of a PTX text."""

    def __init__(self, ptx: str, name: str) -> None:
        ptx = re.sub(r"//.*", "", ptx)
        found = re.search(rf"\.entry {name}\((.*?)\)[^{{]*\{{(.*?)\n\}}", ptx, re.S)
        if not found:
            raise PtxError(f"no kernel {name}")
        self.name = name
        self.parameters = re.findall(r"\.param \.(\w+) (\w+)", found[1])
        bound = re.search(r"\.maxntid (\d+)", found[0])
        self.bound = int(bound[1]) if bound else 0  # threads of a block, by ``__launch_bounds__``
        self.registers: dict[str, str] = {}
        self.code: list[Instruction] = []
        self.labels: dict[str, int] = {}
        for statement in re.findall(
            r"[^;{}:]+:|[^;]+;", re.sub(r"(?m)^\s*[{}]|[{}]\s*$|\}$", "", found[2])
        ):
            self._read(statement.strip().rstrip(";").strip())

    def _read(self, statement: str) -> None:
        if statement.endswith(":"):
            self.labels[statement[:-1]] = len(self.code)
        elif declared := re.match(r"\.reg \.(\w+)\s+(%?\w+)(?:<(\d+)>)?$", statement):
            kind, name, count = declared.groups()
            names = [f"{name}{i}" for i in range(int(count))] if count else [name]
            self.registers |= dict.fromkeys(names, TYPES[kind])
        elif not statement.startswith(".pragma"):
            parts = re.match(r"(?:@(!?%p\d+)\s+)?(\S+)\s*(.*)$", statement, re.S)
            assert parts, statement
            operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", parts[3])
            self.code.append(Instruction(parts[1] or "", parts[2].split("."), operands, statement))
