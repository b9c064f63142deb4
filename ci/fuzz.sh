#!/usr/bin/env bash
# Damaged files for every reader, each for some seconds, two targets at once; tests/fuzz.py says what a
# failure is. Run it in an environment that has the tests' needs. Failing cases are left in FOLDER.
#   bash ci/fuzz.sh [SECONDS [SEED [FOLDER]]]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-300} seed=${2:-$RANDOM} folder=${3:-build/fuzz}
mkdir -p "$folder"
export PYTHONPATH=$PWD:$PWD/tests
targets=$(python -c 'from fuzz import TARGETS; print(*TARGETS, sep="\n")')
echo "== fuzz: $seconds s each, seed $seed, cases that fail in $folder"
cd "$folder"
xargs -P 2 -I{} python "$OLDPWD/tests/fuzz.py" {} "$seconds" "$seed" <<<"$targets"
