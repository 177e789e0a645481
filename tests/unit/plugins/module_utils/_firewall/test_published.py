"""Ports that container engines publish, by the rules of each of them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import NftRule, Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.published import (
    PublishedPort,
    exposed_ports,
    is_published,
    published_by_iptables,
    published_by_nft,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

# Written from the sources of Docker (libnetwork/iptables) and of netavark and CNI, in the form of iptables -S.
DOCKER = """\
-P PREROUTING ACCEPT
-N DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 5432 -j DNAT --to-destination 172.17.0.3:5432
-A DOCKER ! -i docker0 -p udp -m udp --dport 5353 -j DNAT --to-destination 172.17.0.4:53
"""
CNI = """\
-A CNI-DN-abc -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.88.0.2:8000-8010
-A CNI-DN-abc -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 10.88.0.2
-A OUTPUT -p tcp -m tcp --dport 99 -j DNAT --to-destination 127.0.0.1:9
-A CNI-DN-abc -p tcp -m comment --comment "it's --to-destination broken -j DNAT
-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
"""


def test_docker_and_cni_by_iptables() -> None:
    assert [str(one) for one in published_by_iptables(DOCKER)] == [
        "127.0.0.1:5432/tcp to 172.17.0.3:5432",
        "8080/tcp to 172.17.0.2:80",
        "5353/udp to 172.17.0.4:53",
    ]
    assert [str(one) for one in published_by_iptables(CNI)] == [
        "80/tcp to 10.88.0.2",
        "443/tcp to 10.88.0.2",
        "8000-8010/tcp to 10.88.0.2:8000-8010",
    ]


def match(protocol: str, field: str, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def by_nft(*expressions: dict[str, t.Any], chain: str = "nv_2f259bab_10_88_0_0_nm16_dnat") -> list[str]:
    place = ("inet", "netavark", chain)
    return [str(one) for one in published_by_nft(Ruleset((), {place: (NftRule(place, expressions),)}))]


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        # Written from netavark's source: tcp dport 8080 dnat ip to 10.88.0.2:80
        pytest.param(
            [match("tcp", "dport", 8080), {"dnat": {"family": "ip", "addr": "10.88.0.2", "port": 80}}],
            ["8080/tcp to 10.88.0.2:80"],
            id="netavark",
        ),
        pytest.param(
            [match("ip", "daddr", "192.0.2.1"), match("udp", "dport", 53), {"dnat": {"addr": "10.88.0.2", "port": 53}}],
            ["192.0.2.1:53/udp to 10.88.0.2:53"],
            id="one address of the host",
        ),
        pytest.param(
            [
                match("ip6", "daddr", "2001:db8::1"),
                match("tcp", "dport", 80),
                {"dnat": {"addr": "fd00::2", "port": 80}},
            ],
            ["[2001:db8::1]:80/tcp to [fd00::2]:80"],
            id="IPv6",
        ),
        pytest.param(
            [
                match("tcp", "dport", {"range": [8000, 8010]}),
                {"dnat": {"addr": "10.88.0.2", "port": {"range": [1, 11]}}},
            ],
            ["8000-8010/tcp to 10.88.0.2:1-11"],
            id="a range",
        ),
        pytest.param(
            [match("tcp", "dport", {"set": [80, 443]}), {"dnat": {"addr": "10.88.0.2"}}],
            ["80/tcp to 10.88.0.2", "443/tcp to 10.88.0.2"],
            id="a set",
        ),
        pytest.param(
            [
                match("ip", "daddr", {"prefix": {"addr": "192.0.2.0", "len": 24}}),
                match("tcp", "dport", 80),
                {"dnat": {"addr": "10.88.0.2"}},
            ],
            ["80/tcp to 10.88.0.2"],
            id="a network",
        ),
        pytest.param([match("tcp", "dport", 80), {"redirect": {"port": 8080}}], [], id="redirect"),
        pytest.param([match("tcp", "dport", 80), {"dnat": {"addr": {"map": {}}}}], [], id="a map"),
        pytest.param([match("tcp", "dport", 80, "!="), {"dnat": {"addr": "10.88.0.2"}}], [], id="all but one"),
        pytest.param([{"match": {"left": 5}}, {"dnat": {"addr": "10.88.0.2"}}], [], id="another form"),
        pytest.param([{"xt": {"type": "target", "name": "DNAT"}}], [], id="iptables"),
    ],
)
def test_by_nft(expressions: list[dict[str, t.Any]], expected: list[str]) -> None:
    assert by_nft(*expressions) == expected


def test_packets_of_the_host_itself_are_no_published_ports() -> None:
    assert by_nft(match("tcp", "dport", 80), {"dnat": {"addr": "10.88.0.2"}}, chain="OUTPUT") == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, [8080, 5353], id="all but the one on loopback"),
        pytest.param({"allow": [{"port": 8080}]}, [5353], id="one is allowed"),
        pytest.param({"allow": [{"port": 8080, "from": ["192.0.2.0/24"]}]}, [8080, 5353], id="allowed for some"),
        pytest.param({"containers": "filter"}, [], id="filtered"),
        pytest.param({"incoming": "allow"}, [], id="an open policy"),
    ],
)
def test_exposed(options: dict[str, t.Any], expected: list[int]) -> None:
    found = exposed_ports(parse_request(options, parse_services("")), published_by_iptables(DOCKER))
    assert [one.ports.first for one in found] == expected


@pytest.mark.parametrize(
    ("host", "target", "local"),
    [
        ("", "10.88.0.2:80", False),
        ("127.0.0.1", "10.88.0.2:80", True),
        ("::1", "[fd00::2]:80", True),
        ("192.0.2.1", "10.88.0.2:80", False),
        # The name server of netavark.
        ("10.89.3.1", "10.89.3.1:1153", True),
        ("fd00::1", "[fd00::1]:1153", True),
    ],
)
def test_what_is_not_reached_from_outside(host: str, target: str, local: bool) -> None:
    assert PublishedPort("udp", PortRange(53, 53), target, host).is_local is local


@pytest.mark.parametrize(
    ("target", "version"), [("10.88.0.2:80", 4), ("10.88.0.2", 4), ("[fd00::2]:80", 6), ("fd00::2", 6), ("name", 0)]
)
def test_version(target: str, version: int) -> None:
    assert PublishedPort("tcp", PortRange(80, 80), target).version == version


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("0.0.0.0", 8080, True),
        # Docker's proxy for IPv6 where its rules are for IPv4 alone: packets pass the chain input.
        ("::", 8080, False),
        ("0.0.0.0", 8081, False),
        ("127.0.0.1", 5432, True),
        ("0.0.0.0", 5432, False),
    ],
)
def test_the_proxy_of_a_published_port(address: str, port: int, expected: bool) -> None:
    assert is_published(published_by_iptables(DOCKER), "tcp", address, port) is expected
