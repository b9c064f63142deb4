#!/usr/bin/env bash
# On a machine WITH an NVIDIA GPU: the tests on it, the kernels under compute-sanitizer where it is
# installed, and the benchmark on a text, as JSON.   bash ci/gpu.sh TEXT [RESULT.json]
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/environment.sh

if [[ $# -lt 1 || ! -f $1 ]]; then
    echo "usage: bash ci/gpu.sh TEXT [RESULT.json]: a text file to train on, 100 MB or so" >&2
    exit 2
fi
text=$(realpath "$1")
result=${2:-gpu.json}
if ! nvidia-smi >/dev/null 2>&1; then
    echo "error: nvidia-smi finds no GPU; without one, bash ci/test.sh checks this path on the CPU" >&2
    exit 2
fi
if ! command -v g++ >/dev/null; then
    echo "error: g++ is needed; on Debian and Ubuntu: apt-get install g++" >&2
    exit 2
fi
major=$(nvidia-smi | sed -n 's/.*CUDA Version: \([0-9]*\).*/\1/p')
if [[ -z $major || $major -lt 13 ]]; then
    # The checks of R0 and R2 need the pinned CuPy, which is CUDA 13's.
    echo "error: this driver is for CUDA ${major:-unknown}; install driver 580 or newer" >&2
    exit 2
fi

make_environment .venv-gpu
echo "== install"
pip install --quiet --upgrade pip
pip install --quiet ".[test,verify]"

echo "== tests on the device"
EMBEDLAYER_REQUIRE=cupy pytest

echo "== compute-sanitizer"
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck synccheck initcheck; do
        echo "-- $tool"
        PYTHONPATH=tests compute-sanitizer --tool "$tool" --error-exitcode 1 \
            python -P -m gpu.races device
    done
else
    echo "compute-sanitizer is not installed: not run"
fi

echo "== benchmark"
PYTHONPATH=tests python -P -m gpu.benchmark "$text" | tee "$result"
