#!/bin/sh
# Fill .venv/ with the pinned tools, and .venv/collections with this collection (a link) and ansible.posix.
# ansible.posix, which only the tests need, comes out of PyPI's `ansible` package, so that neither Galaxy nor git is needed.
set -eu
cd "$(dirname "$0")/.."

ansible_package=12.3.0
python=${PYTHON:-python3}

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "setup: installing the tools into .venv/ (about a minute)"
.venv/bin/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
.venv/bin/python -m pip install -qq --disable-pip-version-check --group dev

collections=.venv/collections/ansible_collections
if [ "$(cat $collections/.from 2>/dev/null)" != "$ansible_package" ]; then
    echo "setup: taking ansible.posix out of PyPI's ansible $ansible_package (54 MB download)"
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    .venv/bin/python -m pip download -qq --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$wheels" "ansible==$ansible_package"
    rm -rf $collections
    mkdir -p $collections
    .venv/bin/python tools/unpack.py "$wheels"/*.whl $collections ansible.posix
    echo "$ansible_package" > $collections/.from
fi
mkdir -p $collections/pyhost
ln -sfn ../../../.. $collections/pyhost/baseline
touch .venv/.ready
