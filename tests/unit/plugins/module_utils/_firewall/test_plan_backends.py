"""What each backend gets for a request, and that a host which has it is in force."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import (
    DROP_IN,
    RULES_FILE,
    UNIT,
    UNIT_FILE,
    UNIT_LINK,
    render_drop_in,
    render_unit,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import (
    ZoneRules,
    applied_zone,
    desired_zone,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld_zones import ListedZone
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import FirewallState, ManagerUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan_backends import (
    BackendPlan,
    plan_firewalld,
    plan_nftables,
    plan_ufw,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.table_state import rendered_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import (
    UfwState,
    applied_ufw,
    desired_ufw,
    parse_ufw,
)
from tests.unit.firewall_kernel import kernel_with

OWN = UNIT[: -len(".service")]
KERNEL = "inet pyhost_baseline in the kernel"
LOADED = ManagerUnit(OWN, exists=True, is_active=True, is_enabled=True)
NFTABLES = ManagerUnit("nftables", exists=True)


def request(**options: t.Any) -> FirewallRequest:
    return parse_request({"allow": ["http"], **options}, parse_services(""))


TEXT = render_table(request(), [22])


BARE = FirewallState("nftables", {OWN: ManagerUnit(OWN), "nftables": NFTABLES}, Ruleset(), ssh_ports=(22,))
IN_FORCE = replace(
    BARE,
    units={OWN: LOADED, "nftables": NFTABLES},
    ruleset=kernel_with(rendered_table(TEXT)),
    own_table=rendered_table(TEXT),
    own_files={RULES_FILE: TEXT, UNIT_FILE: render_unit(), DROP_IN: render_drop_in()},
)


def differences(plan: BackendPlan) -> dict[str, tuple[str, str]]:
    places = {**plan.before, **plan.after}
    return {
        place: (plan.before[place], plan.after[place]) for place in places if plan.before[place] != plan.after[place]
    }


def test_a_bare_host() -> None:
    plan = plan_nftables(request(), BARE)
    assert plan.files == {RULES_FILE: TEXT, UNIT_FILE: render_unit(), DROP_IN: render_drop_in()}
    assert plan.modes == {RULES_FILE: 0o600}
    assert plan.commands == (
        ("systemctl", "daemon-reload"),
        ("nft", "-f", RULES_FILE),
        ("systemctl", "enable", UNIT),
        ("systemctl", "start", UNIT),
    )
    assert plan.saved == (RULES_FILE, UNIT_FILE, DROP_IN, UNIT_LINK)
    assert plan.restore == (
        ("systemctl", "stop", UNIT),
        ("systemctl", "daemon-reload"),
        ("nft", "add table inet pyhost_baseline; delete table inet pyhost_baseline"),
    )
    assert plan.text == TEXT
    assert differences(plan) == {
        RULES_FILE: ("", TEXT),
        UNIT_FILE: ("", render_unit()),
        DROP_IN: ("", render_drop_in()),
        KERNEL: ("the kernel has no table inet pyhost_baseline\n", f"as in {RULES_FILE}\n"),
        UNIT: ("disabled, inactive\n", "enabled, active\n"),
    }


def test_a_host_in_force() -> None:
    plan = plan_nftables(request(), IN_FORCE)
    assert (plan.before, plan.files, plan.commands, plan.saved) == (plan.after, {}, (), ())


@pytest.mark.parametrize(
    ("state", "places", "commands"),
    [
        pytest.param(
            replace(IN_FORCE, own_table=None), [KERNEL], [("nft", "-f", RULES_FILE)], id="flushed by another program"
        ),
        pytest.param(
            replace(IN_FORCE, own_files={**IN_FORCE.own_files, RULES_FILE: "x"}),
            [RULES_FILE],
            [("nft", "-f", RULES_FILE)],
            id="another rules file",
        ),
        pytest.param(
            replace(IN_FORCE, own_files={**IN_FORCE.own_files, UNIT_FILE: "x"}),
            [UNIT_FILE],
            [("systemctl", "daemon-reload")],
            id="another unit",
        ),
        pytest.param(
            replace(IN_FORCE, own_files={**IN_FORCE.own_files, DROP_IN: None}),
            [DROP_IN],
            [("systemctl", "daemon-reload")],
            id="no drop-in",
        ),
        pytest.param(
            replace(IN_FORCE, units={OWN: LOADED}),
            [DROP_IN],
            [("systemctl", "daemon-reload")],
            id="no nftables.service",
        ),
        pytest.param(
            replace(IN_FORCE, units={**IN_FORCE.units, OWN: replace(LOADED, is_enabled=False)}),
            [UNIT],
            [("systemctl", "enable", UNIT)],
            id="disabled",
        ),
        pytest.param(
            replace(IN_FORCE, units={**IN_FORCE.units, OWN: replace(LOADED, is_active=False)}),
            [UNIT],
            [("systemctl", "start", UNIT)],
            id="stopped",
        ),
        pytest.param(
            replace(IN_FORCE, units={**IN_FORCE.units, OWN: replace(LOADED, needs_daemon_reload=True)}),
            [UNIT],
            [("systemctl", "daemon-reload")],
            id="a unit that systemd has not read",
        ),
    ],
)
def test_what_is_not_in_force(state: FirewallState, places: list[str], commands: list[t.Any]) -> None:
    plan = plan_nftables(request(), state)
    assert list(differences(plan)) == places
    assert list(plan.commands) == commands


def test_the_drop_in_is_removed_with_nftables() -> None:
    plan = plan_nftables(request(), replace(IN_FORCE, units={OWN: LOADED}))
    assert plan.files == {DROP_IN: None}


def test_a_change_of_the_rules_is_rolled_back_to_the_file() -> None:
    plan = plan_nftables(request(allow=["https"]), IN_FORCE)
    assert list(differences(plan)) == [RULES_FILE, KERNEL]
    assert plan.restore == (("nft", "-f", RULES_FILE),)


def test_a_masked_unit_is_an_error() -> None:
    plan = plan_nftables(request(), replace(BARE, units={OWN: ManagerUnit(OWN, is_masked=True)}))
    assert [str(error) for error in plan.errors] == [
        f"{UNIT} is masked, so that the rules would be gone after the next boot; this task changed nothing; "
        f"`systemctl unmask {UNIT}`"
    ]


ZONE = ZoneRules("default", {"services": frozenset(["cockpit", "dhcpv6-client", "ssh"])})
FIREWALLD = FirewallState(
    "firewalld",
    ssh_ports=(22,),
    default_zone="public",
    zones=(ListedZone("public", ZONE, ("eth0",)), ListedZone("trusted", ZoneRules("ACCEPT"), ("wg0",))),
    permanent_zones=(ListedZone("public", ZONE),),
)


def test_a_zone_of_firewalld() -> None:
    plan = plan_firewalld(request(), FIREWALLD)
    words = ("--remove-service=cockpit", "--remove-service=ssh", "--add-port=22/tcp", "--add-port=80/tcp")
    assert plan.commands == tuple(
        ("firewall-cmd", "--quiet", *flags, "--zone=public", word)
        for flags in ((), ("--permanent",))
        for word in sorted(words, key=lambda word: word.startswith("--remove"))
    )
    assert plan.saved == ("/etc/firewalld/zones/public.xml",)
    assert plan.restore == (("firewall-cmd", "--reload"),)
    assert plan.warnings == ("the zone trusted of firewalld lets everything in from wg0; it is left alone",)
    assert list(plan.before) == ["the zone public of firewalld", "the zone public of firewalld (permanent)"]
    assert differences(plan)["the zone public of firewalld"] == (
        "target: default\nservices: cockpit\nservices: dhcpv6-client\nservices: ssh\n",
        "target: default\nservices: dhcpv6-client\nports: 22/tcp\nports: 80/tcp\n",
    )


def test_a_zone_of_firewalld_in_force() -> None:
    zone = applied_zone(ZONE, desired_zone(request(), [22]))
    state = replace(
        FIREWALLD, zones=(ListedZone("public", zone, ("eth0",)),), permanent_zones=(ListedZone("public", zone),)
    )
    plan = plan_firewalld(request(), state)
    assert plan.before == plan.after
    assert (plan.commands, plan.saved) == ((), ())


def test_rules_that_are_in_force_and_gone_after_a_boot() -> None:
    zone = applied_zone(ZONE, desired_zone(request(), [22]))
    plan = plan_firewalld(request(), replace(FIREWALLD, zones=(ListedZone("public", zone, ("eth0",)),)))
    assert list(differences(plan)) == ["the zone public of firewalld (permanent)"]
    assert all("--permanent" in command for command in plan.commands)


def test_a_new_target_needs_a_reload() -> None:
    plan = plan_firewalld(request(incoming="allow"), FIREWALLD)
    assert plan.commands[-1] == ("firewall-cmd", "--reload")
    assert ("firewall-cmd", "--quiet", "--permanent", "--zone=public", "--set-target=ACCEPT") in plan.commands
    assert "bans, is gone" in plan.warnings[0]


def test_what_firewalld_cannot_do_is_an_error() -> None:
    plan = plan_firewalld(request(outgoing="deny"), FIREWALLD)
    assert [error.option for error in plan.errors] == ["outgoing"]


UFW = FirewallState("ufw", ssh_ports=(22,), ufw=UfwState(), ufw_is_loaded=True)


def test_ufw() -> None:
    plan = plan_ufw(request(), UFW)
    assert plan.commands == (
        ("ufw", "allow", "22/tcp", "comment", "pyhost.baseline"),
        ("ufw", "allow", "80/tcp", "comment", "pyhost.baseline"),
        ("ufw", "logging", "low"),
    )
    assert "/etc/ufw/user.rules" in plan.saved
    assert plan.restore == (("ufw", "reload"),)
    assert plan.after["ufw"] == (
        "incoming: deny\noutgoing: allow\nlogging: low\n"
        "allow 22/tcp # pyhost.baseline\nallow 80/tcp # pyhost.baseline\n"
    )


def test_ufw_in_force_and_flushed() -> None:
    state = replace(UFW, ufw=applied_ufw(UfwState(), desired_ufw(request(), [22])))
    plan = plan_ufw(request(), state)
    assert (plan.before, plan.commands, plan.saved) == (plan.after, (), ())
    flushed = plan_ufw(request(), replace(state, ufw_is_loaded=False))
    assert flushed.before != flushed.after
    assert flushed.commands == (("ufw", "reload"),)


@pytest.mark.parametrize(
    ("rules", "options", "named"),
    [
        pytest.param("allow 22/tcp", {}, "", id="the same as ours"),
        pytest.param("allow OpenSSH", {}, "", id="an application that is let in"),
        pytest.param("allow OpenSSH", {"ssh_from": ["192.0.2.7"]}, "ufw allow OpenSSH", id="for more than ssh_from"),
        pytest.param("allow 'Nginx X'", {}, "ufw allow 'Nginx X'", id="an unknown application"),
        pytest.param("allow 8080/tcp", {}, "ufw allow 8080/tcp", id="another port"),
        pytest.param("allow 8080/tcp", {"allow": [{"port": "8000-8100"}]}, "", id="a requested one"),
        pytest.param("allow 8080/tcp", {"incoming": "allow"}, "", id="an open request"),
        pytest.param("allow 1:65535/tcp", {}, "ufw allow 1:65535/tcp", id="all ports"),
        pytest.param("allow from 192.0.2.0/24 to any port 80 proto tcp", {}, "", id="a narrower rule"),
        pytest.param(
            "allow from 192.0.2.0/24 to any port 80 proto tcp",
            {"allow": [{"port": 80, "from": ["192.0.2.0/25"]}]},
            "ufw allow from 192.0.2.0/24 to any port 80 proto tcp",
            id="a network that ends later",
        ),
        pytest.param(
            "allow from 192.0.2.0/24 to any port 80 proto tcp",
            {"allow": [{"port": 80, "from": ["192.0.2.128/25", "192.0.2.1/32"]}]},
            "ufw allow from 192.0.2.0/24 to any port 80 proto tcp",
            id="a network that begins earlier",
        ),
        pytest.param(
            "allow from 192.0.2.0/24 to any port 80 proto tcp",
            {"allow": [{"port": 80, "from": ["192.0.2.0/25", "192.0.2.128/26", "192.0.2.192/27", "192.0.2.254/32"]}]},
            "ufw allow from 192.0.2.0/24 to any port 80 proto tcp",
            id="all but the last address",
        ),
        pytest.param(
            "allow from 192.0.2.7/24 to any port 80 proto tcp",
            {"allow": [{"port": 80, "from": ["192.0.2.0/24"]}]},
            "",
            id="a network with an address",
        ),
        pytest.param("deny 8080/tcp", {}, "", id="a rule that lets nothing in"),
        pytest.param("allow 8080/tcp comment 'pyhost.baseline'", {}, "", id="one of ours, which is removed"),
    ],
)
def test_rules_of_ufw_that_others_have_made(rules: str, options: dict[str, t.Any], named: str) -> None:
    profiles = {"OpenSSH": [("tcp", PortRange(22, 22))]}
    state = replace(UFW, ufw=parse_ufw(f"ufw {rules}\n", ""), ufw_profiles=profiles)
    warnings = plan_ufw(request(**options), state).warnings
    expected = (
        f"rules of ufw that this module has not made let in more than requested: {named}; delete them (`ufw delete`), "
        "or add them to allow"
    )
    assert warnings == ((expected,) if named else ())


def test_many_rules_of_others_are_cut() -> None:
    rules = "".join(f"ufw allow {port}/tcp\n" for port in range(8000, 8020))
    (warning,) = plan_ufw(request(), replace(UFW, ufw=parse_ufw(rules, ""))).warnings
    assert "ufw allow 8009/tcp …; delete" in warning
    (warning,) = plan_ufw(request(), replace(UFW, ufw=parse_ufw(rules.partition("ufw allow 8010")[0], ""))).warnings
    assert "ufw allow 8009/tcp; delete" in warning


def test_what_ufw_cannot_do_is_an_error() -> None:
    assert [error.option for error in plan_ufw(request(icmp=False), UFW).errors] == ["icmp"]
