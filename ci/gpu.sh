#!/usr/bin/env bash
# On a machine WITH an NVIDIA GPU: the tests on it, the kernels under compute-sanitizer where it is
# installed, and the benchmark on a text; the result, as JSON, is kept after every phase.
#   bash ci/gpu.sh [--wheels DIR] TEXT [RESULT.json]
# --wheels: without network, in under nine minutes. CuPy, NumPy, numba, SciPy and torch are those of
# python3 (or PYTHON=...); the rest comes from DIR, made elsewhere by: python tests/gpu/wheels.py DIR
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
source ci/environment.sh

usage() {
    echo "usage: bash ci/gpu.sh [--wheels DIR] TEXT [RESULT.json]: a text to train on, 100 MB or so" >&2
    exit 2
}
wheels=
if [[ ${1:-} == --wheels ]]; then
    [[ $# -ge 2 ]] || usage
    wheels=$(cd "$here" && realpath "$2")
    shift 2
fi
[[ $# -ge 1 && $# -le 2 ]] || usage
text=$(cd "$here" && realpath "$1")
result=$(cd "$here" && realpath "${2:-gpu.json}")
[[ -f $text ]] || usage
if [[ -n $wheels && ! -d $wheels ]]; then
    echo "error: $wheels is not a folder; python tests/gpu/wheels.py DIR makes one where there is a network" >&2
    exit 2
fi
if ! nvidia-smi >/dev/null 2>&1; then
    echo "error: nvidia-smi finds no GPU; without one, bash ci/test.sh checks this path on the CPU" >&2
    exit 2
fi

if [[ -z $wheels ]]; then
    if ! command -v g++ >/dev/null; then
        echo "error: g++ is needed; on Debian and Ubuntu: apt-get install g++" >&2
        exit 2
    fi
    cuda=13 # the pinned CuPy's, which the checks of R0 and R2 need
    make_environment .venv-gpu
else
    if ! there=$("${PYTHON:-python3}" tests/gpu/there.py); then
        echo "error: with --wheels, python3 (or PYTHON=...) must have pip" >&2
        exit 2
    fi
    make_environment .venv-gpu-wheels --without-pip
    echo "$there" >"$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/there.pth"
    if ! cuda=$(python -W ignore -c 'import cupy; print(cupy.cuda.runtime.runtimeGetVersion() // 1000)'); then
        echo "error: with --wheels, CuPy must be installed there (see above)" >&2
        exit 2
    fi
fi
driver=$(nvidia-smi | sed -n 's/.*CUDA Version: *\([0-9]*\).*/\1/p')
if [[ -z $driver || $driver -lt $cuda ]]; then
    echo "error: this driver is for CUDA ${driver:-unknown}, CuPy for CUDA $cuda: update the driver" >&2
    exit 2
fi

PYTHONPATH=tests python -P -m gpu.session "$text" "$result" ${wheels:+--wheels "$wheels"}
