"""The writes of a change: order, modes and owners. Its steps and failures are in test_change.py."""

from __future__ import annotations

import os
import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.armed import NotRestored
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import PendingRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.managers import Opening
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import apply
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.keys import GeneratedKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.move import PortMove
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.port_access import PortAccess
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host_keys import HostKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import managed_files
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import PortHolder, PortTaken
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import SocketStreams
from tests.unit.disk_host import DiskHost
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.linux_sshd import WHO, Linux, sshd_t, tables, tcp


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def write(tmp_path: Path, changes: dict[str, str | None], access: dict[str, tuple[int, int, int]]) -> DiskHost:
    host = DiskHost(tmp_path)
    files = managed_files(f"{tmp_path}/sshd_config", "00.conf")
    apply._write(host, files, changes, access)  # type: ignore[arg-type]  # a stand-in
    return host


def test_a_file_is_there_before_the_main_file_includes_it(tmp_path: Path) -> None:
    main, beside = f"{tmp_path}/sshd_config", f"{tmp_path}/00.conf"
    Path(main).write_text("UsePAM yes\n")
    host = write(tmp_path, {main: "Include 00.conf\n", beside: "Port 22\n"}, {})
    assert host.journal == ["write /00.conf", "write /sshd_config"]


def test_a_file_goes_after_the_main_file_includes_it_no_more(tmp_path: Path) -> None:
    main, beside = f"{tmp_path}/sshd_config", f"{tmp_path}/00.conf"
    Path(beside).write_text("Port 22\n")
    host = write(tmp_path, {beside: None, main: "UsePAM yes\n"}, {})
    assert host.journal == ["write /sshd_config", "remove /00.conf"]


def test_the_files_of_sshd_are_roots_alone_and_a_unit_is_not(tmp_path: Path) -> None:
    main, dropin, beside, unit = (
        f"{tmp_path}/{name}" for name in ("sshd_config", "sshd_config.d/00.conf", "00.conf", "units/x.conf")
    )
    host = write(tmp_path, dict.fromkeys([main, dropin, beside, unit], "x\n"), {})
    assert [host.modes[path] for path in (main, dropin, beside, unit)] == [0o600, 0o600, 0o600, 0o644]


def test_a_new_host_key_belongs_to_whom_its_neighbours_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owned: list[t.Any] = []
    monkeypatch.setattr(os, "chown", lambda *given: owned.append(given))
    key, old = f"{tmp_path}/ssh_host_rsa_key", f"{tmp_path}/ssh_host_ed25519_key"
    Path(old).write_text("old")
    Path(old).chmod(0o600)
    host = write(tmp_path, {key: "new", old: "new"}, {key: (0, 998, 0o640), old: (0, 998, 0o640)})
    # It is root's alone until it has its owner.
    assert host.modes[key] == 0o600
    assert owned == [(key, 0, 998)]
    assert [os.stat(path).st_mode & 0o777 for path in (key, old)] == [0o640, 0o600]


LISTEN = frozenset({("0.0.0.0", 22)})
UNIT = SocketUnit("ssh.socket", True, False, False, False, 0.0, SocketStreams(LISTEN), {})


@pytest.mark.parametrize(
    ("is_move", "unit", "is_written", "restarts"),
    [
        pytest.param(True, None, False, True, id="a move"),
        pytest.param(False, None, True, False, id="no socket unit"),
        pytest.param(False, UNIT, True, True, id="its drop-in is written"),
        pytest.param(False, replace(UNIT, needs_daemon_reload=True), False, True, id="it is stale"),
        pytest.param(False, UNIT, False, False, id="nothing of it changes"),
    ],
)
def test_when_a_socket_unit_is_started_anew(
    linux: Linux, is_move: bool, unit: SocketUnit | None, is_written: bool, restarts: bool
) -> None:
    before = frozenset({("0.0.0.0", 2222)}) if is_move else LISTEN
    path = "/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf"
    plan: t.Any = type("Plan", (), {})()
    plan.move = PortMove(before, LISTEN)
    plan.daemon = type("Daemon", (), {"socket_unit": unit})()
    plan.written = type("Written", (), {"changes": {path: ""} if is_written else {}})()
    assert apply._restarts_socket(linux.host, plan) is restarts  # type: ignore[arg-type]  # a stand-in


