"""Phrases: the same as gensim's, of any text, in any number of threads; written, kept, joined."""

import gzip
import itertools
import math
import os
import random
import time

import numpy as np
import pytest
from conftest import import_or_skip
from corpora import check_same_corpus
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlayer import Corpus, EmbedlayerError, PhraseOptions, Phrases, Vocabulary
from embedlayer.text import readers, spellings
from embedlayer.text.entries import cache_entries
from embedlayer.text.hashes import PRIME, _times
from embedlayer.text.options import ENGLISH_CONNECTORS, Phrase

TEXT = """new york is a city
the city of new york

i love new york and the state of new york
"""
SENTENCES = [line.split() for line in TEXT.splitlines()]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def made_up(seed, words, sentences=400, length=12):
    """Sentences of words that often come in a fixed order."""
    chosen = random.Random(seed)
    found = []
    for _ in range(sentences):
        sentence = []
        while len(sentence) < length:
            start = int(len(words) * chosen.random() ** 2)
            sentence += words[start : start + chosen.choice([1, 1, 2, 3])]
        found.append(sentence[: chosen.randint(0, length)])
    return found


def with_gensim(sentences, *, passes=1, score="word2vec", connectors=(), **options):
    """The sentences with phrases, and the phrases with scores of each pass, by gensim."""
    import_or_skip("gensim")
    from gensim.models import phrases as theirs

    found = []
    for _ in range(passes):
        model = theirs.Phrases(
            sentences,
            scoring={"word2vec": "default"}.get(score, score),
            connector_words=frozenset(connectors),
            **options,
        )
        found.append(model)
        sentences = [model[sentence] for sentence in sentences]
    return sentences, found


def check_as_gensim(sentences, **options):
    """Raise unless sentences, phrases and scores are gensim's; returns the phrases."""
    ours = Phrases.from_sentences(sentences, **options)
    if (limit := options.get("threshold")) is None:
        options["threshold"] = ours.options.limit
    joined, models = with_gensim(sentences, **options)
    assert list(ours.join(sentences)) == joined
    for model, phrases in zip(models, ours.passes, strict=True):
        scores = {(phrase.words, phrase.score) for phrase in phrases}
        wanted = {
            (words, score)
            for sentence in sentences
            for words, score in all_candidates(model, sentence)
        }
        assert scores == wanted
        assert all(phrase.score > ours.options.limit for phrase in phrases)
        sentences = [model[sentence] for sentence in sentences]
    assert limit is None or ours.options.limit == limit
    return ours


def all_candidates(model, sentence):
    """Those of a sentence that gensim's model takes for phrases, each looked at by itself."""
    start = None
    for place, word in enumerate(sentence):
        if word in model.connector_words:
            continue
        if start is not None:
            words = tuple(sentence[start : place + 1])
            _, score = model.score_candidate(words[0], words[-1], list(words[1:-1]))
            if score is not None:
                yield words, score
        start = place


def test_a_score_is_what_the_formula_says():
    # 11 words and 14 pairs are different, "new york" occurs four times as each of its words does.
    pairs = {pair for line in SENTENCES for pair in itertools.pairwise(line)}
    different = len({word for line in SENTENCES for word in line}) + len(pairs)
    (phrase,) = Phrases.from_sentences(SENTENCES, min_count=2, threshold=2)
    assert phrase == Phrase(("new", "york"), (4 - 2) / (4 * 4) * different, 4)


def test_what_scores_the_threshold_is_no_phrase():
    (phrase,) = Phrases.from_sentences(SENTENCES, min_count=2, threshold=2)
    options = {"min_count": 2, "threshold": phrase.score}
    assert list(Phrases.from_sentences(SENTENCES, **options)) == []
    less = options | {"threshold": math.nextafter(phrase.score, 0)}
    assert list(Phrases.from_sentences(SENTENCES, **less)) == [phrase]


def test_normalised_mutual_information_is_what_the_formula_says():
    total = sum(map(len, SENTENCES))
    found = Phrases.from_sentences(SENTENCES, min_count=2, threshold=0.9, score="npmi")
    assert [phrase.words for phrase in found] == [("new", "york")]
    wanted = math.log((4 / total) / ((4 / total) * (4 / total))) / -math.log(4 / total)
    assert next(iter(found)).score == wanted == pytest.approx(1)


