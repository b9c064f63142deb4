# Sourced by the scripts beside it: find a Python and make a virtual environment with it.

# make_environment FOLDER [OPTIONS]: a virtual environment there, made by venv with these options unless
# one of the same Python works already, and activated.
make_environment() {
    local python=${PYTHON:-python3}
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "error: Python 3.11 or newer is needed, as python3 or named by PYTHON=..." >&2
        exit 2
    fi
    if [[ $("$1/bin/python" --version 2>&1) != "$("$python" --version)" ]]; then
        rm -rf "$1"
        if ! "$python" -m venv "${@:2}" "$1"; then
            echo "error: python3 cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2
            exit 2
        fi
    fi
    # shellcheck source=/dev/null
    source "$1/bin/activate"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
}
