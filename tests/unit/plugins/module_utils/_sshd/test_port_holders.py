"""Who holds a port: the kernel's tables, what is in sshd's way, and the words about it."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import (
    PortHolder,
    SocketRow,
    deferral_warning,
    overlaps,
    refuse_services,
    tcp_rows,
)

# A user's listener on 127.0.0.1:2222, and sshd's connection and listener on port 22 (Debian 13, x86-64).
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 789 1 0 100 0 0 10 0
   1: 070011AC:0016 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 123 1
   1: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 33 0 124 1
"""
USERS = PortHolder(2222, "127.0.0.1", 4711, 1001, "mallory", "/home/mallory/\x1b[2Jsshd")
SERVICE = PortHolder(8443, "0.0.0.0", 80, 0, "root", "/usr/sbin/nginx")


def test_the_tables_of_the_kernel() -> None:
    assert tcp_rows(TCP) == [
        SocketRow("127.0.0.1", 2222, 1001, "789", True),
        SocketRow("172.17.0.7", 22, 0, "456", False),
    ]
    assert tcp_rows(TCP6) == [SocketRow("::", 22, 0, "123", True), SocketRow("2001:db8::1", 8080, 33, "124", True)]
    assert tcp_rows("") == []


@pytest.mark.parametrize(
    ("address", "desired", "expected"),
    [
        ("0.0.0.0", "0.0.0.0", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "192.0.2.1", True),
        ("127.0.0.1", "192.0.2.1", False),
        ("::", "::", True),
        ("::1", "::", True),
        ("::", "2001:db8::1", True),
        ("::1", "2001:db8::1", False),
        # A socket for both families, which the table does not tell from one for IPv6 alone.
        ("::", "0.0.0.0", True),
        ("::ffff:127.0.0.1", "0.0.0.0", True),
        ("::1", "0.0.0.0", False),
        ("0.0.0.0", "::", False),
    ],
)
def test_what_is_in_the_way_of_what(address: str, desired: str, expected: bool) -> None:
    assert overlaps(address, desired) is expected


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        pytest.param(
            USERS,
            "port 2222 is held by process 4711 (/home/mallory/\\x1b[2Jsshd) of mallory (uid 1001) on 127.0.0.1",
            id="the name that it gave itself is quoted",
        ),
        pytest.param(
            PortHolder(2222), "port 2222 is held by a process that the host does not name", id="not in a table"
        ),
        pytest.param(
            PortHolder(2222, "::", 7, 4000),
            "port 2222 is held by process 7 of a user without a name (uid 4000) on ::",
            id="no account",
        ),
    ],
)
def test_the_words(holder: PortHolder, words: str) -> None:
    assert str(holder) == words
    assert words in deferral_warning([holder], [22])


def test_the_result_is_quoted_too() -> None:
    assert USERS.result()["program"] == "/home/mallory/\\x1b[2Jsshd"


@pytest.mark.parametrize(
    ("holder", "first", "refused"),
    [
        pytest.param(USERS, 1024, False, id="a user on a port for everybody"),
        pytest.param(PortHolder(2222), 1024, False, id="nobody can be named"),
        pytest.param(SERVICE, 1024, True, id="root"),
        pytest.param(PortHolder(443, "::", 81, 33, "www-data", "/usr/bin/caddy"), 1024, True, id="a port of services"),
        pytest.param(PortHolder(443, "::", 81, 1001, "mallory", "/bin/nc"), 0, False, id="every port is for everybody"),
    ],
)
def test_a_service_is_refused_and_a_user_is_not(holder: PortHolder, first: int, refused: bool) -> None:
    if not refused:
        refuse_services([holder], first)
        return
    with pytest.raises(
        BaselineError, match=rf"port {holder.port} is held by .*; this task changed nothing; choose another"
    ):
        refuse_services([holder], first)