def test_new_host_keys_are_covered_by_the_rollback(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    key = f"{linux.root}/etc/ssh/ssh_host_ed25519_key"
    made = GeneratedKey(
        HostKey(key, "ssh-ed25519", 256, "SHA256:a"), {key: None}, {key: "secret"}, {key: (0, 0, 0o600)}
    )

    def generate(_host: object, _needed: object, *, beside: list[str]) -> list[GeneratedKey]:
        linux.host.journal.append("make keys")
        return [made]

    monkeypatch.setattr(apply, "generate_host_keys", generate)
    monkeypatch.setattr(os, "chown", lambda *_given: None)
    linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.armed(),
        linux.reloaded(),
        linux.asked(sshd_t()),
    )
    assert linux.host.journal.index("make keys") < linux.host.journal.index("write /etc/ssh/ssh_host_ed25519_key")
    assert f"    remove {key}\n" in Path(linux.paths.script).read_text()
    assert Path(key).read_text() == "secret"


@pytest.mark.parametrize("is_error", [True, False])
def test_the_parts_of_an_error_stay_apart(is_error: bool) -> None:
    given: t.Any = apply.BaselineError("no", option="settings", where="/x:1", hint="try", culprits=["/x:1"])
    found = apply._with_state(apply.BaselineError, given if is_error else OSError(28, "full"), "reverted", hint="look")
    assert found.state == "reverted"
    if is_error:
        assert (found.problem, found.option, found.where, found.hint) == ("no", "settings", "/x:1", "look; try")
        assert found.details == {"culprits": ["/x:1"]}
    else:
        assert (found.problem, found.hint) == ("[Errno 28] full", "look")


def test_the_main_file_is_between_the_new_files_and_those_that_go(tmp_path: Path) -> None:
    main, dropin, beside = f"{tmp_path}/sshd_config", f"{tmp_path}/sshd_config.d/00.conf", f"{tmp_path}/00.conf"
    Path(dropin).parent.mkdir()
    Path(dropin).write_text("old")
    host = write(tmp_path, {main: "Include 00.conf\n", dropin: None, beside: "Port 22\n"}, {})
    assert host.journal == ["write /00.conf", "write /sshd_config", "remove /sshd_config.d/00.conf"]


def test_a_drop_in_is_there_before_the_main_file_although_it_sorts_after_it(tmp_path: Path) -> None:
    main, dropin = f"{tmp_path}/sshd_config", f"{tmp_path}/sshd_config.d/00.conf"
    host = write(tmp_path, {main: "Include x\n", dropin: "Port 22\n"}, {})
    assert host.journal == ["write /sshd_config.d/00.conf", "write /sshd_config"]


def test_all_files_that_go_are_removed(tmp_path: Path) -> None:
    names = ("00.conf", "01.conf", "sshd_config")
    for name in names:
        (tmp_path / name).write_text("old")
    host = write(tmp_path, {f"{tmp_path}/{name}": None for name in names}, {})
    assert host.journal == ["remove /00.conf", "remove /01.conf", "remove /sshd_config"]


def test_only_what_differs_is_restored(tmp_path: Path) -> None:
    """A disk that is full takes no file, and the file that could not be written is still as it was."""
    files = managed_files(f"{tmp_path}/sshd_config", "00.conf")
    old = "Port 22\n"
    for name in ("sshd_config", "00.conf"):
        (tmp_path / name).write_text("Port 22\n" if name == "00.conf" else "new")
    before = {files.main: old, files.beside: old, files.dropin: None}
    plan: t.Any = types.SimpleNamespace(
        written=types.SimpleNamespace(before=before, changes=dict.fromkeys(before, "new")),
        state=types.SimpleNamespace(files=files),
    )
    host = DiskHost(tmp_path)
    apply._restore(host, plan)  # type: ignore[arg-type]  # a stand-in
    assert host.journal == ["write /sshd_config"]
    assert (tmp_path / "sshd_config").read_text() == old


def test_nothing_applied_is_nothing_reloaded() -> None:
    assert apply.AppliedChange() == apply.AppliedChange((), False, None)


