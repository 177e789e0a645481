"""Bringing jails into force: start, reload and restart, and what an error says."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import daemon
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from tests.unit.fake_fail2ban import JAIL, LOG, SOCKET, STARTED, UNIT, FakeServer, log_tail, unit
from tests.unit.fake_host import Clock, Expected, FakeHost

SITE = Site({}, (), None, SOCKET, "/var/log/fail2ban.log")
START = Expected(["systemctl", "start", "--", UNIT])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(daemon, "time", clock)
    return clock


def fail2ban(
    monkeypatch: pytest.MonkeyPatch, commands: list[Expected], servers: t.Sequence[FakeServer | None]
) -> tuple[daemon.Fail2ban, FakeHost]:
    """Return the service of a host; each connection is the next of ``servers``."""
    left = list(servers)
    monkeypatch.setattr(daemon, "connect", lambda path, **_options: left.pop(0) if path == SOCKET else None)
    host = FakeHost({}, commands)
    return daemon.Fail2ban(t.cast(t.Any, host), SITE), host


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    service, host = fail2ban(monkeypatch, [unit("inactive"), log_tail(lines=15)], [None])
    assert service.values({"sshd": JAIL}) == {}
    assert service.service() == {"running": False, "enabled": True}
    with pytest.raises(BaselineError) as failed:
        service.require_server()
    assert str(failed.value) == (
        f"{SOCKET}: no fail2ban server answers (fail2ban.service is inactive); this task changed nothing; see the log "
        "of the service, which ends with: ERROR the last line"
    )
    host.done()


def test_a_started_server_is_waited_for(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    server = FakeServer()
    lists = [("Jail list", ""), ("Jail list", ""), ("Jail list", "sshd")]

    def ask(*words: str) -> t.Any:
        return [("Number of jail", 0), lists.pop(0)] if words == ("status",) else FakeServer.ask(server, *words)

    monkeypatch.setattr(server, "ask", ask)
    service, host = fail2ban(monkeypatch, [unit("inactive"), START, unit()], [None, server])
    service.bring_into_force({"sshd": JAIL}, {}, changed=[])
    assert (service.restarted, service.reloaded, lists) == (True, [], [])
    assert clock.now == pytest.approx(0.2)
    host.done()


def test_a_server_that_stops_after_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer()
    server.answers["status",] = BaselineError("the fail2ban server closed the connection at 'status'")
    service, host = fail2ban(monkeypatch, [unit("inactive"), START, unit(), log_tail(lines=40)], [None, server])
    with pytest.raises(BaselineError) as failed:
        service.bring_into_force({"sshd": JAIL}, {}, changed=[])
    assert failed.value.sentence == (
        "fail2ban.service: the service stops after its start: the fail2ban server closed the connection at 'status'"
    )
    assert failed.value.hint.endswith("ERROR the last line")
    host.done()


def test_a_service_that_does_not_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[bool] = []

    def connect(_path: str, *, seconds: float, alive: t.Callable[[], bool] = lambda: True) -> None:
        seen.append(seconds > 0 and alive())

    seen = alive
    monkeypatch.setattr(daemon, "connect", connect)
    host: t.Any = FakeHost({}, [unit("inactive"), START, unit("failed"), unit("failed"), log_tail(lines=40)])
    service = daemon.Fail2ban(host, SITE)
    with pytest.raises(BaselineError, match="fail2ban.service: the service does not start"):
        service.bring_into_force({"sshd": JAIL}, {}, changed=[])
    assert seen == [False, False]
    host.done()


# The log of fail2ban itself.

TAIL = "see the log of the service, which ends with:\nERROR the last line"
OLD = STARTED + "2026-11-21 08:00:00,000 fail2ban [700]: ERROR   an error of yesterday\n"
NEW = "2026-11-22 10:48:45,906 fail2ban [812]: ERROR   Unable to initialize the action x\n"
LATER = "2026-11-22 10:48:46,000 fail2ban.jail [812]: WARNING the jail is left out\n"
# A part of a line is no error of its own.
LONG = f"2026-11-22 10:48:45,907 fail2ban [812]: ERROR   cut off {'x' * (1 << 18)}\n"


def failed_start(files: dict[str, str], log: str | None, *, target: str = LOG, waits: bool = False) -> BaselineError:
    """Return the error of a service that ``waits`` or ends, and leaves ``log``."""
    start = Expected(START.argv, writes={} if log is None else {LOG: log})
    commands = [unit("inactive"), start, unit() if waits else unit("failed"), log_tail(lines=40)]
    host: t.Any = FakeHost(files, commands)
    service = daemon.Fail2ban(host, replace(SITE, log=target))
    with pytest.raises(BaselineError) as failed:
        service.bring_into_force({"sshd": JAIL}, {}, changed=[])
    host.done()
    return failed.value


@pytest.mark.parametrize(
    ("files", "log", "errors"),
    [
        pytest.param({}, None, "", id="no log"),
        pytest.param({}, STARTED, "", id="a new log without errors"),
        pytest.param({}, STARTED + NEW, "Unable to initialize the action x", id="a new log"),
        pytest.param({LOG: OLD}, None, "", id="errors of earlier"),
        pytest.param({LOG: OLD}, OLD + STARTED + NEW, "Unable to initialize the action x", id="new errors"),
        pytest.param(
            {LOG: OLD},
            OLD + NEW + LATER,
            "Unable to initialize the action x\nthe jail is left out",
            id="an error and a warning",
        ),
        pytest.param({LOG: OLD}, NEW, "Unable to initialize the action x", id="rotated meanwhile"),
        pytest.param({LOG: OLD}, "", "", id="rotated meanwhile, and empty"),
        pytest.param({LOG: OLD}, OLD + LONG + NEW, "Unable to initialize the action x", id="more than its end"),
    ],
)
@pytest.mark.parametrize("waits", [False, True], ids=["no start", "an end after the start"])
def test_new_errors_in_the_log_of_fail2ban_are_quoted(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str], log: str | None, errors: str, waits: bool
) -> None:
    server = FakeServer()
    server.answers["status",] = BaselineError("the fail2ban server closed the connection at 'status'")
    servers = [None, server if waits else None]
    monkeypatch.setattr(daemon, "connect", lambda _path, **_options: servers.pop(0))
    error = failed_start(files, log, waits=waits)
    assert error.hint == TAIL + (f"\nand {LOG} with:\n{errors}" if errors else "")


@pytest.mark.parametrize("target", ["SYSLOG", "SYSTEMD-JOURNAL", "STDERR"])
def test_a_log_that_is_no_file_is_not_read(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setattr(daemon, "connect", lambda _path, **_options: None)
    assert failed_start({LOG: OLD, target: NEW}, OLD + NEW, target=target).hint == TAIL


def test_what_is_logged_between_two_looks_at_a_server_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload ends the server."""
    service, host = fail2ban(monkeypatch, [unit(), unit("inactive"), log_tail(lines=15)], [FakeServer(), None])
    host.files[LOG] = STARTED + NEW
    service.reconnect()
    with pytest.raises(BaselineError) as failed:
        service.require_server()
    assert failed.value.hint == f"{TAIL}\nand {LOG} with:\nUnable to initialize the action x"
    host.done()


