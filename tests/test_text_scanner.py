"""The compiled scanner against plain Python: bytes.split and a dict."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlayer.text.scanner import SENTENCE_END, _find, encode, split_sentences
from embedlayer.text.word_table import WordTable

PIECES = [b"a", b"bb", b"the", "é".encode(), "한국".encode(), b"x" * 40, b"\xff", b"\x00", b"\x1c"]
PIECES += ["\u3000".encode(), "\u00a0".encode(), b" ", b"  ", b"\t", b"\r", b"\n", b"\n\n"]
PIECES += [b"\r\n", b"\x0b", b"\x0c", b"\x85"]
compiled = settings(deadline=None)  # the first example waits for the compiler
TEXT = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


def count_by_hand(blocks):
    """Provisional ids, −1 at every newline, words in the order of appearance, their counts."""
    number, ids, counts = {}, [], []
    for block in blocks:
        for i, line in enumerate(block.split(b"\n")):
            ids += [SENTENCE_END] if i else []
            for word in line.split():
                ids.append(number.setdefault(word, len(number)))
                counts += [0] if len(counts) < len(number) else []
                counts[ids[-1]] += 1
    return ids, list(number), counts


def scanned(table, blocks):
    ids = [table.scan(block)[0].tolist() for block in blocks]
    return [number for part in ids for number in part]


def words_of(table):
    return table.words(np.arange(table.size))


@compiled
@given(st.lists(TEXT, max_size=3))
def test_scan_is_split_and_a_dict(blocks):
    table = WordTable()
    ids, words, counts = count_by_hand(blocks)
    assert scanned(table, blocks) == ids
    assert words_of(table) == words
    assert table.counts[: table.size].tolist() == counts


def test_newlines_are_counted():
    assert WordTable().scan(b"a\n\nb\r\nc")[1] == 3


def test_a_large_table_grows_and_tells_words_of_one_hash_apart():
    # Of 300,000 words about ten pairs share the 32 bits of hash that a slot holds.
    text = b"\n".join(b"word%d" % (i * 7 % 300_000) for i in range(400_000))
    ids, words, counts = count_by_hand([text])
    table = WordTable()
    np.testing.assert_array_equal(table.scan(text)[0], ids)
    assert words_of(table) == words
    assert table.counts[: table.size].tolist() == counts


def test_words_of_one_hash_differ_by_length_and_by_letters():
    table = WordTable()
    table.scan(b"abc")
    [taken] = np.flatnonzero(table.slots)
    tag = table.slots[taken] >> np.uint64(32)
    for word, number in ((b"abc", 0), (b"ab", -1), (b"abcd", -1), (b"abd", -1)):
        text = np.frombuffer(word, np.uint8)
        slot, found = _find(tag, text, 0, len(text), table.slots, table.offsets, table.letters)
        assert found == number
        assert (slot == taken) == (number == 0)


def test_a_word_longer_than_the_table():
    table = WordTable()
    long = b"x" * 3_000_000
    assert scanned(table, [b"a " + long + b" a " + long]) == [0, 1, 0, 1]
    assert words_of(table) == [b"a", long]


def test_tables_merge():
    first, second = WordTable(), WordTable()
    first.scan(b"a b c b\n")
    second.scan(b"d b e d d c\n")
    numbers = first.absorb(second)
    words = words_of(first)
    assert words[:3] == [b"a", b"b", b"c"]
    assert sorted(words) == [b"a", b"b", b"c", b"d", b"e"]
    assert [words[i] for i in numbers] == words_of(second)
    assert numbers.dtype == np.int32
    merged = dict(zip(words, first.counts[: first.size].tolist(), strict=True))
    assert merged == {b"a": 1, b"b": 3, b"c": 2, b"d": 3, b"e": 1}


def test_large_tables_merge():
    first, second = WordTable(), WordTable()
    first.scan(b" ".join(b"w%d" % i for i in range(90_000)))
    second.scan(b" ".join(b"w%d" % i for i in range(60_000, 200_000)))
    numbers = first.absorb(second)
    assert first.size == 200_000
    assert first.words(numbers) == words_of(second)
    assert first.counts[: first.size].sum() == 230_000
    assert sorted(words_of(first)) == sorted(b"w%d" % i for i in range(200_000))


@compiled
@given(
    st.lists(st.integers(-1, 5), max_size=40),
    st.lists(st.integers(-1, 3), min_size=6, max_size=6).map(lambda final: [*final, -1]),
)
def test_encode(provisional, final):
    kept, ends = [], []
    for number in provisional:
        if number == SENTENCE_END:
            ends.append(len(kept))
        elif final[number] >= 0:
            kept.append(final[number])
    ids = np.empty(len(provisional) + 1, np.int32)
    room = np.empty(len(provisional) + 1, np.int64)
    sizes = encode(np.array(provisional, np.int32), np.array(final, np.int32), ids, room)
    assert sizes == (len(kept), len(ends))
    assert ids[: len(kept)].tolist() == kept
    assert room[: len(ends)].tolist() == ends


@compiled
@given(st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12), st.integers(1, 4))
def test_split_sentences(parts, longest):
    """Any sequence of parts, each some ids and then perhaps a sentence's end, in two blocks."""
    lengths, length = [], 0
    for count, ended in parts:
        length += count
        if ended:
            lengths.append(length)
            length = 0
    expected, position = [], 0
    for length_of_one in lengths:
        while length_of_one:
            position += min(longest, length_of_one)
            length_of_one -= min(longest, length_of_one)
            expected.append(position)

    found, start, before = [], 0, 0
    for block in (parts[: len(parts) // 2], parts[len(parts) // 2 :]):
        sizes = np.cumsum([count for count, _ in block], dtype=np.int64)
        kept = int(sizes[-1]) if len(sizes) else 0
        ends = sizes[[ended for _, ended in block]] if block else sizes
        offsets = np.full(len(ends) + (before + kept - start) // longest + 1, -9, np.int64)
        written, start = split_sentences(ends, start, before, kept, longest, offsets)
        found += offsets[:written].tolist()
        before += kept
    unfinished = [end for end in found if end > position]
    assert found == expected + unfinished
    assert unfinished == [position + longest * (i + 1) for i in range(len(unfinished))]
    assert before - start <= longest


def test_an_empty_table_merges():
    table = WordTable()
    table.scan(b"a b a")
    assert table.absorb(WordTable()).tolist() == []
    assert words_of(table) == [b"a", b"b"]
    fresh = WordTable()
    numbers = fresh.absorb(table)
    assert fresh.words(numbers) == [b"a", b"b"]
