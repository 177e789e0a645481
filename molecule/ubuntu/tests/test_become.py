"""A user who has to give sudo a password: Ansible does so itself, but does not know the question of sudo-rs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.hosts.paths import FLEETS, ROOT

PLAYBOOK = Path(__file__).parents[1] / "become.yml"
INVENTORY = FLEETS / "molecule-ubuntu" / "inventory.yml"


def play(*arguments: str) -> dict[str, dict[str, t.Any]]:
    """Run the playbook; return what ssh_reach, or what came after it, said last on each host."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(INVENTORY), str(PLAYBOOK), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    results: dict[str, dict[str, t.Any]] = {}
    for task in json.loads(ran.stdout)["plays"][0]["tasks"]:
        results.update(task["hosts"])
    return results


@pytest.fixture(scope="module")
def usual() -> dict[str, dict[str, t.Any]]:
    return play()


@pytest.mark.parametrize("name", ["ubuntu2204", "ubuntu2404"])
def test_a_password_is_given_to_sudo(usual: dict[str, dict[str, t.Any]], name: str) -> None:
    assert usual[name]["stdout"] == "0"


def test_where_sudo_is_sudo_rs_the_way_past_it_is_named(usual: dict[str, dict[str, t.Any]]) -> None:
    failed = usual["ubuntu2604"]
    assert failed["failed"]
    words = "'walter' logs in but cannot become root: sudo asks for something unexpected: Timeout (12s)"
    assert failed["msg"].startswith(words)
    assert "the host's sudo is sudo-rs " in failed["msg"]
    assert "'-e ansible_become_exe=sudo.ws'" in failed["msg"]


def test_that_way_leads_past_it() -> None:
    (passed,) = play("--limit", "ubuntu2604", "-e", "ansible_become_exe=sudo.ws").values()
    assert passed["stdout"] == "0"
