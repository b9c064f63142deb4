"""fastText's n-grams by their definition, one character after the other."""

from collections.abc import Iterator

FNV_START, FNV_PRIME, MASK = 2166136261, 16777619, (1 << 32) - 1


def ngram_hashes(word: str, min_n: int, max_n: int) -> Iterator[int]:
    """The 32-bit hash of each n-gram of "<word>", but of "<" and ">" alone: the definition.

    The bucket is its remainder by B.
    """
    characters = [character.encode("utf-8", "surrogatepass") for character in f"<{word}>"]
    last = len(characters) - 1
    for first in range(len(characters)):
        number = FNV_START
        for size, character in enumerate(characters[first : first + max_n], 1):
            for byte in character:
                signed = byte if byte < 128 else byte | 0xFFFFFF00
                number = (number ^ signed) * FNV_PRIME & MASK
            if size >= min_n and not (size == 1 and first in (0, last)):
                yield number
