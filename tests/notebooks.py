"""Runs the notebooks of docs/ and keeps what they print.

python tests/notebooks.py                   # in place, after a change
python tests/notebooks.py SOURCE TARGET     # one, into another file: tests/test_tutorial.py
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"


def run_notebook(source: Path, target: Path) -> None:
    """Nothing of the machine and the hour goes into the file, so that it changes with its code."""
    notebook = nbformat.read(source, as_version=4)
    NotebookClient(notebook, timeout=300, record_timing=False).execute()
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, target)


if __name__ == "__main__":
    given = [Path(path) for path in sys.argv[1:]]
    for source, target in [given] if given else [(path, path) for path in DOCS.glob("*.ipynb")]:
        run_notebook(source, target)
