"""What commit-confirm does for any topic. The order of a whole change is in action/test_sshd_config.py."""

from __future__ import annotations

import types
import typing as t
from dataclasses import replace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT, ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import commit as commits
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.commit import CommitConfirm, ModuleRun
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import VerifiedLogin
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.proof import Proof, RollbackOutcome
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import ProofRequest
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget

ARMED = ArmedRollback(45, "systemd", BASE, "0" * 32, "firewall")
LOGIN = VerifiedLogin(SshTarget("192.0.2.7", user="ops"), sudo=True)
CHANGED: dict[str, t.Any] = {"changed": True}


class Firewall(CommitConfirm):
    """A topic whose module answers what the test says."""

    topic = "firewall"
    answer: t.Any = CHANGED
    armed: ArmedRollback | None = ARMED
    login = LOGIN

    def _change(self) -> dict[str, t.Any]:
        return self._apply_and_confirm(ProofRequest((), 45, frozenset()), lambda _run: self.login)

    def _armed(self, run: ModuleRun, *, seconds: int) -> ArmedRollback | None:
        assert seconds == 45 and run.confirmation == "of the module"
        return self.armed

    def _run_module(self, phase: str) -> ModuleRun:
        assert phase == "apply"
        if isinstance(self.answer, Exception):
            raise self.answer
        return ModuleRun(self.answer, "of the module")


def made(monkeypatch: pytest.MonkeyPatch, proof: Proof, **more: t.Any) -> dict[str, t.Any]:
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(commits, "confirm_by_login", lambda *_given, **_named: proof)
    monkeypatch.setattr(commits, "target_of", lambda _connection: LOGIN.target)
    monkeypatch.setattr(commits, "become_password", lambda *_given: None)
    outcome = RollbackOutcome(True, "the host rolled the change back by itself")
    monkeypatch.setattr(commits, "roll_back", more.pop("roll_back", lambda *_given, **_named: outcome))
    action = Firewall.__new__(Firewall)
    action._task = types.SimpleNamespace(args=more.pop("args", {}), action="pyhost.baseline.firewall", check_mode=False)
    action._connection = types.SimpleNamespace()
    action.__dict__.update(more)
    return action.run(None, {})


def test_a_confirmed_change_says_by_what(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(monkeypatch, Proof())
    assert (
        result["changed"] and result["confirmed_by"].items() >= {"method": "login", "user": "ops", "port": 22}.items()
    )


def test_without_a_change_nothing_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(monkeypatch, Proof(BaselineError("no")), answer={"changed": False}) == {"changed": False}


def test_an_unconfirmed_change_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(monkeypatch, Proof(BaselineError("no login works", hint="look")))
    assert (result["failed"], result["changed"], result["rolled_back"]) == (True, False, True)
    assert result["msg"].startswith("the new configuration was applied, but no login works")


@pytest.mark.parametrize(
    ("lost", "sudo", "asked"),
    [
        pytest.param("", True, ["ops"], id="refused"),
        pytest.param("no answer", True, ["admin", "ops"], id="the answer was lost"),
        pytest.param("no answer", False, ["ops"], id="and the user has no sudo from here"),
        pytest.param("", False, ["ops"], id="refused without sudo"),
    ],
)
def test_who_asks_for_the_record(monkeypatch: pytest.MonkeyPatch, lost: str, sudo: bool, asked: list[str]) -> None:
    """A login that may have confirmed the change asks first, the connection's own one last."""
    users: list[t.Any] = []
    proof = Proof(BaselineError("no"), lost)
    login = replace(LOGIN, target=replace(LOGIN.target, user="admin"), sudo=sudo)

    def roll_back(logins: t.Any, **_named: t.Any) -> RollbackOutcome:
        users.extend(one.target.user for one in logins)
        return RollbackOutcome(True, "rolled back")

    made(monkeypatch, proof, roll_back=roll_back, login=login)
    assert users == asked


def test_without_a_rollback_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(monkeypatch, Proof(BaselineError("no login works")), armed=None)
    assert "there is no earlier configuration to go back to" in result["msg"]


def test_a_lost_connection_names_the_subject_and_what_happens_next(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(monkeypatch, Proof(), answer=AnsibleConnectionFailure("broken pipe"))
    assert "the connection was lost while the firewall configuration was changed (broken pipe)" in result["msg"]
    assert "the host rolls the change back by itself within 45 seconds, or at its next boot" in result["msg"]


def test_the_argument_of_the_phase_is_not_for_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(monkeypatch, Proof(), args={PHASE_ARGUMENT: {}})
    assert result["failed"] and result["msg"].startswith(f"{PHASE_ARGUMENT}: this argument is not for tasks")
