"""``embedlayer train --scheduler``: on processes of this machine, on a cluster; its mistakes."""

import json

import numpy as np
import pytest
from command import run
from conftest import import_or_skip

import_or_skip("distributed")

from clusters import running
from planted import planted_sentences

from embedlayer.vectors.vectors import Vectors

SMALL = ("--dim", 8, "--sample", 0.01, "--epochs", 2)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(300))))
    return path


def test_processes_of_this_machine_give_the_bits_of_threads(text, tmp_path):
    options = ("--workers", 2, *SMALL)
    for name, more in (("cluster", ("--scheduler", "local")), ("threads", ("--deterministic",))):
        done = run("train", text, "-o", tmp_path / f"{name}.safetensors", *options, *more, "--json")
        report = json.loads(done.stdout)
        assert report["workers"] == 2
        assert report["tokens_trained"] + report["tokens_subsampled"] == 2 * 300 * 12
    found, wanted = (
        Vectors.load(tmp_path / f"{name}.safetensors") for name in ("cluster", "threads")
    )
    np.testing.assert_array_equal(found.matrix, wanted.matrix)
    assert found.metadata == wanted.metadata


def test_a_cluster_by_its_address_with_checkpoints_from_which_a_run_goes_on(text, tmp_path):
    with running(1, threads=2) as client:
        place = ("--scheduler", client.scheduler.address, "--folder", tmp_path / "corpus")
        out = tmp_path / "vectors.safetensors"
        told = run(
            "train", text, "-o", out, *place, *SMALL, "--merge", "mean", "--round-tokens", 240,
            "--checkpoint", tmp_path / "run",
        )  # fmt: skip
        assert "48 words, 8 dimensions" in told.stderr
        first = Vectors.load(out)
        out.unlink()
        run("train", "--resume", tmp_path / "run")
        np.testing.assert_array_equal(Vectors.load(out).matrix, first.matrix)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--merge", "mean"), "--merge has no effect without --scheduler"),
        (("--scheduler", "local", "--step", "layered"), "--step has no effect with --scheduler"),
        (("--scheduler", "local", "--deterministic"), "--deterministic has no effect with"),
        (("--scheduler", "tcp://127.0.0.1:9"), "--scheduler needs --folder"),
        (("--scheduler", "nowhere", "--folder", "x"), "no scheduler at nowhere"),
    ],
)
def test_mistakes_are_told_in_a_line(text, tmp_path, monkeypatch, options, message):
    monkeypatch.setattr("embedlayer.cli.cluster.CONNECT_SECONDS", 1)
    monkeypatch.chdir(tmp_path)
    done = run("train", text, "-o", tmp_path / "v.safetensors", *SMALL, *options, code=2)
    assert message in done.stderr
    assert not (tmp_path / "v.safetensors").exists()
