"""Evaluation: benchmarks whose results are known by hand, every file layout, gensim's numbers."""

import gzip
import json
import os
import threading
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.evaluation import (
    AnalogyResult,
    AnalogyScore,
    SimilarityResult,
    analogies,
    evaluate,
    similarity,
)
from embedlayer.vectors.evaluation.files import (
    holds_questions,
    pairs_of,
    questions_of,
    read_benchmark,
)
from embedlayer.vectors.vectors import Vectors

WORDS = ["man", "woman", "King", "queen", "far", "KING"]
VECTORS = Vectors(WORDS, [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-2, 0, 0], [0, 0, 3]])
QUESTIONS = """: family
man woman king queen
MAN WOMAN KING QUEEN
man woman queen far
man woman king prince
: gram1-none
boy girl king queen
: gram2-some
queen king woman man
"""


@pytest.fixture(autouse=True)
def every_library(xp, monkeypatch):
    """Analogies are solved on NumPy, on the double of CuPy and on a device."""
    monkeypatch.setattr(VECTORS, "_unit", {})  # which would be another library's


@pytest.fixture
def write(tmp_path):
    """A function that writes a benchmark, text or bytes, and returns its path."""

    def write_file(content: str | bytes, name: str = "benchmark.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def pairs_in(path: Path):
    return pairs_of(read_benchmark(path))


def questions_in(path: Path):
    return questions_of(read_benchmark(path))


def test_analogies_known_answer(write):
    result = analogies(VECTORS, write(QUESTIONS))
    assert result == AnalogyResult(
        benchmark="benchmark.txt",
        sections=(
            AnalogyScore("family", correct=2, asked=3, out_of_vocabulary=1),
            AnalogyScore("gram1-none", correct=0, asked=0, out_of_vocabulary=1),
            AnalogyScore("gram2-some", correct=1, asked=1, out_of_vocabulary=0),
        ),
        semantic=AnalogyScore("semantic", 2, 3, 1),
        syntactic=AnalogyScore("syntactic", 1, 1, 1),
        total=AnalogyScore("total", 3, 4, 2),
    )
    assert result.total.accuracy == 0.75
    assert result.sections[1].accuracy is None


def test_analogies_case_sensitive_asks_exact_spellings_only(write):
    result = analogies(VECTORS, write(QUESTIONS), case_insensitive=False)
    assert (result.total.correct, result.total.asked) == (0, 1)  # man woman queen far
    named = write(QUESTIONS.replace("king", "King"))
    result = analogies(VECTORS, named, case_insensitive=False)
    assert (result.total.correct, result.total.asked) == (2, 3)


def test_every_spelling_of_a_question_s_words_is_excluded(write):
    # woman − man + King is nearest to KING among the rest, were it not a spelling of King.
    vectors = Vectors(
        ["man", "woman", "King", "queen", "KING"],
        [[1, 0, 0], [1, 0.1, 0], [0, 0, 1], [0, 1, 1], [0, 0.1, 1]],
    )
    path = write(": s\nman woman king queen\n")
    assert vectors.analogy("man", "woman", "King", k=1)[0][0] == "KING"
    assert analogies(vectors, path).total.correct == 1


def test_a_later_spelling_is_a_correct_answer(write):
    vectors = Vectors(
        ["man", "woman", "king", "queen", "QUEEN"],
        [[1, 0, 0], [1, 1, 0], [1, 0, 1], [-1, 0, 0], [1, 1, 1]],
    )
    path = write(": s\nman woman king queen\n")
    assert analogies(vectors, path).total.correct == 1
    assert analogies(vectors, path, case_insensitive=False).total.correct == 0


def test_restrict_vocab_answers_from_the_first_rows(write):
    vectors = Vectors(
        ["man", "woman", "king", "queen", "prince"],
        [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 2, 2], [2, 3, 3]],
    )
    path = write(": s\nman woman king prince\nman woman king queen\n")
    unrestricted = vectors.analogy("man", "woman", "king", k=2)
    assert [word for word, _ in unrestricted] == ["prince", "queen"]
    assert (analogies(vectors, path).total.correct, analogies(vectors, path).total.asked) == (1, 2)
    result = analogies(vectors, path, restrict_vocab=4)
    assert (result.total.correct, result.total.asked) == (1, 1)


def test_restrict_vocab_takes_the_first_rows(write):
    path = write(": s\nman woman King queen\nman woman King far\nman woman KING queen\n")
    result = analogies(VECTORS, path, restrict_vocab=4, case_insensitive=False)
    assert (result.total.correct, result.total.asked) == (1, 1)
    pairs = write("man\twoman\t1\nman\tfar\t0\nking\tqueen\t2\n", "pairs.tsv")
    assert similarity(VECTORS, pairs, restrict_vocab=4).found == 2
    for evaluation in (analogies, similarity, evaluate):
        with pytest.raises(EmbedlayerError, match="restrict_vocab is 0: it must be at least 1"):
            evaluation(VECTORS, path if evaluation is analogies else pairs, restrict_vocab=0)


