#!/usr/bin/env bash
# Format, lint, types, the site and tests, the tests against the installed wheel. Needs Python 3.11+, pip and
# g++; makes its own environment in .venv-test.
#   bash ci/test.sh [PYTEST ARGUMENTS]
#   bash ci/test.sh --lowest [PYTEST ARGUMENTS]   the tests alone, in .venv-lowest, with the lowest
#       versions that pyproject.toml allows; without torch, and without tests/gpu, which checks
#       cuda.cu with one pinned CuPy
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/environment.sh
SIDE_BY_SIDE=(-n auto --dist worksteal)  # tests on every core

install_wheel() {  # install_wheel EXTRAS [PIP OPTIONS]
    echo "== install the wheel"
    rm -rf build dist
    pip install --quiet --upgrade pip 2>/dev/null
    pip wheel --quiet --no-deps --wheel-dir dist .
    local wheel
    wheel=$(echo dist/*.whl)
    pip install --quiet --no-compile "${wheel}[$1]" "${@:2}"
    pip install --quiet --no-compile --force-reinstall --no-deps "$wheel"
    # On every core, where pip takes one; what does not compile is a template, or for another Python.
    python -W ignore -m compileall -q -j 0 -x '/tests/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >/dev/null || true
}

if ! command -v g++ >/dev/null; then
    echo "error: g++ is needed to execute the CUDA kernels on the CPU; on Debian and Ubuntu: apt-get install g++" >&2
    exit 2
fi

if [[ ${1:-} == --lowest ]]; then
    make_environment .venv-lowest
    python ci/lowest.py > .venv-lowest/constraints.txt
    install_wheel test-lowest --constraint .venv-lowest/constraints.txt
    echo "== tests with the lowest versions: $(tr '\n' ' ' < .venv-lowest/constraints.txt)"
    pytest "${SIDE_BY_SIDE[@]}" --ignore=tests/gpu "${@:2}"
    exit
fi

make_environment .venv-test
install_wheel dev,verify

echo "== format, lint"
ruff format --check .
ruff check .

echo "== types; the site of docs/, without a warning"
mypy &
types=$!
sphinx-build -W --keep-going -q -E -d build/doctrees docs build/site
wait "$types"

echo "== tests"
export EMBEDLAYER_REQUIRE=${EMBEDLAYER_REQUIRE:+$EMBEDLAYER_REQUIRE,}site
# Not `python -m pytest`: it would put this folder, and so the package's source, before the wheel.
pytest "${SIDE_BY_SIDE[@]}" --cov --cov-report=term --cov-fail-under=90 "$@"

echo "== every index of compiled code checked"
compiled=$(mktemp -d)
trap 'rm -rf "$compiled"' EXIT
# By file, as tests of one file want the same functions compiled.
NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$compiled pytest -q -n auto --dist loadfile \
    -k "not double and not device and not int8 and not int64" \
    tests/test_text_{scanner,corpus,noise,phrases}.py tests/test_kernels_{bags,examples,local,rows,step}.py \
    tests/test_layers_{bag,embedding}.py tests/test_formats_{digits,options}.py tests/test_search.py tests/test_{ngrams,subwords,formats_fasttext,training_merge}.py
