"""embedlayer train: its report, its options, and mistakes told before any work is done."""

import errno
import json
import math
import os
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from command import mistake, run, run_process
from conftest import FORMATS_HERE
from planted import check_neighbours, planted_sentences

from embedlayer.cli.progress import ReadingProgress, TrainingProgress
from embedlayer.cli.run import save_somewhere
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import MODELS
from embedlayer.models.outputs import LOSSES
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training
from embedlayer.vectors.files import FORMATS
from embedlayer.vectors.vectors import Vectors

TOKENS = 600 * 12
SMALL = ("--dim", 16, "--window", 3, "--sample", 0, "--workers", 1)


@pytest.fixture(autouse=True)
def on_numpy(monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(600))) + "\nonce\n")
    return path


def only_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"cache"}


def test_json_is_one_object_with_the_whole_report(text, tmp_path):
    out = tmp_path / "out.safetensors"
    result = run("train", text, "-o", out, *SMALL, "--epochs", 6, "--lr", 0.05, "--json")
    assert result.stdout.count("\n") == 1
    report = json.loads(result.stdout)
    assert report["tokens_read"] == TOKENS + 1
    assert report["tokens_out_of_vocabulary"] == 1
    assert report["tokens_trained"] == 6 * TOKENS
    assert report["tokens_subsampled"] == 0
    assert report["vocabulary"] == 48
    assert set(report["seconds"]) == {"kernels", "vocabulary", "encoding", "training", "saving"}
    assert min(report["seconds"].values()) >= 0
    speed = 6 * TOKENS / report["seconds"]["training"]
    assert report["words_per_second"] == pytest.approx(speed)
    assert len(report["loss"]) == 6
    assert report["loss"][-1] < report["loss"][0] < math.log(2) + 0.05
    assert (report["backend"], report["kernels"], report["workers"]) == ("numpy", "fused", 1)
    assert report["table_bytes"] == 2 * 48 * 16 * 4
    assert report["corpus_bytes"] == 4 * TOKENS + 8 * 601
    assert report["peak_memory"] > 10**7
    assert report["output"] == str(out)
    check_neighbours(Vectors.load(out))
    assert only_files(tmp_path) == {"text.txt", "out.safetensors"}


def test_without_json_a_summary_goes_to_standard_error(text, tmp_path):
    result = run("train", text, "-o", tmp_path / "out.vec", *SMALL, "--epochs", 1)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("48 words; memory: W_in 0.0 MB, W_out 0.0 MB, ")
    assert "text     7,201 tokens, 0.0 % out of vocabulary" in lines
    assert "trained  7,200 tokens in all, 0.0 % subsampled" in lines
    assert lines[-1] == f"wrote    {tmp_path}/out.vec: 48 words, 16 dimensions"


def test_what_auto_chose_is_told_but_not_when_quiet(text, tmp_path, monkeypatch):
    monkeypatch.setattr("embedlayer.device.Cuda.problem", lambda self: "the planted reason")
    for quiet, first in ([], "backend: numpy (auto: the planted reason)"), (["--quiet"], ""):
        monkeypatch.setattr("embedlayer.backend._announced", set())
        auto = ("--backend", "auto", "--epochs", 1, *quiet)
        result = run("train", text, "-o", tmp_path / "out.vec", *SMALL, *auto)
        assert result.stderr.split("\n")[0] == first


def test_quiet_says_nothing(text, tmp_path):
    result = run("train", text, "-o", tmp_path / "out.vec", *SMALL, "--quiet")
    assert result.output == ""
    assert len(Vectors.load(tmp_path / "out.vec")) == 48


def test_progress_is_told_of_reading_and_training(text, tmp_path, monkeypatch):
    for display in ReadingProgress, TrainingProgress:
        monkeypatch.setattr(f"embedlayer.cli.run.{display.__name__}", partial(display, every=0))
    lines = run("train", text, "-o", tmp_path / "out.vec", *SMALL).stderr.splitlines()
    assert any(line.startswith("reading: 100 % of 36kB, ") for line in lines)
    assert any(line.startswith("training: 100 % of 36k tokens, ") for line in lines)


