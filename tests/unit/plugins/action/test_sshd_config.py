"""A change over a connection whose client ssh cannot speak for; the phases over SSH are played by the scenarios."""

from __future__ import annotations

import json
import types
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.action.sshd_config import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight

PLAIN = Confirmation("", 22)
TAKEN = replace(PLAIN, preflight=Preflight({"KexAlgorithms": ("curve25519-sha256",)}))


def refusal(facts: Confirmation, *, changed: bool = True, check_mode: bool = False, confirm: t.Any = True) -> str:
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(check_mode=check_mode, args={"confirm": confirm})
    action._connection = types.SimpleNamespace(transport="paramiko")
    # What the module on the host answers in its first phase.
    answer = json.loads(json.dumps(facts.as_json())) if changed else {}
    action.__dict__["_module"] = lambda _phase: ({"changed": changed}, answer)
    try:
        action._require_algorithms_of_another_client()
    except BaselineError as error:
        return str(error)
    return ""


def test_algorithms_of_another_client_are_not_taken_away_untried() -> None:
    words = refusal(TAKEN)
    assert words.startswith(
        "the connection is paramiko, and whether that client gets in without what this change takes"
    )
    assert "(KexAlgorithms curve25519-sha256); nothing was changed" in words


@pytest.mark.parametrize(
    ("facts", "more"),
    [
        pytest.param(PLAIN, {"changed": False}, id="nothing-changes"),
        pytest.param(PLAIN, {}, id="nothing-is-known"),
        pytest.param(replace(PLAIN, preflight=Preflight({}, keys=("ssh-rsa 3072 SHA256:a",))), {}, id="nothing-goes"),
        pytest.param(TAKEN, {"check_mode": True}, id="check-mode"),
        pytest.param(TAKEN, {"confirm": "no"}, id="without-confirm"),
    ],
)
def test_all_else_goes_on(facts: Confirmation, more: dict[str, t.Any]) -> None:
    assert refusal(facts, **more) == ""


@pytest.mark.parametrize(
    ("path", "method"),
    [
        pytest.param(None, None, id="default"),
        pytest.param("/etc/ssh/sshd_config", None, id="the system's"),
        pytest.param("/usr/local/etc/ssh/sshd_config", None, id="of FreeBSD's port"),
        pytest.param("/srv/sftp/sshd_config", "checks", id="another server's"),
    ],
)
def test_a_login_proves_the_server_that_ansible_comes_in_by(path: str | None, method: str | None) -> None:
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(check_mode=False, args={"path": path} if path else {})
    action._connection = types.SimpleNamespace(transport="ssh")
    assert (action._without_login() or {}).get("method") == method
