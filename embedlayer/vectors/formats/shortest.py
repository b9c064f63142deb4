"""Compiled: float32 in the fewest digits that read back the same, and rows of them as text.

The digits are those of Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020,
https://drive.google.com/file/d/1IEeATSVnEE6TkrHlCYNY2GjaraBjOT4f): of the shortest decimals that
round to the number, the nearest to it. They are spelt as NumPy spells them: 0.1, 12345.0, 1e-05.

A float32 is c · 2**q, and halfway to its neighbours everything rounds to it. So v, its lower and
its upper bound are counted in units of 10**k, where one or two multiples of 10 lie between the
bounds, or one of 1 does. Products with a rounded power of ten keep two bits behind the point and
one more, odd if anything was cut off, which is as good as all digits for every comparison.
"""

import numpy as np

from embedlayer.storage.compiled import compiled

MOST_BYTES = 16  # bytes of a number as text: -1.0456051e-38, and a space
SPACE, NEWLINE, MINUS, PLUS, POINT, ZERO, LETTER_E = b" \n-+.0e"
TEN = np.uint32(10)

# NumPy's bounds of fixed notation: from 1e-4 up (the nearest float32 is below it), below 1e6.
LEAST_FIXED, LEAST_LARGE = 0x38D1B718, 0x49742400
LEAST_POWER, MOST_POWER = -31, 45  # of ten, for all of float32


def _power_of_ten(power: int) -> int:
    """⌊10**power · 2**s⌋ + 1, with the s that makes it a number of 64 bits."""
    numerator, denominator = 10 ** max(power, 0), 10 ** max(-power, 0)
    shift = 63 - (numerator.bit_length() - denominator.bit_length())
    scaled = (numerator << max(shift, 0)) // (denominator << max(-shift, 0))
    if scaled.bit_length() < 64:
        scaled = (numerator << max(shift + 1, 0)) // (denominator << max(-shift - 1, 0))
    return scaled + 1


POWERS = [_power_of_ten(power) for power in range(LEAST_POWER, MOST_POWER + 1)]
POWERS_OF_TEN = np.array([10**power for power in range(9)], np.int64)
UPPER = np.array([power >> 32 for power in POWERS], np.int64)
LOWER = np.array([power & 0xFFFFFFFF for power in POWERS], np.int64)


@compiled
def write_lines(
    bits: np.ndarray, letters: np.ndarray, offsets: np.ndarray, first: int, text: np.ndarray
) -> int:
    """Each word and its numbers on a line; returns the bytes written.

    Args:
        bits: int32, (n, D): the float32s of n rows, all finite.
        letters: uint8: the words of all rows, one behind the other.
        offsets: int64, (V + 1,): where each begins in them.
        first: the word of the first of these rows.
        text: uint8: receives the lines; room for the words and ``MOST_BYTES`` · D + 1 for each row.
    """
    place = 0
    for row in range(len(bits)):
        for letter in range(offsets[first + row], offsets[first + row + 1]):
            text[place] = letters[letter]
            place += 1
        for column in range(bits.shape[1]):
            text[place] = SPACE
            place = _write(np.int64(bits[row, column]), text, place + 1)
        text[place] = NEWLINE
        place += 1
    return place


@compiled
def _write(bits: int, text: np.ndarray, place: int) -> int:
    """A float32, by its bits; returns the place behind it."""
    if bits < 0:
        text[place] = MINUS
        place += 1
    fraction, biased = bits & 0x7FFFFF, (bits >> 23) & 0xFF
    if fraction == 0 and biased == 0:
        return _write_fixed(np.int64(0), np.int64(1), np.int64(0), text, place)
    digits, exponent = _shortest(fraction, biased)
    size = 9
    while digits < POWERS_OF_TEN[size - 1]:
        size -= 1
    rest = np.uint32(digits)
    while rest % TEN == 0:
        rest //= TEN
        size -= 1
        exponent += 1
    digits = int(rest)
    if LEAST_FIXED <= (bits & 0x7FFFFFFF) < LEAST_LARGE:
        return _write_fixed(digits, size, exponent, text, place)
    return _write_scientific(digits, size, exponent + size - 1, text, place)


@compiled
def _shortest(fraction: int, biased: int) -> tuple[int, int]:
    """Digits and exponent of ten of the shortest decimal; section 9 of the paper."""
    even = fraction & 1 == 0  # what lies halfway rounds to even numbers
    narrow = fraction == 0 and biased > 1  # the neighbour below is half as far as the one above
    q = max(biased, 1) - 150
    quadruple = 4 * (fraction + (0x800000 if biased else 0))
    # ⌊log10(2**q)⌋, where narrow ⌊log10(3/4 · 2**q)⌋; then ⌊log2(10**-k)⌋
    k = (q * 1262611 - (524031 if narrow else 0)) >> 22
    shift = q + ((-k * 1741647) >> 19) + 1
    power = -k - LEAST_POWER
    middle = _scaled(power, quadruple << shift)
    least = _scaled(power, (quadruple - (1 if narrow else 2)) << shift) + (0 if even else 1)
    most = _scaled(power, (quadruple + 2) << shift) - (0 if even else 1)
    units = middle >> 2
    tens = int(np.uint32(units) // TEN)
    if tens:
        below, above = least <= 40 * tens, 40 * tens + 40 <= most
        if below != above:
            return tens + (1 if above else 0), k + 1
    below, above = least <= 4 * units, 4 * units + 4 <= most
    if below != above:
        return units + (1 if above else 0), k
    rest = middle - (4 * units + 2)
    return units + (1 if rest > 0 or (rest == 0 and units & 1) else 0), k


@compiled
def _scaled(power: int, number: int) -> int:
    """number · 10**power without its lowest 64 bits, made odd where they are not 0."""
    upper = UPPER[power] * number + ((LOWER[power] * number) >> 32)
    return (upper >> 32) | (1 if upper & 0xFFFFFFFF > 1 else 0)


@compiled
def _write_fixed(digits: int, size: int, exponent: int, text: np.ndarray, place: int) -> int:
    """Digits, a point and at least one digit on either side of it."""
    whole = size + exponent  # digits before the point
    if whole <= 0:
        text[place], text[place + 1] = ZERO, POINT
        for i in range(place + 2, place + 2 - whole):
            text[i] = ZERO
        return _write_digits(digits, size, text, place + 2 - whole)
    if exponent >= 0:
        end = _write_digits(digits, size, text, place)
        for i in range(end, end + exponent + 2):
            text[i] = ZERO
        text[end + exponent] = POINT
        return end + exponent + 2
    end = _write_digits(digits, size, text, place + 1)
    for i in range(place, place + whole):
        text[i] = text[i + 1]
    text[place + whole] = POINT
    return end


@compiled
def _write_scientific(digits: int, size: int, exponent: int, text: np.ndarray, place: int) -> int:
    """One digit before the point, if there is one, and two of the exponent."""
    end = _write_digits(digits, size, text, place + (1 if size > 1 else 0))
    if size > 1:
        text[place], text[place + 1] = text[place + 1], POINT
    text[end] = LETTER_E
    text[end + 1] = MINUS if exponent < 0 else PLUS
    return _write_digits(abs(exponent), np.int64(2), text, end + 2)


@compiled
def _write_digits(digits: int, size: int, text: np.ndarray, place: int) -> int:
    rest = np.uint32(digits)  # its division by ten is a product
    for i in range(place + size - 1, place - 1, -1):
        text[i] = ZERO + rest % TEN
        rest //= TEN
    return place + size
