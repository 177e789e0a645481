#!/bin/sh
# mypy over the collection as a package (so that its own imports resolve) and over what runs beside it.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/mypy -p ansible_collections.pyhost.baseline.plugins
.venv/bin/mypy tests/differential tests/hosts tests/lockout tests/unit tools
