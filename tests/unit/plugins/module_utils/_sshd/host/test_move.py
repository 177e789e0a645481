"""What is said of a move before it is made and after somebody else was faster."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import move as moves
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.daemon import SshdDaemon
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import PortHolder
from tests.unit.fake_host import FakeHost

FIRST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def move(before: int, after: int) -> moves.PortMove:
    return moves.PortMove(frozenset({("0.0.0.0", before)}), frozenset({("0.0.0.0", after)}))


@pytest.mark.parametrize(
    ("before", "after", "first", "warned"),
    [
        pytest.param(22, 2222, "1024", True, id="to a port for everybody"),
        pytest.param(2222, 2222, "1024", False, id="it is there already"),
        pytest.param(22, 222, "1024", False, id="to a port of root's"),
        pytest.param(22, 222, "100", True, id="the host says where they begin"),
        pytest.param(22, 222, "0", False, id="every port is for everybody"),
    ],
)
def test_advice(before: int, after: int, first: str, warned: bool) -> None:
    said = moves.unprivileged_port_warnings(FakeHost({FIRST: first}), move(before, after))  # type: ignore[arg-type]  # the fake
    assert bool(said) is warned
    assert all(f"listen on port {after} while sshd is reloaded" in text for text in said)


def test_who_was_faster_and_is_gone_is_known_by_the_error() -> None:
    daemon, host = SshdDaemon("ssh.service", "", 56, 0.0, "active"), FakeHost()
    said = "error: Bind to port 2222 on 0.0.0.0 failed: Address already in use."
    assert moves.holders_after_start(host, daemon, move(22, 2222), said) == [PortHolder(2222)]  # type: ignore[arg-type]  # fake
    assert moves.holders_after_start(host, daemon, move(22, 22), said) == []  # type: ignore[arg-type]  # the fake
    assert moves.holders_after_start(host, daemon, move(22, 2222)) == []  # type: ignore[arg-type]  # the fake
