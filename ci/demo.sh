#!/usr/bin/env bash
# The demo, from a fresh clone: needs Python 3.11+ and pip; makes its own environment in .venv-demo.
#   bash ci/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/environment.sh

make_environment .venv-demo
rm -rf build
pip install --quiet .
embedlayer demo -o .venv-demo/demo.safetensors
echo
echo "First: source .venv-demo/bin/activate"
