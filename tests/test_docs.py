"""What the pages say holds: their code runs, their numbers are the kernels', their names exist."""

import gzip
import re

import numpy as np
import pytest
from conftest import import_or_skip
from pages import (
    PRINTED,
    PROGRAMS,
    ROOT,
    blocks_of,
    check_names,
    names_of_tests,
    run_blocks,
    without_blocks,
)

from embedlayer import SkipGram, train
from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Batch, Mode, Tables

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/**/*.md"))),
]
# The blocks that are not run, by page and first line; each says why, behind its `norun:`.
NOT_RUN = [
    ("docs/command_line.md", "mkdir -p ~/.local/share/bash-completion/completions"),
    (
        "docs/files.md",
        'Vectors.load("https://nlp.example.org/glove.6B.300d.txt.gz", limit=50_000)',
    ),
    (
        "docs/howto/cluster.md",
        "embedlayer train corpus.txt -o vectors.safetensors --scheduler local --workers 2"
        "      # processes of this machine: to try it",
    ),
    ("docs/howto/gpu.md", "import embedlayer"),
    ("docs/quickstart.md", "git clone https://github.com/embedlayer/embedlayer"),
    ("docs/scaling_out.md", "from distributed import Client"),
    (
        "docs/scaling_out.md",
        "embedlayer train texts/*.gz -o vectors.safetensors "
        "--scheduler tcp://scheduler:8786 --folder /shared/corpus",
    ),
    ("docs/scaling_out.md", "from distributed import Client, LocalCluster"),
    ("docs/scaling_out.md", "from distributed import Client, SSHCluster"),
    ("docs/scaling_out.md", "from dask_kubernetes.operator import KubeCluster"),
    ("docs/scaling_out.md", "from dask_jobqueue import SLURMCluster"),
    (
        "docs/scaling_out.md",
        "embedlayer train corpus.txt -o vectors.safetensors --backend cupy --gpus 2",
    ),
]
# Lines of these programs are looked up, and not run.
LOOKED_UP = {
    "pip": "it would fetch packages and change this environment; ci/test.sh installs the wheel",
    "bash": "scripts of ci/ take minutes, and one of them runs this test",
    "python": "benchmarks take minutes; test_benchmarks.py runs them on little",
}
# What the blocks of a page import beside embedlayer; without it they are skipped.
NEEDED = {
    "docs/ecosystem.md": ["sklearn", "torch", "pandas"],
    "docs/pictures.md": ["matplotlib"],
    "docs/search.md": ["faiss"],
    "docs/torch.md": ["torch"],
    "docs/howto/tune.md": ["optuna"],
    "docs/tuning.md": ["optuna"],
    "docs/reports.md": ["tensorboardX"],
}
ELSEWHERE = (
    *("eval/", "Generator"),  # of the folder that EMBEDLAYER_DATA names; of CuPy
    *("load_facebook_vectors", "load_model", "include_freq", "get_word_vector", "get_words"),
    *("get_nearest_neighbors", "get_analogies", "get_sentence_vector", "get_subwords"),
    *("get_input_matrix", "get_output_matrix", "get_dimension", "save_model", "train_supervised"),
    *("negative_sampling_layer", "time_layers", "word_vecs", "Doc2Vec", "LdaModel"),
    *("Adagrad", "BCEWithLogitsLoss", "CrossEntropyLoss", "Linear", "LinearLR", "clip_grad_norm_"),
    *("load_state_dict", "lr_scheduler", "state_dict", "zero_grad"),
)

WORDS = ["king", "queen", "man", "woman", "coffee", "tea", "server", "month", "minimum", "thread"]
PAIRS = [f"{a}\t{b}\t{score}" for a, b, score in zip(WORDS, WORDS[1:], range(9), strict=False)]
ROW = re.compile(r"(W_in|W_out)\[(\w+)\] = \[(.*)\]")

