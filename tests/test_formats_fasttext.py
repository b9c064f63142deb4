"""fastText's files: read as Meta's fastText reads them, written so that it and gensim load them."""

import struct
import tracemalloc

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer import EmbedlayerError, Vectors
from embedlayer.ngrams import Subwords
from embedlayer.vectors.quantized import Quantized
from embedlayer.vectors.subwords import SubwordRows

# Two made languages, of which words grow by endings: so that there are unseen words of known parts.
ENGLISH = (
    ["walk", "talk", "play", "jump", "climb", "paint", "clean", "cook", "look", "work"],
    ["", "s", "ed", "ing", "er", "ers", "able"],
)
KOREAN = (
    ["학교", "도서관", "한국", "서울", "바다", "사람", "시간", "음악", "나무", "하늘", "컴퓨터"],
    ["", "는", "에서", "에게", "으로", "까지", "부터", "만의"],
)
UNSEEN = {
    "English": "walkingly talkers' playfully Jump climb-er painte cleanings uncook lookout rework "
    "walk77 talked! plays. jumpy climbable-ish repaint unclean cookery overlook naïvework",
    "Korean": "학교에서는 도서관마다 한국인에게 서울까지는 바다로 사람들이 시간만의것 음악으로서 "
    "나무꾼 하늘에 컴퓨터들 대학교 도서 한국사 남서울 바닷가 사람a 시간77 음악! 나무에서는",
}
SMALL = Vectors(
    ["the", "café", "한국어"],
    np.arange(12).reshape(3, 4) / 8,
    [9, 5, 2],
    subwords=SubwordRows(Subwords(2, 4, 7), np.arange(28, dtype=np.float32).reshape(7, 4) / 16),
)


def text_of(stems: list[str], endings: list[str], lines: int = 3000) -> str:
    random = np.random.default_rng(1)
    words = np.array([stem + ending for stem in stems for ending in endings] + ["the", "of"])
    words = np.concatenate([words, [f"{word}{i}" for word in words for i in range(4)]])
    return "".join(" ".join(random.choice(words, 8)) + "\n" for _ in range(lines))


@pytest.fixture(scope="module")
def fasttext():
    return import_or_skip("fasttext")


@pytest.fixture(scope="module")
def models(fasttext, tmp_path_factory):
    """A model of skip-gram in made English, of CBOW with a tree in made Korean: (model, path)."""
    folder = tmp_path_factory.mktemp("fasttext")
    made = {}
    for name, (words, options) in {
        "English": (ENGLISH, {"model": "skipgram", "loss": "ns", "minn": 3, "maxn": 6}),
        "Korean": (KOREAN, {"model": "cbow", "loss": "hs", "minn": 2, "maxn": 5}),
    }.items():
        (folder / name).write_text(text_of(*words), encoding="utf-8")
        model = fasttext.train_unsupervised(
            str(folder / name), dim=20, epoch=2, minCount=1, bucket=900, thread=1, verbose=0,
            **options,
        )  # fmt: skip
        model.save_model(str(folder / f"{name}.bin"))
        made[name] = model, folder / f"{name}.bin"
    return made


def check_same(ours: Vectors, words: list[str], theirs, within: float = 1e-6) -> None:
    """Raise unless the vectors of words, seen and unseen, are what a function says of each."""
    for word in words:
        error = np.abs(ours[word] - theirs(word)).max()
        assert error <= within, f"{word!r} is off by {error}"


@pytest.mark.parametrize("language", ["English", "Korean"])
def test_metas_models_are_read(models, language):
    model, path = models[language]
    ours = Vectors.load(path)
    unseen = UNSEEN[language].split()
    assert list(ours.words) == model.words
    assert ours.counts.tolist() == model.get_words(include_freq=True)[1].tolist()
    assert len(unseen) == 20
    assert not any(word in ours for word in unseen)
    words = model.words[:300]
    assert len(words) == 300
    check_same(ours, [*words, *unseen, "</s>", "x", ""], model.get_word_vector)
    check_same(
        Vectors.load(path, limit=5), [*words, *unseen][5:6], lambda w: ours.subwords.means([w])[0]
    )
    whole = ours.matrix  # made in one go, and held from now on
    assert (
        whole[7].tolist()
        == Vectors.load(path)[ours.words[7]].tolist()
        == ours[ours.words[7]].tolist()
    )


