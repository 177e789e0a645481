"""Ports that a host forwards, in what nft and iptables print on hosts with containers, and the bans that cover them."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filter_rules import EVERY_PORT, Ports
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import WatchedJail
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.forwarded_ports import (
    covers_forwarded_ports,
    forwarded_ports,
    uncovered_forwarded_ports,
)

# Recorded with nftables 1.0.6 and 1.1.3, iptables 1.8.9 and Docker 20.10.
NFT = """table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		%s
	}
}
"""
DOCKER = """-P PREROUTING ACCEPT
-P OUTPUT ACCEPT
-N DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
"""


@pytest.mark.parametrize(
    ("ruleset", "nat", "ports"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param(NFT % "tcp dport 8080 dnat to 192.0.2.2:80", "", [((8080, 8080),)], id="nft"),
        pytest.param(NFT % "tcp dport 80 redirect to :8080", "", [((80, 80),)], id="to a port of the host"),
        pytest.param(NFT % "tcp dport { 80, 443 } dnat ip to 192.0.2.2", "", [((80, 80), (443, 443))], id="a set"),
        pytest.param(NFT % "ip daddr 192.0.2.1 dnat to 10.0.0.2", "", [EVERY_PORT], id="a whole address"),
        pytest.param(NFT % "dnat to tcp dport map @published", "", [EVERY_PORT], id="a map by name"),
        pytest.param(NFT % "tcp dport 80 accept", "", [], id="nothing forwarded"),
        pytest.param("", DOCKER, [((8080, 8080),)], id="Docker"),
        pytest.param(
            "", "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080", [((80, 80),)], id="REDIRECT"
        ),
        pytest.param(
            "", "-A OUTPUT -p tcp -m tcp --dport 53 -j REDIRECT --to-ports 5353", [], id="of the host's own packets"
        ),
        pytest.param(
            "", "-A PREROUTING -d 192.0.2.1/32 -j DNAT --to-destination 10.0.0.2", [EVERY_PORT], id="DNAT of all"
        ),
    ],
)
def test_forwarded_ports(ruleset: str, nat: str, ports: list[Ports]) -> None:
    assert forwarded_ports(ruleset, nat) == ports


def test_forwarded_ports_of_firewalld() -> None:
    zones = "public (active)\n  forward-ports: \n\tport=8080:proto=tcp:toport=80:toaddr=10.0.0.2\n"
    zones += "\tport=9000-9010:proto=udp:toport=:toaddr=10.0.0.3\n  source-ports: \n"
    assert forwarded_ports("", "", zones) == [((8080, 8080),), ((9000, 9010),)]


@pytest.mark.parametrize(
    ("action", "properties", "covers"),
    [
        pytest.param("nftables", {"chain_hook": "prerouting", "chain": "f2b-chain"}, True, id="nftables of the module"),
        pytest.param("nftables", {"chain_hook": "input"}, False, id="nftables as released"),
        pytest.param("iptables-multiport", {"chain": "INPUT"}, False, id="iptables"),
        pytest.param("iptables-multiport", {"chain": "DOCKER-USER"}, True, id="iptables for containers"),
        pytest.param("firewallcmd-rich-rules", {}, False, id="firewalld"),
        pytest.param("pf", {}, True, id="pf"),
        pytest.param("mine", {}, True, id="an unknown action"),
    ],
)
def test_which_actions_cover_them(action: str, properties: dict[str, str], covers: bool) -> None:
    assert covers_forwarded_ports(action, properties) is covers


@pytest.mark.parametrize(
    ("ports", "forwarded", "named"),
    [
        pytest.param(("http,https",), [((443, 443),)], "443", id="one of two"),
        pytest.param(("8000:8100",), [((8080, 8080),), ((8090, 9000),)], "8080, 8090-8100", id="of a range"),
        pytest.param((), [((8080, 8080),)], "8080", id="a jail for all ports"),
        pytest.param(("ssh",), [EVERY_PORT], "22", id="every port is forwarded"),
        pytest.param(("ssh",), [((8080, 8080),)], None, id="another port"),
        pytest.param(("ssh",), [], None, id="none"),
        pytest.param(("nonsense",), [((80, 80),)], "80", id="a port that the host does not know"),
    ],
)
def test_ports_without_bans(ports: tuple[str, ...], forwarded: list[Ports], named: str | None) -> None:
    jail = WatchedJail("shop", "nginx", journal=False, actions=("iptables-multiport",), ports=ports)
    numbers = {"ssh": 22, "http": 80, "https": 443}
    found = uncovered_forwarded_ports(jail, forwarded, numbers.get)
    assert (found is None) is (named is None)
    assert named is None or f"(iptables-multiport) do not cover the port {named}, which" in str(found)