def test_connectors_stand_inside_of_phrases():
    sentences = [["bank", "of", "the", "west", "of"], ["of", "bank", "of", "the", "west"]] * 5
    found = Phrases.from_sentences(sentences, threshold=0.1, connectors=["of", "the"])
    assert [phrase.words for phrase in found] == [("bank", "of", "the", "west")]
    assert list(found.join(sentences[:2])) == [
        ["bank_of_the_west", "of"], ["of", "bank_of_the_west"],
    ]  # fmt: skip
    assert "of" in ENGLISH_CONNECTORS
    english = Phrases.from_sentences(sentences, threshold=0.1, connectors="english")
    assert list(english) == list(found)


def test_what_is_joined_is_joined_no_further():
    sentences = [["a", "a", "a"], ["b"]] * 9
    found = Phrases.from_sentences(sentences, threshold=0.01, min_count=1)
    assert list(found.join([["a"] * 5])) == [["a_a", "a_a", "a"]]


WORDS = [f"w{i}" for i in range(40)]
DIVIDED = ["a", "b", "c", "a_b", "b_c", "a_b_c", "_", "__", "_a", "c_", "a__b", "d", "e_f", "g"]
UNICODE = [
    "서울",
    "특별시",
    "café",
    "crème",
    "🙂",
    "東京_都",
    "_",
    "naïve",
    "a\u00a0b",
    "né_e",
    "ﬁ",
]


@pytest.mark.parametrize("score", ["word2vec", "npmi"])
@pytest.mark.parametrize("connectors", [(), ("w3", "w5", "b", "_", "café", "a_b")])
@pytest.mark.parametrize("words", [WORDS, DIVIDED, UNICODE], ids=["plain", "divided", "unicode"])
@pytest.mark.parametrize("delimiter", ["_", "__", "·"])
def test_phrases_are_gensims(score, connectors, words, delimiter):
    for seed, (passes, threshold) in enumerate([(1, None), (2, 0.3), (3, 0.05)]):
        options = {"score": score, "connectors": connectors, "delimiter": delimiter}
        if delimiter != "_":
            sentences = [
                [word.replace("_", delimiter) for word in sentence]
                for sentence in made_up(seed, words)
            ]
        else:
            sentences = made_up(seed, words)
        found = check_as_gensim(
            sentences, min_count=3 - seed, passes=passes, threshold=threshold, **options
        )
        assert threshold is None or len(found)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "a_b", "_", "b_a", "of", "c"]), max_size=9)),
    st.integers(1, 3),
    st.sampled_from([(), ("of",), ("of", "_")]),
)
def test_any_sentences_are_joined_as_gensim_does(sentences, min_count, connectors):
    if not any(sentences):
        return
    options = {"min_count": min_count, "threshold": 0.2, "connectors": connectors}
    check_as_gensim(sentences, passes=2, **options)


@pytest.mark.parametrize("name", ["wiki5m.txt", "kowiki5m.txt"])
@pytest.mark.parametrize("connectors", [(), ENGLISH_CONNECTORS], ids=["", "connectors"])
def test_real_text_is_joined_as_gensim_does(data, tmp_path, name, connectors):
    source = tmp_path / "text"
    words = (data / "text" / name).read_bytes().split()
    lines = [b" ".join(words[i : i + 1000]) for i in range(0, len(words), 1000)]
    source.write_bytes(b"\n".join(lines))
    sentences = [line.decode().split(" ") for line in lines]
    for score in ("word2vec", "npmi"):
        options = {"passes": 2, "score": score, "connectors": connectors}
        found = Phrases.from_files(source, output=tmp_path / "out", **options)
        joined, _ = with_gensim(sentences, threshold=found.options.limit, **options)
        assert (tmp_path / "out").read_text() == "".join(" ".join(one) + "\n" for one in joined)
        assert len(found) > 1000


def test_neither_threads_nor_blocks_nor_rounds_change_anything(tmp_path, monkeypatch):
    path = tmp_path / "text"
    sentences = made_up(7, [*WORDS, *DIVIDED])
    sentences.append([word for sentence in sentences for word in sentence])  # longer than a block
    path.write_text("\n".join(map(" ".join, sentences)))
    options = {"passes": 2, "min_count": 2, "threshold": 0.5, "connectors": ["w3", "a_b"]}
    first = Phrases.from_files(path, output=tmp_path / "1", workers=1, **options)
    assert len(first) > 20
    monkeypatch.setattr(readers, "BLOCK_BYTES", 50)
    monkeypatch.setattr(spellings, "MOST_KEYS", 100)
    monkeypatch.setattr(spellings, "PART_KEYS", 4)
    for workers in (1, 2, 5):
        found = Phrases.from_files(path, output=tmp_path / "n", workers=workers, **options)
        assert list(found) == list(first)
        assert (tmp_path / "n").read_bytes() == (tmp_path / "1").read_bytes()
        found.write(path, tmp_path / "again", workers=workers)
        assert (tmp_path / "again").read_bytes() == (tmp_path / "1").read_bytes()