@pytest.mark.parametrize("language", ["English", "Korean"])
def test_meta_and_gensim_load_what_we_write(fasttext, models, tmp_path, language):
    gensim = import_or_skip("gensim.models.fasttext")
    ours = Vectors.load(models[language][1])
    ours.save(tmp_path / "again.bin", "fasttext")
    words = [*ours.words[:300], *UNSEEN[language].split()]
    meta = fasttext.load_model(str(tmp_path / "again.bin"))
    assert meta.words == list(ours.words)
    check_same(ours, words, meta.get_word_vector)
    again = Vectors.load(tmp_path / "again.bin")
    check_same(again, words, meta.get_word_vector, 0)
    assert again.counts.tolist() == ours.counts.tolist()
    for key in ("model", "window", "negative", "epochs", "min_count", "sample"):
        assert again.metadata[key] == ours.metadata[key]
    theirs = gensim.load_facebook_vectors(str(tmp_path / "again.bin"))
    # It makes n-grams of "</s>", of which fastText has none.
    check_same(ours, [word for word in words if word != "</s>"], theirs.get_vector)


def test_the_output_table_of_negative_sampling_is_kept(fasttext, models, tmp_path):
    model, path = models["English"]
    ours = Vectors.load(path)
    assert ours.output.tobytes() == model.get_output_matrix().tobytes()
    ours.save(tmp_path / "v.fasttext.bin")
    again = fasttext.load_model(str(tmp_path / "v.fasttext.bin"))
    assert again.get_output_matrix().tobytes() == ours.output.tobytes()
    assert Vectors.load(models["Korean"][1]).output is None  # nodes of a tree that is not ours


def test_words_without_n_grams_or_counts(fasttext, tmp_path):
    gensim = import_or_skip("gensim.models.fasttext")
    ours = Vectors(["b", "a", "한"], np.eye(3, 5))
    ours.save(tmp_path / "v.bin", "fasttext")
    meta = fasttext.load_model(str(tmp_path / "v.bin"))
    theirs = gensim.load_facebook_vectors(str(tmp_path / "v.bin"))
    for word in ours.words:
        assert meta.get_word_vector(word).tolist() == theirs[word].tolist() == ours[word].tolist()
    again = Vectors.load(tmp_path / "v.bin")
    assert again.counts is None
    assert again.subwords is None
    with pytest.raises(EmbedlayerError, match="unknown word 'c'"):
        again["c"]


@pytest.mark.parametrize("qnorm", [True, False])
@pytest.mark.parametrize("cutoff", [0, 400], ids=["whole", "pruned"])
def test_quantized_and_supervised_models(fasttext, tmp_path, qnorm, cutoff):
    lines = text_of(*ENGLISH, 600).splitlines()
    text = "".join(f"__label__{i % 300} {line}\n" for i, line in enumerate(lines))
    (tmp_path / "text").write_text(text)
    model = fasttext.train_supervised(
        str(tmp_path / "text"), dim=7, epoch=2, minn=2, maxn=4, bucket=500, thread=1, verbose=0
    )
    model.save_model(str(tmp_path / "v.bin"))
    words = [*model.words[:300], *UNSEEN["English"].split(), "zzz"]
    check_same(Vectors.load(tmp_path / "v.bin"), words, model.get_word_vector)
    assert Vectors.load(tmp_path / "v.bin").metadata["model"] == "supervised"
    model.quantize(
        str(tmp_path / "text"), qnorm=qnorm, cutoff=cutoff, retrain=False, dsub=2, qout=qnorm
    )
    model.save_model(str(tmp_path / "v.ftz"))
    model = fasttext.load_model(str(tmp_path / "v.ftz"))
    ours = Vectors.load(tmp_path / "v.ftz")
    assert list(ours.words) == model.words
    assert isinstance(ours.subwords.rows, Quantized)  # 2 million rows stay codes
    check_same(ours, [*model.words, *words], model.get_word_vector)
    ours.save(tmp_path / "v.safetensors")
    check_same(Vectors.load(tmp_path / "v.safetensors"), words, lambda word: ours[word], 0)


