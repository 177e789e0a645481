"""Whether a request lets a packet in: a table, and what holds for all requests."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from hypothesis import given

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.allow_rule import AllowRule
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.verdict import Packet, verdict
from tests.unit.firewall_requests import PACKETS, REQUESTS, RULES, SSH_PORTS

FRIEND, STRANGER = "192.0.2.7", "198.51.100.1"
RESTRICTED: dict[str, t.Any] = {
    "allow": ["http", {"port": 5432, "from": ["192.0.2.0/24"], "interface": "eth1"}, {"port": 53, "proto": "udp"}],
    "ssh_from": ["192.0.2.0/24", "2001:db8::/32"],
}


@pytest.mark.parametrize(
    ("more", "packet", "expected"),
    [
        pytest.param({}, Packet(STRANGER, "tcp", 80), True, id="allowed"),
        pytest.param({}, Packet(STRANGER, "udp", 80), False, id="by another protocol"),
        pytest.param({}, Packet(STRANGER, "tcp", 8080), False, id="not allowed"),
        pytest.param({}, Packet(STRANGER, "tcp", 8080, "lo"), True, id="loopback"),
        pytest.param({}, Packet("::1", "udp", 53), True, id="udp"),
        pytest.param({}, Packet(FRIEND, "tcp", 5432, "eth1"), True, id="source and interface"),
        pytest.param({}, Packet(FRIEND, "tcp", 5432, "eth0"), False, id="another interface"),
        pytest.param({}, Packet(STRANGER, "tcp", 5432, "eth1"), False, id="another source"),
        pytest.param({}, Packet(FRIEND, "tcp", 22), True, id="ssh"),
        pytest.param({}, Packet(f"::ffff:{FRIEND}", "tcp", 22), True, id="ssh of a mapped address"),
        pytest.param({}, Packet("2001:db8::1", "tcp", 22), True, id="ssh over IPv6"),
        pytest.param({}, Packet(STRANGER, "tcp", 22), False, id="ssh of a stranger"),
        pytest.param({"ssh_from": ["fe80::/10"]}, Packet("fe80::1%eth0", "tcp", 22), True, id="a zone id"),
        pytest.param({"incoming": "allow"}, Packet(STRANGER, "tcp", 8080), True, id="open by default"),
        pytest.param({"incoming": "allow"}, Packet(STRANGER, "tcp", 22), False, id="but for ssh"),
        pytest.param({"incoming": "allow"}, Packet(STRANGER, "udp", 22), True, id="ssh is tcp"),
        pytest.param({}, Packet(STRANGER, "sctp", 80), False, id="sctp"),
        pytest.param({}, Packet(STRANGER, "icmp", icmp_type=8), True, id="echo"),
        pytest.param({"icmp": False}, Packet(STRANGER, "icmp", icmp_type=8), False, id="no echo"),
        pytest.param({"icmp": False, "incoming": "allow"}, Packet("::1", "icmpv6", icmp_type=128), False, id="no echo"),
        pytest.param({"icmp": False}, Packet(STRANGER, "icmp", icmp_type=3), True, id="path MTU"),
        pytest.param({"icmp": False}, Packet("2001:db8::1", "icmpv6", icmp_type=2), True, id="packet too big"),
        pytest.param({"icmp": False}, Packet("fe80::1", "icmpv6", icmp_type=134), True, id="router advertisement"),
        pytest.param({}, Packet("2001:db8::1", "icmpv6", icmp_type=135), True, id="neighbour solicitation"),
        pytest.param({}, Packet("fe80::1", "icmpv6", icmp_type=130), True, id="listener query"),
        pytest.param({}, Packet("::", "icmpv6", icmp_type=143), True, id="listener report without an address"),
        pytest.param({}, Packet("2001:db8::1", "icmpv6", icmp_type=130), False, id="listener query from afar"),
        pytest.param({}, Packet("fe80::1", "icmpv6", icmp_type=151), True, id="multicast router"),
        pytest.param({}, Packet("fe80::1", "icmpv6", icmp_type=137), False, id="redirect"),
        pytest.param({}, Packet(STRANGER, "icmp", icmp_type=5), False, id="redirect over IPv4"),
        pytest.param({}, Packet(STRANGER, "icmp", icmp_type=13), False, id="timestamp"),
        pytest.param({"incoming": "allow"}, Packet(STRANGER, "icmp", icmp_type=13), True, id="timestamp, open"),
    ],
)
def test_verdicts(more: dict[str, t.Any], packet: Packet, expected: bool) -> None:
    assert verdict(parse_request({**RESTRICTED, **more}, parse_services("")), [22], packet) is expected


@given(REQUESTS, SSH_PORTS, PACKETS)
def test_a_closed_request_lets_in_what_a_rule_names_and_nothing_else(
    request: FirewallRequest, ssh_ports: list[int], packet: Packet
) -> None:
    closed = replace(request, incoming="deny")
    is_named = any(rule.names(packet.protocol, packet.port) for rule in request.allow)
    is_ssh = packet.protocol == "tcp" and packet.port in ssh_ports
    if verdict(closed, ssh_ports, packet):
        assert is_named or is_ssh
    assert not verdict(replace(closed, allow=()), [], packet)


@given(REQUESTS, SSH_PORTS, PACKETS, RULES)
def test_one_more_rule_shuts_nobody_out(
    request: FirewallRequest, ssh_ports: list[int], packet: Packet, rule: AllowRule
) -> None:
    wider = replace(request, allow=(*request.allow, rule))
    assert verdict(wider, ssh_ports, packet) >= verdict(request, ssh_ports, packet)
    assert verdict(wider, ssh_ports, packet) >= rule.matches(
        packet.protocol, packet.port, packet.source, packet.interface
    )


@given(REQUESTS, SSH_PORTS, PACKETS)
def test_an_open_request_refuses_only_ssh_of_others(
    request: FirewallRequest, ssh_ports: list[int], packet: Packet
) -> None:
    opened = verdict(replace(request, incoming="allow"), ssh_ports, packet)
    assert opened >= verdict(replace(request, incoming="deny"), ssh_ports, packet)
    assert opened or (request.ssh_from and packet.protocol == "tcp" and packet.port in ssh_ports)


@given(REQUESTS, SSH_PORTS, PACKETS)
def test_without_ssh_from_anyone_reaches_sshd(request: FirewallRequest, ssh_ports: list[int], packet: Packet) -> None:
    knock = replace(packet, protocol="tcp", port=ssh_ports[0])
    assert verdict(replace(request, ssh_from=()), ssh_ports, knock)
