"""Whether two source trees train the same vectors, byte for byte: for changes that must not matter.

``python benchmarks/same_bytes.py TEXT TREE``: TREE is a checkout to compare this one with. Every
model and loss is trained by one worker, and the encoded corpora are compared too. Exit code 1, and
the names of the files, where something differs.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-P", "-c", "from embedlayer.cli import main; main()", "train")
RUNS = {
    f"{model} {loss} {dim}": ("--model", model, "--loss", loss, "--dim", dim, "--epochs", "2")
    for model, loss, dim in product(
        ("skipgram", "cbow"), ("negative", "hierarchical"), ("100", "37")
    )
}
RUNS["layered adam"] = ("--step", "layered", "--optimizer", "adam", "--dim", "16", "--epochs", "1")
RUNS["cbow divide"] = ("--model", "cbow", "--divide", "--dim", "20", "--negative", "12")
RUNS["reference"] = ("--kernels", "reference", "--dim", "16", "--epochs", "1")
CACHED = ("ids", "offsets", "vocabulary.safetensors")


def trained(tree: Path, text: Path, folder: Path) -> dict[str, str]:
    """The digest of words, matrix and counts of every run, and of the corpus's arrays, by name."""
    environment = os.environ | {"PYTHONPATH": str(tree), "EMBEDLAYER_CACHE": str(folder / "cache")}
    found = {}
    for name, options in RUNS.items():
        output = folder / "vectors.safetensors"
        command = [*COMMAND, str(text), "-o", str(output), "--workers", "1", "--seed", "7"]
        subprocess.run([*command, *options, "--quiet"], env=environment, cwd=folder, check=True)
        # Not the metadata, which has every option, new ones too.
        arrays = sorted(load_file(output).items())
        found[name] = _digest(*(array.data for _, array in arrays))
    for name in CACHED:
        (path,) = folder.glob(f"cache/*/{name}")
        found[f"corpus {name}"] = _digest(path.read_bytes())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("tree", type=Path)
    arguments = parser.parse_args()
    found = []
    for tree in (HERE, arguments.tree.resolve()):
        with tempfile.TemporaryDirectory() as folder:
            found.append(trained(tree, arguments.text.resolve(), Path(folder)))
    for name, digest in found[0].items():
        print(f"{'same' if digest == found[1][name] else 'DIFFERENT':9}  {name}")
    return int(found[0] != found[1])


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(b"".join(parts)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
