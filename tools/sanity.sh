#!/bin/sh
# ansible-test sanity on what users install: the built collection, unpacked. Its caches stay in .cache/.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
home=$root/.cache/sanity
copy=$home/ansible_collections/pyhost/baseline

rm -rf "$copy"
mkdir -p "$copy" "$home/.ansible/test/cache"
.venv/bin/ansible-galaxy collection build --force --output-path "$home" >/dev/null
tar -xzf "$home"/pyhost-baseline-*.tar.gz -C "$copy"

# ansible-test fetches get-pip.py from the internet; pip's own wheel from PyPI does the same where that is closed.
for version in 24_2 25_2; do
    cp tools/get_pip.py "$home/.ansible/test/cache/get_pip_$version.py"
done

# pyenv's shims answer for every Python and start only one; its versions themselves do work.
path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/pyenv/shims$\|/\.pyenv/shims$' | paste -sd: -)
for version in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
    [ -d "$version" ] && path=$path:$version
done

cd "$copy"
git init -q . && git add -A
PATH=$root/.venv/bin:$path HOME=$home ANSIBLE_COLLECTIONS_PATH=$home:$root/.venv/collections \
    "$root/.venv/bin/ansible-test" sanity --local --color no "$@"
