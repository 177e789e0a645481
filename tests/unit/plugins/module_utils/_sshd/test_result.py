"""The result of sshd_config, and the parts of its diff."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.result import (
    SshdResult,
    daemon_diff,
    effective_values,
    files_diff,
    firewall_diff,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings


def test_the_fields_are_json() -> None:
    result = SshdResult(changed=True, diff=[], path="/x", crypto={"profile": "system"}, left_out=("a",), ports=[22])
    found = result.as_result()
    assert found == json.loads(json.dumps(found))
    assert (found["left_out"], found["ports"], found["shadowed"]) == (["a"], [22], [])
    assert found["firewall"] == {"kind": "", "opened": []}


def test_the_requested_keywords_are_shown_for_each_connection() -> None:
    root = Connection("root", address="192.0.2.7")
    desired = build_settings({"Port": [22, 2222], "PasswordAuthentication": False, "UsePAM": True})
    effective = {"port": ("22", "2222"), "passwordauthentication": ("no",), "maxsessions": ("10",)}
    assert effective_values(desired, {root: effective}) == {
        root.specification(): {"passwordauthentication": "no", "port": ["22", "2222"]}
    }


def test_a_file_that_is_absent_has_no_text() -> None:
    assert files_diff({"/a": None, "/b": "x\n"}, {"/a": "y\n", "/b": None}) == [
        {"before_header": "/a", "after_header": "/a", "before": "", "after": "y\n"},
        {"before_header": "/b", "after_header": "/b", "before": "x\n", "after": ""},
    ]


@pytest.mark.parametrize(
    ("service", "state", "is_running", "at_boot", "expected"),
    [
        ("ssh.service", "active", True, "", ("ssh.service", "runs with an older configuration\n")),
        ("ssh.service", "failed", False, "", ("ssh.service", "failed\n")),
        ("", "", False, "", ("sshd", "not running\n")),
        ("sshd", "active", True, "disabled", ("sshd", "disabled: not started at boot\n")),
    ],
)
def test_the_daemon_before(service: str, state: str, is_running: bool, at_boot: str, expected: tuple[str, str]) -> None:
    (entry,) = daemon_diff(service, state, is_running=is_running, at_boot=at_boot)
    assert (entry["before_header"], entry["before"]) == expected
    assert (entry["after_header"], entry["after"]) == (expected[0], "runs with the files\n")


def test_the_firewall() -> None:
    assert firewall_diff("", []) == []
    (entry,) = firewall_diff("ufw", ["2222/tcp", "2222/tcp (v6)"])
    assert (entry["before_header"], entry["after"]) == ("rules of ufw", "2222/tcp\n2222/tcp (v6)\n")
