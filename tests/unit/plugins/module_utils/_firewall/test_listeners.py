"""What listens on a host, what of it is public, and what a closed firewall would cut."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.listeners import (
    Listener,
    cut_listeners,
    public_listeners,
    refuse_to_cut,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.published import PublishedPort
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, state: str, *, inode: int = 9, uid: int = 0) -> str:
    """Return a row in the form of proc_pid_net(5); the numbers of ``address`` are those of a little-endian machine."""
    remote = "0" * (len(address) - 5) + ":0000"
    return (
        f"   0: {address} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 100 0 0 10 0\n"
    )


ANY6 = "0" * 32
LOCAL6 = "000080FE000000000000000001000000"


@pytest.mark.parametrize(
    ("table", "line", "expected"),
    [
        pytest.param("tcp", row("00000000:1F90", "0A", uid=33), ("tcp", "0.0.0.0", 8080), id="all addresses"),
        pytest.param("tcp", row("070011AC:1F90", "0A"), ("tcp", "172.17.0.7", 8080), id="one address"),
        pytest.param("tcp", row("0100007F:1F90", "0A"), None, id="loopback"),
        pytest.param("tcp", row("0100FEA9:1F90", "0A"), None, id="link-local"),
        pytest.param("tcp", row("070011AC:1F90", "01"), None, id="a connection"),
        pytest.param("tcp6", row(f"{ANY6}:1F90", "0A"), ("tcp", "::", 8080), id="IPv6"),
        pytest.param("tcp6", row(f"{ANY6[:24]}01000000:1F90", "0A"), None, id="loopback of IPv6"),
        pytest.param("tcp6", row(f"{ANY6[:16]}FFFF00000100007F:1F90", "0A"), None, id="mapped loopback"),
        pytest.param("tcp6", row(f"{LOCAL6}:1F90", "0A"), None, id="link-local of IPv6"),
        pytest.param("udp", row("00000000:0035", "07"), ("udp", "0.0.0.0", 53), id="udp"),
        pytest.param("udp", row("070011AC:0035", "01"), None, id="connected udp"),
        pytest.param("udp", row("00000000:0000", "07"), None, id="udp without a port"),
        pytest.param("udp", row("FB0000E0:14E9", "07"), None, id="a group of the link"),
        pytest.param("udp", row("00000000:C001", "07"), None, id="a client's port"),
        pytest.param(
            "udp", row("00000000:CA6C", "07", inode=0), ("udp", "0.0.0.0", 51820), id="WireGuard, in the kernel"
        ),
        pytest.param("udp6", row(f"{ANY6}:14E9", "07"), ("udp", "::", 5353), id="mDNS"),
    ],
)
def test_public(table: str, line: str, expected: tuple[str, str, int] | None) -> None:
    found = public_listeners({table: HEAD + line})
    assert [(one.protocol, one.address, one.port) for one in found] == ([expected] if expected else [])


def test_listeners_are_sorted_and_know_their_socket() -> None:
    lines = row("00000000:1F90", "0A", inode=7, uid=33) + row("00000000:0016", "0A", inode=8)
    assert public_listeners({"tcp": HEAD + lines, "tcp6": ""}) == (
        Listener("tcp", "0.0.0.0", 22, 0, "8"),
        Listener("tcp", "0.0.0.0", 8080, 33, "7"),
    )


def test_the_range_of_client_ports_is_that_of_the_host() -> None:
    text = HEAD + row("00000000:C001", "07")
    assert [one.port for one in public_listeners({"udp": text}, (50000, 60999))] == [49153]


WEB = Listener("tcp", "0.0.0.0", 8080, 33, "7", 812, "/usr/sbin/nginx")
SYSLOG = Listener("udp", "::", 514, 0, "8", 900, "/usr/sbin/\x1b[2Jrsyslogd")


@pytest.mark.parametrize(
    ("options", "listener", "cut"),
    [
        pytest.param({}, WEB, True, id="not named"),
        pytest.param({"allow": [{"port": 8080}]}, WEB, False, id="allowed"),
        pytest.param({"allow": [{"port": "8000-9000"}]}, WEB, False, id="in a range"),
        pytest.param({"allow": [{"port": 8080, "proto": "udp"}]}, WEB, True, id="allowed by another protocol"),
        pytest.param({"allow": [{"port": 8080, "from": ["192.0.2.0/24"]}]}, WEB, False, id="allowed for some"),
        pytest.param({"close": [{"port": 8080}]}, WEB, False, id="closed on purpose"),
        pytest.param({"incoming": "allow"}, WEB, False, id="an open policy"),
        pytest.param({}, replace(WEB, port=2222), False, id="sshd"),
        pytest.param({}, SYSLOG, True, id="udp"),
        pytest.param({}, replace(SYSLOG, port=68), False, id="a DHCP client"),
        pytest.param({}, replace(SYSLOG, port=546), False, id="a DHCPv6 client"),
        pytest.param({}, replace(WEB, port=68), True, id="tcp on the port of DHCP"),
        pytest.param({}, replace(WEB, port=9000), False, id="the proxy of a container"),
        pytest.param({"containers": "filter"}, replace(WEB, port=9000), True, id="a container's port, filtered"),
        pytest.param({}, replace(WEB, port=9000, address="::"), True, id="the proxy over IPv6, without rules"),
    ],
)
def test_what_would_be_cut(options: dict[str, t.Any], listener: Listener, cut: bool) -> None:
    published = [PublishedPort("tcp", PortRange(9000, 9000), "172.17.0.2:80")]
    request = parse_request(options, parse_services(""))
    assert cut_listeners(request, [22, 2222], [listener], published) == ([listener] if cut else [])


def test_the_error_lists_process_port_and_the_lines_to_add() -> None:
    with pytest.raises(BaselineError) as caught:
        refuse_to_cut([WEB, replace(WEB, address="::"), SYSLOG, Listener("tcp", "::", 111)], "firewall_")
    assert caught.value.sentence == (
        "firewall_allow: the firewall would close ports on which something listens today: /usr/sbin/nginx (pid 812) on "
        "8080/tcp at 0.0.0.0; /usr/sbin/nginx (pid 812) on 8080/tcp at ::; /usr/sbin/\\x1b[2Jrsyslogd (pid 900) on "
        "514/udp at ::; a process without a name on 111/tcp at ::"
    )
    assert caught.value.hint == (
        "add to firewall_allow what must stay open, and to firewall_close what may be closed: {port: 8080}, "
        "{port: 514, proto: udp}, {port: 111}"
    )
    assert caught.value.details["listeners"][2]["program"] == r"/usr/sbin/\x1b[2Jrsyslogd"


@pytest.mark.parametrize(
    ("listener", "entry"),
    [
        (WEB, "{port: 8080}"),
        (SYSLOG, "{port: 514, proto: udp}"),
        (Listener("udp", "10.88.0.1", 53, interface="podman0"), "{port: 53, proto: udp, interface: podman0}"),
    ],
)
def test_the_entry_that_keeps_a_port_open(listener: Listener, entry: str) -> None:
    assert listener.entry == entry


def test_many_listeners_are_counted() -> None:
    with pytest.raises(BaselineError, match="; and 5 more"):
        refuse_to_cut([replace(WEB, port=port) for port in range(1000, 1025)])


def test_nothing_is_cut() -> None:
    refuse_to_cut([])


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        (replace(WEB, program=""), "a process (pid 812) on 8080/tcp at 0.0.0.0"),
        (replace(WEB, pid=0), "/usr/sbin/nginx on 8080/tcp at 0.0.0.0"),
    ],
)
def test_a_listener_as_text(listener: Listener, text: str) -> None:
    assert str(listener) == text