def test_a_question_that_answers_itself_is_never_solved(write):
    path = write(": s\nman man woman woman\nwoman woman man man\n")
    few = Vectors(["man", "woman"], np.eye(2))  # nothing is left to answer with
    for vectors in (VECTORS, few):
        total = analogies(vectors, path).total
        assert (total.correct, total.asked) == (0, 2)


def test_no_question_can_be_asked(write):
    total = analogies(VECTORS, write(": s\nboy girl king queen\n")).total
    assert (total.correct, total.asked, total.out_of_vocabulary) == (0, 0, 1)
    assert total.accuracy is None


def test_no_syntactic_sections_no_such_totals(write):
    result = analogies(VECTORS, write(": family\nman woman king queen\n"))
    assert result.semantic is None
    assert result.syntactic is None
    assert result.total.correct == 1


def test_similarity_known_answer(write):
    # Cosines: 1/√2, 1/√3, −1, 2/√6: ranks 3 2 1 4; scores rank 2 3 1 4; ρ = 1 − 6·2 / (4·15).
    path = write("man,woman,5\nman,queen,7.5\nfar,man,0.1\nwoman,queen,9\nman,boy,4\n", "p.csv")
    result = similarity(VECTORS, path)
    assert result.spearman == pytest.approx(0.8, rel=1e-12)
    assert result == SimilarityResult("p.csv", result.spearman, 5, 4, 1)


def test_similarity_ties_share_their_mean_rank(write):
    # man–woman and man–King have one cosine (1/√2): ranks 2.5 2.5 1 against 1 2 3: ρ = −√3/2.
    path = write("man woman 1\nman king 2\nfar man 3\n")
    assert similarity(VECTORS, path).spearman == pytest.approx(-(3**0.5) / 2, rel=1e-12)


def test_similarity_of_words_compares_them_in_upper_case(write):
    path = write("MAN Woman 1\nman KING 2\nfar man 3\n")
    assert similarity(VECTORS, path).found == 3
    assert similarity(VECTORS, path, case_insensitive=False).found == 2  # KING has a vector itself


@pytest.mark.parametrize(
    "content",
    [
        "boy girl 1\n",
        "man woman 1\nboy girl 1\n",
        "man woman 1\nman queen 1\n",
        "man woman 1\nman woman 2\n",
    ],
    ids=["no pair", "one pair", "one score", "one cosine"],
)
def test_a_correlation_that_does_not_exist_is_none(write, content):
    result = similarity(VECTORS, write(content))
    assert result.spearman is None
    assert json.loads(json.dumps(result.to_dict()))["spearman"] is None
    assert "none" in str(result)


@pytest.mark.parametrize("content", [QUESTIONS, "man woman 3\nfar man 1\n"])
def test_a_benchmark_from_a_pipe_and_from_home(write, tmp_path, monkeypatch, content):
    wanted = str(evaluate(VECTORS, write(content)))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(evaluate(VECTORS, "~/benchmark.txt")) == wanted
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "benchmark.txt")
    path = tmp_path / "pipe" / "benchmark.txt"
    writer = threading.Thread(target=path.write_text, args=(content,))
    writer.start()
    assert str(evaluate(VECTORS, path)) == wanted
    writer.join()


def test_a_header_with_an_index_is_used(write):
    vectors = Vectors(["cat", "dog", "car", "0", "1", "2"], np.vstack([np.eye(3), -np.eye(3)]))
    near = Vectors(["cat", "dog", "car"], [[3, 0, 1], [3, 1, 1], [0, 2, 1]])
    table = ",word1,word2,score\n0,cat,dog,9\n1,cat,car,1\n2,dog,car,2\n"
    assert similarity(near, write(table)).spearman == 1.0
    assert similarity(vectors, write(table)).found == 3
    assert evaluate(near, write(gzip.compress(table.encode()))).spearman == 1.0


def test_a_file_far_too_long_to_be_a_benchmark(write):
    with pytest.raises(EmbedlayerError, match="more than 8388608 bytes"):
        evaluate(VECTORS, write("a b 1\n" * 3_000_000))


def test_evaluate_recognises_the_kind(write):
    assert isinstance(evaluate(VECTORS, write(QUESTIONS)), AnalogyResult)
    assert isinstance(evaluate(VECTORS, str(write("man woman 3\n"))), SimilarityResult)


