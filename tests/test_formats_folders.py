"""Folders: TensorBoard's projector, and what sentence-transformers and model2vec load."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from command import mistake, run
from conftest import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.files import FOLDERS, check_writable, recognise_folder
from embedlayer.vectors.vectors import Vectors

WORDS = [
    "the",
    "café",
    "한국어",
    "🙂",
    "a\u00a0b",
    "c\u3000d",
    "e\x1cf",
    "#",
    "a",
    "▁",
    "▁▁a",
    "The",
]
VECTORS = Vectors(
    WORDS, np.random.default_rng(3).standard_normal((12, 7)), range(24, 0, -2), {"b": [1, "é"]}
)
words_of_text = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f\0"), min_size=1
    ).filter(lambda word: word.strip("\ufeff").strip()),
    min_size=1,
    max_size=8,
    unique=True,
)


def check_same(found: Vectors, wanted: Vectors) -> None:
    """Raise unless words and matrix are the same, bit for bit."""
    assert found.words == wanted.words
    assert found.matrix.tobytes() == wanted.matrix.tobytes()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_read_again(tmp_path, name):
    VECTORS.save(f"{tmp_path}/v/", format=name)
    assert recognise_folder(tmp_path / "v") == name
    for format in (None, name):
        found = Vectors.load(tmp_path / "v", format)
        check_same(found, VECTORS)
        assert found.counts.tolist() == VECTORS.counts.tolist()
        assert found.metadata == (VECTORS.metadata if name == "static" else {})
    assert Vectors.load(tmp_path / "v", limit=3).counts.tolist() == [24, 22, 20]
    Vectors(WORDS, VECTORS.matrix).save(tmp_path / "w", name)
    assert Vectors.load(tmp_path / "w").counts is None


@pytest.mark.parametrize("name", FOLDERS)
@given(words=words_of_text)
def test_every_word_survives(tmp_path_factory, name, words):
    vectors = Vectors(words, np.arange(len(words))[:, None] / 3)
    path = tmp_path_factory.mktemp("any") / "v"
    vectors.save(path, name)
    check_same(Vectors.load(path), vectors)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_replaces_nothing_but_an_empty_one(tmp_path, name):
    (tmp_path / "v").mkdir()
    VECTORS.save(tmp_path / "v", name)
    (tmp_path / "file").touch()
    for taken in ("v", "file"):
        with pytest.raises(FileExistsError, match="something is there, and a folder replaces noth"):
            VECTORS.save(tmp_path / taken, name)
        with pytest.raises(EmbedlayerError, match="something is there, and a folder replaces noth"):
            check_writable(tmp_path / taken, name)
    check_writable(tmp_path / "new", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "v"]


@pytest.mark.parametrize("name", FOLDERS)
def test_two_saves_are_the_same_bytes_for_whom_the_user_makes_files(tmp_path, name):
    (tmp_path / "any").touch()
    VECTORS.save(tmp_path / "one", name)
    VECTORS.save(tmp_path / "two", name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert path.stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("name", FOLDERS)
def test_a_failed_write_leaves_nothing(tmp_path, name, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        VECTORS.save(tmp_path / "v", name)
    assert caught.value.filename == str(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("projector", ["a\tb", "a\nb", "\r", " ", "\u3000", "\ufeff", "", "\ud800"]),
        ("static", ["new york", "\t", "a\vb", "", "\0", "\ud800"]),
    ],
)
def test_words_that_a_folder_cannot_hold(tmp_path, name, words):
    for word in words:
        with pytest.raises(EmbedlayerError, match="word"):
            Vectors(["fine", word], np.eye(2)).save(tmp_path / "v", name)
        assert list(tmp_path.iterdir()) == []


def test_convert_writes_and_reads_folders(tmp_path):
    VECTORS.save(tmp_path / "v.safetensors")
    for name in FOLDERS:
        run("convert", tmp_path / "v.safetensors", tmp_path / name, "--format", name)
        run("convert", tmp_path / name, tmp_path / f"{name}.safetensors")
        check_same(Vectors.load(tmp_path / f"{name}.safetensors"), VECTORS)
        size = sum(path.stat().st_size for path in (tmp_path / name).iterdir())
        about = json.loads(run("info", "--json", tmp_path / name).stdout)
        assert about["results"][0]["bytes"] == size
        told = mistake("convert", tmp_path / "v.safetensors", tmp_path / name, "--format", name)
        assert "something is there, and a folder replaces nothing" in told
    with pytest.raises(EmbedlayerError, match="a folder without the files of a known format"):
        Vectors.load(tmp_path)
    with pytest.raises(
        EmbedlayerError, match="its suffix says word2vec-binary, and not static; use a"
    ):
        VECTORS.save(tmp_path / "v.bin", "static")


def test_the_projectors_files_are_the_ones_documented(tmp_path):
    Vectors(["한", "b c"], [[1, -0.5], [0.1, 2.5e-7]], [3, 1]).save(tmp_path / "v", "projector")
    assert (tmp_path / "v" / "tensors.tsv").read_text() == "1.0\t-0.5\n0.1\t2.5e-07\n"
    assert (tmp_path / "v" / "metadata.tsv").read_text("utf-8") == "word\tcount\n한\t3\nb c\t1\n"
    Vectors(["한", "b c"], np.eye(2)).save(tmp_path / "w", "projector")
    assert (tmp_path / "w" / "metadata.tsv").read_text("utf-8") == "한\nb c\n"
    assert 'tensor_path: "tensors.tsv"' in (tmp_path / "w" / "projector_config.pbtxt").read_text()


def folder_of(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(content)
    return folder


FLOATS = np.array([[1, 2], [3, 4]], "<f4").tobytes()
CONFIG = 'embeddings {\n tensor_name: "v:0"\n tensor_path: "x/t.%s"\n metadata_path: "x/m"\n%s}\n'
SHAPE = " tensor_shape: 2 tensor_shape: 2\n"


@pytest.mark.parametrize(
    "files",
    [
        {"tensors.tsv": "1\t2\n3\t4\n", "metadata.tsv": "a b\nc\n"},
        {"tensors.tsv": "1\t2\r\n3\t4", "metadata.tsv": "a b\r\nc"},
        {"tensors.tsv": "1\t2\n3\t4\n", "metadata.tsv": "id\tlabel\n7\ta b\n8\tc\n"},
        {
            "projector_config.pbtxt": CONFIG % ("tsv", ""),
            "x/t.tsv": "1 2\n3 4\n",
            "x/m": "a b\nc\n",
        },
        {"projector_config.pbtxt": CONFIG % ("bytes", SHAPE), "x/t.bytes": FLOATS, "x/m": "a b\nc"},
    ],
)
def test_projector_folders_of_others(tmp_path, files):
    vectors = Vectors.load(folder_of(tmp_path, files))
    check_same(vectors, Vectors(["a b", "c"], [[1, 2], [3, 4]]))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tensors.tsv": "1\t2\n3\n"}, "tensors.tsv, line 2: 2 numbers are expected"),
        ({"tensors.tsv": "1\t2\n3\tx\n"}, "tensors.tsv, line 2: could not convert"),
        ({"tensors.tsv": "1\t2\n"}, "metadata.tsv has 3 lines for 1 vectors"),
        ({"tensors.tsv": ""}, "metadata.tsv has 3 lines for 0 vectors"),
        ({"metadata.tsv": b"a\n\xff\n"}, "metadata.tsv: a word is not UTF-8"),
        ({"metadata.tsv": "word\tcount\na\tx\nb\t1"}, "metadata.tsv: invalid literal"),
        ({"metadata.tsv": "word\tcount\na\nb\t1"}, "metadata.tsv: list index"),
        ({"projector_config.pbtxt": 'tensor_path: "../t"'}, "names '../t', which is outside"),
        ({"projector_config.pbtxt": 'tensor_path: "/etc/passwd"'}, "which is outside the folder"),
        ({"projector_config.pbtxt": 'tensor_path: "a" tensor_path: "b"'}, "names 2 tensors (a, b)"),
        (
            {
                "projector_config.pbtxt": 'tensor_path: "t.bytes" tensor_shape: 999999999',
                "t.bytes": FLOATS,
            },
            "an array [999999999] of <f4 in 16 bytes: damaged",
        ),
    ],
)
def test_damaged_projector_folders(tmp_path, files, message):
    usual = {"tensors.tsv": "1\t2\n3\t4\n", "metadata.tsv": "word\tcount\na\t2\nb\t1\n"}
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(folder_of(tmp_path, usual | files))
    assert message in str(caught.value)


SENTENCES = [
    "the café  the", "", "unknown", "aX the \t▁ ▁▁a", " the a\u00a0b c\u3000d 🙂\n한국어 # e\x1cf",
    "The THE a ▁a the. ", "▁ x▁the \u3000", "the " * 2000 + "a",
]  # fmt: skip


def means(vectors: Vectors) -> np.ndarray:
    """The mean vector of the known words of each sentence, split as a text is for training."""
    rows = []
    for sentence in SENTENCES:
        words = [word.decode() for word in sentence.encode().split()]
        known = [word for word in words if word in vectors]
        rows.append(vectors[known].mean(axis=0) if known else np.zeros(vectors.dim))
    return np.array(rows)


@pytest.fixture
def static(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    VECTORS.save(tmp_path / "v", "static")
    return tmp_path / "v"


def test_model2vec_loads_it_and_we_load_model2vecs(tmp_path, static):
    model = import_or_skip("model2vec").StaticModel.from_pretrained(static)
    assert np.abs(model.encode(SENTENCES) - means(VECTORS)).max() < 1e-6
    model.save_pretrained(tmp_path / "again")
    check_same(Vectors.load(tmp_path / "again"), VECTORS)


@pytest.mark.filterwarnings("ignore")  # of what it imports
def test_sentence_transformers_loads_it_and_we_load_its(tmp_path, static):
    library = import_or_skip("sentence_transformers")
    model = library.SentenceTransformer(str(static), device="cpu")
    assert np.abs(model.encode(SENTENCES) - means(VECTORS)).max() < 1e-6
    model.save(str(tmp_path / "again"))
    check_same(Vectors.load(tmp_path / "again"), VECTORS)


def test_the_rows_that_model2vec_shares_and_weighs(tmp_path):
    model2vec, tokenizers = import_or_skip("model2vec"), import_or_skip("tokenizers")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]")
    )
    model2vec.StaticModel(
        np.array([[1, 2], [3, 4]], np.float32),
        tokenizer,
        weights=np.array([1, 2, 0.5], np.float32),
        token_mapping=np.array([0, 1, 1]),
    ).save_pretrained(tmp_path / "v")
    vectors = Vectors.load(tmp_path / "v")
    assert vectors.words == ("[UNK]", "a", "##b")
    assert vectors.matrix.tolist() == [[1, 2], [6, 8], [1.5, 2]]


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        ("", "damaged JSON"),
        ("[]", "damaged JSON: list"),
        ("{}", "has no vocabulary"),
        ('{"model": {"vocab": {"a": 1}}}', "has no vocabulary, numbered from 0 up"),
        ('{"model": {"vocab": {"a": 0, "b": 0}}}', "1 tokens, but 12 vectors"),
        ('{"model": {"vocab": {"a": [0]}}}', "has no vocabulary"),
        ('{"model": {"vocab": [["a", 0.5], "b"]}}', "has no vocabulary"),
        (
            '{"model": {"vocab": [["a", 0.5]]}, "added_tokens": [{"content": "b", "id": 1}]}',
            "2 tok",
        ),
    ],
)
def test_damaged_tokenizers(static, tokenizer, message):
    (static / "tokenizer.json").write_text(tokenizer)
    with pytest.raises(EmbedlayerError) as caught:
        Vectors.load(static)
    assert message in str(caught.value)
