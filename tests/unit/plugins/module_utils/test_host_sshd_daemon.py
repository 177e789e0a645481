"""The daemon's age, its ports and its socket unit, over recorded outputs."""

from __future__ import annotations

import time

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils import _host_sshd_daemon as daemons
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_tree import Tree
from tests.unit.fake_host import Expected, FakeHost

MAIN = "/etc/ssh/sshd_config"
LISTEN = [("0.0.0.0", 22), ("::", 22)]
# /proc/net/tcp of a Debian 13 host: sshd on 22 (0016), and one connection to it.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0 100 0 0 10 0
   1: 070011AC:08AE 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""


def daemon(**changed: object) -> daemons.Daemon:
    values: dict[str, object] = {"unit": "ssh.service", "socket": "", "pid": 56, "loaded": 1000.0, "state": "active"}
    return daemons.Daemon(**{**values, **changed})  # type: ignore[arg-type]  # values of several types


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


@pytest.mark.parametrize(
    ("files", "listens", "expected"),
    [
        pytest.param({"/proc/net/tcp": TCP}, LISTEN, True, id="listens"),
        pytest.param({"/proc/net/tcp": TCP}, [("::", 2222)], False, id="does not listen"),
        pytest.param({"/proc/net/tcp": TCP}, [("::", 0x8AE)], False, id="a connection is no listener"),
        pytest.param({}, LISTEN, True, id="a system without /proc/net"),
    ],
)
def test_answering(files: dict[str, str], listens: list[tuple[str, int]], expected: bool) -> None:
    assert daemons.answering(FakeHost(files), listens) is expected  # type: ignore[arg-type]  # the fake


GENERATOR = "/usr/lib/systemd/system-generators/sshd-socket-generator"
SHOW = ["systemctl", "show", "--property", "Listen", "--value", "--", "ssh.socket"]


@pytest.mark.parametrize(
    ("socket", "files", "out", "expected"),
    [
        pytest.param("", {}, None, "", id="no socket"),
        pytest.param("ssh.socket", {GENERATOR: ""}, None, "", id="Ubuntu's generator follows sshd_config"),
        pytest.param("ssh.socket", {}, "[::]:22 (Stream)\n", "", id="Debian's unit, and the port that it holds"),
        pytest.param(
            "ssh.socket",
            {},
            "[::]:2222 (Stream)\n0.0.0.0:2222 (Stream)\n",
            "ssh.socket holds 2222 and does not read sshd_config",
            id="Debian's unit, and another port",
        ),
    ],
)
def test_fixed_socket(socket: str, files: dict[str, str], out: str | None, expected: str) -> None:
    host = FakeHost(files, [Expected(SHOW, out=out)] if out else [])
    said = daemons.fixed_socket(host, daemon(socket=socket), LISTEN)  # type: ignore[arg-type]  # the fake
    assert said == expected
    host.done()


PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NeedDaemonReload"


def unit(
    name: str, *, load: str = "loaded", active: str = "inactive", file: str = "disabled", pid: int = 0
) -> Expected:
    words = f"Id={name}\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\nMainPID={pid}\n"
    return Expected(["systemctl", "show", "--property", PROPERTIES, "--", name], out=words)


ALIAS = unit("sshd.service", load="not-found", file="")
SSHD_SOCKET = unit("sshd.socket", load="not-found", file="")


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        pytest.param(
            [unit("ssh.service", active="active", file="enabled", pid=56), unit("ssh.socket"), SSHD_SOCKET],
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", ""),
            id="the service starts at boot",
        ),
        pytest.param(
            [unit("ssh.service", active="active", pid=56), unit("ssh.socket"), SSHD_SOCKET],
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "disabled"),
            id="runs, and nothing starts it at boot",
        ),
        pytest.param(
            [unit("ssh.service", active="active", file="enabled-runtime", pid=56), unit("ssh.socket"), SSHD_SOCKET],
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "enabled-runtime"),
            id="enabled until the next boot",
        ),
        pytest.param(
            [unit("ssh.service"), unit("ssh.socket", active="active", file="enabled"), SSHD_SOCKET],
            daemons.Daemon("ssh.service", "ssh.socket", 0, 0.0, "inactive", ""),
            id="the socket starts it",
        ),
        pytest.param(
            [
                unit("ssh.service", load="masked", active="active", file="masked", pid=56),
                ALIAS,
                unit("ssh.socket"),
                SSHD_SOCKET,
            ],
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "masked"),
            id="runs, and is masked (Debian 12)",
        ),
        pytest.param(
            [unit("ssh.service", load="not-found", file=""), ALIAS, unit("ssh.socket", load="not-found"), SSHD_SOCKET],
            daemons.Daemon("", "", 0, 0.0, "", ""),
            id="no unit",
        ),
    ],
)
def test_find_daemon(units: list[Expected], expected: daemons.Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemons.service, "has_systemd", lambda: True)
    host = FakeHost(commands=units)
    assert daemons.find_daemon(host, "/run/sshd.pid") == expected  # type: ignore[arg-type]  # the fake
    host.done()


@pytest.mark.parametrize(
    ("changed", "files", "expected"),
    [
        pytest.param({}, {"/proc/net/tcp": TCP}, "", id="runs"),
        pytest.param({"pid": 0, "state": "failed"}, {}, "", id="is down, and its port is free"),
        pytest.param({"pid": 0, "socket": "ssh.socket"}, {"/proc/net/tcp": TCP}, "", id="the socket listens"),
        pytest.param(
            {"at_boot": "masked"},
            {},
            "ssh.service is masked, so that nobody could log in by ssh after the next boot: "
            "`systemctl unmask ssh.service`",
            id="masked",
        ),
        pytest.param(
            {"pid": 0, "state": "inactive"},
            {"/proc/net/tcp": TCP, "/run/sshd.pid": "91\n", "/proc/91": ""},
            "ssh.service is inactive, but process 91 (/run/sshd.pid) listens on its port 22: a start would fail, and "
            "could take /run/sshd away from an sshd that is left over; end that program and "
            "`systemctl start ssh.service` at once",
            id="an sshd that systemd lost sight of (Debian 13, after mask and unmask)",
        ),
    ],
)
def test_trouble(changed: dict[str, object], files: dict[str, str], expected: str) -> None:
    host = FakeHost(files)
    said = daemons.trouble(host, daemon(**changed), LISTEN, pid_file="/run/sshd.pid")  # type: ignore[arg-type]  # fake
    assert said == expected


def test_a_disabled_service_is_wanted_at_boot_again_and_reloaded() -> None:
    host = FakeHost(
        mtimes={"/run/sshd.pid": 1001, "/proc/56": 1},
        commands=[
            Expected(["systemctl", "add-wants", "--", "multi-user.target", "ssh.service"]),
            Expected(["systemctl", "reload", "--", "ssh.service"]),
        ],
    )
    disabled = daemon(at_boot="disabled")
    assert daemons.reload(host, disabled, pid_file="/run/sshd.pid", moved=False, unchanged="")  # type: ignore[arg-type]
    host.done()