def test_rounds_hold_what_there_is_room_for(monkeypatch):
    monkeypatch.setattr(spellings, "MOST_KEYS", 10)
    sizes = np.array([3, 3, 4, 1, 30, 2, 8, 0])
    assert list(spellings._rounds(sizes)) == [(0, 3), (3, 4), (4, 5), (5, 8)]


def test_a_spelling_may_have_many_candidates():
    """Every split of a row of a's is a candidate of one spelling: tables have to grow."""
    rows = ["_".join("a" * size) for size in range(1, 60)]
    sentences = [[first, last] for first in rows for last in rows]
    found = check_as_gensim(sentences, min_count=1, threshold=1e-6)
    assert len(found) > 59 * 50


def test_a_part_may_have_more_candidates_than_its_first_table(monkeypatch):
    monkeypatch.setattr(spellings, "PART_KEYS", 1 << 30)  # two parts
    chosen = random.Random(5)
    sentences = [[f"w{chosen.randrange(300)}" for _ in range(100)] for _ in range(400)]
    assert len(check_as_gensim(sentences, min_count=2, threshold=1)) > 500


def test_products_are_those_of_integers():
    numbers = [1, 2, int(PRIME) - 1, 1 << 60, 0x1234567890ABCDE, 0x0FEDCBA987654321]
    for a in numbers:
        for b in numbers:
            assert int(_times(np.uint64(a), np.uint64(b))) == a * b % int(PRIME)


# Written, and in corpora.


def test_a_line_stays_a_line(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"\n new \t york\r\n\n\nnew york city\n")
    second.write_bytes(b"in new york" * 3 + b" new york new york")
    (tmp_path / "empty").write_bytes(b"")
    out = tmp_path / "out"
    Phrases.from_files([first, tmp_path / "empty", second], output=out, min_count=1, threshold=0.9)
    wanted = b"\nnew_york\n\n\nnew_york city\nin new yorkin new yorkin new_york new_york new_york\n"
    assert out.read_bytes() == wanted


def test_the_text_may_be_written_compressed(text, tmp_path):
    found = Phrases.from_files(text, output=tmp_path / "out.gz", min_count=2, threshold=2)
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()).decode() == TEXT.replace(
        "new york", "new_york"
    )
    assert found.spelled(next(iter(found))) == "new_york"


@pytest.mark.parametrize("cached", [True, False])
def test_a_corpus_with_phrases_is_that_of_the_written_text(tmp_path, cached):
    path, out = tmp_path / "text", tmp_path / "out"
    sentences = made_up(3, [*WORDS, *DIVIDED])
    path.write_text("\n".join(map(" ".join, sentences)))
    options = PhraseOptions(passes=2, min_count=2, threshold=1, connectors=["w3"])
    found = Phrases.from_files(path, output=out, passes=2, min_count=2, threshold=1,
                               connectors=["w3"])  # fmt: skip
    corpus = {"min_count": 3, "max_sentence": 7, "cache": cached}
    wanted = Corpus.from_files(out, **corpus)
    for phrases in (options, found):
        for _ in range(2):
            made = Corpus.from_files(path, phrases=phrases, **corpus)
            check_same_corpus(made, wanted)
        assert made.from_cache == cached
        check_same_corpus(
            Corpus.from_sentences(sentences, min_count=3, max_sentence=7, phrases=phrases), wanted
        )
        known = {"vocabulary": Vocabulary(["w1_w2", "new"], [9, 1]), "max_size": 20}
        check_same_corpus(
            Corpus.from_files(path, phrases=phrases, **corpus, **known),
            Corpus.from_files(out, **corpus, **known),
        )
    assert any("_" in word for word in wanted.vocabulary.words)


def test_a_phrase_that_is_spelt_as_a_connector_is_that_word():
    sentences = [["a", "b"], ["c", "d"]] * 9 + [["c", "a_b", "d"], ["a_b"]] * 4
    phrases = PhraseOptions(min_count=1, threshold=0.1, connectors=["a_b"])
    made = Corpus.from_sentences(sentences, min_count=1, phrases=phrases)
    joined = [["a_b"], ["c_d"]] * 9 + [["c_a_b_d"], ["a_b"]] * 4
    check_same_corpus(made, Corpus.from_sentences(joined, min_count=1))