@pytest.mark.parametrize(
    ("holders", "silent", "problem"),
    [
        pytest.param([], [], "", id="sshd answers"),
        pytest.param([], ["x: refused"], "sshd does not answer on x: refused", id="it is silent"),
        # Somebody else would answer in its place, so nobody is asked.
        pytest.param([PortHolder(2222)], None, "sshd does not answer on port 2222 is held", id="another one is there"),
    ],
)
def test_sshd_itself_has_to_answer(
    monkeypatch: pytest.MonkeyPatch, holders: list[PortHolder], silent: list[str] | None, problem: str
) -> None:
    move = PortMove(frozenset({("0.0.0.0", 22)}), frozenset({("0.0.0.0", 2222)}))

    def unanswered(listens: t.Any) -> list[str]:
        assert silent is not None and listens == move.after
        return silent

    def found(_host: object, daemon: object, given: PortMove) -> list[PortHolder]:
        assert (daemon, given) == ("current", move)
        return holders

    monkeypatch.setattr(apply, "unanswered", unanswered)
    monkeypatch.setattr(apply, "holders_after_start", found)
    monkeypatch.setattr(apply.daemons, "with_current_pid", lambda *_given: "current")
    monkeypatch.setattr(apply.daemons, "require_socket_listens", lambda *given: sockets.append(given))
    sockets: list[t.Any] = []
    daemon = types.SimpleNamespace(unit="", rc="")
    plan: t.Any = types.SimpleNamespace(
        move=move, daemon=daemon, answers=types.SimpleNamespace(pid_file="/run/sshd.pid")
    )
    host: t.Any = FakeHost()
    if not problem:
        apply._require_answer(host, plan)
        assert sockets == [(host, "current", move.after)]
        return
    with pytest.raises(BaselineError) as caught:
        apply._require_answer(host, plan)
    assert caught.value.problem.startswith(problem)


def test_new_host_keys_are_made_beside_the_present_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their folder, owner and mode are those of the present ones."""
    given: list[t.Any] = []

    def generate(_host: object, needed: t.Any, *, beside: list[str]) -> t.NoReturn:
        given.append((needed, beside))
        raise BaselineError("ssh-keygen failed")

    monkeypatch.setattr(apply, "generate_host_keys", generate)
    crypto = types.SimpleNamespace(needed=["rsa"], keys=[types.SimpleNamespace(path="/etc/ssh/ssh_host_ed25519_key")])
    plan: t.Any = types.SimpleNamespace(crypto=crypto)
    stand_in: t.Any = FakeHost()
    # Without its keys nothing of the change is begun.
    with pytest.raises(BaselineError, match="ssh-keygen failed") as caught:
        apply.apply_change(stand_in, plan, t.cast(t.Any, None))
    assert given == [(["rsa"], ["/etc/ssh/ssh_host_ed25519_key"])]
    assert caught.value.state is None


def test_a_process_that_replaces_sshd_is_sshd(linux: Linux) -> None:
    """A reload can end in another process; its sockets are not those of somebody who took the port."""
    new = {"/run/sshd.pid": "57\n", "/proc/57/cmdline": "sshd: /usr/sbin/sshd [listener]", "/proc/57/fd/3": ""}
    linux.host.links["/proc/57/fd/3"] = "socket:[200]"
    rows = tables(tcp(22, inode=200), wide=[tcp(22, inode=200, wide=True)])
    linux.host.mtimes["/proc/57"] = 2900
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.armed(),
        linux.reloaded(writes={**new, **rows}),
        linux.asked(sshd_t()),
    )
    assert done["reloaded"] and done["port_held_by"] == []


def test_a_setting_that_is_not_in_effect_for_another_user_is_put_back(linux: Linux) -> None:
    """After the reload sshd is asked again for each connection that was asked about before, not for its own alone."""

    def asked(out: str, *, root: str = "") -> Expected:
        words = linux.asked(out, root=root)
        words.argv = [word.replace(WHO, WHO.replace("root", "no-such-user") + ",invalid-user") for word in words.argv]
        return words

    error = linux.fail(
        linux.version(),
        linux.staged(sshd_t()),
        asked(sshd_t(), root=linux.host.scratch()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.reloaded(),
        linux.asked(sshd_t()),
        asked(sshd_t(password="yes")),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        request=linux.request("", users=("no-such-user",)),
    )
    assert error.problem.startswith(
        "not in effect: PasswordAuthentication is yes (requested: no) for user=no-such-user"
    )
    assert linux.is_unchanged()


@pytest.fixture(autouse=True)
def _no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the guard judges is in test_check.py."""
    monkeypatch.setattr(
        "ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.check.guard", lambda *_, **_become: []
    )


