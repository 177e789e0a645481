"""Runs of Ansible against a fleet, as a user would start them; their results as data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from tests.hosts.paths import FLEETS, ROOT

__all__ = ["ad_hoc", "play"]

Results = dict[str, t.Any]


def _run(command: str, fleet: str, arguments: list[str], library: Path | None = None) -> Results:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        **({"ANSIBLE_LIBRARY": str(library)} if library else {}),
    }
    inventory = str(FLEETS / fleet / "inventory.yml")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", command, "-i", inventory, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    start = done.stdout.find("{")
    assert start >= 0, done.stdout + done.stderr
    return t.cast(Results, json.loads(done.stdout[start:]))


def ad_hoc(
    fleet: str, module: str, arguments: Results, *, user: str, host: str, library: Path | None = None
) -> Results:
    """Run one module, perhaps of the tests' own ``library``, on one host; return its result."""
    # Ansible takes an empty mapping for a text, which no module of ours accepts.
    options = ["-u", user, "-m", module, *(["-a", json.dumps(arguments)] if arguments else []), host]
    if user != "root":
        options.append("--become")
    said = _run("adhoc", fleet, options, library)
    result = t.cast(Results, said["plays"][0]["tasks"][0]["hosts"][host])
    assert not result.get("unreachable"), f"{host} is unreachable: {result.get('msg')}"
    return result


def play(fleet: str, path: Path, variables: Results, *, user: str) -> dict[str, dict[str, Results]]:
    """Play ``path``; return host -> name of task -> result."""
    said = _run("playbook", fleet, ["-u", user, str(path), "-e", json.dumps(variables)])
    found: dict[str, dict[str, Results]] = {}
    for task in (task for part in said["plays"] for task in part["tasks"]):
        for host, result in task["hosts"].items():
            found.setdefault(host, {})[task["task"]["name"]] = result
    return found
