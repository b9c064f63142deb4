"""The corpus against plain Python, for any text, options, block size and number of threads."""

import gzip
import io
import resource
import sys
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import SkipGram
from embedlayer.text import readers
from embedlayer.text import sentences as sentences_module
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.run import Training

PIECES = ["a", "bb", "the", "é", "한국", "x" * 40, "\x01", "\x1c", "\u3000", "\u00a0"]
PIECES += [" ", "  ", "\t", "\r", "\n", "\n\n", "\r\n", "\v", "\f", "\x85"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
hypothesis = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "cache"))


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def corpus_by_hand(sentences, min_count, max_size, max_sentence):
    """The words, their counts and the sentences of ids, by dicts and lists."""
    counts = Counter(word for sentence in sentences for word in sentence)
    frequent = [word for word in counts if counts[word] >= min_count]
    words = sorted(frequent, key=lambda word: (-counts[word], word))[:max_size]
    ids = {word: i for i, word in enumerate(words)}
    encoded = [[ids[word] for word in sentence if word in ids] for sentence in sentences]
    pieces = [
        sentence[i : i + max_sentence]
        for sentence in encoded
        for i in range(0, len(sentence), max_sentence)
    ]
    return words, [counts[word] for word in words], pieces


def sentences_of_file(text):
    return [[word.decode() for word in line.split()] for line in text.encode().split(b"\n")]


def sentences_of(corpus):
    offsets = corpus.offsets.tolist()
    return [corpus.ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(corpus))]


def check(corpus, sentences, min_count, max_size, max_sentence):
    words, counts, pieces = corpus_by_hand(sentences, min_count, max_size, max_sentence)
    assert corpus.vocabulary.words == words
    assert corpus.vocabulary.counts.tolist() == counts
    assert sentences_of(corpus) == pieces
    assert corpus.ids.dtype == np.int32
    assert corpus.offsets.dtype == np.int64
    assert corpus.offsets[0] == 0
    assert corpus.offsets[-1] == len(corpus.ids)
    assert corpus.tokens_read == sum(map(len, sentences))
    assert corpus.tokens_out_of_vocabulary == corpus.tokens_read - sum(counts)


