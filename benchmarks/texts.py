"""The texts under a benchmark: made ones, and real ones laid out alike for every trainer."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from measure import WrongResult

from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import after_whitespace, find_files, read_blocks
from embedlayer.vectors.vectors import Vectors

LINE = 1000  # tokens: gensim cuts lines at 10,000, fastText and word2vec.c at 1,000 or so
TOPICS, WORDS_A_TOPIC = 6, 8
LEAST_FOUND = 0.9  # of the nearest words that must be of the word's topic
LETTERS = "etaoinshrdlucmfywgpbvkxqjz"


def plain_lines(source: Path, target: Path) -> None:
    """Write a text, plain, with longer lines cut at 1,000 tokens: every trainer reads this."""
    with target.open("wb") as out:
        length = 0
        for block in read_blocks(find_files(source), after_whitespace):
            *ended, rest = block.data.split(b"\n")
            for line in ended:
                _write(out, line.split(), length)
                out.write(b"\n")
                length = 0
            length = _write(out, rest.split(), length)


def planted_text(path: Path, sentences: int, seed: int = 1) -> None:
    """Sentences of twelve words of one topic: words of one topic become neighbours."""
    random = np.random.default_rng(seed)
    topics = random.integers(0, TOPICS, sentences)
    words = random.integers(0, WORDS_A_TOPIC, (sentences, 12))
    lines = [
        " ".join(planted_word(topic, i) for i in row)
        for topic, row in zip(topics.tolist(), words.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def planted_word(topic: int, i: int) -> str:
    """The i-th word of a topic."""
    return f"t{topic}w{i}"


def check_planted(vectors: Vectors) -> None:
    """Raise WrongResult unless, nearly always, a word's nearest words are of its topic."""
    found = [
        neighbour.startswith(f"t{topic}w")
        for topic in range(TOPICS)
        for i in range(WORDS_A_TOPIC)
        for neighbour, _ in vectors.nearest(planted_word(topic, i), 3)
    ]
    share = sum(found) / len(found)
    if share < LEAST_FOUND:
        raise WrongResult(f"only {share:.2f} of the nearest words are of the word's own topic")


def zipf_ids(size: int, words: int, seed: int) -> np.ndarray:
    """int32, (size,): ids 0 … words − 1 with probabilities that fall as 1 / (1 + id)."""
    total = np.cumsum(1.0 / np.arange(1, words + 1))
    places = np.random.default_rng(seed).random(size) * total[-1]
    return np.minimum(np.searchsorted(total, places), words - 1).astype(np.int32)


def zipf_text(path: Path, tokens: int, words: int, seed: int = 1) -> None:
    """Lines of 1,000 independent tokens by Zipf's law; every word is there at least once."""
    names = [_name(i) for i in range(words)]
    ids = zipf_ids(tokens, words, seed)
    places = np.random.default_rng(seed + 1).choice(tokens, words, replace=False)
    ids[places] = np.arange(words)
    with path.open("wb") as out:
        for first in range(0, tokens, LINE):
            out.write(b" ".join([names[i] for i in ids[first : first + LINE].tolist()]) + b"\n")


def _name(number: int) -> bytes:
    """Short names for frequent words: a, …, z, aa, ab, …, in the order of English letters."""
    name = ""
    while number >= 0:
        name += LETTERS[number % len(LETTERS)]
        number = number // len(LETTERS) - 1
    return name.encode()


def _write(out: IO[bytes], words: Sequence[bytes], length: int) -> int:
    """Append words to a line that holds ``length`` already; the length of the line then."""
    done = 0
    while done < len(words):
        if length == LINE:
            out.write(b"\n")
            length = 0
        piece = words[done : done + LINE - length]
        out.write((b" " if length else b"") + b" ".join(piece))
        done += len(piece)
        length += len(piece)
    return length


def share_of(corpus: Corpus, part: int, parts: int) -> Corpus:
    """A share of a corpus, of whole sentences, with the whole one's vocabulary."""
    first, last = (len(corpus) * i // parts for i in (part, part + 1))
    begin, stop = corpus.offsets[[first, last]].tolist()
    offsets = corpus.offsets[first : last + 1] - begin
    return Corpus(corpus.ids[begin:stop].copy(), offsets, corpus.vocabulary, stop - begin, {})
