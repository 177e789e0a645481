"""Which process has a socket: by links of a fake /proc, and by the real one."""

from __future__ import annotations

import os
import socket
import sys
import typing as t
from contextlib import closing

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.socket_owners import (
    SocketOwner,
    socket_owners,
)
from tests.unit.fake_host import FakeHost

LINKS = {
    "/proc/1/fd/40": "/proc/1/fd/socket:[11]",
    "/proc/1/fd/41": "/proc/1/fd/socket:[14]",
    "/proc/56/fd/3": "/proc/56/fd/socket:[11]",
    "/proc/77/fd/4": "/proc/77/fd/socket:[12]",
    "/proc/77/fd/5": "/dev/null",
    "/proc/56/exe": "/usr/sbin/rpcbind",
    "/proc/1/exe": "/usr/lib/systemd/systemd",
}


def fake() -> FakeHost:
    host = FakeHost({**dict.fromkeys(LINKS, ""), "/proc/1": "", "/proc/56": "", "/proc/77": ""})
    # The names below a process are no processes.
    found = host.glob
    host.glob = lambda pattern: [  # type: ignore[method-assign]
        path for path in found(pattern) if path.count("/") == pattern.count("/")
    ]
    host.links = LINKS
    return host


@pytest.mark.parametrize(
    ("inodes", "expected"),
    [
        (["11"], {"11": SocketOwner(56, "/usr/sbin/rpcbind")}),
        (["14"], {"14": SocketOwner(1, "/usr/lib/systemd/systemd")}),
        (["12"], {"12": SocketOwner(77, "")}),
        (["13"], {}),
        (["0", ""], {}),
        ([], {}),
    ],
)
def test_the_owner_of_a_socket(inodes: list[str], expected: dict[str, SocketOwner]) -> None:
    assert socket_owners(t.cast(Host, fake()), inodes) == expected


def test_a_socket_of_this_process() -> None:
    host = FakeHost()
    host.glob = Host.glob.__get__(host)  # type: ignore[method-assign]
    host.target = Host.target.__get__(host)  # type: ignore[method-assign]
    with closing(socket.socket()) as own:
        inode = str(os.fstat(own.fileno()).st_ino)
        assert socket_owners(t.cast(Host, host), [inode]) == {
            inode: SocketOwner(os.getpid(), os.path.realpath(sys.executable))
        }