def test_other_phrases_are_another_entry_of_the_cache(text):
    plain = {"min_count": 1}
    Corpus.from_files(text, **plain)
    phrases = [
        PhraseOptions(),
        PhraseOptions(threshold=2, min_count=2),
        PhraseOptions(passes=2),
        PhraseOptions(score="npmi"),
        PhraseOptions(delimiter="+"),
        PhraseOptions(connectors=["of"]),
        Phrases.from_files(text, threshold=2, min_count=2),
        Phrases.from_files(text, threshold=2, min_count=2, delimiter="+"),
        Phrases.from_files(text, threshold=2, min_count=2, connectors=["of"]),
        Phrases.from_files(text, threshold=1, min_count=1),
    ]
    words = [[phrase.words for phrase in one] for one in phrases[6:9]]
    assert words == [[("new", "york")]] * 3  # so that other options tell them apart
    for number, one in enumerate(phrases, 1):
        assert not Corpus.from_files(text, phrases=one, **plain).from_cache
        assert Corpus.from_files(text, phrases=one, **plain).from_cache
        assert len(cache_entries()) == number + 1
    assert Corpus.from_files(text, **plain).from_cache
    again = Phrases.from_files(text, threshold=2, min_count=2)
    assert Corpus.from_files(text, phrases=again, **plain).from_cache
    time.sleep(0.02)
    os.utime(text)
    assert not Corpus.from_files(text, phrases=again, **plain).from_cache


# Kept.


def test_phrases_are_kept_and_join_other_texts(text, tmp_path):
    found = Phrases.from_files(text, passes=2, min_count=2, threshold=1, connectors=["of", "the"])
    found.save(tmp_path / "kept")
    kept = Phrases.load(tmp_path / "kept")
    assert (kept.passes, kept.options) == (found.passes, found.options)
    assert kept.checksum() == found.checksum()
    assert repr(kept) == f"<Phrases: {len(found)}, found in 2 passes>"
    assert list(kept.join([["in", "new", "york"], [], ["york", "new"]])) == [
        ["in", "new_york"], [], ["york", "new"],
    ]  # fmt: skip


def test_a_file_is_written_whole_or_not_at_all(text, tmp_path):
    found = Phrases.from_files(text, min_count=2, threshold=2)
    with pytest.raises(EmbedlayerError, match=r"cannot write .*absent"):
        found.save(tmp_path / "absent" / "kept")
    with pytest.raises(EmbedlayerError, match=r"cannot write .*absent"):
        found.write(text, tmp_path / "absent" / "out")
    out = tmp_path / "out"
    out.write_text("before")
    (tmp_path / "bad").write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(EmbedlayerError, match="line 2: byte 0xff"):
        Phrases.from_files(tmp_path / "bad", output=out)
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "out", "text.txt"]


def tampered(tensors, metadata, path):
    from embedlayer.storage.tensors import write_tensors

    write_tensors(path, tensors, metadata)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": None}, "the tensor scores is missing"),
        ({"scores": np.array([np.nan])}, "scores are not 1 finite numbers"),
        ({"scores": np.zeros(2)}, "scores are not 1 finite numbers"),
        ({"counts": np.array([-1])}, "integers from 0 up"),
        ({"phrase_offsets": np.array([0, 3])}, "phrase_offsets do not go from 0 to 2"),
        ({"phrase_offsets": np.array([1, 2])}, "phrase_offsets do not go from 0 to 2"),
        ({"phrase_offsets": np.array([0, 5, -1, 2]), "scores": np.zeros(3),
          "counts": np.zeros(3, np.int64)}, "phrase_offsets fall"),
        ({"phrase_offsets": np.zeros(0, np.int64)}, "phrase_offsets do not go"),
        ({"pass_offsets": np.array([0, 2**62])}, "pass_offsets do not go from 0 to 1"),
        ({"pass_offsets": np.array([0, 1, 1])}, "phrases of 2 passes, not 1"),
        ({"word_offsets": np.array([0, 3, 2**40])}, "word offsets do not span"),
        ({"word_offsets": np.array([0, 0, 7])}, "is no phrase"),
        ({"phrase_offsets": np.array([0, 1, 2]), "scores": np.zeros(2),
          "counts": np.zeros(2, np.int64), "pass_offsets": np.array([0, 2])}, "is no phrase"),
        ({"words": np.frombuffer(b"new\xffork", np.uint8)}, "not UTF-8"),
        ("", "damaged JSON"),
        ("[]", "list in the place of an object"),
        ('{"passes": 0}', "passes is 0"),
        ('{"passes": 1, "connectors": ["new"]}', "is no phrase"),
        ('{"passes": 1, "connectors": 7}', "connectors is 7"),
        ('{"passes": 1, "connectors": [[]]}', "words without white space"),
        ('{"delimiter": " "}', "words without white space"),
        ('{"delimiter": 3}', "words without white space"),
        ('{"what": 3}', "no option what"),
        ('{"threshold": NaN}', "finite number"),
    ],
)  # fmt: skip
def test_nothing_is_believed_of_a_file(text, tmp_path, change, message):
    from embedlayer.storage.reading import open_to_read
    from embedlayer.storage.tensors import read_tensors
    from embedlayer.text.phrase_files import OPTIONS, TENSORS

    Phrases.from_files(text, min_count=2, threshold=2).save(tmp_path / "kept")
    with open_to_read(tmp_path / "kept") as file:
        tensors, metadata = read_tensors(file, TENSORS)
    if isinstance(change, str):
        metadata = {OPTIONS: change}
    else:
        tensors = {name: one for name, one in (tensors | change).items() if one is not None}
    with pytest.raises(EmbedlayerError, match=message):
        Phrases.load(tampered(tensors, metadata, tmp_path / "tampered"))


