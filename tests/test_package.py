"""The house: floors, public names, a light import, and a wheel that holds all it needs."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import embedlayer

PACKAGE = Path(embedlayer.__file__).parent

FLOORS = {
    "errors": 0,
    "rng": 1,
    "threads": 1,
    "device": 2,
    "backend": 3,
    "arrays": 4,
    "kernels": 5,
    "text": 6,
    "layers": 6,
    "optim": 6,
    "chunks": 7,
    "models": 7,
    "layered": 7,
    "vectors": 7,
    "examples": 8,
    "memory": 8,
    "report": 8,
    "training": 9,
    "progress": 10,
    "warmup": 10,
    "demo": 10,
    "doctor": 11,
    "cli": 12,
}


def room(module: str) -> str:
    """The room of ``embedlayer.a.b`` is ``a``."""
    return module.split(".")[1]


def imported_rooms(path: Path) -> set[str]:
    """The rooms of the package that a file imports from, wherever in the file."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "embedlayer":
                names = [f"embedlayer.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {room(name) for name in names if name.startswith("embedlayer.")}
    return rooms - {"__version__"}


def check_floors(path: Path, home: str) -> None:
    for other in imported_rooms(path):
        if other != home and FLOORS[other] >= FLOORS[home]:
            raise AssertionError(f"{path}: {home} (floor {FLOORS[home]}) imports {other}")


def files():
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def test_every_room_has_a_floor():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files()}
    assert found == set(FLOORS)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_from_floors_below_its_own(path):
    check_floors(path, path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def test_the_floor_check_rejects_an_import_from_above(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def f():\n    from embedlayer.training import Training\n")
    with pytest.raises(AssertionError, match=r"text \(floor 6\) imports training"):
        check_floors(path, "text")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_device_and_cuda_import_cupy(path):
    text = path.read_text()
    if path.relative_to(PACKAGE).as_posix() not in ("device.py", "kernels/cuda.py"):
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
    """Neither numba nor CuPy nor SciPy nor plotting, in under 0.3 s of processor time."""
    code = (
        "import sys, time; start = time.process_time(); import embedlayer, embedlayer.backend;"
        "print(time.process_time() - start);"
        "print([m for m in ('numba', 'cupy', 'scipy', 'matplotlib', 'safetensors', 'click')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.splitlines()
    assert modules == "[]"
    assert float(seconds) < 0.3


def test_version_is_the_installed_one():
    assert embedlayer.__version__ == importlib.metadata.version("embedlayer")


def test_the_package_holds_its_data_files():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "kernels" / "cuda.cu").is_file()
