"""Under Molecule, point testinfra's `host` at the scenario's fleet, over SSH, as the user that can log in by then.

`verifier.env` of a scenario's molecule.yml sets ``PYHOST_TEST_USER`` (default root; else that user, with sudo) and,
after a move, ``PYHOST_TEST_PORT``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    scenario = os.environ.get("MOLECULE_SCENARIO_NAME")
    if not scenario or config.option.hosts:
        return
    user = os.environ.get("PYHOST_TEST_USER", "root")
    ssh_config = ROOT / ".cache" / "hosts" / f"molecule-{scenario}" / "ssh_config"
    names = [line.split()[1] for line in ssh_config.read_text().splitlines() if line.startswith("Host ")]
    port = os.environ.get("PYHOST_TEST_PORT")
    config.option.hosts = ",".join(f"ssh://{user}@{name}" + (f":{port}" if port else "") for name in names)
    config.option.ssh_config = str(ssh_config)
    config.option.sudo = user != "root"