@hypothesis
@given(
    texts=st.lists(TEXT, min_size=1, max_size=3),
    min_count=st.integers(1, 3),
    max_size=st.none() | st.integers(1, 5),
    max_sentence=st.integers(1, 5),
    block_bytes=st.integers(1, 50),
    workers=st.integers(1, 3),
)
def test_files_of_any_text(tmp_path, texts, block_bytes, workers, **options):
    files = [write(tmp_path / str(i), text) for i, text in enumerate(texts)]
    sentences = [sentence for text in texts for sentence in sentences_of_file(text)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK_BYTES", block_bytes)
        try:
            corpus = Corpus.from_files(files, cache=False, workers=workers, **options)
        except EmbedlayerError:
            counts = Counter(word for sentence in sentences for word in sentence)
            assert max(counts.values(), default=0) < options["min_count"]
        else:
            check(corpus, sentences, **options)


@hypothesis
@given(
    sentences=st.lists(st.lists(st.sampled_from(["a", "b c", "한 국", "", "d\n"])), min_size=1),
    max_sentence=st.integers(1, 4),
    batch=st.integers(1, 10),
)
def test_any_sentences(sentences, max_sentence, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences_module, "BATCH", batch)
        kept = [[word for word in sentence if word] for sentence in sentences]
        if not any(kept):
            with pytest.raises(EmbedlayerError, match="no words: there are no sentences"):
                Corpus.from_sentences(sentences)
            return
        corpus = Corpus.from_sentences(
            (iter(sentence) for sentence in sentences), min_count=1, max_sentence=max_sentence
        )
    check(corpus, kept, 1, None, max_sentence)


def test_threads_and_blocks_change_nothing(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    words = random.zipf(1.3, 200_000) % 50_000
    breaks = random.integers(0, 30, len(words))
    text = "".join(f"w{w}{chr(10) if b == 0 else ' '}" for w, b in zip(words, breaks, strict=True))
    path = write(tmp_path / "text", text)
    for workers, block_bytes in ((1, 1 << 20), (3, 10_000), (4, 1_000), (1, 77_777)):
        monkeypatch.setattr(readers, "BLOCK_BYTES", block_bytes)
        corpus = Corpus.from_files(path, min_count=2, cache=False, workers=workers)
        check(corpus, sentences_of_file(text), 2, None, 1000)


def test_one_long_line_and_many_short_ones(tmp_path):
    many = write(tmp_path / "many", "one\ntwo\n" * 300_000)
    one = write(tmp_path / "one", many.read_bytes().replace(b"\n", b" "))
    corpus = Corpus.from_files(many, cache=False)
    assert len(corpus) == len(corpus.ids) == 600_000
    corpus = Corpus.from_files(one, cache=False)
    assert len(corpus) == 600
    assert set(np.diff(corpus.offsets).tolist()) == {1000}
    assert corpus.ids[:4].tolist() == [0, 1, 0, 1]


def test_compressed_files_and_standard_input(tmp_path, monkeypatch):
    text = "b a\na\n"
    packed = tmp_path / "text.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    check(Corpus.from_files(packed, min_count=1), [["b", "a"], ["a"]], 1, None, 1000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    check(Corpus.from_files("-", min_count=1), [["b", "a"], ["a"]], 1, None, 1000)


def test_a_tokenizer(tmp_path):
    path = write(tmp_path / "text", "Ab,C\r\n\nab,한\n")
    lines = []

    def tokenizer(line):
        lines.append(line)
        return line.lower().split(",")

    corpus = Corpus.from_files(path, min_count=1, tokenizer=tokenizer)
    assert lines == ["Ab,C", "ab,한"]
    check(corpus, [["ab", "c"], ["ab", "한"]], 1, None, 1000)


def test_arrays_are_read_only_and_temporary_files_have_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    corpus = Corpus.from_sentences([["a", "b"]], min_count=1)
    for array in (corpus.ids, corpus.offsets):
        assert not array.flags.writeable
        assert type(array) is np.ndarray
    assert list((tmp_path / "temporary").iterdir()) == []


def test_progress(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "BLOCK_BYTES", 10)
    plain = write(tmp_path / "plain", "word\n" * 20)
    packed = write(tmp_path / "packed.gz", gzip.compress(b"word\n" * 20))
    total = 100 + packed.stat().st_size
    for tokenizer in (None, str.split):
        seen = []
        Corpus.from_files(
            [plain, packed], cache=False, tokenizer=tokenizer,
            progress=lambda done, size, seen=seen: seen.append((done, size)),
        )  # fmt: skip
        assert seen == sorted(seen)
        assert seen[-1] == (total, total)
        assert len(seen) > 20


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("tokenizer", [None, str.split])
@pytest.mark.parametrize("block_bytes", [1, 5, 1 << 20])
def test_bytes_that_are_not_utf8(tmp_path, monkeypatch, workers, tokenizer, block_bytes):
    monkeypatch.setattr(readers, "BLOCK_BYTES", block_bytes)
    good = write(tmp_path / "good", "é\né")
    bad = write(tmp_path / "bad", b"fine fine\nso \xc3\xa9 far\nb\xe9b\xe9 \xff")
    with pytest.raises(EmbedlayerError) as error:
        Corpus.from_files([good, bad], tokenizer=tokenizer, workers=workers)
    assert f"{bad}, line 3: byte 0xe9, at 21 from the start of the text" in str(error.value)
    assert "errors='replace'" in str(error.value)
    corpus = Corpus.from_files(
        [good, bad], tokenizer=tokenizer, workers=workers, errors="replace", min_count=1
    )
    sentences = [["é"], ["é"], ["fine", "fine"], ["so", "é", "far"], ["b\ufffdb\ufffd", "\ufffd"]]
    check(corpus, sentences, 1, None, 1000)


def test_half_characters_in_neighbouring_words_are_not_one(tmp_path):
    path = write(tmp_path / "text", b"\xc3 \xa9")  # é, if their bytes were joined
    with pytest.raises(EmbedlayerError, match="line 1: byte 0xc3, at 0"):
        Corpus.from_files(path)


def test_words_that_read_alike_when_replaced_are_one(tmp_path):
    path = write(tmp_path / "text", b"a\xff a\xfe a\xef\xbf\xbd")
    corpus = Corpus.from_files(path, errors="replace", min_count=3)
    assert corpus.vocabulary.words == ["a\ufffd"]
    assert corpus.vocabulary.counts.tolist() == [3]


@pytest.mark.parametrize("tokenizer", [None, str.split])
def test_empty_texts(tmp_path, tokenizer):
    path = write(tmp_path / "text", " \n\t\r\n")
    with pytest.raises(EmbedlayerError, match=f"no words in {path}: the text is empty"):
        Corpus.from_files(path, tokenizer=tokenizer)
    files = [write(tmp_path / f"text{i}", "") for i in range(5)]
    with pytest.raises(EmbedlayerError, match="text2 and 2 more: the text is empty"):
        Corpus.from_files(files, tokenizer=tokenizer)


def test_no_word_is_frequent_enough(tmp_path):
    with pytest.raises(EmbedlayerError, match="the most frequent occurs 2 times"):
        Corpus.from_files(write(tmp_path / "text", "a b a"))


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (["a line"], "sentence 1 is the str 'a line'.*line.split"),
        ("a text", "sentence 1 is the str 'a'"),
        ([["a"], b"line"], "sentence 2 is the bytes b'line'"),
        ([["a"], 7], "sentence 2 is the int 7"),
        ([["a", ["b"]]], "sentence 1 is the list"),
        ([["a", 3]], "sentence 1 .*a word must be a str, not the int 3"),
        ([["a"], ["b", b"c"]], "sentence 2 .*a word must be a str, not the bytes b'c'"),
        ([["a", None]], "a word must be a str, not the NoneType None"),
        ([["a", "\ud800"]], r"half of a character \(a surrogate\) in the str '.ud800'"),
        ([{"id": "1", "text": "the cat sat"}], r"sentence 1 is the dict .*row\['text'\].split"),
        ([{"a", "b"}], "sentence 1 is the set .* must be a list of words"),
        ([{"a": 1}.keys()], "sentence 1 is the dict_keys"),
        ([["a\0b"]], "sentence 1 .*a NUL, which no text holds, in the str"),
        ({"text": [["a"]]}, "sentence 1 is the str 'text'"),
        (3, "the int 3 is no text: give a path, or lists of words"),
    ],
)
def test_what_is_not_sentences(sentences, message):
    with pytest.raises(EmbedlayerError, match=message):
        Corpus.from_sentences(sentences, min_count=1)


