"""Whether the kernel has our table: the rendered text against what nft prints."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.foreign import ForeignFindings, chain_findings
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import (
    NftChain,
    NftRule,
    Ruleset,
    parse_ruleset,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.table_state import (
    TableState,
    altered_rule,
    difference,
    has_own_table,
    loaded_table,
    parse_port_set,
    rendered_table,
)
from tests.unit.firewall_kernel import kernel_with

FIXTURES = Path(__file__).parents[3] / "fixtures" / "firewall"


def text(**options: t.Any) -> str:
    return render_table(parse_request(options, parse_services("")), [22])


RENDERED = rendered_table(
    text(allow=["http"], outgoing="deny", containers="filter", ssh_rate_limit="9/hour", log=False)
)


def test_the_state_of_a_text() -> None:
    assert RENDERED.chains == {
        "input": ("input", "drop", 19),
        "output": ("output", "drop", 9),
        "forward": ("forward", "accept", 3),
    }
    assert len(RENDERED.fingerprint) == 16
    assert rendered_table("") == TableState()


def test_a_table_in_force() -> None:
    assert loaded_table(kernel_with(RENDERED), RENDERED.ssh_ports) == RENDERED
    assert difference(RENDERED, loaded_table(kernel_with(RENDERED), RENDERED.ssh_ports)) == ""


@pytest.mark.parametrize(
    ("loaded", "problem"),
    [
        pytest.param(
            replace(RENDERED, ssh_ports=frozenset({22, 2222})),
            "the rules for sshd are for the ports 22, 2222 in the kernel, and for 22 in the file",
            id="a port of sshd",
        ),
        pytest.param(
            replace(RENDERED, ssh_ports=frozenset()),
            "the rules for sshd are for the ports (none) in the kernel, and for 22 in the file",
            id="a set flushed",
        ),
        pytest.param(
            replace(RENDERED, altered="the rule 2 of the chain input is another one in the kernel than in the file"),
            "the rule 2 of the chain input is another one in the kernel than in the file",
            id="a rule of somebody else",
        ),
        pytest.param(None, "the kernel has no table inet pyhost_baseline", id="flushed"),
        pytest.param(
            replace(RENDERED, chains={"input": ("input", "drop", 0)}),
            "the chain input has 0 rules in the kernel, and 19 in the file",
            id="rules flushed",
        ),
        pytest.param(
            replace(RENDERED, chains={**RENDERED.chains, "input": ("input", "accept", 19)}),
            "the chain input has the hook input and the policy accept in the kernel",
            id="opened",
        ),
        pytest.param(
            replace(RENDERED, chains={"input": RENDERED.chains["input"]}),
            "the chain output is missing in the kernel",
            id="a chain is missing",
        ),
        pytest.param(
            replace(RENDERED, chains={**RENDERED.chains, "mine": ("", "", 1)}),
            "the kernel has another chain in our table: mine",
            id="a chain of somebody else",
        ),
        pytest.param(
            rendered_table(
                text(allow=["ntp"], outgoing="deny", containers="filter", ssh_rate_limit="9/hour", log=False)
            ),
            "the kernel has the rules of another request",
            id="another request",
        ),
        pytest.param(
            replace(RENDERED, fingerprint="0" * 16), "the kernel has the rules of another request", id="digest"
        ),
    ],
)
def test_what_is_not_in_force(loaded: TableState | None, problem: str) -> None:
    assert difference(RENDERED, loaded) == problem


def test_no_table_of_ours() -> None:
    assert not has_own_table(Ruleset((NftChain("ip", "pyhost_baseline", "input"),)))
    empty = Ruleset((NftChain("inet", "pyhost_baseline", "input"),))
    assert has_own_table(empty)
    found = loaded_table(empty, frozenset({22}))
    assert found == TableState("", {"input": ("", "", 0)}, frozenset({22}))


@pytest.mark.parametrize(
    ("output", "ports"),
    [
        ("", set()),
        ('{"nftables": [{"metainfo": {}}, {"set": {"name": "ssh_ports", "elem": [22, 2222]}}]}', {22, 2222}),
        ('{"nftables": [{"set": {"name": "ssh_ports"}}]}', set()),
        ('{"nftables": [{"set": {"elem": [{"elem": {"val": 22, "comment": "x"}}, {"range": [1, 9]}]}}]}', {22}),
    ],
)
def test_the_ports_of_the_set(output: str, ports: set[int]) -> None:
    assert parse_port_set(output) == ports


@pytest.mark.parametrize("output", ["{", "[]", '{"nftables": [1]}', '{"nftables": [{"set": 1}]}'])
def test_another_output_is_an_error(output: str) -> None:
    with pytest.raises(BaselineError, match="did not answer in its JSON format"):
        parse_port_set(output)


# Recorded: see fixtures/firewall/README.md.
RECORDED: dict[str, t.Any] = {
    "allow": [
        "http",
        {"port": 5432, "from": ["192.0.2.0/24", "2001:db8::/32"], "comment": "the database"},
    ],
    "ssh_rate_limit": "20/minute",
    "containers": "filter",
    "outgoing": ["http", "https"],
}


@pytest.mark.parametrize("name", ["nft-own-debian12.json", "nft-fail2ban-debian13.json"])
def test_what_a_kernel_has_loaded(name: str) -> None:
    found = parse_ruleset((FIXTURES / name).read_text())
    assert difference(rendered_table(text(**RECORDED)), loaded_table(found, frozenset({22}))) == ""
    request = parse_request(RECORDED, parse_services(""))
    assert chain_findings(found, request, [22]) == ForeignFindings()
    # Bans come before our rules.
    priorities = [chain.priority for chain in found.chains if chain.hook in ("prerouting", "input")]
    assert max(priorities) == priorities[-1] == 5


@pytest.mark.parametrize("name", ["nft-own-debian12.json", "nft-fail2ban-debian13.json"])
def test_a_rule_that_somebody_has_replaced(name: str) -> None:
    expected = parse_ruleset((FIXTURES / name).read_text())
    assert altered_rule(expected, expected) == ""
    # `nft replace rule` keeps the number of the rules.
    place = ("inet", "pyhost_baseline", "input")
    rules = list(expected.rules[place])
    rules[4] = NftRule(place, ({"accept": None},))
    loaded = replace(expected, rules={**expected.rules, place: tuple(rules)})
    assert (
        altered_rule(expected, loaded) == "the rule 5 of the chain input is another one in the kernel than in the file"
    )
    # Rules of others are theirs.
    foreign = next((place for place in expected.rules if place[1] != "pyhost_baseline"), None)
    if foreign:
        assert altered_rule(expected, replace(expected, rules={**expected.rules, foreign: ()})) == ""
