#!/usr/bin/env bash
# Format, lint, types and tests, the tests against the installed wheel. Needs Python 3.11+, pip and
# g++; makes its own environment in .venv-test.   bash ci/test.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/environment.sh

if ! command -v g++ >/dev/null; then
    echo "error: g++ is needed to execute the CUDA kernels on the CPU; on Debian and Ubuntu: apt-get install g++" >&2
    exit 2
fi
make_environment .venv-test

echo "== install the wheel"
rm -rf build dist
pip install --quiet --upgrade pip 2>/dev/null
pip wheel --quiet --no-deps --wheel-dir dist .
wheel=$(echo dist/*.whl)
pip install --quiet "${wheel}[dev,verify]"
pip install --quiet --force-reinstall --no-deps "$wheel"

echo "== format, lint, types"
ruff format --check .
ruff check .
mypy

echo "== tests"
# Not `python -m pytest`: it would put this folder, and so the package's source, before the wheel.
pytest --cov --cov-report=term --cov-fail-under=90 "$@"
