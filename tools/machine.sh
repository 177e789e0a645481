#!/bin/sh
# What the machine itself must have before anything else can run: says what is missing, and installs it where it may
# (root on the Debian family), saying so first. Everything else lands in .venv/ and .cache/.
set -eu

python=${PYTHON:-python3}
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }

need "$python" python3
need git git
need ssh openssh-client
need mmdebstrap mmdebstrap
if command -v "$python" >/dev/null 2>&1; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "setup: $($python --version) is too old: Python 3.11 or later is needed (set PYTHON=/path/to/python3.11)" >&2
        exit 1
    }
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing on this machine with apt-get:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "setup: missing on this machine:$missing (Debian's package names); install them and run this again" >&2
    exit 1
fi
