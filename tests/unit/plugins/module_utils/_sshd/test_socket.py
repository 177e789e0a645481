"""Socket units as systemd reads them, over Debian's and Ubuntu's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import (
    HEADER,
    LIMITS,
    SocketStreams,
    compose_unit,
    listen_property,
    read_streams,
    render_dropin,
)

ANY = frozenset({("0.0.0.0", 22), ("::", 22)})
MOVED = frozenset({("0.0.0.0", 2222), ("::", 2222)})
# Debian 12 and 13.
DEBIAN = """\
[Unit]
Description=OpenBSD Secure Shell server socket
Before=sockets.target
ConditionPathExists=!/etc/ssh/sshd_not_to_be_run

[Socket]
ListenStream=22
Accept=no

[Install]
WantedBy=sockets.target
"""
# Ubuntu 24.04, and what its generator makes of "Port 2222".
UBUNTU = "[Socket]\nListenStream=0.0.0.0:22\nListenStream=[::]:22\nBindIPv6Only=ipv6-only\nAccept=no\nFreeBind=yes\n"
GENERATED = "[Socket]\nListenStream=\nListenStream=0.0.0.0:2222\nListenStream=[::]:2222\n"
# sshd-unix-local.socket's kind, in somebody's drop-in.
LOCAL = "[Socket]\n# also for machinectl\nListenStream=/run/ssh.sock\nListenStream=vsock::22\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([DEBIAN], SocketStreams(ANY), id="Debian: a port alone is both wildcards"),
        pytest.param([UBUNTU], SocketStreams(ANY), id="Ubuntu"),
        pytest.param([UBUNTU, GENERATED], SocketStreams(MOVED), id="an empty value forgets those before"),
        pytest.param([UBUNTU.replace("0.0.0.0:22", "")], SocketStreams(frozenset({("::", 22)})), id="IPv6 alone"),
        pytest.param([DEBIAN, LOCAL], SocketStreams(ANY, ("/run/ssh.sock", "vsock::22")), id="what is no TCP"),
        pytest.param(["[Unit]\nListenStream=22\n", ""], SocketStreams(), id="another section"),
        pytest.param(
            ["[Socket]\nListenStream = 22\nListenDatagram=\n"], SocketStreams(), id="any of the lists forgets all"
        ),
        pytest.param(
            ["[Socket]\nListenStream=192.0.2.7:22\nListenStream=[2001:DB8:0::7]:22\nListenStream=[fe80::1%eth0]:22\n"],
            SocketStreams(frozenset({("192.0.2.7", 22), ("2001:db8::7", 22), ("fe80::1%eth0", 22)})),
            id="addresses",
        ),
    ],
)
def test_streams(texts: list[str], expected: SocketStreams) -> None:
    assert read_streams(texts) == expected


def test_listen_property() -> None:
    said = ["[::]:22 (Stream)", "/run/ssh.sock (Stream)", "192.0.2.7:53 (Datagram)"]
    assert listen_property(said, bind="default") == SocketStreams(ANY, ("/run/ssh.sock",))
    assert listen_property(said, bind="ipv6-only").listens == {("::", 22)}


@pytest.mark.parametrize(
    ("wished", "lines"),
    [
        pytest.param(MOVED, ["2222", "BindIPv6Only=both"], id="both wildcards: also without IPv6"),
        pytest.param({("0.0.0.0", 22)}, ["0.0.0.0:22", "BindIPv6Only=both"], id="IPv4 alone"),
        pytest.param({("::", 22)}, ["[::]:22", "BindIPv6Only=ipv6-only"], id="IPv6 alone"),
        pytest.param(
            {*ANY, ("::", 2222)},
            ["0.0.0.0:22", "[::]:22", "[::]:2222", "BindIPv6Only=ipv6-only"],
            id="one port of IPv6 alone: each by itself",
        ),
        pytest.param(
            {("192.0.2.7", 22), ("2001:db8::7", 22)},
            ["192.0.2.7:22", "[2001:db8::7]:22", "BindIPv6Only=both"],
            id="addresses",
        ),
    ],
)
def test_dropin(wished: set[tuple[str, int]], lines: list[str]) -> None:
    text = render_dropin(wished, ["/run/ssh.sock"])
    *listens, bind = lines
    expected = ["[Socket]", "ListenStream=", *(f"ListenStream={line}" for line in [*listens, "/run/ssh.sock"])]
    assert text.splitlines()[1:] == [*expected, bind, "FreeBind=yes"]
    # What is written is read as what was wished, whatever stood before.
    for unit in (DEBIAN, UBUNTU, LOCAL):
        assert read_streams([unit, text]) == SocketStreams(frozenset(wished), ("/run/ssh.sock",))


UNIT = "/usr/lib/systemd/system/ssh.socket"
OURS = "/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf"


def socket(files: dict[str, str], *, follows_config: bool = False) -> SocketUnit:
    return SocketUnit("ssh.socket", True, False, follows_config, False, 0.0, SocketStreams(ANY), files)


def test_our_dropin_is_read_in_its_place() -> None:
    files = {UNIT: "u", "/etc/systemd/system/ssh.socket.d/override.conf": "o", OURS: "old"}
    assert [text for _path, text in compose_unit(files, OURS, "new")] == ["u", "o", "new"]
    assert [text for _path, text in compose_unit(files, OURS, None)] == ["u", "o"]


@pytest.mark.parametrize(
    ("files", "follows_config", "asked", "wished"),
    [
        pytest.param({UNIT: DEBIAN}, False, True, True, id="the unit has another port"),
        pytest.param({UNIT: DEBIAN.replace("22", "2222")}, False, True, False, id="the unit has it already"),
        pytest.param({UNIT: DEBIAN, OURS: render_dropin(MOVED)}, False, True, True, id="ours is still needed"),
        pytest.param({UNIT: DEBIAN, OURS: render_dropin(MOVED)}, False, False, False, id="ports are no longer asked"),
        pytest.param({UNIT: UBUNTU}, True, True, False, id="a generator does it"),
    ],
)
def test_wished(files: dict[str, str], follows_config: bool, asked: bool, wished: bool) -> None:
    text = socket(files, follows_config=follows_config).desired_dropin(MOVED, has_ports=asked)
    assert text == (render_dropin(MOVED) if wished else None)


def test_a_dropin_that_is_read_later_is_named() -> None:
    last = "/etc/systemd/system/ssh.socket.d/zzz.conf"
    held = socket({UNIT: DEBIAN, last: "[Socket]\nListenStream=\nListenStream=23\n"})
    with pytest.raises(BaselineError, match="because /etc/systemd/system/ssh.socket.d/zzz.conf is read last"):
        held.listens_with(held.desired_dropin(MOVED, has_ports=True), MOVED)


@pytest.mark.parametrize(
    ("listens", "expected"),
    [
        pytest.param(MOVED, render_dropin(MOVED) + LIMITS, id="elsewhere"),
        pytest.param({("0.0.0.0", 22), ("::", 22)}, f"{HEADER}[Socket]\n{LIMITS}", id="where it is"),
    ],
)
def test_a_socket_that_starts_an_sshd_each_time_gets_limits(listens: set[tuple[str, int]], expected: str) -> None:
    held = replace(socket({UNIT: DEBIAN}), accept=True)
    text = held.desired_dropin(listens, has_ports=True, limits_sources=True)
    assert text == expected
    assert held.listens_with(text, listens) == listens
    assert replace(held, accept=False).desired_dropin(listens, has_ports=False, limits_sources=True) is None
