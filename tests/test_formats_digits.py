"""Numbers in digits: the shortest are NumPy's, and what is read is what Python's float reads."""

from array import array
from decimal import Decimal

import numpy as np
import pytest

from embedlayer.vectors.formats import lines
from embedlayer.vectors.formats.contents import ReadingOptions
from embedlayer.vectors.formats.lines import Block, read_block
from embedlayer.vectors.formats.shortest import MOST_BYTES, write_lines

RNG = np.random.default_rng(11)
BITS = RNG.integers(0, 2**32, 300_000, dtype=np.uint64).astype(np.uint32)
ANY = BITS.view(np.float32)[np.isfinite(BITS.view(np.float32))]
MIDDLE = RNG.standard_normal(100_000).astype(np.float32)
WHOLE = np.arange(2_000_000, step=61).astype(np.float32)
TENS = np.array([float(f"1e{power}") for power in range(-45, 39)], np.float32)
TWOS = np.exp2(np.arange(-149, 128), dtype=np.float32)
TINY = np.arange(3_000, dtype=np.uint32).view(np.float32)
NAMED = np.concatenate([TENS, TWOS, TINY, WHOLE, [np.finfo(np.float32).max]])
NEAR = [np.nextafter(NAMED, np.float32(to), dtype=np.float32) for to in (-1e38, 1e38)]
FLOATS = np.concatenate([ANY, MIDDLE, NAMED, -NAMED, *NEAR])


def spelt(numbers: np.ndarray) -> list[str]:
    """Each number as it is written, all in one compiled call."""
    text = np.empty(len(numbers) * (MOST_BYTES + 1), np.uint8)
    bits = np.ascontiguousarray(numbers, np.float32)[:, None].view(np.int32)
    size = write_lines(bits, text[:0], np.zeros(len(numbers) + 1, np.int64), 0, text)
    return text[:size].tobytes().decode().split()


def read(numbers: list[str], monkeypatch, dim: int = 10) -> tuple[np.ndarray, int]:
    """The numbers as compiled code reads them, and how many lines it left to Python."""
    left = []
    read_line = lines._read_line
    monkeypatch.setattr(lines, "FEW_BYTES", 0)
    monkeypatch.setattr(lines, "_read_line", lambda *a: (left.append(a), read_line(*a)))
    rows = [f"w {' '.join(numbers[i : i + dim])}\n" for i in range(0, len(numbers), dim)]
    block: Block = read_block(dim, ReadingOptions(), "".join(rows).encode())
    assert block.fatal is None
    assert len(block.words) == block.lines == len(rows)
    return block.matrix[: len(rows)].ravel(), len(left)


