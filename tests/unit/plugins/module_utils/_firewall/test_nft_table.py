"""The table of nftables: its rules, their order, and that one request is one text."""

from __future__ import annotations

import ipaddress
import random
import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table, with_ssh_ports
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.verdict import Packet, verdict
from tests.unit.firewall_requests import PACKETS, REQUESTS, SSH_PORTS

SERVICES = parse_services("")


def table(ssh_ports: t.Collection[int] = (22,), **options: t.Any) -> str:
    return render_table(parse_request(options, SERVICES), ssh_ports)


def chain(name: str, text: str) -> list[str]:
    """Return the lines of the base chain ``name``, without its first one."""
    found = re.search(rf"\tchain {name} {{\n(.*?)\n\t}}", text, re.DOTALL)
    rules = [line.strip() for line in found[1].splitlines()[1:]] if found else []
    return [re.sub(r' comment "pyhost.baseline sha256:[0-9a-f]{16}"', "", rule) for rule in rules]


def test_the_table_is_replaced_in_one_transaction_and_no_other_is_touched() -> None:
    text = table(allow=["http"], outgoing="deny", containers="filter", ssh_rate_limit="10/minute")
    commands = [line for line in text.splitlines() if line and line[0] not in "#\t}"]
    assert commands == [
        "add table inet pyhost_baseline",
        "delete table inet pyhost_baseline",
        "table inet pyhost_baseline {",
    ]
    assert "flush" not in text
    assert text.count("{") == text.count("}")
    assert text.endswith("\n}\n")


def test_the_whole_chain_of_a_web_server() -> None:
    text = table(allow=["https", "http"])
    assert "\t\ttype filter hook input priority filter + 5; policy drop;\n" in text
    assert chain("input", text) == [
        'iifname "lo" accept',
        "ct state established,related accept",
        "icmp type { 3, 11, 12 } accept",
        "icmpv6 type { 1, 2, 3, 4 } accept",
        "ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136, 141, 142, 148, 149 } accept",
        "ip6 saddr { ::, fe80::/10 } icmpv6 type { 130, 131, 132, 143 } accept",
        "ip6 saddr fe80::/10 ip6 hoplimit 1 icmpv6 type { 151, 152, 153 } accept",
        "ip protocol igmp ip ttl 1 accept",
        "udp sport 67 udp dport 68 accept",
        "ip6 daddr fe80::/10 udp dport 546 accept",
        "ct state invalid drop",
        "icmp type echo-request limit rate 50/second burst 100 packets accept",
        "icmp type echo-request drop",
        "icmpv6 type echo-request limit rate 50/second burst 100 packets accept",
        "icmpv6 type echo-request drop",
        "tcp dport @ssh_ports accept",
        "tcp dport 80 accept",
        "tcp dport 443 accept",
        'meta pkttype host limit rate 10/minute burst 20 packets log prefix "pyhost.baseline drop: " level info',
    ]
    assert not chain("output", text)
    assert not chain("forward", text)


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        pytest.param({"allow": [{"port": [80, "8000-8010"]}]}, ["tcp dport { 80, 8000-8010 } accept"], id="ports"),
        pytest.param({"allow": [{"port": 53, "proto": "udp"}]}, ["udp dport 53 accept"], id="udp"),
        pytest.param(
            {"allow": [{"port": 80, "from": ["2001:db8::/32", "192.0.2.7", "198.51.100.0/24"]}]},
            [
                "ip saddr { 192.0.2.7, 198.51.100.0/24 } tcp dport 80 accept",
                "ip6 saddr 2001:db8::/32 tcp dport 80 accept",
            ],
            id="both families",
        ),
        pytest.param(
            {"allow": [{"port": 80, "from": ["0.0.0.0/0"]}]},
            ["meta nfproto ipv4 tcp dport 80 accept"],
            id="all of IPv4",
        ),
        pytest.param(
            {"allow": [{"port": 80, "interface": "eth1", "comment": "the app's; { drop }"}]},
            ['iifname "eth1" tcp dport 80 accept comment "the app\'s; { drop }"'],
            id="interface and comment",
        ),
        pytest.param(
            {"ssh_from": ["192.0.2.0/24"]}, ["ip saddr 192.0.2.0/24 tcp dport @ssh_ports accept"], id="ssh_from"
        ),
        pytest.param({"icmp": False}, ["icmp type echo-request drop", "icmpv6 type echo-request drop"], id="no echo"),
        pytest.param(
            {"ssh_rate_limit": "10/minute"},
            [
                "meta nfproto ipv4 tcp dport @ssh_ports update @ssh_sources_ip { ip saddr limit rate over 10/minute "
                "burst 10 packets } drop",
                "meta nfproto ipv6 tcp dport @ssh_ports update @ssh_sources_ip6 { ip6 saddr and ffff:ffff:ffff:ffff:: "
                "limit rate over 10/minute burst 10 packets } drop",
                "tcp dport @ssh_ports accept",
            ],
            id="limit",
        ),
        pytest.param(
            {"ssh_rate_limit": "3/hour", "ssh_from": ["192.0.2.0/24"]},
            [
                "ip saddr 192.0.2.0/24 tcp dport @ssh_ports update @ssh_sources_ip { ip saddr limit rate over 3/hour "
                "burst 3 packets } drop",
                "ip saddr 192.0.2.0/24 tcp dport @ssh_ports accept",
            ],
            id="limit and ssh_from",
        ),
    ],
)
def test_rules_in_their_order(options: dict[str, t.Any], rules: list[str]) -> None:
    found = chain("input", table(**options))
    assert [line for line in found if line in rules] == rules


