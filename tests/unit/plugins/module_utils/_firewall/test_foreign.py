"""Firewalls of others: which are named, as an error or a warning, and which are left alone."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.foreign import (
    ForeignFindings,
    chain_findings,
    file_findings,
    included_patterns,
    manager_findings,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import NftChain, NftRule, Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

ACCEPT: dict[str, t.Any] = {"accept": None}
# Debian's stock /etc/nftables.conf (nftables 1.0.6).
STOCK = """\
#!/usr/sbin/nft -f

flush ruleset

table inet filter {
\tchain input {
\t\ttype filter hook input priority filter;
\t}
}
"""


def port(number: int) -> tuple[dict[str, t.Any], ...]:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return ({"match": {"op": "==", "left": left, "right": number}}, ACCEPT)


def ruleset(
    table: str = "filter",
    *rules: tuple[dict[str, t.Any], ...],
    policy: str = "drop",
    hook: str = "input",
    extra: str = "",
) -> Ruleset:
    chain = NftChain("inet", table, "input", "filter", hook, 0, policy)
    more = (NftChain("inet", table, extra),) if extra else ()
    return Ruleset((chain, *more), {chain.place: tuple(NftRule(chain.place, one) for one in rules)})


def findings(rules: Ruleset, **options: t.Any) -> ForeignFindings:
    return chain_findings(rules, parse_request({"allow": ["http", "https"], **options}, parse_services("")), [22])


def test_a_chain_that_closes_what_the_request_opens() -> None:
    found = findings(ruleset("filter", port(22), port(80)))
    (error,) = found.errors
    assert error.problem == (
        "the chain input of the table inet filter drops packets that this firewall lets in: 443/tcp"
    )
    assert "remove that chain" in error.hint
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("rules", "errors", "warnings"),
    [
        pytest.param(ruleset("filter"), 1, 0, id="policy drop"),
        pytest.param(ruleset("filter", policy="accept"), 0, 0, id="policy accept"),
        pytest.param(ruleset("filter", ({"drop": None},), policy="accept"), 1, 0, id="a final drop"),
        pytest.param(ruleset("filter", ({"reject": {}},), policy="accept"), 1, 0, id="a final reject"),
        pytest.param(ruleset("filter", ({"match": {}}, {"drop": None}), policy="accept"), 0, 0, id="drop of some"),
        pytest.param(ruleset("filter", port(22), port(80), port(443)), 0, 1, id="all are open there too"),
        pytest.param(ruleset("filter", ({"xt": {}}, ACCEPT)), 0, 1, id="rules that cannot be judged"),
        pytest.param(ruleset("filter", hook="forward"), 0, 0, id="forwarded packets"),
        pytest.param(ruleset("raw", hook="prerouting"), 1, 0, id="before the chain input"),
        pytest.param(ruleset("pyhost_baseline"), 0, 0, id="ours"),
        pytest.param(ruleset("firewalld"), 0, 0, id="firewalld"),
        pytest.param(ruleset("f2b-table"), 0, 0, id="fail2ban"),
        pytest.param(ruleset("f2b-sshd"), 0, 0, id="our ban action"),
        pytest.param(ruleset("netavark"), 0, 0, id="podman"),
        pytest.param(ruleset("docker-bridges"), 0, 0, id="docker"),
        pytest.param(ruleset("filter", extra="ufw-before-input"), 0, 0, id="ufw"),
    ],
)
def test_which_chains_are_named(rules: Ruleset, errors: int, warnings: int) -> None:
    found = findings(rules)
    assert (len(found.errors), len(found.warnings)) == (errors, warnings)


def test_an_open_request_under_a_closed_chain() -> None:
    found = findings(ruleset("filter", port(22), port(80), port(443)), incoming="allow")
    assert found.errors[0].problem.endswith("drops packets that this firewall lets in")


def test_many_ports_are_cut() -> None:
    found = findings(ruleset("filter"), allow=[{"port": number} for number in range(100, 140, 2)])
    assert found.errors[0].problem.endswith(
        ": 22/tcp, 100/tcp, 102/tcp, 104/tcp, 106/tcp, 108/tcp, 110/tcp, 112/tcp, 114/tcp, 116/tcp …"
    )


def test_names_of_others_are_quoted() -> None:
    chain = NftChain("inet", "x\x1b[2J", "input", "filter", "input", 0, "drop")
    assert r"x\x1b[2J" in findings(Ruleset((chain,))).errors[0].problem


@pytest.mark.parametrize(
    ("files", "place"),
    [
        pytest.param({"/etc/nftables.conf": STOCK}, "/etc/nftables.conf:3", id="Debian's stock file"),
        pytest.param(
            {"/etc/nftables.conf": "# flush ruleset\n\tflush  ruleset # all\n"}, "/etc/nftables.conf:2", id="a comment"
        ),
        pytest.param({"/etc/nftables.conf": "flush ruleset inet\n"}, "/etc/nftables.conf:1", id="our family"),
        pytest.param({"/etc/nftables.conf": "flush ruleset ip\n"}, "", id="another family"),
        pytest.param({"/etc/nftables.conf": "table inet mine\ndelete table inet mine\n"}, "", id="its own table"),
        pytest.param(
            {"/etc/nftables.conf": 'include "/etc/nftables.d/*.nft"\n', "/etc/nftables.d/a.nft": "flush ruleset\n"},
            "/etc/nftables.d/a.nft:1",
            id="an included file",
        ),
        pytest.param(
            {
                "/etc/nftables.conf": "include 'nftables.d/a.nft'\n",
                "/etc/nftables.d/a.nft": 'include "nftables.conf"\nflush ruleset',
            },
            "/etc/nftables.d/a.nft:2",
            id="relative, and in a circle",
        ),
        pytest.param({"/etc/nftables.conf": "", "/etc/nftables.d/a.nft": "flush ruleset\n"}, "", id="not included"),
        pytest.param({}, "", id="no file"),
    ],
)
def test_files_that_flush(files: dict[str, str], place: str) -> None:
    found = file_findings(files, "/etc/nftables.conf", is_followed=False)
    assert [error.where for error in found.errors] == ([place] if place else [])
    assert not found.warnings


def test_our_table_is_loaded_again_after_a_flush() -> None:
    found = file_findings({"/etc/nftables.conf": STOCK}, "/etc/nftables.conf", is_followed=True)
    assert not found.errors
    assert found.warnings == (
        "/etc/nftables.conf:3 flushes the rules of all programs: nftables.service loads ours again after that, but "
        "`nft -f /etc/nftables.conf` does not; delete that line",
    )
    assert file_findings({}, "/etc/nftables.conf", is_followed=True) == ForeignFindings()


def test_the_patterns_of_included_files() -> None:
    text = 'include "/etc/nftables.d/*.nft"\n  include \'x.nft\'\n# include "y"\n'
    assert included_patterns(text) == ["/etc/nftables.d/*.nft", "/etc/x.nft"]


@pytest.mark.parametrize(
    ("active", "errors", "warnings"),
    [
        ([], 0, 0),
        (["firewalld.service"], 0, 0),
        (["firewalld", "ufw"], 1, 0),
        (["ufw.service", "netfilter-persistent.service"], 1, 0),
        (["iptables", "ip6tables"], 0, 0),
        (["iptables", "firewalld", "nftables"], 1, 0),
        (["nftables", "ufw"], 0, 1),
        (["nftables"], 0, 0),
        (["ssh", "docker"], 0, 0),
    ],
)
def test_managers(active: list[str], errors: int, warnings: int) -> None:
    found = manager_findings(active)
    assert (len(found.errors), len(found.warnings)) == (errors, warnings)


def test_findings_add_up() -> None:
    both = manager_findings(["firewalld", "ufw"]) + manager_findings(["nftables", "ufw"])
    assert (len(both.errors), len(both.warnings)) == (1, 1)
    assert "firewalld, ufw" in both.errors[0].problem