def check_read(numbers: list[str], monkeypatch, most_left: float = 0) -> None:
    """Raise unless every number is what Python reads, all but few of them by compiled code."""
    numbers = numbers[: len(numbers) // 10 * 10]
    found, left = read(numbers, monkeypatch)
    assert found.tobytes() == array("f", map(float, numbers)).tobytes()
    assert left <= most_left * len(numbers)


def as_numpy(numbers: np.ndarray) -> list[str]:
    """NumPy's spelling; from 1e6 up, where its versions differ, in scientific notation."""
    large = np.abs(numbers) >= 1e6
    return [
        np.format_float_scientific(number, trim="-", exp_digits=2) if is_large else text
        for number, is_large, text in zip(
            numbers, large.tolist(), numbers.astype(str).tolist(), strict=True
        )
    ]


def test_written_as_numpy_writes_them():
    wanted = as_numpy(FLOATS)
    found = spelt(FLOATS)
    assert [pair for pair in zip(found, wanted, strict=True) if len({*pair}) > 1] == []
    assert max(map(len, found)) < MOST_BYTES  # with the space before it


def test_what_is_written_reads_as_the_same_bits(monkeypatch):
    numbers = FLOATS[: len(FLOATS) // 10 * 10]
    found, left = read(spelt(numbers), monkeypatch)
    assert found.tobytes() == numbers.tobytes()
    assert left == 0


def test_no_shorter_decimal_reads_as_the_same_bits():
    numbers = np.concatenate([MIDDLE[:20_000], ANY[:20_000]])
    for number, text in zip(numbers, spelt(numbers), strict=True):
        digits = len(Decimal(text).normalize().as_tuple().digits)
        assert digits == 1 or np.float32(f"{number:.{digits - 2}e}") != number


DOUBLES = np.concatenate([RNG.standard_normal(100_000), FLOATS[:100_000].astype(np.float64)])
HALFWAY = (ANY[:20_000].astype(float) + np.nextafter(ANY[:20_000], np.float32(np.inf))) / 2


@pytest.mark.parametrize(
    ("numbers", "most_left"),
    [
        ([*map(repr, DOUBLES.tolist())], 1e-5),
        ([f"{number:.6f}" for number in DOUBLES[:50_000]], 0),
        ([f"{number:+.22E}" for number in DOUBLES], 1e-5),
        ([*map(repr, RNG.integers(0, 2**63, 50_000).view(np.float64).tolist())], 0.1),
        ([f"{number:.150g}" for number in HALFWAY[np.isfinite(HALFWAY)]], 0.1),
    ],
    ids=["float64", "fixed", "long", "any float64", "halfway between float32s"],
)
def test_decimals_are_read_as_python_reads_them(monkeypatch, numbers, most_left):
    numbers = [text for text in numbers if text not in ("inf", "nan")]
    check_read(numbers, monkeypatch, most_left)


def test_decimals_a_little_beside_halfway(monkeypatch):
    middle = [Decimal(number) for number in HALFWAY[np.isfinite(HALFWAY)][:5_000].tolist()]
    for side in (-1, 1):
        beside = [str(number + side * abs(number) * Decimal(10) ** -25) for number in middle]
        check_read(beside, monkeypatch, 0.1)


def test_float64s_beside_halfway(monkeypatch):
    """17 digits are more than a float64 holds: to divide them as they are would round twice."""
    middle = np.arange(2**23, 2**24, 1601) + 0.5
    for number in (middle, middle / 2**7, middle / 2**14):
        beside = [*np.nextafter(number, 0).tolist(), *np.nextafter(number, np.inf).tolist()]
        check_read([*map(repr, beside)], monkeypatch, 1)


def test_decimals_of_any_form(monkeypatch):
    def digits(most: int) -> str:
        return "".join(map(str, RNG.integers(0, 10, RNG.integers(0, most)).tolist()))

    made = []
    for most in (3, 10, 40):
        for _ in range(10_000):
            whole, fraction = digits(most), digits(most)
            point = "." if fraction or RNG.integers(2) else ""
            power = f"e{RNG.integers(-60, 60)}" if RNG.integers(2) else ""
            made.append(
                f"{'+-'[RNG.integers(2)]}{whole or (fraction and '') or 0}{point}{fraction}"
            )
            made[-1] += power
    check_read(made, monkeypatch, 1e-3)


ODD = ["1.", ".5", "+0", "-0.0", "-0e5", "00012", "1e-400", "1E400", "0e99999999999999999999"]
ODD += ["9007199254740993", "1e22", "1e23", "0." + "0" * 60 + "1", "1" + "0" * 60, "3.4028236e38"]


def test_odd_numbers(monkeypatch):
    check_read(ODD * 10, monkeypatch, 1)


@pytest.mark.parametrize("few", [0, 1 << 30], ids=["compiled", "Python"])
@pytest.mark.parametrize(
    "number",
    ["1_0", "٣", "", ".", "e5", "1e", "1e+", "--1", "+-1", "1.2.3", "0x1p3", "1,5", "1f", "1\x1c2"],
)
def test_what_is_no_number_is_told_with_its_line(monkeypatch, few, number):
    monkeypatch.setattr(lines, "FEW_BYTES", few)
    text = f"a 1 2\n\nb 3 4\nc 5 {number}\nd 7 8\n".encode()
    block = read_block(2, ReadingOptions(), text)
    assert block.words == ["a", "b"]
    assert block.fatal is not None
    assert block.fatal.line == 3
    block = read_block(2, ReadingOptions(damaged="skip"), text)
    assert (block.words, block.lines) == (["a", "b", "d"], 5)
    assert block.matrix[:3].tolist() == [[1, 2], [3, 4], [7, 8]]