def test_options_reach_the_model_the_corpus_and_the_training(text, tmp_path):
    out = tmp_path / "out.safetensors"
    options = {
        "--model": "cbow",
        "--dim": 8,
        "--window": 2,
        "--negative": 3,
        "--noise-power": 0.5,
        "--sample": 0.01,
        "--max-vocab": 30,
        "--max-sentence": 7,
        "--min-count": 2,
        "--epochs": 2,
        "--lr": 0.2,
        "--min-lr": 0.1,
        "--seed": 5,
        "--workers": 1,
        "--kernels": "reference",
        "--backend": "numpy",
        "--errors": "replace",
    }
    flat = [part for pair in options.items() for part in pair]
    report = json.loads(run("train", text, "-o", out, *flat, "--divide", "--json").stdout)
    vectors = Vectors.load(out)
    about = vectors.metadata
    assert about["divide"] is True
    assert about["model"] == "cbow"
    for name in ("dim", "window", "negative", "sample", "epochs", "lr", "seed", "kernels"):
        assert about[name] == options[f"--{name}"], name
    assert (about["noise_power"], about["min_lr"]) == (0.5, 0.1)
    assert len(vectors) == report["vocabulary"] == 30
    assert (report["backend"], report["workers"]) == ("numpy", 1)
    corpus = Corpus.from_files(text, min_count=2, max_size=30, max_sentence=7, errors="replace")
    assert corpus.from_cache  # so these were the options
    assert report["corpus_bytes"] == corpus.ids.nbytes + corpus.offsets.nbytes


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_and_loss(text, tmp_path, model, loss):
    out = tmp_path / "out.safetensors"
    run("train", text, "-o", out, *SMALL, "--model", model, "--loss", loss, "--quiet")
    about = Vectors.load(out).metadata
    assert (about["model"], about["loss"]) == (model, loss)


def test_the_layered_step_with_an_optimizer(text, tmp_path):
    step = ("--step", "layered", "--optimizer", "adam", "--lr", 0.02, "--epochs", 6)
    run("train", text, "-o", tmp_path / "out.vec", *SMALL, *step, "--quiet")
    check_neighbours(Vectors.load(tmp_path / "out.vec"))


def test_the_cache_is_used_unless_told_not_to(text, tmp_path):
    def from_cache(*options):
        out = tmp_path / "out.vec"
        result = run("train", text, "-o", out, *SMALL, "--epochs", 1, "--json", *options)
        return json.loads(result.stdout)["corpus_from_cache"]

    assert not from_cache("--no-cache")
    assert not (tmp_path / "cache").exists()
    assert not from_cache()
    assert from_cache()
    assert not from_cache("--min-count", 2)


def test_standard_input_and_several_texts(tmp_path):
    (tmp_path / "a.txt").write_text("one two\n" * 5)
    out = tmp_path / "out.vec"
    result = run(
        "train", tmp_path / "a.txt", "-", "-o", out, *SMALL, "--json", stdin=b"two three\n" * 5
    )
    assert json.loads(result.stdout)["tokens_read"] == 20
    assert set(Vectors.load(out).words) == {"one", "two", "three"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-sentence", 1], "every sentence has one word"),
        (["--max-vocab", 1], "is the only word of the vocabulary"),
        (["--sample", 1e-300], "sample 1e-300 drops every token but"),
    ],
)
def test_training_on_nothing_is_refused(text, tmp_path, options, message):
    line = run("train", text, "-o", tmp_path / "out.vec", "--quiet", *options, code=2).stderr
    assert message in line
    assert only_files(tmp_path) == {"text.txt"}


@pytest.mark.parametrize("suffix", [FORMATS[name].SUFFIXES[0] for name in FORMATS_HERE])
def test_korean_and_accented_words_in_every_format(tmp_path, suffix):
    topics = {"서울": "부산", "café": "crème", "Ærø": "naïve", "Привет": "мир", "😀": "𠮷野"}
    lines = [f"{a} {b} {a} {b}\n" for a, b in topics.items()]
    (tmp_path / "글.txt").write_text("".join(lines) * 100, "utf-8")
    options = (*SMALL, "--epochs", 30, "--lr", 0.1, "--quiet")
    run_process("train", "글.txt", "-o", f"벡터{suffix}", *options, cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"글.txt", f"벡터{suffix}", "cache"}
    found = run_process("nearest", f"벡터{suffix}", *topics, "-k", 1, cwd=tmp_path).stdout
    pairs = [line.split()[:2] for line in found.splitlines()[1:]]
    assert pairs == [[a, b] for a, b in topics.items()]


