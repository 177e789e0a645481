"""Which firewalls a packet has to pass, and what would be cut behind them."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import RULES_FILE
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld import ZoneRules
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.firewalld_zones import ListedZone
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import FirewallState
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.input_policies import (
    input_policies,
    surprising_cuts,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.listeners import Listener
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import (
    NftChain,
    NftRule,
    Ruleset,
    parse_ruleset,
    with_port_set,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import UfwState

HTTP = with_port_set(
    parse_ruleset((Path(__file__).parents[3] / "fixtures" / "firewall" / "nft-http-debian13.json").read_text()),
    ("inet", "pyhost_baseline", "ssh_ports"),
    [22],
)
RPCBIND = Listener("tcp", "::", 111)
OPAQUE = NftChain("ip", "filter", "INPUT", "filter", "input", 0, "drop")
STATE = FirewallState("nftables", ruleset=Ruleset(), ssh_ports=(22,), listeners=(Listener("tcp", "::", 22), RPCBIND))


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, parse_services(""))


def closed(table: str, name: str = "in", family: str = "inet") -> NftChain:
    return NftChain(family, table, name, "filter", "input", 0, "drop")


def test_which_chains_count() -> None:
    chains = (
        closed("mine"),
        closed("f2b-table"),
        closed("firewalld"),
        closed("filter", "INPUT", "ip"),
        NftChain("ip", "filter", "ufw-user-input"),
        closed("pyhost_baseline", "input"),
    )
    found = input_policies(replace(STATE, ruleset=Ruleset(chains)))
    assert [one.name for one in found] == [
        "the chain in of the table inet mine",
        "the chain input of the table inet pyhost_baseline",
    ]


def test_managers_are_asked_themselves() -> None:
    zones = (ListedZone("public", ZoneRules("default", {"services": frozenset(["x"])})),)
    (found,) = input_policies(replace(STATE, backend="firewalld", zones=zones, default_zone="public", ruleset=None))
    assert (found.name, found.is_complete) == ("firewalld", False)
    ufw = replace(STATE, backend="ufw", ufw=UfwState())
    assert input_policies(ufw) == []
    assert [one.name for one in input_policies(ufw, with_flushed=True)] == ["ufw"]
    assert [one.name for one in input_policies(replace(ufw, ufw_is_loaded=True))] == ["ufw"]
    assert input_policies(replace(ufw, ufw=UfwState(incoming="allow")), with_flushed=True) == []


@pytest.mark.parametrize(
    ("state", "options", "cut"),
    [
        pytest.param(STATE, {}, True, id="an open host"),
        pytest.param(STATE, {"close": [{"port": 111}]}, False, id="named"),
        pytest.param(replace(STATE, ruleset=HTTP), {}, False, id="closed by our table today"),
        pytest.param(replace(STATE, backend="ufw", ufw=UfwState()), {}, False, id="closed by ufw, which was flushed"),
        pytest.param(
            replace(STATE, ruleset=Ruleset((OPAQUE,), {OPAQUE.place: (NftRule(OPAQUE.place, ({"xt": {}},)),)})),
            {},
            True,
            id="closed to IPv4 by rules that are not judged",
        ),
        pytest.param(
            replace(STATE, own_files={RULES_FILE: render_table(request(), [22])}), {}, False, id="flushed, same request"
        ),
        pytest.param(
            replace(STATE, own_files={RULES_FILE: render_table(request(), [22])}),
            {"allow": ["http"]},
            True,
            id="flushed, another request",
        ),
    ],
)
def test_what_is_cut(state: FirewallState, options: dict[str, t.Any], cut: bool) -> None:
    assert surprising_cuts(request(**options), state) == ([RPCBIND] if cut else [])
