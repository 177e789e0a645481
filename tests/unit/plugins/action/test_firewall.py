"""Plan, apply, confirm and look from outside over a connection that is played."""

from __future__ import annotations

import json
import types
import typing as t
from dataclasses import replace

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.action import firewall as actions
from ansible_collections.pyhost.baseline.plugins.action.firewall import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.confirmation import FirewallConfirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.probes import Probes
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import commit as commits
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.commit import ModuleRun
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import VerifiedLogin
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.proof import Proof
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings

LOGIN = VerifiedLogin(SshTarget("192.0.2.7", user="ops"), sudo=True)
ARMED = ArmedRollback(45, "systemd", BASE, "0" * 32, "firewall")
PROBES = Probes((22, 80), 61000)
SEEN = {"open": [], "unanswered": [], "closed": [], "refused": [], "skipped": ""}


class Firewall(ActionModule):
    """One task; ``events`` is what happened, in its order."""

    changed = True
    armed: ArmedRollback | None = ARMED

    def _run_module(self, phase: str) -> ModuleRun:
        self.events.append(f"module {phase or 'at once'}")
        armed = self.armed if phase == "apply" else None
        sent = json.loads(json.dumps(FirewallConfirmation(armed, PROBES).as_json()))
        result = {"changed": self.changed, "warnings": [f"of {phase}", "both"]}
        return ModuleRun(result, sent if phase else None)


def play(monkeypatch: pytest.MonkeyPatch, **more: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    """Return the result and the events."""
    events: list[str] = []
    answers = more.pop("answers", {22: "open", 80: "open", 61000: "unanswered"})
    settings = more.pop("settings", ClientSettings(host="host.example"))
    login: t.Any = more.pop("login", LOGIN)
    target = replace(LOGIN.target, port=more.pop("port", None))

    def find_login(own: SshTarget, users: t.Any, **named: t.Any) -> VerifiedLogin:
        assert (own, users, named["confirmation"]) == (target, (), Confirmation("", own.port or 22))
        events.append("log in")
        if isinstance(login, Exception):
            raise login
        return t.cast(VerifiedLogin, login)

    def confirm(*_given: object, **_named: object) -> Proof:
        events.append("confirm")
        return Proof()

    def try_ports(host: str, ports: list[int]) -> dict[int, str]:
        events.append(f"try {host} {ports}")
        return dict(answers)

    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(actions, "find_working_login", find_login)
    monkeypatch.setattr(actions, "target_of", lambda _connection: target)
    monkeypatch.setattr(actions, "become_password", lambda *_given: None)
    monkeypatch.setattr(actions, "client_settings", lambda _connection: settings)
    monkeypatch.setattr(actions, "try_ports", try_ports)
    monkeypatch.setattr(commits, "confirm_by_login", confirm)
    action = Firewall.__new__(Firewall)
    action._task = types.SimpleNamespace(
        args=more.pop("args", {}), action="pyhost.baseline.firewall", check_mode=more.pop("check_mode", False)
    )
    action._connection = types.SimpleNamespace(transport=more.pop("transport", "ssh"))
    action.__dict__.update(events=events, **more)
    return action.run(None, {}), events


def test_a_change_is_confirmed_and_seen_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    result, events = play(monkeypatch)
    assert events == ["module plan", "log in", "module apply", "confirm", "try host.example [22, 80, 61000]"]
    assert result["changed"] and result["confirmed_by"]["user"] == "ops"
    assert result["seen_from_outside"] == {**SEEN, "open": [22, 80], "closed": [61000]}
    assert result["warnings"] == ["of plan", "both", "of apply"]


def test_the_login_is_on_the_port_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    assert play(monkeypatch, port=2222)[1][1] == "log in"


def test_no_change_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    result, events = play(monkeypatch, changed=False)
    assert (result["changed"], events) == (False, ["module plan"])


@pytest.mark.parametrize(
    ("more", "confirmed"),
    [
        pytest.param({"check_mode": True}, None, id="check mode"),
        # The module refuses it.
        pytest.param(
            {"args": {"confirm": "perhaps"}}, {"method": "none", "reason": "confirm is false"}, id="no boolean"
        ),
        pytest.param({"args": {"confirm": False}}, {"method": "none", "reason": "confirm is false"}, id="confirm"),
        pytest.param(
            {"transport": "local"},
            {"method": "checks", "reason": "the connection is local: the kernel was asked, no login was made"},
            id="another connection",
        ),
    ],
)
def test_without_a_login(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, t.Any], confirmed: dict[str, str] | None
) -> None:
    result, events = play(monkeypatch, **more)
    assert (result.get("confirmed_by"), events) == (confirmed, ["module at once"])


def test_without_a_login_that_works_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    result, events = play(monkeypatch, login=BaselineError("no key", hint="add one"))
    assert (result["changed"], events) == (False, ["module plan", "log in"])
    assert result["msg"] == "no key; this task changed nothing; add one"


@pytest.mark.parametrize("value", ["soon", 5, 7200])
def test_a_time_that_is_none(monkeypatch: pytest.MonkeyPatch, value: t.Any) -> None:
    result, events = play(monkeypatch, args={"confirm_timeout": value})
    assert result["failed"] and "module apply" not in events


@pytest.mark.parametrize(
    ("answers", "seen", "warning"),
    [
        pytest.param(
            {22: "open", 80: "unanswered", 61000: "unanswered"},
            {**SEEN, "open": [22], "unanswered": [80], "closed": [61000]},
            "do not answer this controller: 80; something on the way filters them, or the service itself does",
            id="filtered on the way",
        ),
        pytest.param(
            {22: "open", 80: "refused", 61000: "unanswered"},
            {**SEEN, "open": [22], "unanswered": [80], "closed": [61000]},
            "do not answer this controller: 80",
            id="refused by the service",
        ),
        pytest.param(
            {22: "open", 80: "open", 61000: "refused"},
            {**SEEN, "open": [22, 80], "refused": [61000]},
            "port 61000 of TCP is closed by these rules, but its connections are answered",
            id="past the rules",
        ),
        pytest.param(
            {22: "open", 80: "open", 61000: "open"},
            {**SEEN, "open": [22, 80], "refused": [61000]},
            "port 61000 of TCP is closed by these rules, but its connections are answered",
            id="another machine",
        ),
    ],
)
def test_what_does_not_fit_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, answers: dict[int, str], seen: dict[str, t.Any], warning: str
) -> None:
    result, _events = play(monkeypatch, answers=answers)
    assert result["seen_from_outside"] == seen
    assert warning in result["warnings"][-1]


def test_behind_another_host_no_port_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    result, events = play(monkeypatch, settings=ClientSettings(host="h", is_proxied=True))
    assert "leads through another host" in result["seen_from_outside"]["skipped"]
    assert events[-1] == "confirm"