@pytest.mark.parametrize(
    ("content", "questions"),
    [
        (": s\na b c d\n", True),
        ("# comment\n\n: s\n", True),
        ("a b c d\n", True),
        ("# s\na b c d\n# t\n", True),
        ("a b 1\n", False),
        ("a b 1 d\n", False),
        ("a,b,3\n", False),
        ("word1 word2 POS score\na b N 1.5\n", False),
    ],
)
def test_holds_questions(write, content, questions):
    assert holds_questions(read_benchmark(write(content))) is questions


LAYOUTS = {
    "tabs": b"tiger\tcat\t7.35\nice cream\tmilk\t10\n",
    "commas": b"tiger,cat,7.35\nice cream,milk,10\n",
    "byte order mark, CRLF, no last newline": b"\xef\xbb\xbftiger,cat,7.35\r\nice cream,milk,10",
    "header": b"Word 1,Word 2,Human (mean)\ntiger,cat,7.35\nice cream,milk,10\n",
    "comments and blanks": b"# tiger cat 1\n\n# Word 1\ntiger\tcat\t7.35\n \nice cream\tmilk\t10\n",
    "SimLex-999": (
        b"word1\tword2\tPOS\tSimLex999\tconc(w1)\tconcQ\n"
        b"tiger\tcat\tN\t7.35\t4.9\t4\nice cream\tmilk\tN\t10\t4.5\t4\n"
    ),
    "an index before the words": b",word1,word2,score\n0,tiger,cat,7.35\n1,ice cream,milk,10\n",
    "the score first": b"score\tword_a\tword_b\n7.35\ttiger\tcat\n10\tice cream\tmilk\n",
    "no header, a part of speech": b"tiger\tcat\tN\t7.35\tX\nice cream\tmilk\tN\t10\tY\n",
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_of_pairs(write, content):
    path = write(content)
    assert pairs_in(path) == [("tiger", "cat", 7.35), ("ice cream", "milk", 10.0)]
    assert not holds_questions(read_benchmark(path))


def test_words_end_at_ascii_whitespace_only(write):
    assert pairs_in(write("a\u00a0b  c\u3000d 1\n")) == [("a\u00a0b", "c\u3000d", 1.0)]
    assert questions_in(write(": s\na\u00a0b \tc d\u3000e f\n")) == {
        "s": [("a\u00a0b", "c", "d\u3000e", "f")]
    }


def test_sections(write):
    assert questions_in(write("a b c d\n")) == {"": [("a", "b", "c", "d")]}
    text = "# licence\n: one\na b c d\n# a comment\ne f g h\n: empty\n:two\n1 2 3 4\n"
    assert questions_in(write(text)) == {
        "one": [("a", "b", "c", "d"), ("e", "f", "g", "h")],
        "two": [("1", "2", "3", "4")],
    }
    assert list(questions_in(write("# one\na b c d\n\n# two\ne f g h\n"))) == ["one", "two"]


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (questions_in, ": s\na b c d\na b c\n", "line 3: four words are expected, not 'a b c'"),
        (questions_in, "# s\n\na b c d e\n", "line 3: four words are expected"),
        (questions_in, ": s\n", "no line of four words"),
        (pairs_in, "word1 word2 score\na b 1\nc d x\n", "line 3: two words and a score are expect"),
        (pairs_in, "h h h\na b 1\n", "line 1: two words and a score are expected"),
        (pairs_in, "cat dog 9,5\na b 1\n", "line 1: two words and a score are expected, not 'ca"),
        (pairs_in, "cat\tdog\t9,5\n", "'cat\\tdog\\t9,5'; numbers take a decimal point"),
        (pairs_in, "a b 1_0\n", "line 1: two words and a score"),
        (pairs_in, "a b ٣\n", "line 1: two words and a score"),
        (pairs_in, "a,b,score\na,b,1\n", "line 1: two words and a score"),
        (pairs_in, ",word1,word2,score\n0,a,b\n", "line 2: two words and a score"),
        (pairs_in, "0,cat,dog,9\n1,cat,car,1\n", "line 1: the first column numbers the lines"),
        (pairs_in, "word1 word2 score\n", "no line of two words and a score"),
        (pairs_in, bytes(9), "byte 0 is a NUL"),
        (questions_in, "a b c d\n".encode("utf-16"), "in UTF-16: convert it"),
        (pairs_in, "a b 1\nc d nan\n", "line 2: two words and a score"),
        (pairs_in, "a b 1\nc 2\n", "line 2: two words and a score"),
        (pairs_in, "a\t\t1\n", "line 1: two words and a score"),
        (pairs_in, "word word score\n", "line 1: two words and a score"),
        (pairs_in, b"caf\xe9 tea 1\n", "is not UTF-8"),
        (lambda path: evaluate(VECTORS, path), "\n# nothing\n", "no pairs and no questions"),
    ],
)
def test_malformed_benchmarks_are_named(write, read, content, message):
    path = write(content)
    with pytest.raises(EmbedlayerError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_results_for_json_and_for_people(write):
    result = evaluate(VECTORS, write(QUESTIONS))
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert record["total"] == {
        "name": "total",
        "correct": 3,
        "asked": 4,
        "out_of_vocabulary": 2,
        "accuracy": 0.75,
    }
    assert record["sections"][1]["accuracy"] is None
    assert list(record) == ["benchmark", "sections", "semantic", "syntactic", "total"]
    assert str(result).splitlines() == [
        "benchmark.txt",
        "              accuracy  correct   asked  unknown",
        "  family        0.6667        2       3        1",
        "  gram1-none      none        0       0        1",
        "  gram2-some    1.0000        1       1        0",
        "  semantic      0.6667        2       3        1",
        "  syntactic     1.0000        1       1        1",
        "  total         0.7500        3       4        2",
    ]
    pairs = evaluate(VECTORS, write("man woman 1\nman far 0\nman boy 3\n"))
    assert str(pairs).splitlines() == [
        "benchmark.txt",
        "  Spearman  1.0000   2 of 3 pairs (1 with an unknown word)",
    ]


def random_vectors(words: list[str]) -> Vectors:
    """Vectors in which questions have a fair chance: few dimensions, words in random order."""
    rng = np.random.default_rng(5)
    unique = list(dict.fromkeys(words))
    chosen = [unique[i] for i in rng.permutation(len(unique))]
    return Vectors(chosen, rng.standard_normal((len(chosen), 4)))


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("restrict_vocab", [40, None])
def test_gensim_gives_the_same_numbers(write, tmp_path, case_insensitive, restrict_vocab):
    models = import_or_skip("gensim.models")
    rng = np.random.default_rng(6)
    words = [c + d for c in "aAbB" for d in "cCdDeEfF"] + ["É", "é"] + [f"w{i}" for i in range(20)]
    vectors = random_vectors(words)
    vectors.save(tmp_path / "v.bin")
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    quadruples = [" ".join(rng.choice(words, 4)) for _ in range(3000)]
    path = write(": one\n" + "\n".join(quadruples[:2000]) + "\n: two\n" + "\n".join(quadruples))
    limit = restrict_vocab or len(vectors)
    options = {"case_insensitive": case_insensitive, "restrict_vocab": limit}
    _, sections = theirs.evaluate_word_analogies(str(path), **options)
    result = analogies(vectors, path, **options)
    assert result.total.correct > 20
    assert [(s.correct, s.asked) for s in (*result.sections, result.total)] == [
        (len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in sections
    ]
    # No word beside itself: such pairs are ties of cosine 1, but for rounding.
    pairs = combinations([*words[0:8:2], *words[24:32:2], *words[32:44:2], "unknown"], 2)
    path = write("\n".join(f"{a}\t{b}\t{rng.random():.2f}" for a, b in pairs))
    _, spearman, unknown = theirs.evaluate_word_pairs(str(path), **options)
    ours = similarity(vectors, path, **options)
    assert ours.spearman == pytest.approx(spearman.statistic, rel=1e-6)
    assert ours.out_of_vocabulary / ours.pairs * 100 == pytest.approx(unknown)


PUBLISHED = {
    "wordsim353.tsv": (353, None),
    "simlex999.txt": (999, None),
    "EN-RG-65.txt": (65, None),
    "kor_ws353.csv": (323, None),
    "questions-words.txt": (19544, 14),
    "kor_analogy_semantic.txt": (420, 2),
    "kor_analogy_syntactic.txt": (840, 4),
}


@pytest.mark.parametrize(("name", "size", "sections"), [(n, *s) for n, s in PUBLISHED.items()])
def test_published_benchmarks(data, name, size, sections):
    path = data / "eval" / name
    if sections is None:
        pairs = pairs_in(path)
        result = evaluate(random_vectors([w for pair in pairs for w in pair[:2]]), path)
        assert isinstance(result, SimilarityResult)
        assert (result.pairs, result.found) == (size, size)
        assert all(0 <= pair.score <= 10 for pair in pairs)
        assert abs(result.spearman) < 0.5
    else:
        questions = [q for section in questions_in(path).values() for q in section]
        result = evaluate(random_vectors([w for q in questions for w in q]), path)
        assert isinstance(result, AnalogyResult)
        assert (result.total.asked, len(result.sections)) == (size, sections)
        assert result.total.out_of_vocabulary == 0
