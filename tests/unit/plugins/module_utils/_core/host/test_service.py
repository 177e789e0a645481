# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd, by transcripts of systemctl and journalctl."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError, state_of_errors
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.service import (
    act,
    journal_tail,
    unit_state,
    unit_states,
)
from tests.unit.fake_host import Expected, FakeHost

PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NeedDaemonReload"
SSH = (
    "Id=ssh.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nResult=success\n"
    "MainPID=812\nNeedDaemonReload=yes\n"
)
ABSENT = "Id=no.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nMainPID=0\n"
JOURNAL = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "15", "--unit", "ssh.service"]


def playing(*commands: Expected) -> tuple[FakeHost, Host]:
    fake = FakeHost(commands=list(commands))
    return fake, t.cast(Host, fake)


def show(*names: str, out: str, more: str = "", rc: int = 0) -> Expected:
    return Expected(["systemctl", "show", "--property", PROPERTIES + more, "--", *names], rc=rc, out=out)


def test_the_state_of_a_unit() -> None:
    fake, host = playing(show("ssh.service", out=SSH))
    unit = unit_state(host, "ssh.service")
    fake.done()
    assert (unit.name, unit.exists, unit.running, unit.enabled) == ("ssh.service", True, True, True)
    assert (unit.main_pid, unit.result, unit.needs_daemon_reload, unit.properties) == (812, "success", True, ())


def test_several_units_are_read_by_one_command() -> None:
    listen = "Listen=[::]:22 (Stream)\nListen=0.0.0.0:22 (Stream)\n"
    fake, host = playing(show("ssh.service", "no.service", out=f"{SSH}{listen}\n{ABSENT}", more=",Listen"))
    ssh, absent = unit_states(host, ["ssh.service", "no.service"], more=["Listen"])
    fake.done()
    assert ssh.values("Listen") == ["[::]:22 (Stream)", "0.0.0.0:22 (Stream)"]
    assert (ssh.value("Listen"), absent.value("Listen")) == ("[::]:22 (Stream)", "")
    assert (absent.exists, absent.running, absent.enabled, absent.main_pid) == (False, False, False, 0)


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("enabled", True),
        ("alias", True),
        ("static", True),
        ("generated", True),
        ("enabled-runtime", False),
        ("", False),
    ],
)
def test_a_unit_that_starts_at_the_next_boot(state: str, enabled: bool) -> None:
    _fake, host = playing(show("ssh.service", out=SSH.replace("UnitFileState=enabled", f"UnitFileState={state}")))
    assert unit_state(host, "ssh.service").enabled is enabled


@pytest.mark.parametrize("answer", [show("a", "b", out=ABSENT), show("a", "b", out=f"{ABSENT}\n{ABSENT}", rc=1)])
def test_an_incomplete_answer_is_an_error(answer: Expected) -> None:
    _fake, host = playing(answer)
    with pytest.raises(BaselineError, match="systemctl cannot show a b: "):
        unit_states(host, ["a", "b"])


def test_an_action() -> None:
    fake, host = playing(Expected(["systemctl", "daemon-reload", "--"]))
    act(host, "daemon-reload")
    fake.done()


def test_a_failed_action_has_the_journal_as_its_hint_and_the_state_of_its_caller() -> None:
    failed = Expected(["systemctl", "restart", "--", "ssh.service"], rc=1, err="Job failed.\n")
    fake, host = playing(failed, Expected(JOURNAL, out="one\ntwo\n"))
    with pytest.raises(BaselineError) as caught, state_of_errors("its files were written"):
        act(host, "restart", "ssh.service")
    fake.done()
    assert str(caught.value) == (
        "systemctl restart ssh.service failed: Job failed. (rc=1); its files were written; "
        "see the journal of the unit, which ends with: one; two"
    )


@pytest.mark.parametrize("names", [(), ("ssh.service",)])
def test_a_failed_action_without_a_journal(names: tuple[str, ...]) -> None:
    failed = Expected(["systemctl", "reset-failed", "--", *names], rc=1)
    fake, host = playing(failed, *([Expected(JOURNAL, rc=1)] if names else []))
    with pytest.raises(BaselineError) as caught:
        act(host, "reset-failed", *names)
    fake.done()
    assert caught.value.hint == ""


def test_the_tail_of_the_journal() -> None:
    _fake, host = playing(Expected([*JOURNAL[:6], "3", *JOURNAL[7:]], out="\na\nb\n"), Expected(JOURNAL, rc=1, out="x"))
    assert journal_tail(host, "ssh.service", lines=3) == ["a", "b"]
    assert journal_tail(host, "ssh.service") == []