def test_a_file_cut_anywhere_is_told(text, tmp_path):
    Phrases.from_files(text, min_count=2, threshold=2).save(tmp_path / "kept")
    data = (tmp_path / "kept").read_bytes()
    for size in range(len(data)):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(EmbedlayerError, match="holds no phrases"):
            Phrases.load(tmp_path / "cut")
    with pytest.raises(EmbedlayerError, match="no such file"):
        Phrases.load(tmp_path / "absent")


# Mistakes.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": 0}, "passes is 0: it must be at least 1"),
        ({"passes": 17}, "passes is 17: it must be at most 16"),
        ({"score": "pmi"}, "score 'pmi': choose word2vec or npmi"),
        ({"threshold": -0.5}, "threshold is -0.5: with the score word2vec it must be at least 0"),
        ({"score": "npmi", "threshold": 1.5}, "with the score npmi it must be from -1 to 1"),
        ({"threshold": "10"}, "threshold is '10': it must be a finite number"),
        ({"min_count": 0}, "min_count is 0"),
        ({"delimiter": ""}, "words without white space, and '' is none"),
        ({"delimiter": "a b"}, "words without white space"),
        ({"delimiter": "\n"}, "words without white space"),
        ({"delimiter": "\0"}, "words without white space"),
        ({"delimiter": "\ud800"}, "words without white space"),
        ({"delimiter": None}, "words without white space"),
        ({"connectors": "of"}, "connectors is 'of': give a list of words, or 'english'"),
        ({"connectors": ["of", ""]}, "words without white space"),
        ({"connectors": 3}, "connectors is 3: give a list of words"),
        ({"pass": 2}, "no option pass: did you mean passes"),
    ],
)
def test_options_are_checked_before_a_text_is_read(options, message):
    with pytest.raises(EmbedlayerError, match=message):
        Phrases.from_files("absent", **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Phrases.from_files("absent"), "no such file: absent"),
        (lambda: Phrases.from_sentences([]), "no words"),
        (lambda: Phrases.from_sentences(["new york"]), "must be a list of words"),
        (lambda: Phrases.from_files("absent", errors="ignore"), "errors 'ignore'"),
        (lambda: Phrases.from_files("absent", workers=0), "workers is 0"),
        (lambda: Phrases.from_files("absent", progress=3), "progress is 3"),
        (lambda: Corpus.from_files(__file__, phrases=2), "phrases is 2: give Phrases, or Phrase"),
        (lambda: Corpus.from_sentences([["a"]], phrases="x"), "phrases is 'x': give Phrases"),
        (lambda: Phrases([[Phrase(("a",), 1, 1)]], PhraseOptions()), "is no phrase"),
        (lambda: Phrases([[Phrase(("a", "b", "c"), 1, 1)]], PhraseOptions()), "is no phrase"),
        (lambda: Phrases([], PhraseOptions()), "phrases of 0 passes, not 1"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(EmbedlayerError, match=message):
        make()


def test_a_text_without_phrases_stays_as_it_is(text, tmp_path):
    found = Phrases.from_files(text, output=tmp_path / "out", passes=3)
    assert (len(found), [len(one) for one in found.passes]) == (0, [0, 0, 0])
    assert (tmp_path / "out").read_text() == TEXT
    found.save(tmp_path / "kept")
    assert list(Phrases.load(tmp_path / "kept").join([["new", "york"]])) == [["new", "york"]]
