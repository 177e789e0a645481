"""Which ports a foreign chain accepts, by rules in the form that nft(8) prints for the text in each comment."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import NftChain, NftRule, Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.opened_ports import opened_by, port_values
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange

CHAIN = NftChain("inet", "filter", "input", "filter", "input", 0, "drop")
ACCEPT: dict[str, t.Any] = {"accept": None}


def match(left: dict[str, t.Any], right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def dport(right: t.Any, protocol: str = "tcp", op: str = "==") -> dict[str, t.Any]:
    return match({"payload": {"protocol": protocol, "field": "dport"}}, right, op)


def state(right: t.Any) -> dict[str, t.Any]:
    return match({"ct": {"key": "state"}}, right, "in")


@pytest.mark.parametrize(
    ("expressions", "tcp", "complete"),
    [
        pytest.param([dport(22), ACCEPT], "22", True, id="tcp dport 22 accept"),
        pytest.param([dport({"set": [22, {"range": [80, 90]}]}), ACCEPT], "22 80-90", True, id="a set with a range"),
        pytest.param([state("new"), dport(22), {"counter": None}, ACCEPT], "22", True, id="ct state new"),
        pytest.param([ACCEPT], "1-65535", True, id="accept"),
        pytest.param([dport(22), {"drop": None}], "", True, id="drop"),
        pytest.param([dport(53, "udp"), ACCEPT], "", True, id="udp"),
        pytest.param([state(["established", "related"]), ACCEPT], "", True, id="known connections"),
        pytest.param([match({"meta": {"key": "iifname"}}, "lo"), ACCEPT], "", True, id="loopback"),
        pytest.param([match({"meta": {"key": "l4proto"}}, "ipv6-icmp"), ACCEPT], "", True, id="ICMPv6"),
        pytest.param([match({"payload": {"protocol": "icmp", "field": "type"}}, 8), ACCEPT], "", True, id="echo"),
        pytest.param([match({"meta": {"key": "iifname"}}, "eth0"), ACCEPT], "", False, id="an interface"),
        pytest.param(
            [match({"payload": {"protocol": "ip", "field": "saddr"}}, "192.0.2.1"), dport(22), ACCEPT],
            "",
            False,
            id="a source",
        ),
        pytest.param([match({"meta": {"key": "l4proto"}}, "tcp"), ACCEPT], "", False, id="all of tcp"),
        pytest.param([dport("@ports"), ACCEPT], "", False, id="a named set"),
        pytest.param([dport(22, op="!="), ACCEPT], "", False, id="all but one"),
        pytest.param([{"limit": {"rate": 5, "per": "second"}}, ACCEPT], "", False, id="a limit"),
        pytest.param([{"xt": {"type": "match", "name": "multiport"}}, ACCEPT], "", False, id="an extension"),
        pytest.param([{"xt": {"type": "target", "name": "LOG"}}], "", False, id="an extension as the target"),
        pytest.param(
            [
                {
                    "vmap": {
                        "key": {"payload": {"protocol": "tcp", "field": "dport"}},
                        "data": {"set": [[22, ACCEPT], [{"range": [80, 81]}, ACCEPT], [25, {"drop": None}], [5]]},
                    }
                }
            ],
            "22 80-81",
            True,
            id="a verdict map",
        ),
        pytest.param(
            [{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", ACCEPT]]}}}],
            "",
            True,
            id="a verdict map of states",
        ),
        pytest.param(
            [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", ACCEPT]]}}}],
            "",
            False,
            id="a verdict map of interfaces",
        ),
        pytest.param(
            [{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@map"}}],
            "",
            False,
            id="a named map",
        ),
    ],
)
def test_rules(expressions: list[dict[str, t.Any]], tcp: str, complete: bool) -> None:
    found = opened_by(Ruleset((CHAIN,), {CHAIN.place: (NftRule(CHAIN.place, tuple(expressions)),)}), CHAIN)
    assert " ".join(map(str, found.ports.get("tcp", ()))) == tcp
    assert found.is_complete is complete


def test_ports_of_several_rules_are_one_range() -> None:
    rules = tuple(NftRule(CHAIN.place, (dport(port), ACCEPT)) for port in (80, 81, 443))
    found = opened_by(Ruleset((CHAIN,), {CHAIN.place: rules}), CHAIN)
    assert found.has("tcp", PortRange(80, 81))
    assert not found.has("tcp", PortRange(80, 82))
    assert not found.has("udp", PortRange(80, 80))


@pytest.mark.parametrize(
    "value", ["ssh", True, None, {"prefix": {}}, {"set": ["a"]}, {"range": [1]}, {"range": ["a", 2]}]
)
def test_values_that_are_no_ports(value: t.Any) -> None:
    assert port_values(value) is None
