"""The ports on which the host listens, over recorded tables of the kernel, and the answers of sshd."""

from __future__ import annotations

import contextlib
import errno
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import ports
from tests.unit.fake_host import Clock, FakeHost

LISTEN = [("0.0.0.0", 22), ("::", 22)]
# /proc/net/tcp of a Debian 13 host: sshd on 22 (0016), and one connection to it.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0 100 0 0 10 0
   1: 070011AC:08AE 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""


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
    assert ports.is_listening(FakeHost(files), listens) is expected  # type: ignore[arg-type]  # the fake


class Answers:
    """Stands in for connections: each address has its answers, the last one for good."""

    def __init__(self, answers: dict[str, list[bytes | OSError]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    def create_connection(self, target: tuple[str, int], timeout: float) -> contextlib.closing[t.Any]:
        assert timeout == 3
        self.asked.append(target)
        answers = self.answers[target[0]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        connection = t.cast(
            t.Any, type("Connection", (), {"recv": lambda _self, _size: answer, "close": lambda _self: None})
        )
        return contextlib.closing(connection())


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
NO_IPV6 = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")


@pytest.mark.parametrize(
    ("answers", "expected", "seconds"),
    [
        pytest.param({"127.0.0.1": [b"SSH-2.0-x"], "::1": [b"SSH-2.0-x"]}, [], 0, id="on both families"),
        pytest.param({"127.0.0.1": [REFUSED, b"SSH-2.0-x"], "::1": [b"SSH-2.0-x"]}, [], 0.1, id="a moment later"),
        pytest.param({"127.0.0.1": [b"SSH-2.0-x"], "::1": [NO_IPV6]}, [], 0, id="a host without IPv6"),
        pytest.param(
            {"127.0.0.1": [REFUSED], "::1": [b"SSH-2.0-x"]}, ["0.0.0.0 port 22: Connection refused"], 10, id="refused"
        ),
        pytest.param(
            {"127.0.0.1": [b"SSH-2.0-x"], "::1": [b"220 mail"]},
            [":: port 22: no banner of sshd, but b'220 mail'"],
            10,
            id="another service",
        ),
    ],
)
def test_unanswered(
    answers: dict[str, list[bytes | OSError]], expected: list[str], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, played = Clock(), Answers(answers)
    monkeypatch.setattr(ports, "time", clock)
    monkeypatch.setattr(ports.socket, "create_connection", played.create_connection)
    assert ports.unanswered({("0.0.0.0", 22), ("::", 22)}) == expected
    assert clock.now == pytest.approx(seconds, abs=0.2)
    assert set(played.asked) == {("127.0.0.1", 22), ("::1", 22)}


def test_an_address_of_its_own_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that the host does not have is an error, unlike a wildcard's family."""
    monkeypatch.setattr(ports, "time", Clock())
    monkeypatch.setattr(ports.socket, "create_connection", Answers({"192.0.2.77": [NO_IPV6]}).create_connection)
    assert ports.unanswered([("192.0.2.77", 22)], seconds=1) == ["192.0.2.77 port 22: Cannot assign requested address"]
