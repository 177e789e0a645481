"""Who holds a port: the kernel's tables, what blocks sshd, and the messages."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import (
    PortHolder,
    deferral_warning,
    overlaps,
    refuse_services,
)

USERS = PortHolder(2222, "127.0.0.1", 4711, 1001, "mallory", "/home/mallory/\x1b[2Jsshd")
SERVICE = PortHolder(8443, "0.0.0.0", 80, 0, "root", "/usr/sbin/nginx")


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
    ("holder", "message"),
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
def test_the_messages(holder: PortHolder, message: str) -> None:
    assert str(holder) == message
    assert message in deferral_warning([holder], [22])


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
