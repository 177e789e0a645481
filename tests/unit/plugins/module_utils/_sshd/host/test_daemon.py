"""The daemon's age, its units, what keeps it from a start, its reload and its recovery, over recorded outputs."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import LINUX_WITHOUT_SYSTEMD
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import daemon as daemons
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import SocketStreams
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree
from tests.unit.fake_host import Clock, Expected, FakeHost

MAIN = "/etc/ssh/sshd_config"
PID_FILE = "/run/sshd.pid"
LISTEN = [("0.0.0.0", 22), ("::", 22)]
# /proc/net/tcp of a Debian 13 host: sshd on 22 (0016), and one connection to it.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0 100 0 0 10 0
   1: 070011AC:08AE 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""


def daemon(**changed: object) -> daemons.SshdDaemon:
    values: dict[str, object] = {"unit": "ssh.service", "socket": "", "pid": 56, "loaded": 1000.0, "state": "active"}
    return daemons.SshdDaemon(**{**values, **changed})  # type: ignore[arg-type]  # values of several types


@pytest.mark.parametrize(
    ("changed", "pid", "expected"),
    [
        pytest.param(1000.5, 56, True, id="changed after it was read"),
        pytest.param(999.5, 56, False, id="changed before"),
        pytest.param(time.time() + 86400, 56, False, id="changed tomorrow: the clock is wrong"),
        pytest.param(1000.5, 0, False, id="nothing runs"),
    ],
)
def test_older_than(changed: float, pid: int, expected: bool) -> None:
    assert daemon(pid=pid).older_than(changed) is expected


def test_newest_change_counts_files_and_folders_of_patterns() -> None:
    tree = Tree(MAIN, {MAIN: "Include /etc/ssh/sshd_config.d/*.conf\nInclude moduli*\n", "/etc/x": ""})
    host = FakeHost(
        {MAIN: "", "/etc/x": ""}, mtimes={MAIN: 5, "/etc/x": 7, "/etc/ssh/sshd_config.d": 9, "/etc/ssh": 11}
    )
    assert daemons.newest_change(host, tree) == 9  # type: ignore[arg-type]  # the fake stands in for the host


class Processes(FakeHost):
    """A host whose processes belong to ``owner``."""

    owner = 0

    def stat(self, path: str) -> os.stat_result | None:
        state = super().stat(path)
        if state is None or not path.startswith("/proc/"):
            return state
        return os.stat_result((*state[:4], self.owner, *state[5:]))


@pytest.mark.parametrize(
    ("owner", "title", "pid"),
    [
        pytest.param(0, "sshd: /usr/sbin/sshd [listener]", 56, id="sshd"),
        pytest.param(1001, "sshd: /usr/sbin/sshd [listener]", 0, id="a user's process of that name"),
        pytest.param(0, "/usr/sbin/cron", 0, id="another daemon"),
    ],
)
def test_without_systemd_the_pid_file_is_not_believed_alone(owner: int, title: str, pid: int) -> None:
    host = Processes(
        {"/run/sshd.pid": "56\n", "/proc/56/cmdline": title},
        mtimes={"/run/sshd.pid": 5, "/proc/56": 3},
        platform=LINUX_WITHOUT_SYSTEMD,
    )
    host.owner = owner
    found = daemons.find_daemon(host, "/run/sshd.pid")  # type: ignore[arg-type]  # the fake stands in for the host
    assert found.pid == pid


PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NeedDaemonReload,"
    "Accept,ActiveEnterTimestampMonotonic,BindIPv6Only,DropInPaths,FragmentPath,Listen"
)
NAMES = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"]
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\nMainPID=0\n"


def unit(*, load: str = "loaded", active: str = "inactive", file: str = "disabled", pid: int = 0) -> str:
    return f"LoadState={load}\nActiveState={active}\nUnitFileState={file}\nMainPID={pid}\nNeedDaemonReload=no\n"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param(
            unit(active="active", file="enabled", pid=56),
            daemons.SshdDaemon("ssh.service", "", 56, 0.0, "active", ""),
            id="the service starts at boot",
        ),
        pytest.param(
            unit(active="active", pid=56),
            daemons.SshdDaemon("ssh.service", "", 56, 0.0, "active", "disabled"),
            id="runs, and nothing starts it at boot",
        ),
        pytest.param(
            unit(active="active", file="enabled-runtime", pid=56),
            daemons.SshdDaemon("ssh.service", "", 56, 0.0, "active", "enabled-runtime"),
            id="enabled until the next boot",
        ),
        pytest.param(
            unit(load="masked", active="active", file="masked", pid=56),
            daemons.SshdDaemon("ssh.service", "", 56, 0.0, "active", "masked"),
            id="runs, and is masked (Debian 12)",
        ),
        pytest.param(ABSENT, daemons.SshdDaemon("", "", 0, 0.0, "", ""), id="no unit"),
    ],
)
def test_find_daemon(service: str, expected: daemons.SshdDaemon) -> None:
    assert found([f"Id=ssh.service\n{service}", ABSENT, f"Id=ssh.socket\n{unit()}", ABSENT]) == expected


def found(blocks: list[str], files: dict[str, str] | None = None) -> daemons.SshdDaemon:
    words = "\n".join(blocks)
    host = FakeHost(
        files, commands=[Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out=words)]
    )
    daemon = daemons.find_daemon(host, "/run/sshd.pid")  # type: ignore[arg-type]  # the fake stands in for the host
    host.done()
    return daemon


# As Debian 13's systemctl shows it, after a move to 2222.
SOCKET = """\
BindIPv6Only=both
Accept=no
Listen=[::]:2222 (Stream)
Id=ssh.socket
LoadState=loaded
ActiveState=active
SubState=listening
FragmentPath=/usr/lib/systemd/system/ssh.socket
DropInPaths=/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf
UnitFileState=enabled
ActiveEnterTimestampMonotonic=12250225746
NeedDaemonReload=no
"""


def test_a_socket_unit_starts_it() -> None:
    blocks = [f"Id=ssh.service\n{unit()}", ABSENT, SOCKET, ABSENT]
    daemon = found(blocks, {"/usr/lib/systemd/system/ssh.socket": "[Socket]\nListenStream=22\n"})
    assert (daemon.unit, daemon.socket, daemon.at_boot, daemon.running) == ("ssh.service", "ssh.socket", "", False)
    assert daemon.socket_unit
    assert daemon.socket_unit.loaded.listens == {("0.0.0.0", 2222), ("::", 2222)}
    assert not daemon.socket_unit.accept and not daemon.socket_unit.follows_config


def test_a_socket_unit_of_the_next_boot_holds_nothing_yet() -> None:
    waiting = SOCKET.replace("ActiveState=active", "ActiveState=inactive")
    running = f"Id=ssh.service\n{unit(active='active', file='enabled', pid=56)}"
    daemon = found([running, ABSENT, waiting, ABSENT])
    assert daemon.socket == "" and daemon.socket_unit and not daemon.socket_unit.active


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        pytest.param({}, {"/proc/net/tcp": TCP}, id="runs"),
        pytest.param({"pid": 0, "state": "failed"}, {}, id="is down, and its port is free"),
        pytest.param({"pid": 0, "socket": "ssh.socket"}, {"/proc/net/tcp": TCP}, id="the socket listens"),
    ],
)
def test_a_daemon_that_can_be_started(changed: dict[str, t.Any], files: dict[str, str]) -> None:
    daemons.require_startable(FakeHost(files), daemon(**changed), LISTEN, pid_file=PID_FILE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "files", "problem", "hint"),
    [
        pytest.param(
            {"at_boot": "masked"},
            {},
            "ssh.service is masked, so that nobody could log in by ssh after the next boot",
            "`systemctl unmask ssh.service`",
            id="masked",
        ),
        pytest.param(
            {"pid": 0, "state": "inactive"},
            {"/proc/net/tcp": TCP, PID_FILE: "91\n", "/proc/91": ""},
            "ssh.service is inactive, but process 91 (/run/sshd.pid) listens on its port 22. A start would fail, and "
            "could remove /run/sshd from an sshd that is still running",
            "end that program and `systemctl start ssh.service` at once",
            id="an sshd that systemd lost sight of (Debian 13, after mask and unmask)",
        ),
        pytest.param(
            {"pid": 0, "state": "failed"},
            {"/proc/net/tcp": TCP},
            "ssh.service is failed, but another program listens on its port 22. A start would fail, and could remove "
            "/run/sshd from an sshd that is still running",
            "end that program and `systemctl start ssh.service` at once",
            id="a program that the host does not name",
        ),
    ],
)
def test_a_daemon_that_cannot_be_started(
    changed: dict[str, t.Any], files: dict[str, str], problem: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "port_holders", lambda *_arguments: [])
    with pytest.raises(BaselineError) as caught:
        daemons.require_startable(FakeHost(files), daemon(**changed), LISTEN, pid_file=PID_FILE)  # type: ignore[arg-type]
    assert (caught.value.problem, caught.value.hint) == (problem, hint)


def systemctl(*words: str) -> Expected:
    verb, *units = words
    return Expected(["systemctl", verb, "--", *units], touches={PID_FILE: 2000})


SOCKET_UNIT = SocketUnit("ssh.socket", True, False, False, False, 0.0, SocketStreams(), {})
WAITING = replace(SOCKET_UNIT, active=False)


@pytest.mark.parametrize(
    ("changed", "moved", "commands", "is_reloaded"),
    [
        pytest.param({}, False, [systemctl("reload", "ssh.service")], True, id="the service runs"),
        pytest.param({}, True, [systemctl("reload", "ssh.service")], True, id="the service moves"),
        pytest.param({"pid": 0}, False, [systemctl("start", "ssh.service")], True, id="the service is down"),
        pytest.param(
            {"at_boot": "disabled"},
            False,
            [systemctl("add-wants", "multi-user.target", "ssh.service"), systemctl("reload", "ssh.service")],
            True,
            id="nothing starts it at boot",
        ),
        pytest.param(
            {"socket_unit": WAITING},
            True,
            [systemctl("daemon-reload"), systemctl("reload", "ssh.service")],
            True,
            id="the service moves, and the socket unit at the next boot",
        ),
        pytest.param(
            {"socket": "ssh.socket", "socket_unit": SOCKET_UNIT},
            False,
            [systemctl("restart", "ssh.service")],
            True,
            id="a service behind a socket, which loses its sockets by a reload",
        ),
        pytest.param(
            {"socket": "ssh.socket", "socket_unit": SOCKET_UNIT, "pid": 0},
            False,
            [],
            True,
            id="a socket without a service as yet",
        ),
        pytest.param(
            {"socket": "ssh.socket", "socket_unit": SOCKET_UNIT},
            True,
            [systemctl("daemon-reload"), systemctl("stop", "ssh.service"), systemctl("restart", "ssh.socket")],
            True,
            id="a socket moves: the service, which has the old one, ends first",
        ),
        pytest.param(
            {"socket": "ssh.socket", "socket_unit": SOCKET_UNIT, "unit": "", "pid": 0},
            True,
            [systemctl("daemon-reload"), systemctl("restart", "ssh.socket")],
            True,
            id="a socket with Accept=yes moves",
        ),
        pytest.param({"unit": "", "pid": 0}, True, [], False, id="no sshd"),
        pytest.param(
            {"unit": "", "pid": 0, "socket_unit": WAITING},
            True,
            [systemctl("daemon-reload")],
            False,
            id="a socket unit of the next boot alone",
        ),
    ],
)
def test_reload(changed: dict[str, t.Any], moved: bool, commands: list[Expected], is_reloaded: bool) -> None:
    host = FakeHost(mtimes={PID_FILE: 1001, "/proc/56": 1}, commands=commands)
    assert daemons.reload(host, daemon(**changed), pid_file=PID_FILE, moved=moved) is is_reloaded  # type: ignore[arg-type]
    host.done()


def test_a_reload_by_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without systemd; sshd writes its pid file once it has read its files."""
    host = FakeHost(mtimes={PID_FILE: 999, "/proc/56": 1}, platform=LINUX_WITHOUT_SYSTEMD)
    sent = []

    def kill(pid: int, number: int) -> None:
        sent.append((pid, number))
        host.mtimes[PID_FILE] = 2000

    monkeypatch.setattr(daemons.os, "kill", kill)
    assert daemons.reload(host, daemon(unit=""), pid_file=PID_FILE, moved=True)  # type: ignore[arg-type]  # the fake
    assert sent == [(56, signal.SIGHUP)]


