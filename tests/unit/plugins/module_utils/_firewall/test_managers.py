"""Who is let into the new port, over what firewalld and ufw print."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.managers import (
    Zone,
    firewalld_openings,
    parse_zones,
    ufw_openings,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "firewall"


def test_zones_of_debian_13() -> None:
    zones = {zone.name: zone for zone in parse_zones((FIXTURES / "firewalld-debian13.txt").read_text())}
    assert sorted(zones) == ["block", "dmz", "drop", "external", "home", "internal", "public", "trusted", "work"]
    assert [name for name, zone in zones.items() if zone.active] == ["public"]
    assert zones["public"] == Zone("public", True, ("dhcpv6-client", "ssh"), ("2222/tcp",))


def zone(name: str = "public", *, active: bool = True, services: str = "ssh", ports: str = "") -> Zone:
    return Zone(name, active, tuple(services.split()), tuple(ports.split()))


@pytest.mark.parametrize(
    ("now", "permanent", "old", "expected"),
    [
        pytest.param([zone()], [zone(active=False)], 22, ["permanent", "now"], id="the service"),
        pytest.param([zone(ports="2222/tcp")], [zone()], 22, ["permanent"], id="open already, until the next boot"),
        pytest.param([zone(ports="2200-2300/tcp")], [zone(ports="2222")], 22, [], id="open already, in a range"),
        pytest.param([zone(ports="2222/udp")], [zone(services="")], 22, ["now"], id="open by udp, and not for good"),
        pytest.param([zone(services="", ports="2200/tcp")], [], 2200, ["now"], id="a port"),
        pytest.param([zone()], [zone()], 2200, [], id="the service is another port's"),
        pytest.param([zone("home", active=False)], [zone("home")], 22, [], id="a zone out of use"),
        pytest.param([zone(active=False)], [zone()], 22, ["permanent", "now"], id="the default zone, unmarked"),
    ],
)
def test_firewalld(now: list[Zone], permanent: list[Zone], old: int, expected: list[str]) -> None:
    found = firewalld_openings(now, permanent, "public", [old], [2222])
    assert ["permanent" if one.file else "now" for one in found] == expected
    for one in found:
        flags = ["--permanent"] if one.file else []
        command = ["firewall-cmd", "--quiet", *flags, "--zone=public"]
        assert (list(one.give), list(one.take)) == (
            [*command, "--add-port=2222/tcp"],
            [*command, "--remove-port=2222/tcp"],
        )
        assert one.words == "2222/tcp in the zone public"
        assert one.file in ("", "/etc/firewalld/zones/public.xml")


@pytest.mark.parametrize(
    ("added", "old", "expected"),
    [
        pytest.param("ufw allow OpenSSH", 22, ["allow 2222/tcp"], id="profile"),
        pytest.param("ufw allow OpenSSH", 2200, [], id="a profile is another port's"),
        pytest.param("ufw limit 22/tcp", 22, ["limit 2222/tcp"], id="limit"),
        pytest.param("ufw allow 22", 22, ["allow 2222/tcp"], id="any protocol"),
        pytest.param("ufw allow 22/udp", 22, [], id="udp"),
        pytest.param("ufw allow 20:30/tcp", 22, ["allow 2222/tcp"], id="range"),
        pytest.param("ufw allow 80,22/tcp", 22, ["allow 2222/tcp"], id="list"),
        pytest.param("ufw allow 443/tcp", 22, [], id="another port"),
        pytest.param("ufw allow 22/tcp\nufw allow OpenSSH", 22, ["allow 2222/tcp"], id="the same twice"),
        pytest.param("ufw allow 22/tcp\nufw allow 2222/tcp comment 'it'\"'\"'s mine'", 22, [], id="there already"),
        pytest.param(
            "ufw limit from 192.0.2.0/24 to any port 22 proto tcp comment 'office'",
            22,
            ["limit from 192.0.2.0/24 to any port 2222 proto tcp"],
            id="from somewhere",
        ),
        pytest.param(
            "ufw allow in on eth0 to any port 22",
            22,
            ["allow in on eth0 to any port 2222 proto tcp"],
            id="on an interface",
        ),
        pytest.param(
            "ufw allow from 2001:db8::/32 to any app OpenSSH",
            22,
            ["allow from 2001:db8::/32 to any port 2222 proto tcp"],
            id="profile, from somewhere",
        ),
        pytest.param("ufw allow from any port 22 to any port 443 proto tcp", 22, [], id="the client's port"),
        pytest.param("ufw allow from 192.0.2.7", 22, [], id="every port: the new one too"),
        pytest.param("ufw route allow to any port 22", 22, [], id="routed"),
        pytest.param(
            "ufw deny from 192.0.2.7 to any port 22\nufw allow 22/tcp",
            22,
            ["deny from 192.0.2.7 to any port 2222 proto tcp", "allow 2222/tcp"],
            id="who is kept out stays out",
        ),
        pytest.param("(None)", 22, [], id="no rule"),
    ],
)
def test_ufw(added: str, old: int, expected: list[str]) -> None:
    found = ufw_openings(f"Added user rules (see 'ufw status' for running firewall):\n{added}\n", [old], [2222])
    assert [one.words for one in found] == expected
    for one in found:
        assert one.give == ("ufw", *one.words.split(), "comment", "sshd, by pyhost.baseline")
        assert one.take == ("ufw", "--force", "delete", *one.words.split())
