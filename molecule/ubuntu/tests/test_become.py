"""A user who has to give sudo a password: Ansible does so itself, but does not know the question of sudo-rs."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.hosts.runs import play

PLAYBOOK = Path(__file__).parents[1] / "become.yml"
Results = dict[str, dict[str, dict[str, t.Any]]]
ASKED, RAN = "Ask whether it is possible", "Run as root"


@pytest.fixture(scope="module")
def usual() -> Results:
    return play("molecule-ubuntu", PLAYBOOK, {}, user="walter")


@pytest.mark.parametrize("name", ["ubuntu2204", "ubuntu2404"])
def test_a_password_is_given_to_sudo(usual: Results, name: str) -> None:
    assert usual[name][RAN]["stdout"] == "0"


def test_where_sudo_is_sudo_rs_the_way_past_it_is_named(usual: Results) -> None:
    asked = usual["ubuntu2604"][ASKED]
    assert asked["failed"]
    words = "'walter' logs in but cannot become root: sudo asks for something unexpected: Timeout (12s)"
    assert asked["msg"].startswith(words)
    assert "the host's sudo is sudo-rs " in asked["msg"]
    assert "'-e ansible_become_exe=sudo.ws'" in asked["msg"]


def test_that_way_leads_past_it() -> None:
    variables = {"wanted": "ubuntu2604", "ansible_become_exe": "sudo.ws"}
    said = play("molecule-ubuntu", PLAYBOOK, variables, user="walter")
    assert said["ubuntu2604"][RAN]["stdout"] == "0"
