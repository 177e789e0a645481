"""Who reaches a port, by rules in the form of libnftables-json(5): recorded ones of ours, and written ones."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import (
    NftChain,
    NftRule,
    Ruleset,
    parse_ruleset,
    with_port_set,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.open_rules import (
    ALL_PORTS,
    InputPolicy,
    OpenRule,
    chain_policies,
    forward_policy,
    reach,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange

FIXTURES = Path(__file__).parents[3] / "fixtures" / "firewall"
ACCEPT: dict[str, t.Any] = {"accept": None}
PORT = PortRange(80, 80)


def match(kind: str, right: t.Any, op: str = "==", **left: str) -> dict[str, t.Any]:
    return {"match": {"op": op, "left": {kind: left}, "right": right}}


def dport(right: t.Any, protocol: str = "tcp") -> dict[str, t.Any]:
    return match("payload", right, protocol=protocol, field="dport")


def saddr(right: t.Any, protocol: str = "ip") -> dict[str, t.Any]:
    return match("payload", right, protocol=protocol, field="saddr")


def policy(*rules: tuple[dict[str, t.Any], ...], jumped: tuple[dict[str, t.Any], ...] = ()) -> InputPolicy:
    chain = NftChain("inet", "mine", "input", "filter", "input", 0, "drop")
    other = (chain.family, chain.table, "other")
    found = {chain.place: tuple(NftRule(chain.place, one) for one in rules)}
    if jumped:
        found[other] = (NftRule(other, jumped),)
    (only,) = chain_policies(Ruleset((chain,), found), lambda _chain: True)
    return only


@pytest.mark.parametrize("name", ["nft-own-debian12.json", "nft-fail2ban-debian13.json"])
def test_our_table_as_a_kernel_has_it(name: str) -> None:
    """The request is that of test_table_state.py."""
    place = ("inet", "pyhost_baseline", "ssh_ports")
    ruleset = with_port_set(parse_ruleset((FIXTURES / name).read_text()), place, [22])
    (found,) = chain_policies(ruleset, lambda chain: chain.table == "pyhost_baseline")
    assert found.name == "the chain input of the table inet pyhost_baseline"
    assert found.is_complete
    assert [found.reach("tcp", port, 4) for port in (22, 80, 5432, 443)] == ["anyone", "anyone", "some", "nobody"]
    assert [found.reach("udp", port, 6) for port in (53, 68, 546)] == ["nobody", "some", "some"]
    sources = {rule.sources for rule in found.rules if rule.has("tcp", 5432)}
    assert sources == {("192.0.2.0/24",), ("2001:db8::/32",)}
    forwarded = forward_policy(ruleset)
    assert forwarded is not None
    assert [forwarded.reach("tcp", port, 4) for port in (80, 5432, 8080)] == ["anyone", "some", "nobody"]


def test_no_table_of_ours() -> None:
    assert forward_policy(Ruleset()) is None
    assert chain_policies(Ruleset((NftChain("inet", "x", "input", "filter", "input", 0, "accept"),)), bool) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param((dport(80), ACCEPT), [OpenRule("tcp", PORT)], id="a port"),
        pytest.param((dport({"range": [80, 90]}), ACCEPT), [OpenRule("tcp", PortRange(80, 90))], id="a range"),
        pytest.param(
            (dport({"set": [80, {"range": [90, 95]}]}), ACCEPT),
            [OpenRule("tcp", PORT), OpenRule("tcp", PortRange(90, 95))],
            id="a set",
        ),
        pytest.param(
            (match("meta", {"set": ["tcp", "udp"]}, key="l4proto"), dport(80, "th"), ACCEPT),
            [OpenRule("tcp", PORT), OpenRule("udp", PORT)],
            id="both protocols",
        ),
        pytest.param(
            (match("meta", "udp", key="l4proto"), dport(80, "th"), ACCEPT), [OpenRule("udp", PORT)], id="one protocol"
        ),
        pytest.param((saddr("192.0.2.7"), dport(80), ACCEPT), [OpenRule("tcp", PORT, ("192.0.2.7",))], id="from"),
        pytest.param(
            (
                saddr({"set": [{"prefix": {"addr": "192.0.2.0", "len": 24}}, {"range": ["::1", "::5"]}]}),
                dport(80),
                ACCEPT,
            ),
            [OpenRule("tcp", PORT, ("192.0.2.0/24", "::1-::5"))],
            id="from networks",
        ),
        pytest.param(
            (saddr("@friends"), dport(80), ACCEPT), [OpenRule("tcp", PORT, is_partial=True)], id="from a named set"
        ),
        pytest.param(
            (match("meta", "eth0", key="iifname"), dport(80), ACCEPT),
            [OpenRule("tcp", PORT, (), "eth0")],
            id="an interface",
        ),
        pytest.param((match("meta", "lo", key="iif"), ACCEPT), [], id="loopback"),
        pytest.param(
            (match("meta", "ipv4", key="nfproto"), dport(80), ACCEPT),
            [OpenRule("tcp", PORT, ("0.0.0.0/0",))],
            id="one family",
        ),
        pytest.param(
            (match("meta", "ipv6", key="nfproto"), dport(80), ACCEPT),
            [OpenRule("tcp", PORT, ("::/0",))],
            id="the other family",
        ),
        pytest.param(
            (match("ct", {"set": ["established", "related"]}, "in", key="state"), ACCEPT), [], id="known connections"
        ),
        pytest.param(
            (match("ct", {"set": ["new", "untracked"]}, "in", key="state"), dport(80), ACCEPT),
            [OpenRule("tcp", PORT)],
            id="new connections",
        ),
        pytest.param((match("payload", 8, protocol="icmp", field="type"), ACCEPT), [], id="ICMP"),
        pytest.param((match("payload", "igmp", protocol="ip", field="protocol"), ACCEPT), [], id="IGMP"),
        pytest.param((match("meta", "ipv6-icmp", key="l4proto"), ACCEPT), [], id="ICMPv6"),
        pytest.param((dport(80), {"limit": {}}, ACCEPT), [OpenRule("tcp", PORT, is_partial=True)], id="a limit"),
        pytest.param((dport(80), {"xt": {}}, ACCEPT), [OpenRule("tcp", PORT, is_partial=True)], id="iptables"),
        pytest.param(
            (dport(80), match("payload", 68, protocol="udp", field="sport"), ACCEPT),
            [OpenRule("tcp", PORT, is_partial=True)],
            id="a port of the client",
        ),
        pytest.param(
            (dport(80), match("ct", 5, key="mark"), ACCEPT), [OpenRule("tcp", PORT, is_partial=True)], id="mark"
        ),
        pytest.param(
            (dport(80), match("meta", 5, key="mark"), ACCEPT), [OpenRule("tcp", PORT, is_partial=True)], id="a mark"
        ),
        pytest.param(
            (dport(80), {"match": {"op": "==", "left": {"fib": {}}, "right": 5}}, ACCEPT),
            [OpenRule("tcp", PORT, is_partial=True)],
            id="a route",
        ),
        pytest.param(
            (dport(80), match("payload", 5, protocol="ip", field="ttl"), ACCEPT),
            [OpenRule("tcp", PORT, is_partial=True)],
            id="another field",
        ),
        pytest.param((dport(80), {"drop": None}), [], id="a drop"),
        pytest.param(({"xt": {}}, {"drop": None}), [], id="a drop under conditions of iptables"),
        pytest.param(({"xt": {}}, {"jump": {"target": "f2b-sshd"}}), [], id="a jump under such conditions"),
        pytest.param(
            (saddr("192.0.2.7"), ACCEPT),
            [OpenRule(protocol, ALL_PORTS, ("192.0.2.7",)) for protocol in ("tcp", "udp")],
            id="all ports",
        ),
        pytest.param(
            ({"vmap": {"key": dport(0)["match"]["left"], "data": {"set": [[80, ACCEPT], [81, {"drop": None}]]}}},),
            [OpenRule("tcp", PORT)],
            id="a verdict map",
        ),
    ],
)
def test_what_a_rule_opens(rule: tuple[dict[str, t.Any], ...], expected: list[OpenRule]) -> None:
    found = policy(rule)
    assert list(found.rules) == expected
    assert found.is_complete


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(({"xt": {}}, ACCEPT), id="conditions of iptables"),
        pytest.param(({"xt": {}},), id="a verdict of iptables"),
        pytest.param((dport("@ports"), ACCEPT), id="a named set of ports"),
        pytest.param(
            (dport(80, "tcp") | {}, match("x", 5, "!="), {"limit": {}}, ACCEPT)[1:], id="an unknown condition"
        ),
        pytest.param(({"vmap": {"key": {"payload": {}}, "data": "@map"}},), id="a named map"),
    ],
)
def test_what_cannot_be_judged(rule: tuple[dict[str, t.Any], ...]) -> None:
    found = policy(rule)
    assert (found.rules, found.is_complete) == ((), False)
    assert found.reach("tcp", 80, 4) == "unknown"


def test_the_condition_of_a_jump_is_not_judged() -> None:
    found = policy(({"jump": {"target": "other"}},), jumped=(dport(80), ACCEPT))
    assert found.rules == (OpenRule("tcp", PORT, is_partial=True),)
    assert found.reach("tcp", 80, 4) == "some"


@pytest.mark.parametrize(("family", "versions"), [("ip", (4,)), ("ip6", (6,)), ("inet", (4, 6))])
def test_the_family_of_a_chain(family: str, versions: tuple[int, ...]) -> None:
    chain = NftChain(family, "mine", "input", "filter", "input", 0, "drop")
    (found,) = chain_policies(Ruleset((chain,)), lambda _chain: True)
    assert found.versions == versions


def test_all_ports_are_those_of_the_protocols() -> None:
    assert ALL_PORTS == (1, 65535)


@pytest.mark.parametrize(
    "ct", [{"key": "proto-dst", "dir": "reply"}, {"key": "proto-src", "dir": "original"}], ids=lambda ct: ct["key"]
)
def test_other_ports_of_a_connection_are_not_judged(ct: dict[str, str]) -> None:
    assert not policy((match("ct", 80, **ct), ACCEPT)).is_complete


CLOSED = InputPolicy("closed", ())
WEB = InputPolicy("web", (OpenRule("tcp", PORT),))
FOUR = InputPolicy("four", (OpenRule("tcp", PORT, ("0.0.0.0/0",)),))
ONLY_FOUR = InputPolicy("ip filter", (), versions=(4,))
UNKNOWN = InputPolicy("unknown", (), is_complete=False)
OFFICE = InputPolicy("office", (OpenRule("tcp", PORT, ("192.0.2.0/24",)),))


@pytest.mark.parametrize(
    ("policies", "address", "expected"),
    [
        ([], "0.0.0.0", "anyone"),
        ([CLOSED], "0.0.0.0", "nobody"),
        ([WEB], "::", "anyone"),
        ([WEB, CLOSED], "::", "nobody"),
        ([WEB, OFFICE], "192.0.2.1", "some"),
        ([WEB, UNKNOWN], "192.0.2.1", "unknown"),
        ([FOUR], "0.0.0.0", "anyone"),
        ([FOUR], "2001:db8::1", "some"),
        ([ONLY_FOUR], "0.0.0.0", "nobody"),
        ([ONLY_FOUR], "::", "anyone"),
        ([ONLY_FOUR], "2001:db8::1", "anyone"),
    ],
)
def test_who_reaches_a_listener(policies: list[InputPolicy], address: str, expected: str) -> None:
    assert reach(policies, "tcp", address, 80) == expected
    assert reach([WEB], "udp", address, 80) == "nobody"