def test_a_reload_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(daemons, "time", clock)
    host = FakeHost(
        mtimes={PID_FILE: 1000, "/proc/56": 1}, commands=[Expected(["systemctl", "reload", "--", "ssh.service"])]
    )
    daemons.reload(host, daemon(), pid_file=PID_FILE, moved=False)  # type: ignore[arg-type]  # the fake
    assert clock.now == pytest.approx(10, abs=0.1)
    host = FakeHost(commands=[Expected(["systemctl", "reload", "--", "ssh.service"])])
    daemons.reload(host, daemon(), pid_file="none", moved=False)  # type: ignore[arg-type]  # the fake
    assert clock.now == pytest.approx(10.5, abs=0.1)


@pytest.mark.parametrize(
    ("socket", "silences", "commands", "answers"),
    [
        pytest.param("", [False], [], True, id="the reload is enough"),
        pytest.param(
            "",
            [True, False],
            [systemctl("reset-failed", "ssh.service"), systemctl("restart", "ssh.service")],
            True,
            id="a restart",
        ),
        pytest.param(
            "ssh.socket",
            [True, True],
            [
                systemctl("stop", "ssh.socket"),
                systemctl("reset-failed", "ssh.service"),
                systemctl("restart", "ssh.service"),
            ],
            False,
            id="a socket unit that does not start makes way, in vain",
        ),
    ],
)
def test_recover(
    socket: str, silences: list[bool], commands: list[Expected], answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "unanswered", lambda _listens, **_options: ["x"] * silences.pop(0))
    first = Expected(["systemctl", "restart" if socket else "reload", "--", "ssh.service"], rc=1, err="no")
    journal = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "15", "--unit", "ssh.service"]
    host = FakeHost(commands=[first, Expected(journal), *commands])
    unit = SOCKET_UNIT if socket else None
    found = daemons.recover(
        host,  # type: ignore[arg-type]  # the fake
        daemon(socket=socket, socket_unit=unit),
        pid_file=PID_FILE,
        moved=False,
        expected=LISTEN,
    )
    assert found is answers
    host.done()