@pytest.mark.parametrize(("unit", "timeout"), [("second", "1m"), ("minute", "1m"), ("hour", "1h"), ("day", "1d")])
def test_sources_are_forgotten_after_the_time_of_the_limit(unit: str, timeout: str) -> None:
    text = table(ssh_rate_limit=f"5/{unit}")
    assert text.count(f"\t\ttimeout {timeout}\n") == 2
    assert text.count("\t\tsize 65535\n") == 2
    assert "set ssh_sources" not in table()
    assert "set ssh_sources" not in table((), ssh_rate_limit=f"5/{unit}")


def test_the_ports_of_sshd_are_a_set_to_which_sshd_adds_its_new_port() -> None:
    text = table((2222, 22))
    assert "\tset ssh_ports {\n\t\ttype inet_service\n\t\telements = { 22, 2222 }\n\t}\n" in text
    assert with_ssh_ports(text, [2200, 22]) == text.replace("{ 22, 2222 }", "{ 22, 2200, 2222 }")
    assert with_ssh_ports(table(()), [22]) == table(())


def test_an_open_policy_closes_ssh_alone() -> None:
    text = table((22, 2222), incoming="allow", ssh_from=["192.0.2.0/24"], allow=["http"])
    assert "hook input priority filter + 5; policy accept;" in text
    rules = chain("input", text)
    assert rules[-3:] == [
        "ip saddr 192.0.2.0/24 tcp dport @ssh_ports accept",
        "tcp dport 80 accept",
        "tcp dport @ssh_ports drop",
    ]
    assert not [rule for rule in chain("input", table(incoming="allow")) if rule.endswith("@ssh_ports drop")]


def test_the_first_rule_names_the_text() -> None:
    texts = [table(), table(), table(allow=["http"])]
    first, same, other = (
        re.findall(r'iifname "lo" accept comment "pyhost.baseline sha256:(\w{16})"\n', one) for one in texts
    )
    assert first == same != other
    assert len(first) == 1


def test_without_log() -> None:
    assert " log " not in table(log=False, outgoing="deny", containers="filter")
    assert table(log=True, outgoing="deny", containers="filter").count(" log prefix ") == 3


