"""Planted bugs: a change to cuda.cu, and which check must reject it."""

from typing import NamedTuple

from embedlayer.kernels import launch


class Mutant(NamedTuple):
    """``old`` becomes ``new``, everywhere it stands after ``after``, or the first time alone."""

    old: str
    new: str
    after: str = ""

    def code(self) -> str:
        """The mutated source.

        Raises:
            ValueError: the shipped source no longer has what is to be changed.
        """
        shipped = launch.SOURCE.read_text(encoding="utf-8")
        start = shipped.find(self.after)
        if start < 0 or self.old not in shipped[start:]:
            raise ValueError(f"cuda.cu has no {self.old!r} after {self.after!r}")
        return shipped[:start] + shipped[start:].replace(self.old, self.new, 1)


SYNC = "__syncwarp();"
TILES = "visit();"
SCORES = "if (lane < HIDDEN) held.step[r].at[lane] = sum;"
STEPS = "held.step[r].at[t] = lr"

# Wrong numbers, or an error of the emulator, in some schedule.
VALUES = {
    "a missing barrier after the scores": Mutant(SYNC, "", SCORES),
    "a missing barrier after the tile is named": Mutant(SYNC, "", "held.tile_times[rank] = times;"),
    "an early return before a shuffle": Mutant(
        "Held<WIDTH> held(memory", "if (lane >= D) return;\n    Held<WIDTH> held(memory"
    ),
    "a shuffle in a divergent branch": Mutant(
        "loss = warp_sum(loss);", "if (lane < 16) loss = warp_sum(loss);"
    ),
    "a shuffle that names half the warp": Mutant("0xffffffffu", "0x0000ffffu"),
    "repeats of a context counted twice": Mutant("if (i < place) return 0.0f;", ""),
    "a window without contexts is trained": Mutant("if (size == 0) continue;", ""),
    "rows kept from the window before": Mutant("held.change(r, p) = {};", ""),
    "the search for the sentence, one off": Mutant("offsets[middle] <= i", "offsets[middle] < i"),
    "a window over the sentence's end": Mutant("offsets[low + 1] - 1)", "offsets[low + 1])"),
    "half-widths from 1, whatever is asked for": Mutant(
        "window - least + 1) + least", "window) + 1"
    ),
    "a draw that may be the target": Mutant("target < 0 || word == target", "target < 0"),
    "32 bits of a hash where 64 count": Mutant("u64 bits = key +", "unsigned bits = key +"),
    "no divisor for CBOW": Mutant("held.tile_times[t] / (float)size", "held.tile_times[t]"),
    "loss of windows not measured": Mutant("if (measured) loss", "loss"),
    "slots beyond the kept tokens left as they were": Mutant("kept_ids[i] = -1;", ""),
    "bags by their place, not their number": Mutant(
        "first = offsets[bags[n]], end = offsets[bags[n] + 1];",
        "first = offsets[n], end = offsets[n + 1];",
    ),
}
# Data races.
THREAD = {
    "+= for atomicAdd on 4 floats": Mutant(
        "atomicAdd((float4*)table, make_float4(piece",
        "table[0] += piece.at[0], (void)(make_float4(piece",
    ),
    "+= for atomicAdd on a float": Mutant(
        "atomicAdd(table, piece.at[0]);", "*table += piece.at[0];"
    ),
    "+= for atomicAdd in scatter_add": Mutant(
        "atomicAdd(&W[(i64)rows[i] * D + d], values[i * D + d]);",
        "W[(i64)rows[i] * D + d] += values[i * D + d];",
    ),
    "+= for atomicAdd in add_to_bags": Mutant(
        "atomicAdd(&W[(i64)ids[i] * D + d], value);", "W[(i64)ids[i] * D + d] += value;"
    ),
    "a plain read of a table": Mutant("__ldcg(pointer)", "(*(pointer))"),
    "two warps for one run of equal rows": Mutant("(i > 0 && rows[i - 1] == row)", "false"),
    "no barrier before the window's rows are named": Mutant(SYNC, "", "int real = 0;"),
    "no barrier after the window's rows are named": Mutant(SYNC, "", "real += (int)"),
    "no barrier before the tile is named": Mutant(SYNC, "", "const int rank ="),
    "no barrier after the tile is named": Mutant(SYNC, "", "held.tile_times[rank] = times;"),
    "no barrier after the scores": Mutant(SYNC, "", SCORES),
    "no barrier after the steps": Mutant(SYNC, "", STEPS),
    "no barrier before CBOW's one hidden row": Mutant(SYNC, "", "word);\n            }\n    });"),
}
# Outside an array or out of the language.
ADDRESS = {
    "a table row after the last": Mutant("(i64)row * D + p", "(i64)(row + 1) * D + p"),
    "more shared memory than the launch gave": Mutant("2 * R + 2)", "3 * R + 2)"),
    "the alias of a word after the last": Mutant("alias[slot];", "alias[slot + V];"),
}
UNDEFINED = {
    "16 bytes from where 4 are aligned": Mutant(
        "SGD_STEP(sgd_skipgram, false, 1,", "SGD_STEP(sgd_skipgram, false, 4,"
    ),
    "a shift by the width of the type": Mutant("bits >> 31)", "bits >> 64)"),
}
# What the compiler shows.
LINT = {
    "double precision": Mutant(
        "__fdividef(1.0f, 1.0f + __expf(-score))", "1.0 / (1.0 + exp(-score))"
    ),
    "shared memory or scratch, chosen at run time": Mutant(
        "if (SCRATCH) return", "if (scratch) return"
    ),
    "a table read that does not see its writes": Mutant("__ldcg(pointer)", "__ldg(pointer)"),
    "registers for twice the warps": Mutant(
        "__launch_bounds__(LANES, 32)", "__launch_bounds__(LANES * 16, 4)"
    ),
}