def test_a_running_server_is_reloaded_jail_by_jail(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [
        unit(file_state="disabled"),
        Expected(["systemctl", "enable", "--", UNIT]),
        Expected(["fail2ban-client", "stop", "old"]),
        Expected(["fail2ban-client", "reload", "--if-exists", "sshd"]),
    ]
    service, host = fail2ban(monkeypatch, commands, [FakeServer()])
    before = {**service.values({"sshd": JAIL}), "old": {}}
    service.bring_into_force({"sshd": JAIL}, before, changed=["sshd"])
    assert (service.reloaded, service.restarted) == (["old", "sshd"], False)
    host.done()


def test_a_jail_that_is_as_requested_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    service, host = fail2ban(monkeypatch, [unit()], [FakeServer()])
    service.bring_into_force({"sshd": JAIL}, service.values({"sshd": JAIL}), changed=[])
    assert service.reloaded == []
    host.done()


def test_a_corrupt_database_is_set_aside_before_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start would fail: fail2ban repairs it by the program sqlite3, which is not installed."""
    path = "/var/lib/fail2ban/fail2ban.sqlite3"
    monkeypatch.setattr(daemon, "file_problem", lambda _host, path: f"is corrupt ({path})" if path else None)
    monkeypatch.setattr(daemon, "set_aside", lambda path: f"{path}.1")
    monkeypatch.setattr(daemon, "connect", lambda _path, **options: FakeServer() if options["seconds"] > 10 else None)
    host = FakeHost({}, [unit("inactive"), START, unit()])
    service = daemon.Fail2ban(t.cast(t.Any, host), replace(SITE, database=path))
    service.bring_into_force({"sshd": JAIL}, {}, changed=[])
    assert service.warnings == [
        f"the database of fail2ban is corrupt ({path}) and was renamed to {path}.1; its bans are lost"
    ]
    host.done()
