"""What the rules of firewalld and ufw let in, and for whom."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import ZoneRules
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld_zones import ListedZone
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.manager_rules import (
    parse_profiles,
    service_ports,
    ufw_policy,
    zone_policy,
    zone_services,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.open_rules import (
    ALL_PORTS,
    InputPolicy,
    OpenRule,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import parse_ufw

SSH = PortRange(22, 22)
# In the form of /usr/lib/firewalld/services.
SERVICE = """\
<?xml version="1.0" encoding="utf-8"?>
<service>
  <short>Samba</short>
  <port protocol="udp" port="137"/>
  <port port="8000-8010" protocol="tcp"/>
  <port protocol="gre" port=""/>
  <port protocol="tcp" port="x"/>
</service>
"""


def zone(target: str = "default", **entries: list[str]) -> ZoneRules:
    return ZoneRules(target, {kind.replace("_", " "): frozenset(found) for kind, found in entries.items()})


def test_the_ports_of_a_service() -> None:
    assert service_ports(SERVICE) == [("udp", PortRange(137, 137)), ("tcp", PortRange(8000, 8010))]
    assert zone_services(
        [ListedZone("a", zone(services=["ssh", "http"])), ListedZone("b", zone(services=["ssh"]))]
    ) == [
        "http",
        "ssh",
    ]


RICH = [
    'rule family="ipv4" source address="192.0.2.0/24" port port="5432" protocol="tcp" accept',
    'rule priority="-1" port port="25-26" protocol="tcp" accept',
    'rule family="ipv4" source address="203.0.113.9" port port="ssh" protocol="tcp" reject',
]


def test_the_only_zone() -> None:
    public = ListedZone("public", zone(services=["ssh"], ports=["80/tcp", "9/sctp"], rich_rules=RICH), ("eth0",))
    found = zone_policy([public, ListedZone("dmz", zone())], "public", {"ssh": [("tcp", SSH)]})
    assert (found.name, found.is_complete) == ("firewalld", True)
    assert set(found.rules) == {
        OpenRule("tcp", SSH),
        OpenRule("tcp", PortRange(80, 80)),
        OpenRule("tcp", PortRange(5432, 5432), ("192.0.2.0/24",)),
        OpenRule("tcp", PortRange(25, 26)),
    }


def test_what_is_not_known() -> None:
    named = ListedZone("public", zone(services=["x"]))
    assert not zone_policy([named], "public", {}).is_complete
    rich = ListedZone("public", zone(rich_rules=['rule service name="ssh" accept']))
    assert not zone_policy([rich], "public", {}).is_complete


def test_several_zones() -> None:
    zones = [
        ListedZone("public", zone(ports=["80/tcp"]), ("eth0",)),
        ListedZone("inside", zone("ACCEPT"), ("eth1",)),
        ListedZone("office", zone(ports=["22/tcp"]), (), ("192.0.2.0/24",)),
        ListedZone("other", zone(ports=["9/tcp"])),
    ]
    found = zone_policy(zones, "other", {})
    assert found.rules == (
        OpenRule("tcp", PortRange(80, 80), (), "eth0"),
        OpenRule("tcp", ALL_PORTS, (), "eth1"),
        OpenRule("udp", ALL_PORTS, (), "eth1"),
        OpenRule("tcp", SSH, ("192.0.2.0/24",)),
        OpenRule("tcp", PortRange(9, 9), is_partial=True),
    )


# In the form of /etc/ufw/applications.d.
PROFILES = """\
[Nginx Full]
title=Web Server (Nginx, HTTP + HTTPS)
description=Small, but very powerful and efficient web server
ports=80,443/tcp

[DNS]
ports=53|853/tcp
[Empty]
title=x
"""


def test_the_ports_of_applications() -> None:
    assert parse_profiles(PROFILES) == {
        "Nginx Full": [("tcp", PortRange(80, 80)), ("tcp", PortRange(443, 443))],
        "DNS": [("tcp", PortRange(53, 53)), ("udp", PortRange(53, 53)), ("tcp", PortRange(853, 853))],
    }
    assert parse_profiles("ports=5/tcp\n") == {}


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("allow 22/tcp", [OpenRule("tcp", SSH)]),
        ("limit 22/tcp comment 'x'", [OpenRule("tcp", SSH)]),
        ("allow 22", [OpenRule("tcp", SSH), OpenRule("udp", SSH)]),
        ("allow in 22/tcp", [OpenRule("tcp", SSH)]),
        ("allow 80,443/tcp", [OpenRule("tcp", PortRange(80, 80)), OpenRule("tcp", PortRange(443, 443))]),
        ("allow 8000:8010/udp", [OpenRule("udp", PortRange(8000, 8010))]),
        ("allow 'Nginx Full'", [OpenRule("tcp", PortRange(80, 80)), OpenRule("tcp", PortRange(443, 443))]),
        (
            "allow from 192.0.2.7 to any app DNS",
            [OpenRule(one, ports, ("192.0.2.7",)) for one, ports in parse_profiles(PROFILES)["DNS"]],
        ),
        ("allow from 192.0.2.7 to any port 22 proto tcp", [OpenRule("tcp", SSH, ("192.0.2.7",))]),
        ("allow in on eth0 to any port 22 proto tcp", [OpenRule("tcp", SSH, (), "eth0")]),
        (
            "allow from 192.0.2.0/24",
            [OpenRule(protocol, ALL_PORTS, ("192.0.2.0/24",)) for protocol in ("tcp", "udp")],
        ),
        ("allow from any port 53 to any port 22 proto tcp", [OpenRule("tcp", SSH, is_partial=True)]),
        ("allow to 192.0.2.1 port 22 proto tcp", [OpenRule("tcp", SSH, is_partial=True)]),
        ("allow out 22/tcp", []),
        ("deny 22/tcp", []),
    ],
)
def test_rules_of_ufw(line: str, rules: list[OpenRule]) -> None:
    state = parse_ufw(f"ufw {line}\n", "")
    assert ufw_policy(state, parse_profiles(PROFILES)) == InputPolicy("ufw", tuple(rules))


@pytest.mark.parametrize("line", ["allow OpenSSH", "allow from 192.0.2.7 to any app OpenSSH", "allow ssh"])
def test_rules_of_ufw_without_a_number_are_not_judged(line: str) -> None:
    assert ufw_policy(parse_ufw(f"ufw {line}\n", ""), {}) == InputPolicy("ufw", (), is_complete=False)


def test_an_open_ufw() -> None:
    assert ufw_policy(parse_ufw("", "Default: allow (incoming), allow (outgoing)\n"), {}) is None