# What becomes of a change that failed.

ERROR = BaselineError("sshd does not answer", option="settings", hint="see the journal", culprits=["/x"])
FULL = OSError(28, "No space left on device")
ARMED = PendingRollback("token", 45, "systemd", "/var/lib/pyhost.baseline")
MOVED = PortMove(frozenset({("0.0.0.0", 22)}), frozenset({("0.0.0.0", 2222)}))
STAYS = PortMove(MOVED.before, MOVED.before)
USER, ROOT, UNKNOWN = PortHolder(2222, uid=1001), PortHolder(2222, uid=0), PortHolder(2222)
RESTORED = "the files are as they were before"
ANSWERS = f"{RESTORED} and sshd answers with them"
SILENT = f"{RESTORED}, but sshd does not answer, and the host rolls the change back by itself within 45 seconds"


class Revert:
    """A call of ``_revert`` whose steps are stand-ins, and the order in which they ran."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        reload: bool = True,
        move: PortMove = MOVED,
        holders: t.Sequence[PortHolder] = (),
        recovers: bool = True,
        failure: BaselineError | None = None,
    ) -> None:
        self.steps: list[t.Any] = []
        self._answers = (holders, recovers, failure)
        request = types.SimpleNamespace(reload=reload)
        self._plan: t.Any = types.SimpleNamespace(
            request=request, answers=types.SimpleNamespace(pid_file="/run/sshd.pid"), daemon="planned", move=move
        )
        daemons = types.SimpleNamespace(with_current_pid=self._current, recover=self._recover)
        monkeypatch.setattr(apply, "daemons", daemons)
        monkeypatch.setattr(apply, "holders_after_start", self._holders)
        monkeypatch.setattr(apply, "_restore", self._restore)

    def __call__(
        self, error: BaselineError | OSError, *, armed: PendingRollback | None = ARMED, moved: bool = True
    ) -> BaselineError:
        stand_in: t.Any = FakeHost()
        return apply._revert(stand_in, self._plan, error, armed, moved=moved)

    def _current(self, _host: object, daemon: object, pid_file: str) -> str:
        assert (daemon, pid_file) == ("planned", "/run/sshd.pid")
        return "current"

    def _holders(self, _host: object, daemon: object, move: PortMove, message: str) -> list[PortHolder]:
        self.steps.append(("holders", daemon, move, message))
        return list(self._answers[0])

    def _restore(self, _host: object, _plan: object) -> None:
        self.steps.append("restore")
        if self._answers[2]:
            raise self._answers[2]

    def _recover(self, _host: object, daemon: object, **given: t.Any) -> bool:
        self.steps.append(("recover", daemon, given))
        return self._answers[1]


@pytest.mark.parametrize("moved", [True, False])
def test_the_holders_are_read_before_the_files_are_restored_and_sshd_starts(
    monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    revert = Revert(monkeypatch)
    revert(ERROR, moved=moved)
    assert revert.steps == [
        ("holders", "current", MOVED, str(ERROR)),
        "restore",
        ("recover", "planned", {"pid_file": "/run/sshd.pid", "moved": moved, "expected": MOVED.before}),
    ]


@pytest.mark.parametrize(
    ("error", "how", "kind", "state", "hint"),
    [
        pytest.param(ERROR, {}, BaselineError, ANSWERS, "see the journal", id="sshd is back"),
        pytest.param(
            ERROR,
            {"recovers": False},
            NotRestored,
            SILENT,
            "look at the host at once; see the journal",
            id="sshd is not back",
        ),
        pytest.param(ERROR, {"reload": False}, BaselineError, RESTORED, "see the journal", id="without reload"),
        pytest.param(FULL, {}, BaselineError, ANSWERS, "", id="an error of the system"),
        pytest.param(FULL, {"recovers": False}, NotRestored, SILENT, "look at the host at once", id="and silence"),
        pytest.param(ERROR, {"holders": [USER]}, PortTaken, ANSWERS, "", id="a user took the port"),
        pytest.param(FULL, {"holders": [USER]}, PortTaken, ANSWERS, "", id="and the system has an error"),
        pytest.param(ERROR, {"holders": [UNKNOWN]}, PortTaken, ANSWERS, "", id="somebody took the port and is gone"),
        pytest.param(ERROR, {"holders": [ROOT]}, BaselineError, ANSWERS, "see the journal", id="a service has it"),
        pytest.param(
            ERROR, {"holders": [USER, ROOT]}, BaselineError, ANSWERS, "see the journal", id="a service and a user"
        ),
        pytest.param(
            ERROR, {"holders": [USER], "move": STAYS}, BaselineError, ANSWERS, "see the journal", id="sshd did not move"
        ),
        pytest.param(
            ERROR,
            {"holders": [USER], "recovers": False},
            NotRestored,
            SILENT,
            "look at the host at once; see the journal",
            id="a user took the port and sshd is not back",
        ),
    ],
)
def test_the_error_of_a_change_that_was_reverted(
    monkeypatch: pytest.MonkeyPatch,
    error: BaselineError | OSError,
    how: dict[str, t.Any],
    kind: type[BaselineError],
    state: str,
    hint: str,
) -> None:
    revert = Revert(monkeypatch, **how)
    found = revert(error)
    problem = error.problem if isinstance(error, BaselineError) else "[Errno 28] No space left on device"
    assert (type(found), found.problem) == (kind, problem)
    assert (found.state, found.hint) == (state, hint)
    if isinstance(found, PortTaken):
        assert (found.listens, found.holders) == (MOVED.before, tuple(how["holders"]))
    elif isinstance(error, BaselineError):
        assert (found.option, found.details) == ("settings", {"culprits": ["/x"]})
    if not how.get("reload", True):
        # Neither a port nor a daemon is asked about.
        assert revert.steps == ["restore"]


@pytest.mark.parametrize("holders", [[], [USER]])
@pytest.mark.parametrize(
    ("armed", "more"),
    [(ARMED, ", and the host rolls the change back by itself within 45 seconds"), (None, "")],
    ids=["armed", "not armed"],
)
def test_files_that_are_not_restored_are_no_other_error(
    monkeypatch: pytest.MonkeyPatch, armed: PendingRollback | None, more: str, holders: list[PortHolder]
) -> None:
    """Whoever took the port: a second pass would begin on files that nobody knows."""
    failure = BaselineError("it is read-only", where="/etc/ssh/sshd_config", hint="mount it")
    revert = Revert(monkeypatch, failure=failure, holders=holders)
    found = revert(ERROR, armed=armed)
    assert isinstance(found, NotRestored)
    assert found.state == f"the files could not be restored (/etc/ssh/sshd_config: it is read-only){more}"
    assert (found.problem, found.hint) == (ERROR.problem, "look at the host at once; see the journal")
    assert found.details == ERROR.details
    # sshd keeps what it has loaded.
    assert revert.steps[1:] == ["restore"]


@pytest.mark.parametrize("failure", [BaselineError("/proc cannot be read"), OSError(5, "Input/output error")])
def test_a_failed_question_does_not_keep_the_files_from_being_restored(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    revert = Revert(monkeypatch)

    def fail(*_given: object) -> t.NoReturn:
        raise failure

    monkeypatch.setattr(apply, "holders_after_start", fail)
    found = revert(ERROR)
    assert (revert.steps[0], found.state) == ("restore", ANSWERS)


def test_rules_that_cannot_be_removed_are_left_to_the_rollback_and_named() -> None:
    opening, second = (
        Opening(give=("fw", "add", name), take=("fw", "remove", name), words=name, file="") for name in ("one", "two")
    )
    host: t.Any = FakeHost(
        commands=[
            Expected(["fw", "add", "one"]),
            Expected(["fw", "add", "two"], rc=1, err="no"),
            Expected(["fw", "remove", "one"], rc=1, err="timeout"),
            Expected(["fw", "remove", "two"]),
        ]
    )
    access = PortAccess("firewalld", (opening, second))
    with pytest.raises(NotRestored) as caught, apply._opened_ports(host, access):
        pass
    assert caught.value.state == (
        "sshd was not changed, and the firewall is as it was before, but these rules could not be removed from "
        "firewalld: one"
    )
    host.done()