BAD_OPTIONS = [
    (["--dim", 0], "--dim"),
    (["--window", "five"], "--window"),
    (["--epochs", 0], "--epochs"),
    (["--workers", -1], "--workers"),
    (["--min-count", 0], "--min-count"),
    (["--max-vocab", 0], "--max-vocab"),
    (["--model", "glove"], "'--model': 'glove' is not one of 'skipgram', 'cbow'"),
    (["--format", "xml"], "--format"),
    (["--frob"], "--frob"),
    (["--divide"], "--divide has no effect with --model skipgram"),
    (["--loss", "hierarchical", "--negative", 5], "--negative has no effect with --loss hier"),
    (["--loss", "hierarchical", "--noise-power", 1], "--noise-power has no effect with --loss"),
    (["--optimizer", "adam"], "--optimizer has no effect with --step fused"),
    (["--sample", -1], "sample is -1.0"),
    (["--noise-power", "nan"], "noise_power is nan"),
    (["--lr", 0], "lr 0.0"),
    (["--lr", "nan"], "lr is nan"),
    (["--lr", 0.1, "--min-lr", 0.2], "0 ≤ min_lr ≤ lr"),
    (["--max-sentence", 10**23], "--max-sentence': 100000000000000000000000 is not in the range"),
    (["--dim", 99999999], "'--dim': 99999999 is not in the range 1<=x<=1048576"),
    (["--epochs", 10**20], "'--epochs': 100000000000000000000 is not in the range"),
    (["--workers", 100_000], "'--workers': 100000 is not in the range 1<=x<=4096"),
    (["--window", 2**31], "'--window': 2147483648 is not in the range"),
    (["--negative", 2**31], "'--negative': 2147483648 is not in the range"),
    (["--seed", 2**63], "'--seed': 9223372036854775808 is not in the range"),
    (["--format", "native"], "its suffix says word2vec-text, and not native"),
]


@pytest.fixture
def unread(monkeypatch):
    """A text may not be read in this test."""

    def read(files, *rest):
        raise AssertionError(f"{files} are read, though a mistake could have been told before")

    monkeypatch.setattr("embedlayer.text.corpus._cached", read)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=lambda value: str(value))
def test_bad_options_are_told_before_the_text_is_read(text, tmp_path, options, message):
    assert message in mistake("train", text, "-o", tmp_path / "out.vec", *options)
    assert only_files(tmp_path) == {"text.txt"}


