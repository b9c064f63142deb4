"""The house: floors, public names, a light import, and a wheel that holds all it needs."""

import ast
import importlib.metadata
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import embedlayer

PACKAGE = Path(embedlayer.__file__).parent
ROOT_FILES = 8  # at most
FILE_LINES, FUNCTION_LINES, KERNEL_LINES = 250, 40, 60

# What each room may import from, besides itself: the arrows of docs/design.md, section 2.
BASE = {"errors", "options", "rng", "threads", "device", "backend", "arrays"}
ARROWS = {
    "errors": set(),
    "rng": set(),
    "threads": set(),
    "options": {"errors"},
    "device": {"threads"},
    "backend": {"errors", "device"},
    "arrays": {"device", "backend"},
    "storage": {"errors"},
    "ngrams": {"errors", "options", "storage"},
    "kernels": BASE - {"options"} | {"storage"},
    "optim": {"errors", "options", "backend", "arrays", "kernels", "layers"},
    "layers": {"errors", "options", "rng", "backend", "arrays", "kernels"},
    "compat": BASE - {"rng", "threads"}
    | {"storage", "kernels", "layers", "models", "optim"}
    | {"text", "vectors", "training"},
    "text": {"errors", "options", "threads", "storage"},
    "vectors": {"errors", "options", "threads", "device", "backend", "arrays", "storage", "ngrams"},
    "models": BASE | {"storage", "ngrams", "kernels"},
    "training": BASE - {"threads"}
    | {"storage", "ngrams", "kernels", "optim", "layers", "text", "vectors", "models"}
    | {"pictures"},
    "dask": BASE
    | {"storage", "ngrams", "kernels", "layers", "models", "optim"}
    | {"text", "vectors", "training"},
    "sklearn": {"errors", "options", "text", "vectors", "models", "training"},
    "pictures": {"errors", "options", "storage", "vectors"},
    "__main__": {"cli"},
    "cli": BASE
    | {"storage", "ngrams", "kernels", "optim", "text", "vectors", "models", "training", "dask"}
    | {"pictures"},
}


def module_of(path: Path, root: Path = PACKAGE) -> str:
    """``embedlayer.a.b`` for the file ``a/b.py``, ``embedlayer.a`` for ``a/__init__.py``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(["embedlayer", *(part for part in parts if part != "__init__")])


def files():
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


MODULES = {module_of(path): path for path in files()}
each_file = pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports, wherever in the file: for types, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("embedlayer"):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & set(MODULES) or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("embedlayer.")}
    return found - {"embedlayer"}


def check_arrows(path: Path, home: str) -> None:
    rooms = {module.split(".")[1] for module in imported(path)}
    if forbidden := rooms - {home} - ARROWS[home]:
        raise AssertionError(f"{path}: {home} may not import {', '.join(sorted(forbidden))}")


def check_no_circles(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"modules import each other: {' → '.join(error.args[1])}") from None


def test_every_room_has_its_arrows_and_they_make_floors():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files()}
    assert found == set(ARROWS)
    check_no_circles(ARROWS)
    assert len(list(PACKAGE.glob("*.py"))) <= ROOT_FILES


@each_file
def test_a_room_imports_along_its_arrows(path):
    check_arrows(path, path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def test_no_module_imports_itself_by_way_of_others():
    check_no_circles({module: imported(path) for module, path in MODULES.items()})


def test_the_checks_reject_a_wrong_arrow_and_a_circle(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def f():\n    from embedlayer.training.run import Training\n")
    with pytest.raises(AssertionError, match="text may not import training"):
        check_arrows(path, "text")
    path.write_text("if TYPE_CHECKING:\n    from embedlayer.text import corpus\n")
    assert imported(path) == {"embedlayer.text.corpus"}
    with pytest.raises(AssertionError, match=r"a → b → a|b → a → b"):
        check_no_circles({"a": {"b"}, "b": {"a"}})


@each_file
def test_a_file_is_one_idea_of_a_page_or_two(path):
    """Lines of a function without its docstring; compiled code spells its loops out."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_LINES
    most = KERNEL_LINES if "kernels/cpu" in path.as_posix() else FUNCTION_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = node.body[0].end_lineno - node.lineno if ast.get_docstring(node) else 0
            lines = node.end_lineno - node.lineno + 1 - doc
            assert lines <= most, f"{node.name} has {lines} lines"


@each_file
def test_only_device_and_cuda_import_cupy(path):
    text = path.read_text()
    if path.relative_to(PACKAGE).as_posix() not in ("device/cuda.py", "kernels/cuda.py"):
        assert "import cupy" not in text
        assert 'import_module("cupy' not in text


def test_public_names():
    for name in embedlayer.__all__:
        assert getattr(embedlayer, name) is not None
        assert name in dir(embedlayer)
    assert callable(embedlayer.train)  # no submodule may shadow it
    assert callable(embedlayer.evaluate)
    with pytest.raises(AttributeError, match="no attribute 'word2vec'"):
        _ = embedlayer.word2vec


def test_import_is_light():
    """Of all that embedlayer needs, ``import embedlayer`` loads NumPy alone."""
    code = (
        "import sys; import embedlayer, embedlayer.backend;"
        "print([m for m in ('numba', 'cupy', 'scipy', 'matplotlib', 'safetensors', 'click',"
        " 'psutil', 'filelock', 'platformdirs') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_version_is_the_installed_one():
    assert embedlayer.__version__ == importlib.metadata.version("embedlayer")


def test_the_package_holds_its_data_files():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "kernels" / "cuda.cu").is_file()
    assert (PACKAGE / "pictures" / "assets" / "page.js").is_file()