@pytest.mark.parametrize("blank", ["", " ", "\n", "\t \r\v\f"])
def test_what_holds_no_letter_is_no_word(tmp_path, blank):
    """A rule of tokens in lists and of tokenizers: it is not found out when a .bin is written."""
    sentences = [["a", blank, "new york"], [blank], ["a"]]
    corpus = Corpus.from_sentences(sentences, min_count=1)
    assert corpus.vocabulary.words == ["a", "new york"]
    assert (corpus.ids.tolist(), corpus.offsets.tolist()) == ([0, 1, 0], [0, 2, 3])
    path = write(tmp_path / "text", "1\n2\n3\n")
    made = Corpus.from_files(path, min_count=1, tokenizer=lambda line: sentences[int(line) - 1])
    assert made.ids.tolist() == [0, 1, 0]
    with pytest.raises(EmbedlayerError, match="no words"):
        Corpus.from_sentences([[blank]], min_count=1)


def test_words_of_numpy_become_pythons():
    corpus = Corpus.from_sentences(np.array([["a", "b"]] * 3), min_count=1)
    assert [type(word) for word in corpus.vocabulary.words] == [str, str]


@pytest.mark.parametrize("tokens", [{"a": 1}, {"a"}, None, 3])
def test_a_tokenizer_that_gives_no_list(tmp_path, tokens):
    path = write(tmp_path / "text", "A line")
    with pytest.raises(EmbedlayerError, match=r"sentence 1 is the .*give lists of words"):
        Corpus.from_files(path, tokenizer=lambda line: tokens)


