"""The ports of sshd, by the kernel's tables, systemd and its files."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.ssh_ports import find_ssh_ports
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.linux_sshd import ABSENT, NAMES, PROGRAM, PROPERTIES, SERVICE, SOCKET, SOCKET_FILE, listens, sshd_t

MAIN = "/etc/ssh/sshd_config"
SSHD = [PROGRAM, "-T", "-f", MAIN, "-C", "user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=22"]
RUNNING = SERVICE.format(active="active", file="enabled", pid=56)
STOPPED = SERVICE.format(active="inactive", file="enabled", pid=0)


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")


def shown(service: str, socket: str = ABSENT) -> Expected:
    blocks = [service, ABSENT, socket, ABSENT]
    return Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out="\n".join(blocks))


def find(*commands: Expected, port: int = 22, programs: list[str] | None = None) -> tuple[int, ...]:
    host = FakeHost(
        {**listens(port), "/proc/56/fd/3": "", SOCKET_FILE: "[Socket]\nListenStream=22\n"},
        list(commands),
        programs=programs or ["sshd"],
    )
    host.links["/proc/56/fd/3"] = "/proc/56/fd/socket:[100]"
    found = find_ssh_ports(t.cast(t.Any, host))
    host.done()
    return found


@pytest.mark.parametrize(
    ("configured", "listening", "expected"),
    [
        pytest.param(22, 22, (22,), id="as configured"),
        pytest.param(2222, 22, (22, 2222), id="files that sshd has not read yet"),
    ],
)
def test_a_running_sshd(configured: int, listening: int, expected: tuple[int, ...]) -> None:
    assert find(Expected(SSHD, out=sshd_t(configured)), shown(RUNNING), port=listening) == expected


def test_one_that_does_not_run() -> None:
    assert find(Expected(SSHD, out=sshd_t(2222)), shown(STOPPED)) == (2222,)


def test_broken_files() -> None:
    assert find(Expected(SSHD, rc=255, err=f"{MAIN} line 3: x\n"), shown(RUNNING)) == (22,)


def test_a_socket_unit_decides_alone() -> None:
    socket = SOCKET.replace("[::]:22", "[::]:2200")
    assert find(Expected(SSHD, out=sshd_t(22)), shown(STOPPED, socket)) == (2200,)


def test_loopback_is_not_reached_from_outside() -> None:
    answer = "listenaddress 127.0.0.1:22\nlistenaddress [::1]:22\nlistenaddress [fe80::1%eth0]:2022\n"
    assert find(Expected(SSHD, out=answer), shown(STOPPED)) == (2022,)


def test_no_sshd() -> None:
    assert find(programs=["nft"]) == ()
