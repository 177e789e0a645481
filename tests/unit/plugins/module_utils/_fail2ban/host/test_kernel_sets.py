"""The addresses in sets of nftables: answers of Linux 6.18, recorded from a table with sets of each kind."""

from __future__ import annotations

import socket
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import kernel_sets

BEGIN = "0c0a020001000000aaaaaaaa010000020a0001006632622d78000000"
DONE = "1400000003000200010000000000000000000000"
NAMES = {"four": "09000200666f757200000000", "six": "0800020073697800", "net": "080002006e657400"}


def message(name: str, elements: str, *, kind: str = "0c0a", flags: str = "0200", sequence: str = "01000000") -> str:
    begin = kind + flags + sequence + BEGIN[16:]
    listed = f"{len(elements) // 2 + 4:02x}000300{elements}"
    body = begin + NAMES[name] + listed
    return f"{len(body) // 2 + 4:02x}000000{body}"


FOUR = "100001000c00010008000100c6336407100001000c00010008000100c0000201"
SIX = "1c000100180001001400010020010db80000000000000000000000011c000100180001001400010020010db8000000000000000000000002"
# A network is two elements, its end with a flag.
NET = (
    "180001000c00010008000100c63365000800030000000001100001000c00010008000100c6336400"
    "180001000c00010008000100000000000800030000000001"
)
TIMED = "280001000c00010008000100c00002010c000400000000000036ee800c000500000000000036ebe0"
# A kernel may mark attributes that contain others.
NESTED = FOUR.replace("10000100", "10000180").replace("0c000100", "0c000180")
GONE = "24000000020000000100000000000000feffffff100000000d0a01030100000000000000"
REQUEST = "2c0000000d0a0103010000000000000001000000" + "0a0001006632622d78000000" + NAMES["four"]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[socket.socket]:
    """The other end of the connection."""
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.settimeout(0.2)
    monkeypatch.setattr(kernel_sets, "_connect", lambda: ours)
    with kernel:
        yield kernel


def read(kernel: socket.socket, answers: list[str], *, size: int = 4) -> list[str] | None:
    for answer in answers:
        kernel.send(bytes.fromhex(answer))
    found = kernel_sets.addresses_in_set("inet", "f2b-x", "four", size=size)
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    return None if found is None else sorted(socket.inet_ntop(family, key) for key in found)


@pytest.mark.parametrize(
    ("answers", "size", "addresses"),
    [
        pytest.param([message("four", FOUR), message("four", "") + DONE], 4, ["192.0.2.1", "198.51.100.7"], id="IPv4"),
        pytest.param([message("six", SIX) + DONE], 16, ["2001:db8::1", "2001:db8::2"], id="IPv6"),
        pytest.param(
            [message("four", FOUR[:32]) + message("four", FOUR[32:]), DONE],
            4,
            ["192.0.2.1", "198.51.100.7"],
            id="two messages",
        ),
        pytest.param([message("four", NESTED) + DONE], 4, ["192.0.2.1", "198.51.100.7"], id="marked as nested"),
        pytest.param([message("four", "") + DONE], 4, [], id="empty"),
        pytest.param([message("net", NET) + DONE], 4, None, id="a network"),
        pytest.param([message("four", TIMED) + DONE], 4, None, id="a timeout"),
        pytest.param([message("four", FOUR + TIMED) + DONE], 4, None, id="one with a timeout"),
        pytest.param([message("four", FOUR) + DONE], 16, None, id="addresses of the other family"),
        pytest.param([message("six", SIX) + DONE], 4, None, id="addresses of the other family, longer"),
        pytest.param([GONE], 4, None, id="no such set"),
        pytest.param([message("four", FOUR, flags="1200") + DONE], 4, None, id="it has changed meanwhile"),
        pytest.param([message("four", FOUR, sequence="02000000") + DONE], 4, None, id="the answer to another request"),
        pytest.param([message("four", FOUR, kind="000a") + DONE], 4, None, id="a message of another kind"),
        pytest.param([message("four", FOUR)], 4, None, id="no end"),
        pytest.param([message("four", FOUR)[:-8], DONE], 4, None, id="cut off"),
        pytest.param(["00"], 4, None, id="no message"),
        pytest.param(
            [message("four", FOUR.replace("08000100c6", "08000200c6")) + DONE], 4, None, id="another attribute"
        ),
    ],
)
def test_what_the_kernel_answers(kernel: socket.socket, answers: list[str], size: int, addresses: t.Any) -> None:
    assert read(kernel, answers, size=size) == addresses
    if size == 4:
        assert kernel.recv(1000).hex() == REQUEST


@pytest.mark.parametrize(("family", "number"), [("ip", "02"), ("ip6", "0a"), ("inet", "01")])
def test_the_family_of_the_table(kernel: socket.socket, family: str, number: str) -> None:
    kernel.send(bytes.fromhex(DONE))
    assert kernel_sets.addresses_in_set(family, "f2b-x", "four", size=4) == frozenset()
    assert kernel.recv(1000).hex()[32:34] == number


def test_a_table_of_another_family_is_not_asked_for(kernel: socket.socket) -> None:
    assert kernel_sets.addresses_in_set("bridge", "f2b-x", "four", size=4) is None


def test_a_platform_without_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert kernel_sets.addresses_in_set("inet", "f2b-x", "four", size=4) is None


def test_a_kernel_that_refuses_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: int) -> t.NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(kernel_sets.socket, "socket", refuse)
    assert kernel_sets.addresses_in_set("inet", "f2b-x", "four", size=4) is None
