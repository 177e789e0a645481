"""What is checked between the plan and the first write, on a Linux host (see test_change.py)."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import check, confirm
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.confirm import ConfirmRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.port_access import PortAccess
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import WHO, Linux, sshd_t

Call = tuple[str, str, tuple[str, ...]]


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, linux: Linux) -> list[Call]:
    """Whom the guard is asked about: below which root, for a connection on which port."""
    calls: list[Call] = []

    def guard(_sshd: object, root: str, base: t.Any, users: t.Sequence[str], **_become: str) -> list[str]:
        calls.append((root, base.local_port, tuple(users)))
        linux.host.journal.append("guard")
        return ["a warning of the guard"]

    monkeypatch.setattr(check, "guard", guard)
    # The connection's own user (test_confirm.py).
    monkeypatch.setattr(confirm, "guard", lambda *_arguments, **_become: [])
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
    def guard(*_arguments: object, **_become: str) -> t.NoReturn:
        raise BaselineError("this configuration could lock you out")

    monkeypatch.setattr(check, "guard", guard)
    error = linux.fail(*planned(linux), request=linux.request(users=USERS))
    assert str(error) == "this configuration could lock you out; this task changed nothing"
    assert linux.host.written == [] and linux.is_unchanged()


def test_the_errors_of_the_plan_and_the_guards_are_reported_at_once(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shadowed keyword, a Match block of another file, options on the command line and a guarded user."""

    def guard(*_arguments: object, **_become: str) -> t.NoReturn:
        raise BaselineError("this configuration could lock you out", option="guard_users", refused=["root"])

    monkeypatch.setattr(check, "guard", guard)
    first = f"{linux.root}/etc/ssh/sshd_config.d/00-0.conf"
    Path(first).write_text("PasswordAuthentication yes\nMatch User root\nMaxSessions 9\n")
    linux.settings = {"PasswordAuthentication": False, "MaxSessions": 4}
    open_, closed = f"{sshd_t(password='yes')}maxsessions 9\n", f"{sshd_t()}maxsessions 4\n"
    start = linux.start()
    start.out = start.out.replace("$SSHD_OPTS ;", "-o PasswordAuthentication=yes ; ignore_errors=no ;")
    answer = linux.staged(f"{sshd_t(password='yes')}maxsessions 4\n")
    answer.argv = [*answer.argv, "-o", "PasswordAuthentication=yes"]
    commands = [linux.version(), linux.staged(open_), linux.staged(closed), linux.units(), start, answer]
    error = linux.fail(*commands, linux.asked(open_), request=linux.request(users=USERS))
    parts = [
        f"not in effect: PasswordAuthentication is yes (requested: no) for {WHO} because of {first}:1",
        "match_conflicts: Match blocks of other files decide otherwise than requested: "
        f"{first}:3 sets MaxSessions 9 (requested: 4) for connections that match user root",
        "not in effect: PasswordAuthentication is yes (requested: no), because ssh.service starts sshd with",
        "guard_users: this configuration could lock you out",
    ]
    places = [str(error).find(part) for part in parts]
    assert places == sorted(places) and places[0] == 0, str(error)
    assert str(error).endswith("this task changed nothing")
    assert error.details == {"culprits": [f"{first}:1", f"{first}:3"], "refused": ["root"]}
    assert linux.host.written == []


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


@pytest.mark.parametrize(
    ("reload", "is_outdated", "is_pending", "outdated", "needed"),
    [
        pytest.param(True, False, False, False, False, id="nothing"),
        pytest.param(True, False, True, False, True, id="a file differs"),
        pytest.param(True, True, False, True, True, id="the daemon is outdated"),
        pytest.param(True, True, True, True, True, id="both"),
        # Without a reload, what the daemon runs with is not this task's.
        pytest.param(False, True, False, False, False, id="an outdated daemon without reload"),
        pytest.param(False, True, True, False, True, id="a file without reload"),
    ],
)
def test_a_change_is_needed(
    monkeypatch: pytest.MonkeyPatch, reload: bool, is_outdated: bool, is_pending: bool, outdated: bool, needed: bool
) -> None:
    calls: dict[str, t.Any] = {}
    access, confirmation = PortAccess("ufw"), Confirmation("", 22)

    def noted(name: str, answer: t.Any) -> t.Callable[..., t.Any]:
        def call(*given: t.Any, **named: t.Any) -> t.Any:
            calls[name] = (given, named)
            return answer

        return call

    monkeypatch.setattr(check, "is_outdated", noted("is_outdated", is_outdated))
    monkeypatch.setattr(check, "guard", noted("guard", ["a warning"]))
    monkeypatch.setattr(check, "find_port_access", noted("find_port_access", access))
    monkeypatch.setattr(check, "gather_confirmation", noted("gather_confirmation", confirmation))
    move = types.SimpleNamespace(old_ports=[22], ports=[2222])
    plan: t.Any = types.SimpleNamespace(
        request=types.SimpleNamespace(reload=reload, users=("deploy",), confirm=ConfirmRequest(become="su")),
        answers=types.SimpleNamespace(root="/staged", incoming="from"),
        crypto=types.SimpleNamespace(loaded_with=lambda tree: f"{tree} and the host keys"),
        state=types.SimpleNamespace(sshd="sshd", tree="the present files"),
        daemon="daemon",
        move=move,
        is_pending=is_pending,
        errors=(),
    )
    host: t.Any = "host"
    found = check.check_change(host, plan)
    warnings = ("a warning",) if needed else ()
    assert found == check.CheckedChange(plan, outdated, access, warnings, confirmation)
    assert found.is_needed is needed
    expected: dict[str, t.Any] = {
        "find_port_access": (("host", [22], [2222]), {}),
        "gather_confirmation": ((plan,), {"is_outdated": outdated}),
    }
    if reload:
        expected["is_outdated"] = (("host", "daemon", "the present files and the host keys", move), {})
    if needed:
        expected["guard"] = (("sshd", "/staged", "from", ("deploy",)), {"become": "su"})
    assert calls == expected
