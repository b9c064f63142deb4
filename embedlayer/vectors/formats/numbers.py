"""Compiled: from rows in digits to float32, exactly as Python's ``float`` and a cast read them.

A decimal is m · 10**e. Where m < 2**53 and |e| ≤ 22 both are float64s, and one operation rounds
once (William D. Clinger, "How to read floating point numbers accurately", 1990). Otherwise the
float64 made of rounded parts is off by less than 2**-50 of itself; if all that lies within 2**-49
of it rounds to one float32, that is the number's. A number that is neither, of 1 in 20 million
written with 17 digits, is left to Python, and so is all that is not written with digits alone.
"""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.storage.words import NEWLINE, RETURN, SPACE, TAB

PLUS, MINUS, POINT, ZERO, LETTER_E = b"+-.0e"
SMALL = 0x20  # the bit that makes a letter small
MOST_KEPT = 10**17  # digits behind 18 that count are not kept
MOST_EXACT, EXACT_POWER = 2**53, 22
MOST_POWER = 280  # of ten: with 18 digits within float64's normal numbers
POWERS = np.array([float(f"1e{power}") for power in range(-MOST_POWER, MOST_POWER + 1)])
ERROR = 2.0**-49


@compiled
def parse_rows(
    text: np.ndarray, place: int, matrix: np.ndarray, row: int, found: np.ndarray, line: int
) -> tuple[int, int, int]:
    """Read rows from ``place`` on; stops before a line that is left to Python, if there is one.

    Args:
        text: uint8: whole lines.
        place, line: where to begin: a line's first byte, and its number.
        matrix: float32, (n, D): receives the numbers of each row; the rest is left to Python.
        row: the first of its rows to fill.
        found: int64, (3, n): receives where the word of each row begins and ends, and the number
            of its line.

    Returns:
        Place, row and line behind the last one that was read.
    """
    while place < len(text):
        start = _after_spaces(text, place)
        if text[start] == NEWLINE:  # a blank line
            place, line = start + 1, line + 1
            continue
        if row == len(matrix):
            break
        end = start
        while not _is_space(text[end]):
            end += 1
        behind = _parse_numbers(text, end, matrix, row)
        if behind < 0:
            break
        found[0, row], found[1, row], found[2, row] = start, end, line
        place, row, line = behind, row + 1, line + 1
    return place, row, line


@compiled
def _parse_numbers(text: np.ndarray, place: int, matrix: np.ndarray, row: int) -> int:
    """The numbers of a row; returns the place behind its line, −1 for what is left to Python."""
    for column in range(matrix.shape[1]):
        place = _after_spaces(text, place)
        value, place = _parse_number(text, place)
        if place < 0 or not _is_space(text[place]):
            return -1
        matrix[row, column] = value
    place = _after_spaces(text, place)
    return place + 1 if text[place] == NEWLINE else -1


@compiled
def _parse_number(text: np.ndarray, place: int) -> tuple[np.floating, int]:
    """A number, and the place behind it; −1 for what is left to Python."""
    negative = text[place] == MINUS
    if negative or text[place] == PLUS:
        place += 1
    start, mantissa, exponent = place, 0, 0
    while ZERO <= text[place] <= ZERO + 9:
        if mantissa < MOST_KEPT:
            mantissa = 10 * mantissa + int(text[place] - ZERO)
        else:
            exponent += 1
        place += 1
    digits = place - start
    if text[place] == POINT:
        place += 1
        start = place
        while ZERO <= text[place] <= ZERO + 9:
            if mantissa < MOST_KEPT:
                mantissa = 10 * mantissa + int(text[place] - ZERO)
                exponent -= 1
            place += 1
        digits += place - start
    if digits == 0:
        return np.float32(0), -1
    if text[place] | SMALL == LETTER_E:
        power, place = _parse_power(text, place + 1)
        exponent += power
    value = _rounded(mantissa, exponent)
    if place < 0 or value < 0:
        return np.float32(0), -1
    return np.float32(-value if negative else value), place


@compiled
def _parse_power(text: np.ndarray, place: int) -> tuple[int, int]:
    """The digits behind an e, and the place behind them; −1 for none, or too many."""
    negative = text[place] == MINUS
    if negative or text[place] == PLUS:
        place += 1
    start, power = place, 0
    while ZERO <= text[place] <= ZERO + 9:
        power = min(10 * power + int(text[place] - ZERO), MOST_EXACT)
        place += 1
    return (-power if negative else power), (place if place > start else -1)


@compiled
def _rounded(mantissa: int, exponent: int) -> float:
    """A float64 that becomes the right float32; −1 where that is not sure."""
    value = np.float64(mantissa)
    if mantissa <= MOST_EXACT and -EXACT_POWER <= exponent <= EXACT_POWER:
        power = POWERS[MOST_POWER + abs(exponent)]
        return value / power if exponent < 0 else value * power
    if abs(exponent) > MOST_POWER:
        return -1.0
    value *= POWERS[MOST_POWER + exponent]
    if np.float32(value - value * ERROR) != np.float32(value + value * ERROR):
        return -1.0
    return value


@compiled
def _after_spaces(text: np.ndarray, place: int) -> int:
    """The place of the next byte that is no white space, or ends the line."""
    while _is_space(text[place]) and text[place] != NEWLINE:
        place += 1
    return place


@compiled
def _is_space(byte: np.uint8) -> bool:
    return bool(byte <= SPACE and (byte == SPACE or TAB <= byte <= RETURN))
