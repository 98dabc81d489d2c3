#!/bin/sh
# Makes .venv and installs the project into it. `make` calls this when .venv is missing or when
# requirements.txt or pyproject.toml has changed.
#
#   PYTHON=python3.12 tools/set_up.sh      to choose the Python
set -eu
cd "$(dirname "$0")/.."

new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is not Python 3.10 or newer. Give the path of one that is." >&2
    else
        echo "No Python 3.10 or newer was found. Install one from https://www.python.org/" \
            "or say where it is: make PYTHON=/path/to/python3" >&2
    fi
    exit 1
}

make_environment() {
    python=$(find_python)
    echo "Making .venv with $("$python" --version) ..."
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        echo "$python cannot make virtual environments. On Debian and Ubuntu install its part" \
            "that can: sudo apt-get install python3-venv" >&2
        exit 1
    fi
}

if ! new_enough .venv/bin/python; then
    rm -rf .venv
    make_environment
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    .venv/bin/python -m ensurepip >/dev/null
fi

echo "Installing what requirements.txt names into .venv (the first time takes some minutes) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
touch .venv/.installed
echo "Installed."
