"""Rules of a jail: requested by recorded configurations of fail2ban 1.0.2 and 1.1.0, shown by the packet filters then.

The recordings were made on hosts of Debian 12 and 13 with the bans of one address of each family: for each action what
``fail2ban-client -d`` prints of it, and what nft, iptables and firewalld answer.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filter_rules import (
    EVERY_PORT,
    ActionRules,
    FilterRule,
    ShownRule,
    missing_rules,
    other_rules,
    requested_rules,
    rules_in,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream, parse_stream

FIXTURES = Path(__file__).parents[3] / "fixtures" / "fail2ban"
RECORDED: dict[str, dict[str, t.Any]] = {
    system: json.loads((FIXTURES / f"filter-rules-{system}.json").read_text()) for system in ("debian12", "debian13")
}
BANNED = ("192.0.2.77", "2001:db8::77")
PORTS = {"ssh": 22, "http": 80, "https": 443}
HIGH = (8000, 8100)

# By recording: the rules for IPv4, and those for IPv6 where they differ (a block type is set for each family).
REQUESTED: dict[str, tuple[list[FilterRule], list[FilterRule]] | list[FilterRule]] = {
    "nftables": [FilterRule("tcp", ((2222, 2222), HIGH), "reject")],
    "nftables every port": [FilterRule("tcp", EVERY_PORT, "reject")],
    "nftables by name": [
        FilterRule(protocol, ((22, 22), (80, 80), (443, 443)), "reject") for protocol in ("tcp", "udp")
    ],
    "nftables[type=allports]": [FilterRule("tcp", EVERY_PORT, "drop")],
    "nftables[type=custom]": [],
    "iptables-multiport": [FilterRule("tcp", ((22, 22), (2222, 2222)), "reject")],
    "iptables": [FilterRule("tcp", ((22, 22),), "reject")],
    "iptables-allports": ([FilterRule("tcp", EVERY_PORT, "drop")], [FilterRule("tcp", EVERY_PORT, "reject")]),
    "iptables-ipset-proto6": [FilterRule("tcp", ((22, 22), HIGH), "reject")],
    "iptables-ipset-proto6-allports": [FilterRule("tcp", EVERY_PORT, "reject")],
    # A rule for each port.
    "firewallcmd-rich-rules": [FilterRule("tcp", ((port, port),), "reject") for port in (22, 2222)],
    "firewallcmd-rich-rules every port": [FilterRule("tcp", EVERY_PORT, "reject")],
}
each_recording = pytest.mark.parametrize(
    ("system", "name"), [(system, name) for system, cases in RECORDED.items() for name in cases]
)


def jail(system: str, name: str) -> JailStream:
    return parse_stream("\n".join(RECORDED[system][name]["stream"]))["sshd"]


def requested(system: str, name: str) -> list[ActionRules]:
    return requested_rules(jail(system, name), PORTS.get)


def shown(system: str, name: str, like: ActionRules, banned: t.Iterable[str] = BANNED) -> list[ShownRule]:
    outputs = [(tuple(argv), "\n".join(lines)) for argv, lines in RECORDED[system][name]["outputs"]]
    return rules_in(like, outputs, "sshd", banned=banned, service_port=PORTS.get)


@each_recording
def test_what_an_action_requests(system: str, name: str) -> None:
    expected = REQUESTED[name]
    ipv4, ipv6 = expected if isinstance(expected, tuple) else (expected, expected)
    assert [(sorted(one.ipv4), sorted(one.ipv6)) for one in requested(system, name)] == (
        [(sorted(ipv4), sorted(ipv6))] if ipv4 else []
    )


@each_recording
def test_what_fail2ban_made_is_what_was_requested(system: str, name: str) -> None:
    for one in requested(system, name):
        rules = shown(system, name, one)
        # With firewalld the places are the banned addresses.
        assert {rule.place for rule in rules} in ({"IPv4", "IPv6"}, set(BANNED))
        assert missing_rules(one, rules) == []
        assert other_rules(one, rules) == []


@each_recording
def test_what_another_configuration_made_is_found(system: str, name: str) -> None:
    for one in requested(system, name):
        for other, expected in REQUESTED.items():
            rules = shown(system, other, one) if expected != REQUESTED[name] else []
            if rules:
                assert [*missing_rules(one, rules), *other_rules(one, rules)] != [], other


@each_recording
def test_a_rule_is_removed_by_a_command_of_its_own_program(system: str, name: str) -> None:
    for one in requested(system, name):
        for rule in shown(system, name, one):
            assert re.fullmatch(
                r"nft delete rule inet f2b-table f2b-chain handle \d+"
                r"|ip6?tables -w -D INPUT -p tcp .*-j (f2b-sshd|REJECT --reject-with icmp6?-port-unreachable)"
                r"|firewall-cmd --remove-rich-rule=rule family=.* (reject|drop) type=.*",
                " ".join(rule.removal),
            )


def test_a_listing_without_handles_has_no_removals() -> None:
    [one] = requested("debian13", "nftables")
    text = "tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable\n"
    rules = rules_in(one, [(("nft", "list", "ruleset"), text)], "sshd", banned=[], service_port=PORTS.get)
    assert rules == [ShownRule("IPv4", FilterRule("tcp", ((22, 22),), "reject"))]


def test_differences_are_named_by_family() -> None:
    [one] = requested("debian13", "nftables")
    text = "tcp dport 22 ip saddr @addr-set-sshd drop\ntcp dport { 2222, 8000-8100 } ip6 saddr @addr6-set-sshd reject\n"
    rules = rules_in(one, [(("nft", "list", "ruleset"), text)], "sshd", banned=[], service_port=PORTS.get)
    assert missing_rules(one, rules) == ["IPv4: no rule to reject tcp 2222, 8000-8100"]
    assert [f"{other.place}: {other.rule}" for other in other_rules(one, rules)] == ["IPv4: drop tcp 22"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (FilterRule("tcp", EVERY_PORT, "reject"), "reject tcp every port"),
        (FilterRule("udp", ((53, 53), HIGH), ""), "refuse udp 53, 8000-8100"),
    ],
)
def test_a_rule_in_a_message(rule: FilterRule, text: str) -> None:
    assert str(rule) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("tcp dport { 22, 23, 24 } ip saddr @addr-set-sshd drop", [((22, 24),)], id="neighbours"),
        pytest.param("tcp dport 22-24 ip saddr @addr-set-sshd drop", [((22, 24),)], id="a range"),
        pytest.param("meta l4proto { tcp, udp } ip saddr @addr-set-sshd drop", [EVERY_PORT] * 2, id="two protocols"),
        pytest.param("ip saddr @addr-set-sshd drop", [], id="a rule of another kind"),
        pytest.param("tcp dport 22 ip saddr @addr-set-sshd-ddos drop", [], id="a jail with a longer name"),
        pytest.param("tcp dport 22 ip saddr @my-set-sshd drop", [], id="somebody's own set"),
    ],
)
def test_rules_of_nft(text: str, found: list[t.Any]) -> None:
    [one] = requested("debian13", "nftables")
    rules = rules_in(one, [(("nft", "list", "ruleset"), text)], "sshd", banned=[], service_port=PORTS.get)
    assert [rule.rule.ports for rule in rules] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd", [""], id="no ban, no verdict"),
        pytest.param("-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd-ddos", [], id="a jail with a longer name"),
        pytest.param("-A INPUT -p tcp -m set --match-set f2b-sshd dst -j DROP", [], id="a set of destinations"),
        pytest.param("-A f2b-sshd -j RETURN\n-A f2b-sshd -s 192.0.2.1/32 -j DROP", [], id="the chain of the jail"),
        pytest.param("-A INPUT -j f2b-sshd\n-A f2b-sshd -s 192.0.2.1/32 -j DROP", ["drop"], id="every protocol"),
        pytest.param("-A INPUT -p tcp -j f2b-sshd\n-A f2b-sshd -s 192.0.2.1/32 -j LOG", [""], id="another target"),
    ],
)
def test_rules_of_iptables(text: str, found: list[str]) -> None:
    [one] = requested("debian13", "iptables-multiport")
    rules = rules_in(one, [(("iptables", "-w", "-S"), text)], "sshd", banned=[], service_port=PORTS.get)
    assert [rule.rule.verdict for rule in rules] == found


def test_a_jump_without_bans_has_the_requested_verdict_whichever_it_is() -> None:
    [one] = requested("debian13", "iptables")
    text = "-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd"
    rules = rules_in(one, [(("iptables", "-w", "-S"), text)], "sshd", banned=[], service_port=PORTS.get)
    assert (missing_rules(one, rules), other_rules(one, rules)) == ([], [])


def test_rules_of_firewalld_for_addresses_that_are_not_banned_belong_to_somebody_else() -> None:
    [one] = requested("debian13", "firewallcmd-rich-rules")
    assert {rule.place for rule in shown("debian13", "firewallcmd-rich-rules", one, BANNED[:1])} == {BANNED[0]}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("'name', 'sshd'", "'name', 'other'"), id="rules under another name"),
        pytest.param(("'port', '2222,8000:8100'", "'port', 'no-such-service'"), id="a port that nothing knows"),
        pytest.param(("'blocktype', 'reject'", "'blocktype', 'counter drop'"), id="a verdict of another kind"),
        pytest.param(("addr-set-<name>", "my-set"), id="a set of another name"),
        pytest.param(("'addaction', 'nftables'", "'addaction', 'sendmail'"), id="no packet filter"),
        pytest.param(("'addaction', 'nftables'", "'addaction', 'ufw'"), id="a packet filter that is not compared"),
    ],
)
def test_what_is_not_known_is_not_compared(change: tuple[str, str]) -> None:
    lines = [line.replace(*change) for line in RECORDED["debian13"]["nftables"]["stream"]]
    assert lines != RECORDED["debian13"]["nftables"]["stream"]
    assert requested_rules(parse_stream("\n".join(lines))["sshd"], PORTS.get) == []


# What nft 1.1.3 lists of the table of our action.
OWN_TABLE = """\
table inet f2b-sshd {
	set addr-set-sshd {
		type ipv4_addr
		elements = { 192.0.2.7 }
	}

	set net-set-sshd {
		type ipv4_addr
		flags interval
	}

	chain prerouting {
		type filter hook prerouting priority raw - 1; policy accept;
		%(scope)s ip saddr @addr-set-sshd reject with icmp port-unreachable
		%(scope)s ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable
		%(scope)s ip saddr @net-set-sshd reject with icmp port-unreachable
		%(scope)s ip6 saddr @net6-set-sshd reject with icmpv6 port-unreachable
	}
}
"""


@pytest.mark.parametrize(
    ("options", "scope", "ports"),
    [
        pytest.param({"port": "ssh,2222", "chain": "<known/chain>"}, "tcp dport { 22, 2222 }", "22, 2222", id="ports"),
        pytest.param({"port": "0:65535"}, "tcp dport 0-65535", "every port", id="the port of jail.conf"),
        pytest.param({"type": "allports", "port": "22"}, "meta l4proto tcp", "every port", id="all ports"),
    ],
)
def test_our_action(options: dict[str, str], scope: str, ports: str) -> None:
    command = ("set", "sshd", "addaction", "pyhost-nftables", "/x/pyhost-nftables.py", json.dumps(options))
    (one,) = requested_rules(JailStream("sshd", "systemd", (command,)), PORTS.get)
    assert [str(rule) for rule in one.ipv4] == [str(rule) for rule in one.ipv6] == [f"reject tcp {ports}"]
    listed = [(("nft", "list", "ruleset"), OWN_TABLE % {"scope": scope})]
    rules = rules_in(one, listed, "sshd", banned=[], service_port=PORTS.get)
    assert {rule.place for rule in rules} == {"IPv4", "IPv6"}
    assert (missing_rules(one, rules), other_rules(one, rules)) == ([], [])
    other = rules_in(one, [(listed[0][0], OWN_TABLE % {"scope": "tcp dport 24"})], "sshd", banned=[], service_port=int)
    assert len(missing_rules(one, other)) == len(other_rules(one, other)) == 2
