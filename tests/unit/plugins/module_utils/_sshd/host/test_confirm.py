"""What the controller learns before a change, and when the rollback is armed (see test_change.py for the order)."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import PendingRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import ArmedRollback, Confirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import confirm as confirms
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.confirm import ConfirmRequest, with_armed
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

    def guard(_sshd: object, root: str, base: t.Any, users: list[str]) -> t.NoReturn:
        asked.append((root, base.address, users))
        raise BaselineError("locked out", refused=["PermitRootLogin no", "AllowUsers x\x1b[2J"])

    monkeypatch.setattr(confirms, "guard", guard)
    found = plan(linux, *planned(linux), user=user)
    assert asked == [(linux.host.scratch(), "192.0.2.7", [judged])]
    assert found["refusal"] == "PermitRootLogin no. AllowUsers x\\x1b[2J"
    assert found["server_port"] == 22 and found["armed"] is None


def test_a_user_who_gets_in_is_not_refused(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments: ["a warning"])
    assert plan(linux, *planned(linux))["refusal"] == ""


def test_the_port_is_the_one_on_which_the_host_saw_the_connection(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "")
    monkeypatch.setattr(confirms, "guard", lambda *_arguments: [])
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
    monkeypatch.setattr(confirms, "guard", lambda *_arguments: [])
    linux.settings = {"Ciphers": ["aes256-gcm@openssh.com"]}
    then = sshd_t(ciphers="aes256-gcm@openssh.com")
    now = linux.asked(sshd_t(ciphers="aes256-ctr,aes256-gcm@openssh.com"))
    found = plan(linux, *planned(linux, then)[:4], now, replace(now), listed(linux))
    assert found["preflight"]["without"] == {"Ciphers": ("aes256-ctr",)}
    assert [key.split()[0] for key in found["preflight"]["keys"]] == ["ssh-ed25519"]


def test_files_that_sshd_rejects_now_have_no_preflight(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments: [])
    broken = linux.asked("", rc=255, err="Bad configuration option: Prt\n")
    commands = [*planned(linux)[:4], broken, broken]
    assert plan(linux, *commands)["preflight"] is None


def test_an_outdated_daemon_has_no_preflight(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirms, "guard", lambda *_arguments: [])
    linux.host.mtimes[linux.main] = 2500
    assert plan(linux, *planned(linux)[:5])["preflight"] is None


def test_an_armed_rollback_crosses_without_its_token() -> None:
    plain = Confirmation("", 22)
    assert with_armed(plain, None) is plain
    armed = with_armed(plain, PendingRollback("secret", 45, "cron", "/var/lib/pyhost.baseline"))
    assert armed.armed == ArmedRollback(45, "cron", "/var/lib/pyhost.baseline")
    assert "secret" not in str(armed.as_json())


@pytest.mark.parametrize(
    ("phase", "only_plans", "arms"), [("", False, False), ("plan", True, False), ("apply", False, True)]
)
def test_the_phases(phase: str, only_plans: bool, arms: bool) -> None:
    request = ConfirmRequest(phase)
    assert (request.only_plans, request.arms_rollback) == (only_plans, arms)
