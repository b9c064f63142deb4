"""A made text with known neighbours: words of one topic occur together, and with no others."""

import numpy as np

TOPICS = 6
WORDS_A_TOPIC = 8


def word(topic: int, i: int) -> str:
    return f"t{topic}w{i}"


def planted_sentences(sentences=1500, length=12, seed=0) -> list[list[str]]:
    """Sentences of one topic each."""
    random = np.random.default_rng(seed)
    topics = random.integers(0, TOPICS, sentences)
    words = random.integers(0, WORDS_A_TOPIC, (sentences, length))
    return [[word(t, i) for i in row] for t, row in zip(topics, words, strict=True)]


def check_neighbours(vectors) -> None:
    """Raise unless, nearly always, a word's nearest words are of its topic."""
    found = [
        neighbour.startswith(f"t{topic}w")
        for topic in range(TOPICS)
        for i in range(WORDS_A_TOPIC)
        for neighbour, _ in vectors.nearest(word(topic, i), 5)
    ]
    share = sum(found) / len(found)
    assert share > 0.95, f"only {share:.2f} of the nearest words are of the word's topic"