def test_a_tokenizer_that_gives_a_str(tmp_path):
    path = write(tmp_path / "text", "A line")
    with pytest.raises(EmbedlayerError, match="must return a list of words, not the str 'a line'"):
        Corpus.from_files(path, tokenizer=str.lower)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count is 0"),
        ({"max_size": 0}, "max_size is 0"),
        ({"max_sentence": 0}, "max_sentence is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"errors": "ignore"}, "errors 'ignore': choose strict or replace"),
        ({"tokenizer_key": "mine"}, "no tokenizer was given"),
    ],
)
def test_options_out_of_range(tmp_path, options, message):
    with pytest.raises(EmbedlayerError, match=message):
        Corpus.from_files(tmp_path / "never read", **options)


GOOD = {"ids": np.array([0, 1, 0], np.int32), "offsets": np.array([0, 2, 3])}


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": np.array([0, 2, 0], np.int32)},
        {"ids": np.array([0, -1, 0], np.int32)},
        {"ids": np.array([0, 1, 0])},
        {"ids": np.array([[0, 1, 0]], np.int32)},
        {"offsets": np.array([0, 2, 3], np.int32)},
        {"offsets": np.array([0, 2, 2])},
        {"offsets": np.array([1, 2, 3])},
        {"offsets": np.array([0, 10**12, 3])},
        {"offsets": np.array([0, 2**63 - 1, -2, 3])},
        {"offsets": np.array([0, -1, 3])},
        {"offsets": np.array([], np.int64)},
        {"counts": np.array([3])},
    ],
    ids=str,
)
def test_a_corpus_of_other_arrays_is_refused_before_it_is_trained_on(wrong):
    """``Corpus`` is public: the arrays may be anybody's."""
    vocabulary = Vocabulary(["a", "b"], [2, 1])
    model = SkipGram(sample=0)
    Training(Corpus(**GOOD, vocabulary=vocabulary, tokens_read=3, seconds={}), model)
    if "counts" in wrong:
        vocabulary.counts = wrong.pop("counts")
    corpus = Corpus(**GOOD | wrong, vocabulary=vocabulary, tokens_read=3, seconds={})
    with pytest.raises(EmbedlayerError, match="this corpus has not, as is needed"):
        Training(corpus, model)


def test_a_full_disk(tmp_path, caplog):
    path = write(tmp_path / "text", "word " * 10_000)
    Corpus.from_files(path, cache=False)  # compiled, before files may not grow
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for cache in (True, False):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
            with pytest.raises(EmbedlayerError, match=r"cannot write .*TMPDIR"):
                Corpus.from_files(path, cache=cache)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (record,) = caplog.records  # the cache is tried first, and done without
    assert "no cache: cannot write in the cache folder" in record.message
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["embedlayer.lock"]


@pytest.mark.parametrize("tokenizer", [None, str.split])
@pytest.mark.parametrize(
    ("size", "tells"), [(1000, "cut"), (0, "cut"), (60_000, "changed"), (70_000, "changed")]
)
def test_a_text_that_changes_while_it_is_read(
    tmp_path, monkeypatch, caplog, size, tells, tokenizer
):
    monkeypatch.setattr(readers, "BLOCK_BYTES", 4096)
    path = write(tmp_path / "text", "a b\n" * 15_000)
    seen = []

    def change(done, total):
        if not seen:
            path.write_bytes(b"c d\n" * (size // 4))
        seen.append(done)

    def read():
        return Corpus.from_files(path, min_count=1, workers=1, tokenizer=tokenizer, progress=change)

    if tells == "cut":
        with pytest.raises(EmbedlayerError, match=f"{path} was cut from 60000 to {size} bytes"):
            read()
    else:
        read()
        assert f"{path} changed while it was read" in caplog.text


def test_a_thread_that_sees_line_ends_alone(tmp_path, monkeypatch):
    """It has no words: its table of final ids is empty."""
    monkeypatch.setattr(readers, "BLOCK_BYTES", 4)
    path = write(tmp_path / "text", "\n" * 40 + "a b\n" + "\n" * 40)
    check(Corpus.from_files(path, min_count=1, workers=8), [["a", "b"]], 1, None, 1000)


def test_memory_does_not_grow_with_the_text(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "BLOCK_BYTES", 1 << 14)
    peaks = []
    for repeats in (1, 8):
        path = write(tmp_path / "text", "so few words\n" * 100_000 * repeats)
        tracemalloc.start()
        Corpus.from_files(path, cache=False, workers=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
