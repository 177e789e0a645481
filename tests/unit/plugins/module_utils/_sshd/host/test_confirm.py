"""What the controller learns before a change, and when the rollback is armed (see test_change.py for the order)."""

from __future__ import annotations

import json
import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    PendingRollback,
    RollbackRequest,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import confirm as confirms
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.confirm import (
    ConfirmRequest,
    with_armed,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.rollback_steps import RollbackDaemon, sshd_steps
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import Linux, sshd_t


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def planned(linux: Linux, then: str = sshd_t()) -> list[Expected]:
    now = sshd_t(password="yes")
    return [linux.version(), linux.staged(then), linux.units(), linux.start(), linux.asked(now), linux.asked(now)]


def plan(linux: Linux, *commands: Expected, user: str = "") -> dict[str, t.Any]:
    request = linux.request("plan")
    request = replace(request, confirm=replace(request.confirm, login_user=user))
    found: dict[str, t.Any] = linux.play(*commands, request=request)["confirmation"]
    return found


@pytest.mark.parametrize(
    ("user", "sudo_user", "judged"),
    [("ops", "deploy", "ops"), ("", "deploy", "deploy"), ("", None, "root")],
    ids=["as Ansible knows it", "as sudo knows it", "root"],
)
def test_the_user_of_the_connection_is_judged(
    linux: Linux, monkeypatch: pytest.MonkeyPatch, user: str, sudo_user: str | None, judged: str
) -> None:
    if sudo_user:
        monkeypatch.setenv("SUDO_USER", sudo_user)
    else:
        monkeypatch.delenv("SUDO_USER", raising=False)
    asked: list[t.Any] = []

    def guard(_sshd: object, root: str, base: t.Any, users: list[str], **_become: str) -> t.NoReturn:
        asked.append((root, base.address, users))
        raise BaselineError("locked out", refused=["PermitRootLogin no", "AllowUsers x\x1b[2J"])

    monkeypatch.setattr(confirms, "guard", guard)
    found = plan(linux, *planned(linux), user=user)
    assert asked == [(linux.host.scratch(), "192.0.2.7", [judged])]
    assert found["refusal"] == "PermitRootLogin no. AllowUsers x\\x1b[2J"
    assert found["server_port"] == 22 and found["armed"] is None


def test_a_user_who_gets_in_is_not_refused(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments, **_become: ["a warning"])
    assert plan(linux, *planned(linux))["refusal"] == ""


def test_the_port_is_the_one_on_which_the_host_saw_the_connection(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "")
    monkeypatch.setattr(confirms, "guard", lambda *_arguments, **_become: [])
    who = "user=root,host=127.0.0.1,addr=127.0.0.1"
    commands = planned(linux)
    for command in commands:
        command.argv = [who if word.startswith("user=root") else word for word in command.argv]
    # Without a connection of its own the module cannot know: sshd's default.
    assert plan(linux, *commands)["server_port"] == 22


def listed(linux: Linux) -> Expected:
    linux.host.files["/etc/ssh/ssh_host_ed25519_key"] = "x"
    line = "256 SHA256:kfeZkuW3WdLvRB3QXTfu9JIRgqlWtkNrPEyNzLkmtDU root@web (ED25519)\n"
    return Expected(["ssh-keygen", "-l", "-f", "/etc/ssh/ssh_host_ed25519_key"], out=line)


def test_the_preflight_login_knows_what_goes(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments, **_become: [])
    linux.settings = {"Ciphers": ["aes256-gcm@openssh.com"]}
    then = sshd_t(ciphers="aes256-gcm@openssh.com")
    now = linux.asked(sshd_t(ciphers="aes256-ctr,aes256-gcm@openssh.com"))
    found = plan(linux, *planned(linux, then)[:4], now, replace(now), listed(linux))
    assert found["preflight"]["without"] == {"Ciphers": ("aes256-ctr",)}
    assert [key.split()[0] for key in found["preflight"]["keys"]] == ["ssh-ed25519"]


def test_files_that_sshd_rejects_now_have_no_preflight(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments, **_become: [])
    broken = linux.asked("", rc=255, err="Bad configuration option: Prt\n")
    commands = [*planned(linux)[:4], broken, broken]
    assert plan(linux, *commands)["preflight"] is None


def test_an_outdated_daemon_has_no_preflight(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments, **_become: [])
    linux.host.mtimes[linux.main] = 2500
    assert plan(linux, *planned(linux)[:5])["preflight"] is None


def test_an_armed_rollback_crosses_with_its_token() -> None:
    plain = Confirmation("", 22)
    assert with_armed(plain, None) is plain
    armed = with_armed(plain, PendingRollback("0" * 32, 45, "cron", "/var/lib/pyhost.baseline"))
    assert armed.armed == ArmedRollback(45, "cron", "/var/lib/pyhost.baseline", "0" * 32, "sshd")


@pytest.mark.parametrize(
    ("phase", "only_plans", "arms"),
    [("", False, False), ("plan", True, False), ("apply", False, True), ("another", False, False), ("x", False, False)],
)
def test_the_phases(phase: str, only_plans: bool, arms: bool) -> None:
    # As it comes from the controller: a text of its own.
    request = ConfirmRequest(phase=json.loads(json.dumps(phase)))
    assert (request.only_plans, request.arms_rollback) == (only_plans, arms)


def test_without_a_phase_the_time_is_the_documented_one() -> None:
    assert ConfirmRequest().seconds == 45


# When the controller's questions are answered.


@pytest.mark.parametrize(
    ("phase", "is_pending", "is_outdated", "judged", "previewed"),
    [
        pytest.param("plan", True, False, True, True, id="a change"),
        pytest.param("plan", True, True, True, False, id="a change for an outdated daemon"),
        pytest.param("plan", False, True, True, False, id="an outdated daemon"),
        pytest.param("plan", False, False, False, False, id="nothing"),
        pytest.param("apply", True, True, False, False, id="it was answered before"),
        pytest.param("", True, True, False, False, id="nobody asks"),
    ],
)
def test_what_the_controller_decides_by(
    monkeypatch: pytest.MonkeyPatch, phase: str, is_pending: bool, is_outdated: bool, judged: bool, previewed: bool
) -> None:
    calls: list[t.Any] = []
    preflight = Preflight({"Ciphers": ("x",)})

    def plan_preflight(*given: t.Any) -> Preflight:
        calls.append(("preflight", given))
        return preflight

    monkeypatch.setattr(confirms, "effective_now", lambda sshd, incoming: ("now", sshd, incoming))
    monkeypatch.setattr(confirms, "plan_preflight", plan_preflight)
    monkeypatch.setattr(confirms, "guard", lambda *given, **_become: calls.append(("guard", given)))
    incoming = types.SimpleNamespace(local_port="2222")
    plan: t.Any = types.SimpleNamespace(
        request=types.SimpleNamespace(confirm=ConfirmRequest(phase=phase, login_user="ops"), users=("deploy",)),
        answers=types.SimpleNamespace(incoming=incoming, first="then", root="/staged"),
        state=types.SimpleNamespace(sshd="sshd"),
        crypto="crypto",
        is_pending=is_pending,
    )
    found = confirms.gather_confirmation(plan, is_outdated=is_outdated)
    assert (found.refusal, found.server_port, found.armed) == ("", 2222, None)
    assert found.preflight == (preflight if previewed else None)
    asked = [("guard", ("sshd", "/staged", incoming, ["ops"]))]
    shown = [("preflight", ("sshd", ("now", "sshd", incoming), "then", "crypto"))]
    # The guarded users are judged under the present configuration, too.
    present = [("guard", ("sshd", "", incoming, ["deploy"]))]
    assert calls == (asked if judged else []) + (shown + present if previewed else [])


def test_a_user_whom_sshd_refuses_now_is_let_in_by_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(_sshd: object, root: str, base: object, users: list[str]) -> list[str]:
        assert (root, base) == ("", "incoming")
        if users == ["alice"]:
            raise BaselineError("locked out", refused=["AllowUsers (root) does not name alice"])
        if users == ["carol"]:
            # No refusal: sshd cannot be asked.
            raise BaselineError("sshd rejects the configuration")
        return []

    monkeypatch.setattr(confirms, "guard", guard)
    plan: t.Any = types.SimpleNamespace(
        request=types.SimpleNamespace(users=("deploy", "alice", "carol")),
        answers=types.SimpleNamespace(incoming="incoming"),
        state=types.SimpleNamespace(sshd="sshd"),
    )
    assert list(confirms._opened(plan)) == ["alice"]


# What a rollback of the change restores.


def planned_change(phase: str = "apply", changes: dict[str, str | None] | None = None) -> t.Any:
    return types.SimpleNamespace(
        request=types.SimpleNamespace(confirm=ConfirmRequest(phase=phase, seconds=90, login_user="ops")),
        written=types.SimpleNamespace(
            changes={"/etc/ssh/sshd_config": "x", "/b": None} if changes is None else changes
        ),
        state=types.SimpleNamespace(sshd=types.SimpleNamespace(program="/opt/sshd")),
        answers=types.SimpleNamespace(pid_file="/run/other.pid"),
        daemon=types.SimpleNamespace(unit="ssh.service", service="either", socket="ssh.socket", rc="sshd"),
    )


OPENED: t.Any = types.SimpleNamespace(
    files=["/etc/ufw/user.rules"],
    openings=[types.SimpleNamespace(take=("ufw", "delete"), give=("ufw", "allow"))],
)


def test_the_rollback_restores_all_that_the_change_writes() -> None:
    daemon = RollbackDaemon("/opt/sshd", "ssh.service", "ssh.socket", "/run/other.pid", "sshd")
    assert confirms.rollback_request(planned_change(), OPENED) == RollbackRequest(
        files=("/etc/ssh/sshd_config", "/b"),
        seconds=90,
        steps=sshd_steps(daemon, [("ufw", "delete")]),
        last_files=("/etc/ufw/user.rules",),
    )


@pytest.mark.parametrize(
    ("phase", "changes"),
    [
        pytest.param("", {"/x": ""}, id="nobody would confirm"),
        pytest.param("plan", {"/x": ""}, id="a plan"),
        pytest.param("apply", {}, id="no file changes"),
    ],
)
def test_no_rollback(phase: str, changes: dict[str, str | None]) -> None:
    assert confirms.rollback_request(planned_change(phase, changes), OPENED) is None


def test_an_error_of_the_guard_that_is_no_refusal_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(*_given: object, **_become: str) -> t.NoReturn:
        raise BaselineError("/etc/shells cannot be read: it is not a regular file")

    monkeypatch.setattr(confirms, "guard", guard)
    plan: t.Any = types.SimpleNamespace(
        request=types.SimpleNamespace(confirm=ConfirmRequest(phase="plan", login_user="ops")),
        state=types.SimpleNamespace(sshd=None),
        answers=types.SimpleNamespace(root="", incoming=None),
    )
    with pytest.raises(BaselineError, match="/etc/shells"):
        confirms._refusal(plan)
