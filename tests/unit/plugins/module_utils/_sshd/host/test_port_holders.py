"""Who holds a port on the host: real binds on the loopback, and the tables of a fake one."""

from __future__ import annotations

import os
import socket
from contextlib import closing

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import port_holders as holders
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.daemon import SshdDaemon
from tests.unit.fake_host import FakeHost

HEADER = "sl local rem st tx tr tm retrnsmt uid timeout inode\n"
DAEMON = SshdDaemon("ssh.service", "", 56, 0.0, "active")


def row(address: str, port: int, inode: int, *, uid: int = 1001, state: str = "0A") -> str:
    return f"0: {address}:{port:04X} 00000000:0000 {state} 0:0 0:0 0 {uid} 0 {inode} 1\n"


def host(table: str, links: dict[str, str]) -> FakeHost:
    fake = FakeHost({"/proc/net/tcp": HEADER + table, **dict.fromkeys(links, "")})
    fake.files.update({"/proc/" + path.split("/")[2]: "" for path in links})
    fake.links = links
    return fake


LINKS = {"/proc/56/fd/3": "/proc/56/fd/socket:[11]", "/proc/77/fd/4": "/proc/77/fd/socket:[12]"}


def test_sshd_is_no_obstacle_to_itself_and_a_user_is_named() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fake = host(row("00000000", 22, 11, uid=0) + row("0100007F", port, 12, uid=os.getuid()), LINKS)
        fake.links["/proc/77/exe"] = "/usr/bin/nc"
        found = holders.port_holders(fake, DAEMON, [("0.0.0.0", 22), ("127.0.0.1", port)])  # type: ignore[arg-type]  # fake
    assert [(one.port, one.address, one.pid, one.uid, one.program) for one in found] == [
        (port, "127.0.0.1", 77, os.getuid(), "/usr/bin/nc")
    ]


def test_a_session_of_sshd_on_its_own_port_is_no_obstacle() -> None:
    """A socket unit listens on :: for both families; the sshd that it started for a client has only the connection."""
    with closing(socket.socket(socket.AF_INET6)) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        taken.bind(("::", 0))
        taken.listen()
        port = taken.getsockname()[1]
        links = {"/proc/1/fd/40": "/proc/1/fd/socket:[11]", "/proc/77/fd/4": "/proc/77/fd/socket:[12]"}
        fake = host("", links)
        fake.files["/proc/net/tcp6"] = (
            HEADER
            + row("0" * 32, port, 11, uid=0)
            + row("0000000000000000FFFF0000060011AC", port, 12, uid=0, state="01")
        )
        daemon = SshdDaemon("", "ssh.socket", 0, 0.0, "active")
        assert holders.port_holders(fake, daemon, [("0.0.0.0", port), ("::", port)]) == []  # type: ignore[arg-type]  # fake


def test_what_is_bound_and_does_not_listen_is_held_by_nobody_that_can_be_named() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = holders.port_holders(host("", LINKS), DAEMON, [("0.0.0.0", port)])  # type: ignore[arg-type]  # the fake
    assert [(one.port, one.pid, one.uid) for one in found] == [(port, 0, -1)]


def test_a_free_port_and_an_address_that_is_not_here() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listens = [("0.0.0.0", port), ("192.0.2.77", port)]
    assert holders.port_holders(host("", LINKS), DAEMON, listens) == []  # type: ignore[arg-type]  # the fake


def test_after_a_reload_only_listeners_count() -> None:
    fake = host(row("00000000", 2222, 12) + row("00000000", 2223, 13, state="01"), LINKS)
    listens = [("0.0.0.0", 2222), ("0.0.0.0", 2223)]
    found = holders.port_holders(fake, DAEMON, listens, probe=False)  # type: ignore[arg-type]  # the fake
    assert [(one.port, one.pid) for one in found] == [(2222, 77)]


def test_where_sshd_listens() -> None:
    fake = host(row("00000000", 22, 11, uid=0) + row("00000000", 2222, 12), LINKS)
    assert holders.present_listens(fake, DAEMON) == {("0.0.0.0", 22)}  # type: ignore[arg-type]  # the fake


@pytest.mark.parametrize(("text", "expected"), [("0\n", 0), ("1024\n", 1024), (None, 1024)])
def test_the_first_port_for_everybody(text: str | None, expected: int) -> None:
    files = {holders._FIRST_UNPRIVILEGED: text} if text else {}
    assert holders.first_unprivileged(FakeHost(files)) == expected  # type: ignore[arg-type]  # the fake
