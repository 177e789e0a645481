"""The daemon's age, its units and what keeps it from a start, over recorded outputs."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import LINUX_WITHOUT_SYSTEMD
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import daemon as daemons
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree
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
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", ""),
            id="the service starts at boot",
        ),
        pytest.param(
            unit(active="active", pid=56),
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "disabled"),
            id="runs, and nothing starts it at boot",
        ),
        pytest.param(
            unit(active="active", file="enabled-runtime", pid=56),
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "enabled-runtime"),
            id="enabled until the next boot",
        ),
        pytest.param(
            unit(load="masked", active="active", file="masked", pid=56),
            daemons.Daemon("ssh.service", "", 56, 0.0, "active", "masked"),
            id="runs, and is masked (Debian 12)",
        ),
        pytest.param(ABSENT, daemons.Daemon("", "", 0, 0.0, "", ""), id="no unit"),
    ],
)
def test_find_daemon(service: str, expected: daemons.Daemon) -> None:
    assert found([f"Id=ssh.service\n{service}", ABSENT, f"Id=ssh.socket\n{unit()}", ABSENT]) == expected


def found(blocks: list[str], files: dict[str, str] | None = None) -> daemons.Daemon:
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
    assert daemon.held
    assert daemon.held.loaded.listens == {("0.0.0.0", 2222), ("::", 2222)}
    assert not daemon.held.accept and not daemon.held.follows


def test_a_socket_unit_of_the_next_boot_holds_nothing_yet() -> None:
    waiting = SOCKET.replace("ActiveState=active", "ActiveState=inactive")
    running = f"Id=ssh.service\n{unit(active='active', file='enabled', pid=56)}"
    daemon = found([running, ABSENT, waiting, ABSENT])
    assert daemon.socket == "" and daemon.held and not daemon.held.active


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
