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
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost

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
    host = FakeHost({PID_FILE: "56\n"}, mtimes={PID_FILE: 1001, "/proc/56": 1}, commands=commands)
    assert daemons.reload(host, daemon(**changed), pid_file=PID_FILE, moved=moved) is is_reloaded  # type: ignore[arg-type]
    host.done()


def test_a_reload_by_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without systemd; sshd writes its pid file once it has read its files."""
    host = FakeHost({PID_FILE: "56\n"}, mtimes={PID_FILE: 999, "/proc/56": 1}, platform=LINUX_WITHOUT_SYSTEMD)
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
    alive = FakeHost({"/proc/56": ""})
    assert daemons.with_current_pid(alive, daemon(), PID_FILE).pid == 56  # type: ignore[arg-type]  # the fake


@pytest.mark.parametrize(("shown", "pid"), [("91", 91), ("0", 56)], ids=["started anew", "it is down"])
def test_without_a_pid_file_systemd_knows_the_process(shown: str, pid: int) -> None:
    show = Expected(
        ["systemctl", "show", "--property", PROPERTIES.split(",Accept")[0], "--", "ssh.service"],
        out=f"Id=ssh.service\nMainPID={shown}\n",
    )
    host: t.Any = FakeHost(commands=[show])
    assert daemons.with_current_pid(host, daemon(), "none").pid == pid
    host.done()


@pytest.mark.parametrize(
    ("other", "pid"),
    [
        pytest.param("sshd: /usr/sbin/sshd -D -f /etc/ssh/sshd_sftp [listener] 0 of 10-100 startups", 56, id="another"),
        pytest.param("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 91, id="ours, in another process"),
    ],
)
def test_a_pid_file_that_two_daemons_share_names_the_other_one(other: str, pid: int) -> None:
    host: t.Any = FakeHost(
        {PID_FILE: "91\n", "/proc/91/cmdline": other, "/proc/56/cmdline": "sshd: /usr/sbin/sshd -D [listener]"},
        mtimes={"/proc/91": 5, "/proc/56": 5},
    )
    assert daemons.with_current_pid(host, daemon(), PID_FILE).pid == pid


# An sshd that no known unit and no pid file names.

LISTENER = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
SHOWN = PROPERTIES.split(",Accept")[0] + ",CanReload"
IN_OPENSSHD = "0::/system.slice/opensshd.service\n"


def elsewhere(
    *,
    cgroup: str = IN_OPENSSHD,
    cmdline: str = LISTENER,
    ssh: str = ABSENT,
    shown: str = "",
    programs: str = "/usr/sbin/sshd",
) -> daemons.SshdDaemon:
    blocks = [f"Id=ssh.service\n{ssh}", ABSENT, ABSENT, ABSENT]
    commands = [Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out="\n".join(blocks))]
    if shown:
        asked = ["systemctl", "show", "--property", SHOWN, "--", "opensshd.service"]
        commands.append(Expected(asked, out=f"Id=opensshd.service\n{shown}"))
    host: t.Any = FakeHost(
        {"/proc/77": "", "/proc/77/cmdline": cmdline, "/proc/77/cgroup": cgroup}, commands, mtimes={"/proc/77": 3000}
    )
    daemon = daemons.find_daemon(host, PID_FILE, program=programs, main=MAIN)
    host.done()
    return daemon


@pytest.mark.parametrize(
    ("ssh", "shown", "expected"),
    [
        pytest.param(
            ABSENT,
            unit(active="active", file="enabled", pid=77) + "CanReload=yes\n",
            daemons.SshdDaemon("opensshd.service", "", 77, 3000.0, "active"),
            id="a unit of another name",
        ),
        pytest.param(
            unit(),
            unit(active="active", file="enabled", pid=77) + "CanReload=no\n",
            daemons.SshdDaemon("opensshd.service", "", 77, 3000.0, "active", can_reload=False),
            id="beside the distribution's unit, which is off; without ExecReload",
        ),
        pytest.param(
            ABSENT,
            unit(active="active", file="disabled", pid=77) + "CanReload=yes\n",
            daemons.SshdDaemon("opensshd.service", "", 77, 3000.0, "active", "disabled"),
            id="which nothing starts at boot",
        ),
        pytest.param(
            ABSENT,
            unit(active="active", file="transient", pid=77) + "CanReload=no\n",
            daemons.SshdDaemon("", "", 77, 3000.0, ""),
            id="a transient unit",
        ),
        pytest.param(
            ABSENT,
            unit(active="active", file="enabled", pid=1) + "CanReload=yes\n",
            daemons.SshdDaemon("", "", 77, 3000.0, ""),
            id="a process that is not the unit's main one",
        ),
        pytest.param(
            unit(),
            unit(active="active", file="enabled", pid=1) + "CanReload=yes\n",
            daemons.SshdDaemon("ssh.service", "", 0, 0.0, "inactive", "disabled"),
            id="one that systemd has lost sight of is not ours to take",
        ),
    ],
)
def test_an_sshd_in_a_unit_of_another_name(ssh: str, shown: str, expected: daemons.SshdDaemon) -> None:
    assert elsewhere(ssh=ssh, shown=shown) == expected


def test_an_sshd_in_no_unit_is_signalled() -> None:
    assert elsewhere(cgroup="0::/user.slice/user-0.slice/session-3.scope\n") == daemons.SshdDaemon(
        "", "", 77, 3000.0, ""
    )


@pytest.mark.parametrize(
    ("cmdline", "programs", "process"),
    [
        (
            LISTENER.replace("-D", "-D -f /opt/etc/sshd_config"),
            "/usr/sbin/sshd",
            "/usr/sbin/sshd -f /opt/etc/sshd_config",
        ),
        (LISTENER, "/usr/local/sbin/sshd", "/usr/sbin/sshd"),
    ],
    ids=["another file", "another program"],
)
def test_another_sshd_alone_is_an_error_that_says_which(cmdline: str, programs: str, process: str) -> None:
    # sshd_info, which only reads, reports no sshd.
    found = elsewhere(cmdline=cmdline, programs=programs)
    assert found == daemons.SshdDaemon("", "", 0, 0.0, "")
    host: t.Any = FakeHost({"/proc/77": "", "/proc/77/cmdline": cmdline})
    for known in (daemon(), daemon(pid=0), replace(found, socket="ssh.socket"), replace(found, pid=77)):
        daemons.require_no_other_sshd(host, known, program=programs, main=MAIN)
    daemons.require_no_other_sshd(t.cast(t.Any, FakeHost()), found, program=programs, main=MAIN)
    with pytest.raises(BaselineError) as caught:
        daemons.require_no_other_sshd(host, found, program=programs, main=MAIN)
    assert caught.value.problem == (
        f"the sshd that runs here is process 77, `{process}`, not {programs} with {MAIN}: nothing would read that file"
    )


def test_without_systemd_the_pid_file_of_another_sshd_is_not_believed() -> None:
    other = LISTENER.replace("-D", "-f /etc/ssh/sshd_sftp")
    host: t.Any = Processes(
        {PID_FILE: "91\n", "/proc/91": "", "/proc/91/cmdline": other, "/proc/77": "", "/proc/77/cmdline": LISTENER},
        mtimes={PID_FILE: 5, "/proc/91": 3, "/proc/77": 4},
        platform=LINUX_WITHOUT_SYSTEMD,
    )
    assert daemons.find_daemon(host, PID_FILE, program="/usr/sbin/sshd", main=MAIN).pid == 77
    assert daemons.find_daemon(host, "none", program="/usr/sbin/sshd", main="/etc/ssh/sshd_sftp").pid == 77
    # Each has its own, where both name theirs.
    host.files["/proc/77/cmdline"] = LISTENER.replace("-D", f"-D -f {MAIN}")
    assert daemons.find_daemon(host, "none", program="/usr/sbin/sshd", main="/etc/ssh/sshd_sftp").pid == 91


# When sshd last read its files, where its pid file does not say it.


@pytest.mark.parametrize(
    ("pid_file", "text"),
    [
        pytest.param("none", "", id="PidFile none"),
        pytest.param(PID_FILE, "91\n", id="two daemons share the file"),
        pytest.param("/run/no/sshd.pid", "", id="a file that cannot be written"),
    ],
)
def test_a_reload_of_ours_is_remembered(monkeypatch: pytest.MonkeyPatch, pid_file: str, text: str) -> None:
    """Else the start of the process is the last time that it read its files, and every run is a change."""
    monkeypatch.setattr(daemons, "time", Clock())
    running = unit(active="active", file="enabled", pid=56)
    blocks = [f"Id=ssh.service\n{running}", ABSENT, ABSENT, ABSENT]
    show = Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out="\n".join(blocks))
    host: t.Any = FakeHost({pid_file: text} if text else {}, mtimes={"/proc/56": 1000, "/proc/91": 900})
    host.commands = [show, Expected(["systemctl", "reload", "--", "ssh.service"]), show]
    before = daemons.find_daemon(host, pid_file)
    assert before.loaded == 1000 and before.older_than(NOW - 5)
    assert daemons.reload(host, before, pid_file=pid_file, moved=False)
    after = daemons.find_daemon(host, pid_file)
    assert after.loaded == NOW and not after.older_than(NOW - 5)
    host.done()
    assert host.modes["/run/pyhost.baseline/sshd.56.loaded"] == 0o600


@pytest.mark.parametrize("text", ["", "soon\n", "99999999999999999999.000\n", "-1.000\n", "nan\n"])
def test_what_is_remembered_is_a_time(text: str) -> None:
    host: t.Any = FakeHost({"/run/pyhost.baseline/sshd.56.loaded": text}, mtimes={"/proc/56": 1000})
    assert daemons._loaded(host, 56, "none") == 1000


def test_a_reload_of_a_dead_process_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemons, "time", Clock())
    host: t.Any = FakeHost(commands=[Expected(["systemctl", "reload", "--", "ssh.service"])])
    daemons.reload(host, daemon(), pid_file="none", moved=False)
    assert host.written == []


def test_a_unit_without_exec_reload_is_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(daemons, "time", Clock())
    monkeypatch.setattr(daemons.os, "kill", lambda pid, number: sent.append((pid, number)))
    host: t.Any = FakeHost({PID_FILE: "56\n"}, mtimes={PID_FILE: 2000, "/proc/56": 900})
    assert daemons.reload(host, daemon(unit="opensshd.service", can_reload=False), pid_file=PID_FILE, moved=False)
    assert sent == [(56, signal.SIGHUP)]


def test_an_sshd_that_died_before_its_signal_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _signal: int) -> t.NoReturn:
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(daemons.os, "kill", kill)
    monkeypatch.setattr(daemons, "unanswered", lambda *_given, **_named: ["no"])
    host: t.Any = FakeHost(platform=LINUX_WITHOUT_SYSTEMD)
    dead = daemons.SshdDaemon("", "", 56, 0.0, "")
    assert not daemons.recover(host, dead, pid_file="/run/sshd.pid", moved=False, expected=[("0.0.0.0", 22)])
