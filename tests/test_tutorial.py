"""The notebooks run, print what they were committed with, and have the same code in both languages.

They are committed with their outputs, so that GitHub and the site show them to who does not run
them; here they are run, so that what is shown is true; ``python tests/notebooks.py`` renews them.
"""

import ast
import os
import subprocess
import sys

import pytest
from conftest import import_or_skip
from pages import ROOT

NOTEBOOKS = ["docs/tutorial.ipynb", "docs/tutorial.ko.ipynb"]
DEVICE = "device"  # the tag of a cell whose output depends on the machine


def read(path):
    nbformat = import_or_skip("nbformat")
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    assert {output.output_type for output in cell.outputs} <= {"stream"}
    assert {output.name for output in cell.outputs} <= {"stdout"}
    return "".join(output.text for output in cell.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_prints_what_it_was_committed_with(path, tmp_path):
    import_or_skip("nbclient")
    import_or_skip("ipykernel")
    run, environment = tmp_path / "run.ipynb", {**os.environ, "EMBEDLAYER_BACKEND": "numpy"}
    program = str(ROOT / "tests" / "notebooks.py")
    command = [sys.executable, "-P", program, str(ROOT / path), str(run)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    compared = 0
    for shown, found in zip(code_cells(read(ROOT / path)), code_cells(read(run)), strict=True):
        if DEVICE not in shown.metadata.get("tags", []):
            assert printed(shown) == printed(found), shown.source
            compared += bool(printed(found))
    assert compared >= 10


def test_both_languages_have_the_same_code():
    english, korean = ([shape_of(cell.source) for cell in code_cells(read(ROOT / path))]
                       for path in NOTEBOOKS)  # fmt: skip
    assert english == korean
    assert [cell.cell_type for cell in read(ROOT / NOTEBOOKS[0]).cells] == [
        cell.cell_type for cell in read(ROOT / NOTEBOOKS[1]).cells
    ]


def shape_of(code: str) -> str:
    """The code without comments, and with all its texts made empty."""

    class Emptied(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.Constant("") if isinstance(node.value, str) else node

        def visit_JoinedStr(self, node):
            values = [one for one in node.values if isinstance(one, ast.FormattedValue)]
            return ast.JoinedStr([self.visit(one) for one in values])

    return ast.dump(Emptied().visit(ast.parse(code)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("print('tea', 1)  # hot", "print('차', 1)", True),
        ("f'loss {x:.2f} now'", "f'{x:.2f} 손실'", True),
        ("print('tea', 1)", "print('차', 2)", False),
        ("f'{x:.2f}'", "f'{y:.2f}'", False),
        ("dW[ids] += dout", "dW[ids] = dout", False),
    ],
)
def test_texts_may_differ_and_code_may_not(one, other, same):
    assert (shape_of(one) == shape_of(other)) is same


def test_korean_is_korean():
    text = "".join(cell.source for cell in read(ROOT / NOTEBOOKS[1]).cells)
    assert sum("가" <= sign <= "힣" for sign in text) > 1000
