"""A request as a zone of firewalld: its rules, and the commands that bring them into force."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import (
    ZoneRules,
    desired_zone,
    parse_zone,
    unsupported_by_firewalld,
    zone_commands,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

# In the form of firewall-cmd --list-all (../fixtures/firewall/firewalld-debian13.txt), with fail2ban's rule.
LISTED = """\
public (default, active)
  target: default
  ingress-priority: 0
  egress-priority: 0
  icmp-block-inversion: no
  interfaces: eth0
  sources: 
  services: cockpit dhcpv6-client ssh
  ports: 80/tcp 9090/tcp
  protocols: gre
  forward: yes
  masquerade: no
  forward-ports: 
  source-ports: 
  icmp-blocks: 
  rich rules: 
\trule family="ipv4" source address="192.0.2.0/24" port port="5432" protocol="tcp" accept
\trule family="ipv4" source address="203.0.113.9" port port="ssh" protocol="tcp" reject type="icmp-port-unreachable"
"""
BAN = (
    'rule family="ipv4" source address="203.0.113.9" port port="ssh" protocol="tcp" reject type="icmp-port-unreachable"'
)


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, parse_services(""))


def entries(zone: ZoneRules) -> dict[str, list[str]]:
    return {kind: sorted(found) for kind, found in zone.entries.items() if found}


def test_the_zone_as_it_is() -> None:
    found = parse_zone(LISTED)
    assert found.target == "default"
    assert entries(found) == {
        "services": ["cockpit", "dhcpv6-client", "ssh"],
        "ports": ["80/tcp", "9090/tcp"],
        "protocols": ["gre"],
        "rich rules": [
            'rule family="ipv4" source address="192.0.2.0/24" port port="5432" protocol="tcp" accept',
            BAN,
        ],
    }
    assert parse_zone("") == ZoneRules("default", {"rich rules": frozenset()})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"allow": ["http"]}, {"ports": ["22/tcp", "80/tcp"]}, id="ports"),
        pytest.param(
            {"allow": [{"port": [80, "80-90"]}, {"port": "91-95", "comment": "x"}]},
            {"ports": ["22/tcp", "80-95/tcp"]},
            id="ranges of several entries",
        ),
        pytest.param(
            {"allow": [{"port": 53, "proto": "udp", "from": ["192.0.2.1", "2001:db8::/32"]}]},
            {
                "ports": ["22/tcp"],
                "rich rules": [
                    'rule family="ipv4" source address="192.0.2.1" port port="53" protocol="udp" accept',
                    'rule family="ipv6" source address="2001:db8::/32" port port="53" protocol="udp" accept',
                ],
            },
            id="sources",
        ),
        pytest.param(
            {"ssh_from": ["192.0.2.0/24"], "incoming": "allow"},
            {
                "rich rules": [
                    'rule family="ipv4" source address="192.0.2.0/24" port port="22" protocol="tcp" accept',
                    'rule priority="32767" port port="22" protocol="tcp" drop',
                ]
            },
            id="an open policy",
        ),
        pytest.param({"icmp": False}, {"ports": ["22/tcp"], "icmp-blocks": ["echo-request"]}, id="no echo"),
    ],
)
def test_the_desired_zone(options: dict[str, t.Any], expected: dict[str, list[str]]) -> None:
    found = desired_zone(request(**options), [22])
    assert entries(found) == {"services": ["dhcpv6-client"], **expected}
    assert found.target == ("ACCEPT" if "incoming" in options else "default")


def test_commands_open_before_they_close_and_bans_stay() -> None:
    desired = desired_zone(request(allow=["https", {"port": 80}], icmp=False), [22])
    runtime = zone_commands(parse_zone(LISTED), desired, "public", permanent=False)
    assert [" ".join(command[2:]) for command in runtime] == [
        "--zone=public --add-port=22/tcp",
        "--zone=public --add-port=443/tcp",
        "--zone=public --add-icmp-block=echo-request",
        "--zone=public --remove-service=cockpit",
        "--zone=public --remove-service=ssh",
        "--zone=public --remove-port=9090/tcp",
        "--zone=public --remove-protocol=gre",
        '--zone=public --remove-rich-rule=rule family="ipv4" source address="192.0.2.0/24" port port="5432" '
        'protocol="tcp" accept',
    ]
    assert all(command[:2] == ("firewall-cmd", "--quiet") for command in runtime)


def test_a_target_is_changed_permanently() -> None:
    now, desired = desired_zone(request(), [22]), desired_zone(request(incoming="allow"), [22])
    assert zone_commands(now, desired, "public", permanent=False) == []
    assert zone_commands(now, desired, "public", permanent=True) == [
        ("firewall-cmd", "--quiet", "--permanent", "--zone=public", "--set-target=ACCEPT")
    ]


def test_our_last_rule_is_removed_again() -> None:
    now = desired_zone(request(incoming="allow", ssh_from=["::1"]), [22])
    commands = zone_commands(now, desired_zone(request(), [22]), "public", permanent=False)
    assert '--remove-rich-rule=rule priority="32767" port port="22" protocol="tcp" drop' in {
        one[-1] for one in commands
    }


def test_nothing_to_do() -> None:
    zone = desired_zone(request(allow=["http"], ssh_from=["::1"]), [22])
    assert zone_commands(zone, zone, "public", permanent=True) == []


def test_what_a_zone_cannot_do() -> None:
    assert unsupported_by_firewalld(request()) == ([], [])
    errors, warnings = unsupported_by_firewalld(
        request(
            allow=[{"port": 80, "interface": "eth0"}], outgoing="deny", containers="filter", ssh_rate_limit="9/hour"
        ),
        "firewall_",
    )
    assert [error.option for error in errors] == ["firewall_allow", "firewall_outgoing", "firewall_containers"]
    assert len(warnings) == 1
