"""What packet filters show, recorded while 192.0.2.77 and 2001:db8::77 were banned by the jail sshd."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import packet_filters
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.packet_filters import (
    addresses_in,
    by_port,
    documentation_addresses,
    missing_bans,
    missing_in,
    own_entries,
    own_properties,
    pf_problem,
    pf_warning,
    rules_of,
    sets_of,
    tool_of,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"
NFT = (FIXTURES / "nft-ruleset-debian13.txt").read_text()
IPTABLES = """-P INPUT ACCEPT
-N f2b-sshd
-N f2b-sshd-slow
-A INPUT -p tcp -m multiport --dports 22,2222 -j f2b-sshd
-A INPUT -p tcp -j f2b-sshd-slow
-A f2b-sshd -s 192.0.2.77/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A f2b-sshd-slow -s 198.51.100.0/24 -j DROP
"""


@pytest.mark.parametrize(
    ("action", "program"),
    [
        ("nftables[type=allports]", "nft"),
        ("nftables-multiport", "nft"),
        ("iptables-multiport", "iptables"),
        ("iptables-ipset-proto6", "ipset"),
        ("firewallcmd-rich-rules", "firewall-cmd"),
        ("ufw", "ufw"),
        ("pf", "pfctl"),
        ("sendmail-whois", None),
    ],
)
def test_tool_of(action: str, program: str | None) -> None:
    tool = tool_of(action)
    assert (tool.program if tool else None) == program


# Written down from pfctl(8) and fail2ban's action.d/pf.conf: nothing here was run on FreeBSD.
PF_INFO = "Status: Enabled for 0 days 01:02:03           Debug: Urgent\n\nState Table                          Total\n"
PF_RULES = 'scrub in all fragment reassemble\nanchor "f2b/*" all\nblock return in all\n'
PF_TABLE = "   192.0.2.77\n   2001:db8::77\n"


@pytest.mark.parametrize(
    ("info", "rules", "words"),
    [
        pytest.param(PF_INFO, PF_RULES, "", id="on, with the anchor"),
        pytest.param(PF_INFO.replace("Enabled", "Disabled"), PF_RULES, "service pf start", id="off"),
        pytest.param("", "", "service pf start", id="silent"),
        pytest.param(PF_INFO, "block return in all\n", 'add `anchor "f2b/*"`', id="no anchor"),
        pytest.param(PF_INFO, 'anchor "blocklistd/*" in on em0\n', 'add `anchor "f2b/*"`', id="another's anchor"),
    ],
)
def test_pf_problem(info: str, rules: str, words: str) -> None:
    assert words in pf_problem(info, rules)
    assert bool(words) == bool(pf_problem(info, rules))


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        pytest.param(PF_RULES, None, id="the anchor first"),
        pytest.param("pass in all flags S/SA keep state\n" + PF_RULES, None, id="not quick: a later rule wins"),
        pytest.param("pass quick on lo0 all flags S/SA keep state\n" + PF_RULES, None, id="the loopback"),
        pytest.param(PF_RULES + "pass in quick all\n", None, id="quick below the anchor"),
        pytest.param("pass in quick on em0 all\n" + PF_RULES, "'pass in quick on em0 all' is above", id="quick"),
    ],
)
def test_pf_that_passes_packets_before_it_checks_bans(rules: str, text: str | None) -> None:
    warning = pf_warning(rules)
    assert (warning is None) if text is None else (text in str(warning))


def test_pf_names_a_port_that_its_rule_leaves_out() -> None:
    start = 'port="ssh"; echo "block quick $protocol from <f2b-sshd> to any port $port" | pfctl -a f2b/sshd -f-'
    assert by_port(start, actiontype="<multiport>")
    assert not by_port(start, actiontype="<allports>")


def test_pf_is_asked_for_each_jail_apart() -> None:
    tool = tool_of("pf[actiontype=<allports>]")
    assert tool is not None
    assert tool.showing("sshd") == [
        ("pfctl", "-a", "f2b/sshd", "-t", "f2b-sshd", "-T", "show"),
        ("pfctl", "-a", "f2b/sshd", "-s", "rules"),
    ]
    assert addresses_in(PF_TABLE) == {"192.0.2.77", "2001:db8::77"}
    assert rules_of("block drop quick proto tcp from <f2b-sshd> to any port = ssh\n", "sshd") != []


@pytest.mark.parametrize(
    ("shown", "addresses"),
    [
        pytest.param(NFT, {"192.0.2.77", "2001:db8::77"}, id="nft"),
        pytest.param(IPTABLES, {"192.0.2.77", "198.51.100.0/24"}, id="iptables, with a network banned by hand"),
        pytest.param("-A f2b-sshd -s 2001:db8::77/128 -j REJECT", {"2001:db8::77"}, id="ip6tables"),
        pytest.param("", set(), id="nothing"),
    ],
)
def test_addresses_in(shown: str, addresses: set[str]) -> None:
    assert addresses_in(shown) == addresses


def test_rules_of_nft() -> None:
    assert rules_of(NFT, "sshd") == [
        "set addr-set-sshd {",
        "set addr6-set-sshd {",
        "tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable",
        "tcp dport 22 ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable",
    ]


def test_rules_of_iptables_are_one_jails_and_no_bans() -> None:
    assert rules_of(IPTABLES, "sshd") == [
        "-N f2b-sshd",
        "-A INPUT -p tcp -m multiport --dports 22,2222 -j f2b-sshd",
        "-A f2b-sshd -j RETURN",
    ]


def test_documentation_addresses() -> None:
    networks = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    first, second = (ipaddress.ip_address(text) for text in documentation_addresses(ipv6=True, taken=()))
    assert any(first in network for network in networks)
    assert second in ipaddress.ip_network("2001:db8::/32")
    assert len(documentation_addresses(ipv6=False, taken=())) == 1


@pytest.mark.parametrize(
    ("banned", "present", "missing"),
    [
        pytest.param(["192.0.2.1", "2001:db8::1"], {"192.0.2.1", "2001:db8::1", "192.0.2.2"}, [], id="all"),
        pytest.param(["192.0.2.1", "192.0.2.3"], {"192.0.2.1"}, ["192.0.2.3"], id="one"),
        pytest.param(["192.0.2.9"], {"192.0.2.0/24"}, [], id="an address of a network"),
        pytest.param(["192.0.2.0/25"], {"192.0.2.0/24"}, [], id="a part of a network"),
        pytest.param(["192.0.2.0/24"], {"192.0.2.0/25"}, ["192.0.2.0/24"], id="only a part of it"),
        pytest.param(["2001:db8::1"], {"0.0.0.0/0"}, ["2001:db8::1"], id="another family"),
        pytest.param(["shop.example"], {"192.0.2.0/24"}, ["shop.example"], id="no address"),
    ],
)
def test_missing_bans(banned: list[str], present: set[str], missing: list[str]) -> None:
    assert missing_bans(banned, present) == missing


@pytest.mark.parametrize(
    ("options", "scope"),
    [({"port": "22"}, "$proto dport <port>"), ({"type": "allports"}, "meta l4proto <protocol>")],
)
def test_the_properties_of_our_action(options: dict[str, str], scope: str) -> None:
    properties = own_properties("sshd", options)
    assert properties["actionstart"] == (
        f"nft add rule inet f2b-<name> prerouting {scope} <addr_family> saddr @<addr_set> <blocktype>"
    )
    assert (properties["name"], properties["blocktype"], properties["chain_hook"]) == ("sshd", "reject", "prerouting")


@pytest.mark.parametrize(
    ("shown", "banned", "missing"),
    [
        pytest.param(NFT, ["192.0.2.77", "2001:db8::77"], [], id="nft"),
        pytest.param(NFT, ["192.0.2.7", "2001:db8::7"], ["192.0.2.7", "2001:db8::7"], id="parts of others"),
        pytest.param("elements = { 192.0.2.77 timeout 1d expires 3h }", ["192.0.2.77"], [], id="with a timeout"),
        pytest.param("elements = { 192.0.2.1,192.0.2.2 }", ["192.0.2.1", "192.0.2.2"], [], id="without spaces"),
        pytest.param(IPTABLES, ["192.0.2.77", "198.51.100.0/24", "198.51.100.9"], [], id="iptables"),
        pytest.param("-A f2b-x -s 2001:db8::77/128 -j REJECT", ["2001:db8::77"], [], id="ip6tables"),
        pytest.param("-A f2b-x -s 2001:db8::/32 -j REJECT", ["2001:db8::"], [], id="the first address of a network"),
        pytest.param("-A f2b-x -s 2001:db8::/32 -j REJECT", ["2001:db9::"], ["2001:db9::"], id="outside of it"),
        pytest.param('source address="192.0.2.1" port', ["192.0.2.1", "192.0.2.2"], ["192.0.2.2"], id="firewalld"),
        pytest.param("elements = { 2001:DB8:0::7 }", ["2001:db8::7"], [], id="another form of the same"),
        pytest.param("elements = { 198.51.100.0/24 }", ["198.51.100.0/25", "192.0.2.1"], ["192.0.2.1"], id="networks"),
        pytest.param("tcp dport 22 reject", ["reject", "22"], ["reject", "22"], id="words of the rules are no bans"),
        pytest.param("", ["192.0.2.1"], ["192.0.2.1"], id="nothing is shown"),
        pytest.param("", [], [], id="nothing is banned"),
    ],
)
def test_missing_in(shown: str, banned: list[str], missing: list[str]) -> None:
    assert missing_in(shown, banned) == missing


def test_ten_thousand_bans_are_compared_without_parsing_each(monkeypatch: pytest.MonkeyPatch) -> None:
    banned = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(10000)]
    nft = f"elements = {{ {', '.join(banned)} }}"
    assert missing_in(nft, [*banned, "198.18.40.1"]) == ["198.18.40.1"]
    parsed: list[str] = []

    def noted(word: str) -> str:
        parsed.append(word)
        return word

    monkeypatch.setattr(packet_filters, "normal_address", noted)
    assert missing_in(nft, banned) == []
    assert missing_in("".join(f"-A f2b-x -s {one}/32 -j REJECT\n" for one in banned), banned) == []
    assert parsed == []


def test_sets_of() -> None:
    kinds = "".join(f"\tset {kind}-set-{{0}} {{{{\n\t}}}}\n" for kind in ("addr", "addr6", "net"))
    ours = f"table inet f2b-{{0}} {{{{\n{kinds}}}}}\n"
    stock = "table ip f2b-table {\n\tset addr-set-sshd {\n\t}\n}\n"
    assert sets_of(ours.format("sshd-x") + ours.format("sshd") + stock, "sshd") == {
        4: [("inet", "f2b-sshd", "addr-set-sshd"), ("ip", "f2b-table", "addr-set-sshd")],
        16: [("inet", "f2b-sshd", "addr6-set-sshd")],
    }
    assert sets_of(stock, "x") == {4: [], 16: []}


def test_own_entries() -> None:
    other = "set addr-set-sshd-x {\n192.0.2.1\n}\n-A f2b-sshd-x -s 192.0.2.2/32\n\nName: f2b-sshd-x\n192.0.2.3\n\n"
    own = "set addr-set-sshd {\n192.0.2.4\n}\n-A f2b-sshd -s 192.0.2.5/32\n\nName: f2b-sshd\n192.0.2.6\n\n"
    assert own_entries(other, "sshd") is None
    assert addresses_in(str(own_entries(own + other, "sshd"))) == {"192.0.2.4", "192.0.2.5", "192.0.2.6"}
    assert own_entries(own + other, "gone") is None