@pytest.mark.usefixtures("unread")
def test_a_backend_that_cannot_work_is_told_before_the_text_is_read(text, tmp_path, monkeypatch):
    monkeypatch.setattr("embedlayer.device.Cuda.problem", lambda self: "the planted reason")
    line = mistake("train", text, "-o", tmp_path / "out.vec", "--backend", "cupy")
    assert line == "backend 'cupy' (argument) cannot work here: the planted reason"


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.xyz", "no format has its suffix; use one of .safetensors, "),
        ("absent/out.vec", "No such file or directory"),
        ("text.txt/out.vec", "Not a directory"),
        ("folder.vec", "it is there, and is no regular file"),
        ("text.txt", "is one of the texts"),
    ],
)
def test_an_unwritable_output_is_told_before_the_text_is_read(text, tmp_path, output, message):
    (tmp_path / "folder.vec").mkdir()
    assert message in mistake("train", text, "-o", tmp_path / output)
    assert only_files(tmp_path) == {"text.txt", "folder.vec"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.txt", "-o", "x.vec"], "no such file: absent.txt"),
        (["text.txt"], "Missing option '-o' / '--output'. (see embedlayer train --help)"),
        (["-o", "x.vec"], "Missing argument 'TEXT...'"),
        (["empty.txt", "-o", "x.vec"], "no words in empty.txt: the text is empty"),
        (["text.txt", "-o", "x.vec", "--min-count", 9999], "no word occurs 9999 times"),
        (["latin.txt", "-o", "x.vec"], "latin.txt, line 2: byte 0xe9"),
    ],
)
def test_unusable_texts(text, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").touch()
    Path("latin.txt").write_bytes(b"plain\ncaf\xe9\n" * 9)
    assert message in mistake("train", *arguments)
    assert only_files(tmp_path) == {"text.txt", "empty.txt", "latin.txt"}


def test_a_full_disk_leaves_nothing(text, tmp_path, monkeypatch):
    def write(path, vectors):
        path.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    full = SimpleNamespace(**vars(FORMATS["glove"]) | {"write": write})
    monkeypatch.setitem(FORMATS, "glove", full)
    result = run("train", text, "-o", tmp_path / "out.glove", *SMALL, "--quiet", code=2)
    told = result.stderr.strip()
    assert told.startswith(f"embedlayer: error: {tmp_path}/out.glove: No space left on device; ")
    assert only_files(tmp_path) == {"text.txt"}
    (kept,) = re.findall(r"the vectors are in (\S+) instead", told)
    assert len(Vectors.load(kept)) == 48
    os.remove(kept)


def test_a_cache_that_is_nowhere_does_not_lose_vectors(text, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_CACHE", "~nobody-of-this-name")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    made = Vectors(["a", "b"], [[1.0], [2.0]])
    with pytest.raises(
        EmbedlayerError, match=r"no-folder/v\.vec: .*the vectors are in .*temporary"
    ):
        save_somewhere(made, tmp_path / "no-folder" / "v.vec", None)
    (kept,) = (tmp_path / "temporary").iterdir()
    assert Vectors.load(kept).words == ("a", "b")


def test_vectors_that_cannot_be_kept_anywhere_are_told_to_be_lost(text, tmp_path, monkeypatch):
    def save(self, path, format=None):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Vectors, "save", save)
    told = run("train", text, "-o", tmp_path / "v.vec", *SMALL, "--quiet", code=2).stderr.strip()
    assert told.endswith("v.vec: Input/output error; nor could they be kept elsewhere")


def test_a_disk_without_room_is_told_before_training(text, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=3071))
    told = run("train", text, "-o", tmp_path / "v.vec", *SMALL, "--quiet", code=2).stderr
    assert "v.vec: it takes 0.0 MB, and its disk has 0.0 MB free: free some space" in told


def test_a_small_text_is_told_what_helps(text, tmp_path):
    told = run("train", text, "-o", tmp_path / "out.vec", *SMALL, "--epochs", 2).stderr
    assert "a small text, 7,200 tokens, is read 2 times: more passes make better vectors" in told
    assert "try --epochs 40" in told
    assert (
        "a small text"
        not in run("train", text, "-o", tmp_path / "out.vec", *SMALL, "--epochs", 40).stderr
    )


def test_too_little_memory_is_told(text, tmp_path, monkeypatch):
    def tables(*arguments):
        raise MemoryError("Unable to allocate 4.0 TiB")

    monkeypatch.setattr("embedlayer.training.run.start_tables", tables)
    line = mistake("train", text, "-o", tmp_path / "out.vec")
    assert line.startswith("not enough memory: Unable to allocate 4.0 TiB; lower --dim")


def test_an_interrupt_ends_with_130_and_one_line(text, tmp_path, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "run", interrupted)
    result = run("train", text, "-o", tmp_path / "out.vec", "--quiet", code=130)
    assert result.output == "embedlayer: interrupted\n"
    assert only_files(tmp_path) == {"text.txt"}


def test_an_error_of_the_program_itself_is_not_hidden(text, tmp_path, monkeypatch):
    def broken(self):
        raise RuntimeError("planted")

    monkeypatch.setattr(Training, "run", broken)
    with pytest.raises(AssertionError) as caught:
        run("train", text, "-o", tmp_path / "out.vec")
    assert repr(caught.value.__cause__) == "RuntimeError('planted')"