each_page = pytest.mark.parametrize("page", PAGES)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with small files of the names that the pages use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")
    sentences = np.random.default_rng(0).choice(WORDS, (300, 10)).tolist()
    text = "".join(" ".join(sentence) + "\n" for sentence in sentences)
    (tmp_path / "corpus.txt").write_text(text)
    (tmp_path / "corpus.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "more.txt").write_text(text.replace("thread", "needle"))
    (tmp_path / "wordsim353.tsv").write_text("\n".join(PAIRS))
    (tmp_path / "questions-words.txt").write_text(": family\nman king woman queen\n")
    train("corpus.txt", SkipGram(dim=4), epochs=1).save("vectors.safetensors")


@each_page
def test_the_code_of_a_page_runs(page, files):
    for library in NEEDED.get(page, []):
        import_or_skip(library)
    for _ in run_blocks(blocks_of(page, read(page))):
        pass


@each_page
def test_what_a_page_names_exists(page):
    check_names(page, read(page), ELSEWHERE)


def test_few_blocks_are_not_run_and_each_says_why():
    blocks = [block for page in PAGES for block in blocks_of(page, read(page))]
    not_run = [block for block in blocks if block.reason]
    assert [(block.page, block.text.splitlines()[0]) for block in not_run] == NOT_RUN
    for block in not_run:
        if block.kind == "python":
            compile(block.text, block.at, "exec")
    assert {*PROGRAMS} == {"embedlayer", *LOOKED_UP}
    assert sum(block.info == "python" for block in blocks) >= 15
    assert sum(block.info == "bash" for block in blocks) >= 8


def test_each_fault_of_reliability_md_is_shown_by_a_test():
    faults = re.findall(
        r"^\| [^*|]+ \| (.+) \| (.*) \|$", read("docs/reliability.md"), re.MULTILINE
    )
    shown = [test.strip("`") for _, test in faults if test != "shown by"]
    assert len(shown) >= 60
    assert {*shown} <= names_of_tests()


def test_the_rows_of_step_md_are_those_of_both_kernels(files):
    checked = 0
    for block, names, printed in run_blocks(blocks_of("docs/step.md", read("docs/step.md"))):
        if block.info == PRINTED and ROW.search(block.text):
            assert block.text == printed
            check_rows(block.text, names)
            checked += 1
    assert checked == 5  # skip-gram, CBOW whole and divided, repeats, no row


def check_rows(shown, names):
    """Raise unless the rows shown are all those that change, and as a kernel changes them."""
    for sgd_step, dtype in ((reference.sgd_step, np.float64), (cpu.sgd_step, np.float32)):
        start = Tables(names["start_in"].astype(dtype), names["start_out"].astype(dtype))
        tables = Tables(start.W_in.copy(), start.W_out.copy())
        batch = Batch(
            np.array(names["contexts"], np.int32),
            np.array([0, len(names["contexts"])]),
            np.array([names["rows"]], np.int32),
            np.array([names["labels"]], np.float32),
            np.ones(1, bool),
        )
        sgd_step(tables, batch, names["lr"], Mode(**names["mode"]))
        for name, word, numbers in ROW.findall(shown):
            row = names["WORDS"].index(word)
            wanted = np.array(numbers.split(), float)
            table = getattr(tables, name)
            np.testing.assert_allclose(table[row], wanted, rtol=0, atol=0.51e-4)
            table[row] = getattr(start, name)[row]
        np.testing.assert_array_equal(tables.W_in, start.W_in)
        np.testing.assert_array_equal(tables.W_out, start.W_out)


def test_the_losses_of_step_md_are_those_of_both_kernels(files):
    """The page prints what reference.sgd_step returns; here is the compiled one, beside it."""
    for block, names, _ in run_blocks(blocks_of("docs/step.md", read("docs/step.md"))):
        if "reference.sgd_step(" in block.text:
            tables = Tables(*(names[n].astype(np.float32) for n in ("start_in", "start_out")))
            loss, pairs = cpu.sgd_step(tables, names["batch"], names["lr"], Mode())
            assert (loss, pairs) == (pytest.approx(names["loss"], rel=1e-6), names["pairs"])
            return
    raise AssertionError("the page does not call the kernel")


def test_numbers_in_the_prose_of_step_md_are_printed_ones():
    text = read("docs/step.md")
    printed = "".join(b.text for b in blocks_of("docs/step.md", text) if b.info == PRINTED)
    numbers = re.findall(r"\d+\.\d{4}", without_blocks(text))
    assert len(numbers) >= 5
    assert set(numbers) <= set(re.findall(r"\d+\.\d{4}", printed))


def test_the_readme_says_what_the_layer_gives(files):
    for block, names, _ in run_blocks(blocks_of("README.md", read("README.md"))):
        if "sparse=True" in block.text:
            dense, sparse = names["embed"].grads[0], names["sparse"].grads[0]
            assert "row 1 is [4 4 4], row 3 is [6 6 6]" in block.text
            assert dense[1].tolist() == [4, 4, 4]
            assert dense[3].tolist() == [6, 6, 6]
            assert "rows=[7], values=[[2. 2. 2.]]" in block.text
            assert (sparse.rows.tolist(), sparse.values.tolist()) == ([7], [[2, 2, 2]])
            return
    raise AssertionError("the README does not show row gradients")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\nfrom embedlayer import Embeding\n```", "x.md:1: ImportError"),
        ("```python\nimport embedlayer\nembedlayer.train('corpus.txt', epocs=1)\n```", "epocs"),
        ("one\n\n```python\n1 / 0\n```", "x.md:3: ZeroDivisionError"),
        ("```python\nprint(1)\n```\n```text printed\n2\n```", "x.md:4: the code prints"),
        ("```bash\nembedlayer train corpus.txt -o v.safetensors --dims 3\n```", "No such option"),
        ("```bash\nembedlayer nearest vectors.safetensors emperor\n```", "unknown word 'emperor'"),
        ("```bash\nEMBEDLAYER_BACKEND=tpu embedlayer train corpus.txt -o v.vec\n```", "tpu"),
        ("```bash\nbash ci/absent.sh\n```", "there is no ci/absent.sh"),
        ("```bash\npython benchmarks/training.py TEXT --absent\n```", "has no --absent"),
        ("```bash\npip install '.[cuda11x]'\n```", "no extra cuda11x"),
        ("```bash\npip install gensim\n```", "neither"),
        ("```bash\nmake all\n```", "nothing checks a line of make"),
        ("```\nembedlayer doctor\n```", "a block is python, bash, text, not ''"),
        ("```pytohn\n```", "not 'pytohn'"),
        ("```python norun\n1 / 0\n```", "not 'python norun'"),
        ("```python norun: \n1 / 0\n```", "not 'python norun:'"),
        ("```text\nvectors = Vectors.load('x')\n```", "code in a block of text"),
        ("```text\n$ embedlayer doctor\n```", "code in a block of text"),
        ("one\n\n    embedlayer doctor\n", "code without a fence"),
        ("one\n\n    A=b embedlayer doctor\n", "code without a fence"),
        ("see [there](docs/absent.md)", "a link to docs/absent.md"),
        ("see `kernels/absent.py`", "no file kernels/absent.py"),
        ("see `W_inn`", "no code has the name W_inn"),
        ("see `embedlayer.text.noise`", "no embedlayer.text.noise"),
        ("see `embedlayer.layers.MatMull`", "no embedlayer.layers.MatMull"),
        ("say `embedlayer trian`", "no command trian"),
        ("say `embedlayer train --dims`", "no option --dims"),
    ],
)
def test_the_checks_reject_a_wrong_page(page, message, files):
    text = page + "\n"
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_page(text)


def check_page(text):
    check_names("x.md", text)
    for _ in run_blocks(blocks_of("x.md", text)):
        pass


def test_the_checks_of_step_md_reject_a_wrong_number():
    names = {
        "start_in": np.zeros((2, 1)),
        "start_out": np.ones((2, 1)),
        "contexts": [0],
        "rows": [1],
        "labels": [1],
        "lr": 1.0,
        "mode": {"mean": False, "divide": False},
        "WORDS": ["a", "b"],
    }
    check_rows("W_in[a] = [0.5000]", names)  # W_out[b] gains 0.5 × 0
    for wrong in ("W_in[a] = [0.5002]", "W_in[b] = [0.0000]"):
        with pytest.raises(AssertionError):
            check_rows(wrong, names)