def test_the_log_of_an_sshd_that_does_not_answer() -> None:
    journal = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "15", "--unit", "ssh.service"]
    host = FakeHost(commands=[Expected(journal, out="Bind to port 22 failed\nexit\n")])
    error = daemons.no_answer_error(host, daemon(), ["0.0.0.0 port 22: refused", ":: port 22: refused"])  # type: ignore[arg-type]
    assert error.problem == "sshd does not answer on 0.0.0.0 port 22: refused, :: port 22: refused"
    assert error.hint == "see the journal, which ends with:\nBind to port 22 failed\nexit"
    assert error.state is None, "the caller knows what was changed"


def test_a_process_that_has_taken_the_place_of_another() -> None:
    host = FakeHost({PID_FILE: "91\n", "/proc/91": ""})
    assert daemons.with_current_pid(host, daemon(), PID_FILE).pid == 91  # type: ignore[arg-type]  # the fake
    assert daemons.with_current_pid(FakeHost(), daemon(), PID_FILE).pid == 56  # type: ignore[arg-type]  # the fake


def test_an_sshd_that_died_before_its_signal_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _signal: int) -> t.NoReturn:
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(daemons.os, "kill", kill)
    monkeypatch.setattr(daemons, "unanswered", lambda *_given, **_named: ["no"])
    host: t.Any = FakeHost(platform=LINUX_WITHOUT_SYSTEMD)
    dead = daemons.SshdDaemon("", "", 56, 0.0, "")
    assert not daemons.recover(host, dead, pid_file="/run/sshd.pid", moved=False, expected=[("0.0.0.0", 22)])