def test_what_leaves_the_host() -> None:
    text = table(outgoing=[{"service": "https", "to": ["192.0.2.0/24"], "interface": "eth0"}], log=False)
    assert "hook output priority filter + 5; policy drop;" in text
    assert chain("output", text) == [
        'oifname "lo" accept',
        "ct state established,related accept",
        "tcp sport @ssh_ports tcp flags & (syn | ack) != syn accept",
        "meta l4proto { icmp, igmp, ipv6-icmp } accept",
        "udp sport 68 udp dport 67 accept",
        "udp sport 546 udp dport 547 accept",
        "meta l4proto { tcp, udp } th dport 53 accept",
        "udp dport 123 accept",
        'oifname "eth0" ip daddr 192.0.2.0/24 tcp dport 443 accept',
        "reject with icmpx type admin-prohibited",
    ]


def test_published_ports_of_containers() -> None:
    text = table(
        allow=["http", {"port": 5432, "from": ["192.0.2.0/24"], "interface": "eth1"}], containers="filter", log=False
    )
    assert "hook forward priority filter + 5; policy accept;" in text
    assert chain("forward", text) == [
        "ct state established,related accept",
        "ct status dnat meta l4proto tcp ct original proto-dst 80 accept",
        'iifname "eth1" ip saddr 192.0.2.0/24 ct status dnat meta l4proto tcp ct original proto-dst 5432 accept',
        "ct status dnat drop",
    ]


ENTRIES: list[t.Any] = [
    "http",
    "https",
    {"port": [443, 80]},
    {"port": "8000-8010", "from": ["192.0.2.0/25", "192.0.2.128/25"]},
    {"port": "8000-8010", "from": ["192.0.2.0/24"]},
    {"port": 53, "proto": ["udp", "tcp"]},
]


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(ENTRIES), max_size=8))
def test_the_same_request_is_the_same_text(order: random.Random, entries: list[t.Any]) -> None:
    shuffled = [*entries, *entries[:2]]
    order.shuffle(shuffled)
    assert table((22, 2222), allow=entries) == table((2222, 22), allow=shuffled)


def values(text: str) -> list[str]:
    return [one.strip() for one in text.strip("{} ").split(",")]


def accepts(rule: str, packet: Packet) -> bool | None:
    """Return what ``rule`` decides of a new packet of tcp or udp, ``None`` if it does not match (nft(8))."""
    if re.search(r"\bct\b|icmp|igmp|sport|udp dport 546|\blog\b", rule):
        return None
    source = ipaddress.ip_address(packet.source)
    family = "ip" if source.version == 4 else "ip6"
    one = r"(\{.*?\}|[^\s{]+)"
    for interface in re.findall(r'iifname "(.*?)"', rule):
        if interface != packet.interface:
            return None
    for version in re.findall(r"nfproto ipv(\d)", rule):
        if int(version) != source.version:
            return None
    for named, networks in re.findall(rf"\b(ip6?) saddr {one}", rule):
        if named != family or not any(source in ipaddress.ip_network(network) for network in values(networks)):
            return None
    for protocol, ports in re.findall(rf"(tcp|udp) dport {one}", rule):
        ranges = [[int(end) for end in port.split("-")] for port in values(ports)]
        if protocol != packet.protocol or not any(ends[0] <= packet.port <= ends[-1] for ends in ranges):
            return None
    return "accept" in rule.split()


@given(REQUESTS, SSH_PORTS, PACKETS)
def test_the_rules_and_the_verdict_say_the_same(request: FirewallRequest, ssh_ports: list[int], packet: Packet) -> None:
    text = render_table(request, ssh_ports)
    ports = f"{{ {', '.join(map(str, ssh_ports))} }}"
    rules = [rule.replace("@ssh_ports", ports) for rule in chain("input", text)]
    decisions = (accepts(rule, packet) for rule in rules)
    by_rules = next((one for one in decisions if one is not None), "input priority filter + 5; policy accept" in text)
    assert by_rules is verdict(request, ssh_ports, packet)
