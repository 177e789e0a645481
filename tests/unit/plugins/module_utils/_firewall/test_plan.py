"""The plan of a firewall: all errors at once, the warnings, and whether it is in force."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import (
    DROP_IN,
    RULES_FILE,
    UNIT,
    UNIT_FILE,
    render_unit,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import ZoneRules
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld_zones import ListedZone
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import (
    FirewallState,
    ManagerUnit,
    RunConnection,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.listeners import Listener
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import NftChain, Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan import FirewallPlan, plan_firewall
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.published import PublishedPort
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.table_state import rendered_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import UfwState
from tests.unit.firewall_kernel import kernel_with

OWN = UNIT[: -len(".service")]


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, parse_services(""))


def running(*names: str) -> dict[str, ManagerUnit]:
    return {name: ManagerUnit(name, exists=True, is_active=True, is_enabled=True) for name in names}


TEXT = render_table(request(), [22])
STATE = FirewallState(
    "nftables",
    running(OWN),
    kernel_with(rendered_table(TEXT)),
    rendered_table(TEXT),
    ssh_ports=(22,),
    interfaces=("eth0", "lo"),
    connection=RunConnection("192.0.2.7", 22, "eth0"),
    own_files={RULES_FILE: TEXT, UNIT_FILE: render_unit(), DROP_IN: None},
)


def problems(plan: FirewallPlan) -> list[str]:
    return [error.advice for error in plan.errors]


def test_in_force() -> None:
    plan = plan_firewall(request(), STATE)
    assert plan.in_force
    assert (plan.errors, plan.warnings, plan.ssh_ports, plan.exposed) == ((), (), (22,), ())
    assert not plan_firewall(request(allow=["http"]), STATE).in_force


def test_all_errors_come_at_once() -> None:
    state = replace(
        STATE,
        units={**STATE.units, **running("firewalld", "netfilter-persistent")},
        ruleset=Ruleset((NftChain("inet", "mine", "input", "filter", "input", 0, "drop"),)),
    )
    wanted = request(
        allow=[{"port": 80, "interface": "eth9"}],
        outgoing=[{"port": 80, "interface": "wan"}],
        ssh_from=["198.51.100.0/24"],
    )
    found = problems(plan_firewall(wanted, state, [Listener("tcp", "0.0.0.0", 8080, 33, "7", 812, "/usr/sbin/nginx")]))
    assert found == [
        "several programs manage the packet filter: firewalld, netfilter-persistent; each closes what another one "
        "opens; keep one of them, and disable the others (`systemctl disable --now netfilter-persistent`)",
        "the chain input of the table inet mine drops packets that this firewall lets in: 22/tcp, 80/tcp; remove that "
        "chain (`nft list ruleset` shows it) and what loads it, or open these ports there too",
        "allow.interface: the host has no interface 'eth9'; did you mean 'eth0'?",
        "outgoing.interface: the host has no interface 'wan'; its interfaces are: eth0, lo",
        "ssh_from: these rules would shut out this run, which comes from 192.0.2.7 to port 22/tcp by eth0; add "
        "192.0.2.7 to ssh_from",
        "allow: the firewall would close ports on which something listens today: /usr/sbin/nginx (pid 812) on 8080/tcp "
        "at 0.0.0.0; add to allow what must stay open, and to close what may be closed: {port: 8080}",
    ]


@pytest.mark.parametrize(
    ("connection", "options", "found"),
    [
        pytest.param(RunConnection(), {"ssh_from": ["198.51.100.1"]}, "", id="no SSH"),
        pytest.param(RunConnection("198.51.100.1", 22), {"ssh_from": ["198.51.100.1"]}, "", id="let in"),
        pytest.param(
            RunConnection("fe80::1%eth0", 22, "eth0"),
            {"ssh_from": ["198.51.100.1"]},
            "ssh_from: these rules would shut out this run, which comes from fe80::1%eth0 to port 22/tcp by eth0; add "
            "fe80::1 to ssh_from",
            id="link-local",
        ),
        pytest.param(
            RunConnection("192.0.2.7", 2222),
            {},
            "allow: these rules would shut out this run, which comes from 192.0.2.7 to port 2222/tcp; the ports of "
            "sshd are: 22; add {port: 2222} to allow",
            id="another port",
        ),
        pytest.param(RunConnection("192.0.2.7", 2222), {"allow": [{"port": 2222}]}, "", id="another port, allowed"),
        pytest.param(
            RunConnection("192.0.2.7", 2222, "eth0"),
            {"allow": [{"port": 2222, "interface": "lo"}]},
            "allow: these rules would shut out this run, which comes from 192.0.2.7 to port 2222/tcp by eth0; the "
            "ports of sshd are: 22; add {port: 2222} to allow",
            id="by another interface",
        ),
        pytest.param(RunConnection("192.0.2.7", 2222), {"incoming": "allow"}, "", id="an open host"),
    ],
)
def test_the_access_of_the_run(connection: RunConnection, options: dict[str, t.Any], found: str) -> None:
    plan = plan_firewall(request(**options), replace(STATE, connection=connection))
    assert problems(plan) == ([found] if found else [])


@pytest.mark.parametrize("name", ["firewalld", "iptables", "netfilter-persistent"])
def test_a_manager_that_starts_at_the_next_boot(name: str) -> None:
    state = replace(STATE, units={**STATE.units, name: ManagerUnit(name, exists=True, is_enabled=True)})
    (found,) = problems(plan_firewall(request(), state))
    assert found.startswith(f"{name}.service does not run now, but starts at the next boot: it would manage the packet")
    assert f"`systemctl disable {name}`" in found


@pytest.mark.parametrize("name", ["ufw", "nftables"])
def test_services_that_are_enabled_and_do_nothing(name: str) -> None:
    state = replace(STATE, units={**STATE.units, name: ManagerUnit(name, is_enabled=True)})
    assert problems(plan_firewall(request(), state)) == []


def test_rules_of_iptables_are_named() -> None:
    state = replace(STATE, units={**STATE.units, **running("ip6tables", "iptables")})
    plan = plan_firewall(request(), state)
    assert plan.errors == ()
    assert plan.warnings == ("ip6tables.service loads rules of iptables: both firewalls must open each port",)


def test_a_file_that_flushes_is_an_error_where_our_table_is_not_loaded_again() -> None:
    files = {"/etc/nftables.conf": "flush ruleset\n"}
    natively = plan_firewall(request(), replace(STATE, nftables_main="/etc/nftables.conf", nftables_files=files))
    assert (natively.errors, len(natively.warnings)) == ((), 1)
    by_ufw = replace(
        STATE,
        units={},
        ruleset=None,
        own_table=None,
        backend="ufw",
        ufw=UfwState(),
        nftables_main="/etc/nftables.conf",
        nftables_files=files,
    )
    assert [error.where for error in plan_firewall(request(), by_ufw).errors] == ["/etc/nftables.conf:1"]


@pytest.mark.parametrize(
    ("changes", "is_named"),
    [
        ({"units": {}}, True),
        ({"own_table": None}, True),
        ({"units": {}, "own_table": None}, False),
        ({"backend": "nftables"}, False),
    ],
)
def test_our_table_beside_a_manager(changes: dict[str, t.Any], is_named: bool) -> None:
    state = replace(STATE, **{"backend": "ufw", "ufw": UfwState(), "ufw_is_loaded": True, **changes})
    assert problems(plan_firewall(request(), state)) == is_named * [
        "the table inet pyhost_baseline of an earlier run closes ports beside ufw, which manages the rules; remove "
        "it (`systemctl disable --now pyhost-baseline-firewall.service; rm /etc/pyhost.baseline/firewall.nft`), or "
        "disable ufw"
    ]


def test_published_ports_that_stay_reachable() -> None:
    published = PublishedPort("tcp", PortRange(8080, 8080), "172.17.0.2:80")
    state = replace(STATE, published=(published,))
    plan = plan_firewall(request(), state)
    assert plan.exposed == (published,)
    assert plan.warnings == (
        "published ports of containers are reachable from outside in spite of the policy: 8080/tcp to 172.17.0.2:80; "
        "add them to allow, publish them on 127.0.0.1 or set containers to filter",
    )
    by_ufw = plan_firewall(request(), replace(state, backend="ufw", ufw=UfwState(), ufw_is_loaded=True))
    assert by_ufw.warnings[0].endswith("; add them to allow or publish them on 127.0.0.1")
    assert plan_firewall(request(containers="filter"), state).exposed == ()


def test_many_published_ports_are_cut() -> None:
    published = tuple(PublishedPort("tcp", PortRange(port, port), "172.17.0.2:80") for port in range(8000, 8020))
    (warning,) = plan_firewall(request(), replace(STATE, published=published)).warnings
    assert "8009/tcp to 172.17.0.2:80 …;" in warning
    (warning,) = plan_firewall(request(), replace(STATE, published=published[:10])).warnings
    assert "8009/tcp to 172.17.0.2:80;" in warning


def test_warnings_about_the_request() -> None:
    plan = plan_firewall(request(outgoing="deny", allow=["ssh"], ssh_from=["192.0.2.7"]), STATE)
    assert len(plan.warnings) == 2


def test_firewalld() -> None:
    state = replace(
        STATE,
        backend="firewalld",
        units=running("firewalld"),
        ruleset=None,
        own_table=None,
        default_zone="public",
        zones=(ListedZone("public", ZoneRules(), ("eth0",)),),
    )
    plan = plan_firewall(request(outgoing="deny"), state)
    assert plan.change.backend == "firewalld"
    assert [error.option for error in plan.errors] == ["outgoing"]
