"""What is checked between the plan and the first write, on a Linux host (see test_change.py)."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import check, confirm
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import Linux, sshd_t

Call = tuple[str, str, tuple[str, ...]]


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, linux: Linux) -> list[Call]:
    """Whom the guard is asked about: below which root, for a connection on which port."""
    calls: list[Call] = []

    def guard(_sshd: object, root: str, base: t.Any, users: t.Sequence[str]) -> list[str]:
        calls.append((root, base.local_port, tuple(users)))
        linux.host.journal.append("guard")
        return ["a warning of the guard"]

    monkeypatch.setattr(check, "guard", guard)
    # The connection's own user (test_confirm.py).
    monkeypatch.setattr(confirm, "guard", lambda *_arguments: [])
    return calls


def planned(linux: Linux) -> list[Expected]:
    now = sshd_t(password="yes")
    return [linux.version(), linux.staged(sshd_t()), linux.units(), linux.start(), linux.asked(now)]


# In the request, root is asked about by sshd as the connection's user is: no further question.
USERS = ("root",)


def test_the_guarded_users_are_judged_on_the_staged_files_before_anything_is_done(
    linux: Linux, guarded: list[Call]
) -> None:
    request = linux.request(users=USERS)
    done = linux.play(*planned(linux), linux.armed(), linux.reloaded(), linux.asked(sshd_t()), request=request)
    assert guarded == [(linux.host.scratch(), "22", USERS)]
    assert linux.host.journal.index("guard") < min(
        number for number, line in enumerate(linux.host.journal) if line.startswith("write")
    )
    assert "a warning of the guard" in done["warnings"]


def test_a_user_who_would_be_locked_out_stops_the_change(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(*_arguments: object) -> t.NoReturn:
        raise BaselineError("this configuration could lock you out")

    monkeypatch.setattr(check, "guard", guard)
    error = linux.fail(*planned(linux), request=linux.request(users=USERS))
    assert str(error) == "this configuration could lock you out; this task changed nothing"
    assert linux.host.written == [] and linux.is_unchanged()


def test_check_mode_judges_too(linux: Linux, guarded: list[Call]) -> None:
    linux.host.check_mode = True
    linux.play(*planned(linux), request=linux.request("", users=USERS))
    assert guarded == [(linux.host.scratch(), "22", USERS)]


def test_a_change_that_is_not_needed_is_not_judged(linux: Linux, guarded: list[Call]) -> None:
    linux.play(*planned(linux), linux.reloaded(), linux.asked(sshd_t()), request=linux.request(""))
    linux.settle()
    guarded.clear()
    request = linux.request("plan", users=USERS)
    done = linux.play(linux.version(), linux.asked(sshd_t()), linux.units(), linux.start(), request=request)
    assert guarded == [] and not done["changed"] and done["warnings"] == []


def test_an_outdated_daemon_is_judged_by_the_files_on_the_host(linux: Linux, guarded: list[Call]) -> None:
    linux.play(*planned(linux), linux.reloaded(), linux.asked(sshd_t()), request=linux.request(""))
    linux.settle()
    linux.host.mtimes[linux.dropin] = 3500
    guarded.clear()
    commands = [linux.version(), linux.asked(sshd_t()), linux.units(), linux.start()]
    done = linux.play(*commands, request=linux.request("plan", users=USERS))
    assert done["changed"]
    assert guarded[0] == ("", "22", USERS)
