"""The ruleset of the kernel, in the form of libnftables-json(5)."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import (
    NftChain,
    NftRule,
    Ruleset,
    parse_ruleset,
    with_port_set,
)

PLACE = ("inet", "filter", "input")


def rule(chain: str, *expressions: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"rule": {"family": "inet", "table": "filter", "chain": chain, "handle": 9, "expr": list(expressions)}}


def ruleset(*items: dict[str, t.Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}, *items]})


BASE = {
    "chain": {
        **{"family": "inet", "table": "filter", "name": "input", "handle": 1},
        **{"type": "filter", "hook": "input", "prio": -5, "policy": "drop"},
    }
}
JUMP, GOTO = {"jump": {"target": "one"}}, {"goto": {"target": "input"}}
VMAP = {"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["new", {"jump": {"target": "two"}}], ["x", None]]}}}


def test_chains_and_rules() -> None:
    found = parse_ruleset(
        ruleset({"table": {"family": "inet", "name": "filter"}}, BASE, rule("input", {"accept": None}))
    )
    assert found.chains == (NftChain("inet", "filter", "input", "filter", "input", -5, "drop"),)
    assert found.rules_of(found.chains[0]) == (NftRule(PLACE, ({"accept": None},)),)
    assert str(found.chains[0]) == "the chain input of the table inet filter"


def test_an_empty_ruleset() -> None:
    assert parse_ruleset("").chains == ()
    assert parse_ruleset('{"nftables": []}').rules == {}


@pytest.mark.parametrize("text", ["Error: syntax", "[]", "{}", "5", '{"nftables"'])
def test_what_is_no_ruleset(text: str) -> None:
    with pytest.raises(BaselineError, match="did not answer in its JSON format"):
        parse_ruleset(text)


def test_items_of_another_form_are_left_out() -> None:
    found = parse_ruleset(ruleset({"chain": 5}, {"rule": {"expr": 5}}, {"rule": {"expr": [5, {"drop": None}]}}))
    assert found.chains == ()
    assert [one.verdict() for rules in found.rules.values() for one in rules] == ["", "drop"]
    assert parse_ruleset('{"nftables": [5, null]}').chains == ()
    assert parse_ruleset('{"nftables": 5}').chains == ()


@pytest.mark.parametrize(
    ("expressions", "verdict", "target", "unconditional"),
    [
        ([{"accept": None}], "accept", "", True),
        ([{"counter": {"packets": 1, "bytes": 2}}, {"drop": None}], "drop", "", True),
        ([{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}], "reject", "", True),
        ([{"match": {}}, {"drop": None}], "drop", "", False),
        ([{"xt": {"type": "match", "name": "comment"}}, {"drop": None}], "drop", "", False),
        ([JUMP], "jump", "one", True),
        ([{"log": {"prefix": "x"}}], "", "", True),
    ],
)
def test_rules(expressions: list[dict[str, t.Any]], verdict: str, target: str, unconditional: bool) -> None:
    found = NftRule(PLACE, tuple(expressions))
    assert (found.verdict(), found.target(), found.is_unconditional) == (verdict, target, unconditional)


def test_the_rules_of_chains_that_are_jumped_to_each_once() -> None:
    found = parse_ruleset(
        ruleset(
            BASE,
            rule("input", JUMP),
            rule("input", VMAP),
            rule("one", GOTO),
            rule("two", {"accept": None}),
            rule("three", {"drop": None}),
        )
    )
    assert sorted(one.place[2] for one in found.reachable(found.chains[0])) == ["input", "input", "one", "two"]


def test_a_named_set_is_read_as_an_anonymous_one_in_the_rules_of_its_table() -> None:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    match, other = ({"match": {"op": "==", "left": left, "right": right}} for right in ("@ports", "@others"))
    places = ("inet", "ours", "input"), ("ip", "ours", "input")
    rules = {place: (NftRule(place, (match, other, {"accept": None})),) for place in places}
    found = with_port_set(Ruleset((), rules), ("inet", "ours", "ports"), {2222, 22})
    (rule,) = found.rules[places[0]]
    assert rule.expressions == (
        {"match": {"op": "==", "left": left, "right": {"set": [22, 2222]}}},
        other,
        {"accept": None},
    )
    assert found.rules[places[1]] == rules[places[1]]
