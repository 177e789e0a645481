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