def test_models_that_dropped_all_n_grams(fasttext, tmp_path):
    """Unseen words are zeros, as fastText has them, and not unknown; also when written again."""
    lines = text_of(*ENGLISH, 600).splitlines()
    (tmp_path / "text").write_text("".join(f"__label__{i % 9} {x}\n" for i, x in enumerate(lines)))
    model = fasttext.train_supervised(
        str(tmp_path / "text"), dim=6, lr=1, minn=30, maxn=31, bucket=300, thread=1, verbose=0
    )
    model.quantize(str(tmp_path / "text"), cutoff=256)
    model.save_model(str(tmp_path / "v.ftz"))
    ours = Vectors.load(tmp_path / "v.ftz")
    assert (len(ours), len(ours.subwords)) == (256, 0)
    check_same(ours, [*model.words, "unseen", "x" * 40], model.get_word_vector)
    ours.save(tmp_path / "v.fasttext.bin")
    again = Vectors.load(tmp_path / "v.fasttext.bin")
    assert again.subwords.subwords == ours.subwords.subwords == Subwords(30, 31, 300)
    check_same(again, [*model.words, "unseen", "x" * 40], model.get_word_vector)


def test_supervised_models_of_words_alone(fasttext, tmp_path):
    (tmp_path / "text").write_text("__label__a one two three\n__label__b four five six\n" * 50)
    model = fasttext.train_supervised(
        str(tmp_path / "text"), dim=5, wordNgrams=2, bucket=50, thread=1, verbose=0
    )
    model.save_model(str(tmp_path / "v.bin"))
    ours = Vectors.load(tmp_path / "v.bin")
    check_same(ours, model.words, model.get_word_vector)
    assert "__label__a" not in ours
    assert ours.subwords is None


def test_vec_files_both_ways(models, tmp_path):
    model, path = models["Korean"]
    Vectors.load(path).save(tmp_path / "v.vec")
    found = Vectors.load(tmp_path / "v.vec")
    check_same(found, model.words, model.get_word_vector)


def small(tmp_path, vectors=SMALL) -> bytearray:
    vectors.save(tmp_path / "small", "fasttext")
    return bytearray((tmp_path / "small").read_bytes())


def changed(data: bytearray, place: int, layout: str, value: int) -> bytearray:
    data[place : place + struct.calcsize(layout)] = struct.pack(layout, value)
    return data


def test_the_bytes_of_a_file(tmp_path):
    data = bytes(small(tmp_path))
    arguments = struct.pack("<12id", 4, 5, 5, 1, 5, 1, 2, 2, 7, 2, 4, 100, 1e-4)
    head = struct.pack("<2i", 793712314, 12) + arguments + struct.pack("<3i2q", 3, 3, 0, 16, -1)
    counted = zip(SMALL.words, (9, 5, 2), strict=True)
    entries = b"".join(word.encode() + struct.pack("<bqb", 0, n, 0) for word, n in counted)
    assert data.startswith(head + entries + struct.pack("<b2q", 0, 10, 4))
    rest = data[len(head + entries) + 17 :]
    table = np.frombuffer(rest[: 10 * 16], "<f4").reshape(10, 4)
    assert table[3:].tolist() == SMALL.subwords.rows.tolist()
    assert rest[10 * 16 :] == struct.pack("<b2q", 0, 3, 4) + bytes(48)
    found = Vectors.load(tmp_path / "small")
    assert np.abs(found.matrix - SMALL.matrix).max() < 1e-6
    assert found["unseen"].tolist() == SMALL["unseen"].tolist()


