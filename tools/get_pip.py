"""Stands in for bootstrap.pypa.io's get-pip.py inside ansible-test: installs pip from PyPI by the pip at hand."""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    # ansible-test calls it as `python get_pip.py --disable-pip-version-check … pip==X setuptools==Y wheel==Z`.
    ensured = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if ensured.returncode:
        subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True)
    # These two are get-pip's own words; pip does not know them.
    words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
    return subprocess.run([sys.executable, "-m", "pip", "install", *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
