#!/bin/sh
# mypy over the collection as a package (so that its own imports resolve), and over all other Python of the project.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/mypy -p ansible_collections.pyhost.baseline.plugins
.venv/bin/mypy bench conftest.py molecule tests tools