@pytest.mark.parametrize("pruned", [False, True])
def test_rows_written_in_pieces_are_the_same_bytes(tmp_path, monkeypatch, pruned):
    output = np.arange(12, dtype=np.float32).reshape(3, 4)
    subwords = SMALL.subwords.pruned(["the", "한국어"]) if pruned else SMALL.subwords
    assert len(subwords) > 2
    vectors = Vectors(SMALL.words, SMALL.matrix, output=output, subwords=subwords)
    whole = small(tmp_path, vectors)
    monkeypatch.setattr("embedlayer.vectors.formats.fasttext.ROWS_AT_ONCE", 2)
    assert small(tmp_path, vectors) == whole
    found = Vectors.load(tmp_path / "small")
    assert found.output.tolist() == output.tolist()
    kept = range(7) if subwords.kept is None else subwords.kept.tolist()
    assert found.subwords.rows[[*kept]].tolist() == subwords.rows.tolist()


def test_classifiers_of_version_11_have_no_n_grams(tmp_path):
    """Whatever they say: fastText made n-grams in them from version 12 on."""
    data = changed(small(tmp_path), 4, "<i", 11)
    (tmp_path / "v.bin").write_bytes(data)
    assert Vectors.load(tmp_path / "v.bin")["unseen"].tolist() == SMALL["unseen"].tolist()
    (tmp_path / "v.bin").write_bytes(changed(data, 8 + 4 * 7, "<i", 3))
    found = Vectors.load(tmp_path / "v.bin")
    assert found.subwords is None
    assert found["the"].tobytes() == bytes(data[TABLE + 17 : TABLE + 17 + 16])


HEAD = 8 + 56 + 28  # bytes before the dictionary
TABLE = HEAD + sum(len(word.encode()) + 10 for word in SMALL.words)


@pytest.mark.parametrize(
    ("place", "layout", "value", "message"),
    [
        (4, "<i", 13, "version 13 of fastText's models"),
        (8, "<i", 5, r"a table \(10, 4\) for 3 words of 5 dimensions"),
        (8 + 4 * 8, "<i", 6, "6 buckets of n-grams need a table"),
        (8 + 4 * 8, "<i", -1, "buckets is -1"),
        (8 + 4 * 9, "<i", -1, "n-grams of -1 to 4 characters"),
        (8 + 4 * 10, "<i", 10**9, "n-grams of 2 to 1000000000 characters"),
        (64, "<i", 2**31 - 1, "2147483647 entries, 3 words"),
        (64, "<i", -3, "-3 entries"),
        (68, "<i", 2, "3 entries, 2 words"),
        (HEAD - 8, "<q", 2**62, "ends inside a table"),
        (HEAD - 8, "<q", 0, "n-grams were dropped, but"),
        (TABLE, "b", 1, "damaged"),
        (TABLE, "b", 2, "2 in the place of a yes or no"),
        (TABLE + 1, "<q", 2**61, "ends inside a table"),
        (TABLE + 1, "<q", -1, "ends inside a table"),
        (TABLE + 1, "<q", 2, "a table .* for 3 words"),
        (TABLE + 9, "<q", 2**62, "ends inside a table"),
        (TABLE - 1, "b", 1, "words and labels are mixed"),
        (TABLE - 2, "b", -1, "counts are negative"),
    ],
)
def test_damaged_files_are_told(tmp_path, place, layout, value, message):
    (tmp_path / "v.bin").write_bytes(changed(small(tmp_path), place, layout, value))
    with pytest.raises(EmbedlayerError, match=message):
        Vectors.load(tmp_path / "v.bin")


def test_files_that_are_cut_off(tmp_path):
    data = bytes(small(tmp_path))
    for size in range(4, len(data) - 1):
        (tmp_path / "v.bin").write_bytes(data[:size])
        with pytest.raises(EmbedlayerError, match=r"cut off|damaged"):
            Vectors.load(tmp_path / "v.bin", "fasttext")


