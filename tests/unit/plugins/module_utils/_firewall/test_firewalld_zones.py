"""Which zones of firewalld get our rules, over a recorded listing and written ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import ZoneRules
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld_zones import (
    FirewalldZone,
    ListedZone,
    managed_zones,
    parse_zone_list,
    zones_left_alone,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "firewall"
PUBLIC = ListedZone("public", ZoneRules("default", {"services": frozenset(["ssh"])}), ("eth0",), is_default=True)
DOCKER = ListedZone("docker", ZoneRules("ACCEPT"), ("docker0",))
OFFICE = ListedZone("office", ZoneRules("default"), (), ("198.51.100.0/24",))
INSIDE = ListedZone("inside", ZoneRules("DROP"), ("eth1",))
UNUSED = ListedZone("dmz", ZoneRules())


def test_the_recorded_listing() -> None:
    found = {zone.name: zone for zone in parse_zone_list((FIXTURES / "firewalld-debian13.txt").read_text())}
    assert len(found) == 9
    assert found["trusted"].is_open
    assert found["drop"].rules.target == "DROP"
    assert found["public"].rules.of("services") == {"dhcpv6-client", "ssh"}
    assert [name for name, zone in found.items() if zone.is_default] == ["public"]


@pytest.mark.parametrize(
    ("head", "is_default"),
    [("public (default, active)", True), ("public (default)", True), ("public (active)", False), ("default", False)],
)
def test_the_mark_of_the_default_zone(head: str, is_default: bool) -> None:
    (found,) = parse_zone_list(f"{head}\n  target: default\n  interfaces: eth0 eth1\n  sources: 192.0.2.1\n")
    assert (found.name, found.is_default) == (head.split()[0], is_default)
    assert (found.interfaces, found.sources) == (("eth0", "eth1"), ("192.0.2.1",))


def test_no_zones() -> None:
    assert parse_zone_list("") == []


def test_the_zones_that_get_our_rules() -> None:
    later = [ListedZone("public", ZoneRules("default", {"ports": frozenset(["80/tcp"])}))]
    assert managed_zones([PUBLIC, DOCKER, OFFICE, INSIDE, UNUSED], later, "public") == [
        FirewalldZone("public", PUBLIC.rules, later[0].rules),
        FirewalldZone("inside", INSIDE.rules, ZoneRules()),
    ]


def test_a_default_zone_gets_them_without_an_interface_and_where_it_is_open() -> None:
    assert [zone.name for zone in managed_zones([DOCKER, UNUSED], [], "dmz")] == ["dmz"]
    assert [zone.name for zone in managed_zones([DOCKER, UNUSED], [], "docker")] == ["docker"]


def test_the_zones_that_are_left_alone() -> None:
    assert zones_left_alone([PUBLIC, DOCKER, OFFICE, INSIDE, UNUSED], "public") == [
        "the zone docker of firewalld lets everything in from docker0; it is left alone",
        "the zone office of firewalld judges packets from 198.51.100.0/24; it is left alone",
    ]
    assert zones_left_alone([DOCKER], "docker") == []
