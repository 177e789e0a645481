"""Ports of this machine's loopback: open, refused, and silent ones."""

from __future__ import annotations

import errno
import socket
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import outside
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.outside import (
    OPEN,
    REFUSED,
    UNANSWERED,
    try_ports,
)


@pytest.fixture
def listening() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_open_and_refused(listening: int, free: int) -> None:
    assert try_ports("127.0.0.1", [listening, free]) == {listening: OPEN, free: REFUSED}


def test_a_port_that_does_not_answer() -> None:
    """A listener with a full queue drops the connections, as a firewall does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _number in range(4)]
        for one in waiting:
            one.setblocking(False)
            assert one.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
        try:
            assert try_ports("127.0.0.1", [port], seconds=0.3) == {port: UNANSWERED}
        finally:
            for one in waiting:
                one.close()


def test_any_address_that_refuses_counts(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    """The server has one of two addresses of the name."""
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, listening)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_named: rows)
    assert try_ports("name.invalid", [listening]) == {listening: REFUSED}


def test_an_address_without_a_way_does_not_count(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    row = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listening))
    # Not an address of a host: connect(2) refuses it at once.
    nowhere = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", listening, 0, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_named: [row, nowhere])
    connect = socket.socket.connect

    class Unreachable(socket.socket):
        def connect(self, address: t.Any) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(errno.ENETUNREACH, "Network is unreachable")
            connect(self, address)

    monkeypatch.setattr(outside.socket, "socket", Unreachable)
    assert try_ports("name.invalid", [listening]) == {listening: OPEN}


def test_a_name_without_addresses_and_no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_given: t.Any, **_named: t.Any) -> t.NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert try_ports("name.invalid", [22]) == {22: UNANSWERED}
    assert try_ports("name.invalid", []) == {}
