"""The anchor of pf, in the form of pf.conf(5)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.pf_rules import render_anchor, unsupported_by_pf
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, parse_services(""))


def anchor(**options: t.Any) -> list[str]:
    return render_anchor(request(**options), [22]).splitlines()[1:]


def test_a_web_server() -> None:
    assert anchor(allow=["http", "https"]) == [
        "pass quick on lo0 all no state",
        "pass in quick inet proto icmp icmp-type { 3, 11, 12 }",
        "pass in quick inet6 proto icmp6 icmp6-type { 1, 2, 3, 4 }",
        "pass quick inet6 proto icmp6 icmp6-type { 133, 134, 135, 136, 141, 142, 148, 149 } no state",
        "pass quick inet6 proto icmp6 icmp6-type { 130, 131, 132, 143, 151, 152, 153 } no state allow-opts",
        "pass quick inet proto igmp no state allow-opts",
        "pass in quick inet proto udp from any port 67 to any port 68 no state",
        "pass in quick inet6 proto udp to fe80::/10 port 546 no state",
        "pass in quick inet proto icmp icmp-type echoreq",
        "pass in quick inet6 proto icmp6 icmp6-type echoreq",
        "pass in quick proto tcp from any to any port 22 flags S/SA keep state",
        "pass in quick proto tcp from any to any port 22 flags A/SA keep state (sloppy)",
        "pass in quick proto tcp from any to any port 80",
        "pass in quick proto tcp from any to any port 443",
        "pass out quick all keep state",
        "block drop in log quick all",
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"icmp": False}, "block drop in quick inet6 proto icmp6 icmp6-type echoreq"),
        ({"log": False}, "block drop in quick all"),
        (
            {"ssh_rate_limit": "10/minute", "ssh_from": ["192.0.2.0/24", "198.51.100.1"]},
            "pass in quick inet proto tcp from { 192.0.2.0/24, 198.51.100.1 } to any port 22 flags S/SA keep state "
            "(max-src-conn-rate 10/60)",
        ),
        (
            {"allow": [{"port": [80, "8000-8010"], "proto": "udp", "interface": "em0", "from": ["2001:db8::/32"]}]},
            "pass in quick on em0 inet6 proto udp from 2001:db8::/32 to any port { 80, 8000:8010 }",
        ),
        ({"incoming": "allow"}, "pass in quick all keep state"),
        ({"incoming": "allow", "ssh_from": ["::1"]}, "block drop in quick proto tcp to any port 22"),
        ({"outgoing": "deny"}, "block return out quick all"),
        ({"outgoing": [{"port": 25, "to": ["192.0.2.1"]}]}, "pass out quick inet proto tcp to 192.0.2.1 port 25"),
        ({"outgoing": [{"port": 25}]}, "pass out quick proto tcp to any port 25"),
    ],
)
def test_single_rules(options: dict[str, t.Any], line: str) -> None:
    assert line in anchor(**options)


def test_without_sshd() -> None:
    assert "port 22" not in render_anchor(request(), [])


def test_containers() -> None:
    assert unsupported_by_pf(request()) == []
    (error,) = unsupported_by_pf(request(containers="filter"), "firewall_")
    assert error.option == "firewall_containers"