def test_numbers_that_are_none_are_told_with_the_word(tmp_path):
    data = small(tmp_path)
    nan = changed(data, TABLE + 17 + 16, "<f", np.nan)  # in the second word's row
    (tmp_path / "v.bin").write_bytes(nan)
    found = Vectors.load(tmp_path / "v.bin")
    assert np.isfinite(found["the"]).all()
    with pytest.raises(EmbedlayerError, match="the vector of 'café' holds a NaN"):
        found["café"]
    with pytest.raises(EmbedlayerError, match="the vector of 'café' holds a NaN"):
        _ = found.matrix


def test_words_that_are_not_utf8_keep_their_vectors(tmp_path):
    """The n-grams are those of the bytes, whatever the word becomes."""
    data = bytes(small(tmp_path)).replace("café".encode(), "caf\xff\xfe".encode("latin-1"))
    (tmp_path / "v.bin").write_bytes(data)
    with pytest.raises(EmbedlayerError, match=r"word 2: b'caf\\xff\\xfe' is not a word in UTF-8"):
        Vectors.load(tmp_path / "v.bin")
    replaced = Vectors.load(tmp_path / "v.bin", errors="replace")
    assert replaced.words == ("the", "caf\ufffd\ufffd", "한국어")
    assert not np.array_equal(replaced["caf\ufffd\ufffd"], SMALL["café"])
    assert replaced["한국어"].tolist() == Vectors.load(tmp_path / "small")["한국어"].tolist()


def test_dropped_buckets_are_written_as_zeros_and_told(tmp_path, caplog):
    pruned = Vectors(
        ["walk"],
        np.ones((1, 3)),
        subwords=SubwordRows(Subwords(3, 3, 50), np.ones((50, 3), np.float32)),
    ).pruned()
    pruned.save(tmp_path / "v.fasttext.bin")
    assert f"{50 - len(pruned.subwords)} buckets of n-grams were dropped" in caplog.text
    found = Vectors.load(tmp_path / "v.fasttext.bin")
    assert found["walk"].tolist() == [1, 1, 1]
    assert found.similarity("walking", "walk") == pytest.approx(1)


def test_a_large_file_takes_no_memory_until_its_vectors_are_asked_for(tmp_path):
    """1.2 GB of rows, nearly all zeros that no disk holds; tracemalloc sees no mapped page."""
    size, buckets, dim = 1000, 1_000_000, 300
    subwords = SubwordRows(Subwords(3, 6, 1), np.ones((1, dim), np.float32))
    words = [f"word{i}" for i in range(size)]
    Vectors(words, np.ones((size, dim)), subwords=subwords).save(tmp_path / "v", "fasttext")
    data = bytearray((tmp_path / "v").read_bytes())
    begin = data.index(struct.pack("<2q", size + 1, dim))
    rows = begin + 16 + size * dim * 4
    output = data[rows + dim * 4 : rows + dim * 4 + 17]
    with (tmp_path / "v").open("r+b") as stream:
        stream.write(changed(data, 8 + 4 * 8, "<i", buckets)[:begin])
        stream.write(struct.pack("<q", size + buckets))
        stream.seek(rows + buckets * dim * 4)
        stream.write(output)
        stream.truncate(stream.tell() + size * dim * 4)
    assert (tmp_path / "v").stat().st_size > 1.2e9
    tracemalloc.start()
    try:
        found = Vectors.load(tmp_path / "v")
        assert found["word7"].shape == found["unseen"].shape == (dim,)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_an_archive_and_a_pipe_are_read_too(tmp_path):
    SMALL.save(tmp_path / "v.fasttext.bin.gz")
    found = Vectors.load(tmp_path / "v.fasttext.bin.gz")
    assert found["unseen"].tolist() == SMALL["unseen"].tolist()
    assert found.words == SMALL.words
