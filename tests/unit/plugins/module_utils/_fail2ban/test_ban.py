"""Bans by hand: addresses, guards, plans, and a jail's part of recorded packet filters."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import (
    BanPlan,
    BanRequest,
    RunningJail,
    addresses,
    entries_of,
    plan,
    protected,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.packet_filters import addresses_in

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"


def jail(held: t.Iterable[str] = (), refused: t.Iterable[str] | None = None, **options: t.Any) -> RunningJail:
    """A jail whose packet filter refuses its bans, unless ``refused`` is given."""
    banned = frozenset(held)
    return RunningJail("sshd", ("nftables",), (), banned, banned if refused is None else frozenset(refused), **options)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["192.0.2.7", " 192.0.2.7 ", "192.0.2.7/32"], ("192.0.2.7",)),
        (["2001:DB8::0007"], ("2001:db8::7",)),
        (["::ffff:192.0.2.7"], ("192.0.2.7",)),
        (["198.51.100.9/24", "2001:db8::1/64"], ("198.51.100.0/24", "2001:db8::/64")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_addresses_in_fail2bans_own_form(words: list[str], found: tuple[str, ...]) -> None:
    assert addresses(words) == found


@pytest.mark.parametrize("word", ["nonsense", "example.org", "192.0.2.999", "192.0.2.0/33", "", "192.0.2.1-9"])
def test_no_address(word: str) -> None:
    with pytest.raises(BaselineError, match="is not an address; this task changed nothing"):
        addresses([word])


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("fe80::1%eth0", id="a name"),
        pytest.param("fe80::1%2", id="a number"),
        pytest.param("FE80::1%eth0", id="capitals"),
        pytest.param("fe80::%eth0/64", id="a network"),
        pytest.param("2001:db8::7%eth0", id="of an address that needs none"),
    ],
)
def test_an_address_with_a_zone(word: str) -> None:
    with pytest.raises(BaselineError) as failed:
        addresses(["192.0.2.7", word])
    assert str(failed.value) == (
        f"address: {word!r} has a zone, which packet filters do not take; this task changed nothing; give the address "
        "without it; the ban then is in force on all interfaces"
    )
    assert addresses([word.replace("%eth0", "").replace("%2", "")])


def test_none_at_all() -> None:
    with pytest.raises(BaselineError, match="no address is given"):
        addresses([])


@pytest.mark.parametrize(
    ("address", "ignored", "controller", "why"),
    [
        ("192.0.2.7", (), None, None),
        ("192.0.2.7", ("192.0.2.0/24",), None, "the jail sshd ignores 192.0.2.0/24 (ignoreip)"),
        ("192.0.2.0/24", ("192.0.2.9",), None, "the jail sshd ignores 192.0.2.9 (ignoreip)"),
        ("192.0.2.7", ("office.example.org", "2001:db8::/32"), None, None),
        ("192.0.2.7", (), "192.0.2.7", "192.0.2.7 is the address that Ansible connects from"),
        (
            "192.0.0.0/16",
            (),
            "192.0.2.7",
            "192.0.0.0/16 is a network that contains 192.0.2.7, the address that Ansible connects from",
        ),
        ("192.0.2.8", (), "192.0.2.7", None),
        ("127.1.2.3", (), None, "127.1.2.3 is this host itself"),
        ("::1", (), None, "::1 is this host itself"),
    ],
)
def test_who_is_not_banned(address: str, ignored: tuple[str, ...], controller: str | None, why: str | None) -> None:
    assert protected(address, RunningJail("sshd", ("nftables",), ignored, frozenset(), frozenset()), controller) == why


@pytest.mark.parametrize(
    ("address", "why"),
    [
        pytest.param("203.0.113.5", "203.0.113.5 is this host itself", id="an address of the host"),
        pytest.param("2001:db8::5", "2001:db8::5 is this host itself", id="one of IPv6"),
        pytest.param(
            "203.0.113.0/24",
            "203.0.113.0/24 contains an address of this host itself",
            id="a network with an address of it",
        ),
        pytest.param("2001:db8::/32", "2001:db8::/32 contains an address of this host itself", id="a network of IPv6"),
        pytest.param("127.1.2.3", "127.1.2.3 is this host itself", id="loopback is not among the addresses"),
        pytest.param("203.0.113.6", None, id="a neighbour"),
        pytest.param("2001:db8::6", None, id="a neighbour of IPv6"),
        pytest.param("203.0.113.128/25", None, id="another part of its network"),
    ],
)
def test_the_host_is_not_banned(address: str, why: str | None) -> None:
    # The last word is none: what a program shows may be read wrongly.
    assert protected(address, jail(), None, ["203.0.113.5", "2001:db8::5", "add"]) == why


def test_the_controller_comes_before_the_addresses_of_the_host() -> None:
    """A local run, or one through an address of the host itself."""
    why = "203.0.113.5 is the address that Ansible connects from"
    assert protected("203.0.113.5", jail(), "203.0.113.5", ["203.0.113.5"]) == why


A, B, NET = "192.0.2.7", "2001:db8::7", "192.0.2.0/24"


@pytest.mark.parametrize(
    ("request_", "found", "planned"),
    [
        pytest.param(BanRequest((A, B), True), jail(), BanPlan((), (A, B), ban=(A, B)), id="ban"),
        pytest.param(BanRequest((A, B), True), jail([A]), BanPlan((A,), (A, B), ban=(B,)), id="one of two is new"),
        pytest.param(BanRequest((A,), True), jail([A]), BanPlan((A,), (A,)), id="nothing to ban"),
        pytest.param(
            BanRequest((A,), True),
            jail([A], refused=[]),
            BanPlan((), (A,), restart=True),
            id="the packet filter lost it",
        ),
        pytest.param(
            BanRequest((A,), True),
            RunningJail("sshd", ("mail",), (), frozenset([A]), None),
            BanPlan((A,), (A,)),
            id="no packet filter to ask",
        ),
        pytest.param(BanRequest((A,), False), jail([A, B]), BanPlan((A,), (), unban=(A,)), id="unban"),
        pytest.param(BanRequest((A,), False), jail([B]), BanPlan((), ()), id="nothing to unban"),
        pytest.param(
            BanRequest((A,), False),
            jail([], refused=[A]),
            BanPlan((A,), (), restart=True),
            id="the packet filter kept it",
        ),
        pytest.param(
            BanRequest((A,), False),
            jail([], refused=[A], is_separate=False),
            BanPlan((), ()),
            id="a rule that may be somebody else's",
        ),
        pytest.param(
            BanRequest((NET,), False),
            jail([A, B, "192.0.2.128/25"]),
            BanPlan(("192.0.2.128/25", A), (), unban=("192.0.2.128/25", A)),
            id="a network stands for all in it",
        ),
    ],
)
def test_plan(request_: BanRequest, found: RunningJail, planned: BanPlan) -> None:
    assert plan(request_, found) == planned
    assert planned.has_changes is bool(planned.ban or planned.unban or planned.restart)


def test_a_part_of_a_banned_network_cannot_be_let_in() -> None:
    with pytest.raises(
        BaselineError, match=rf"{A} is part of the network {NET}, which the jail sshd has banned as a whole"
    ):
        plan(BanRequest((A,), False), jail([NET]))


IPTABLES = """-N f2b-sshd
-N f2b-sshd-ddos
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A f2b-sshd -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -s 198.51.100.0/24 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A f2b-sshd-ddos -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -s 203.0.113.1/32 -j DROP
"""
NFT = """table inet f2b-table {
\tset addr-set-sshd {
\t\ttype ipv4_addr
\t\telements = { 192.0.2.7,
\t\t\t     192.0.2.8 }
\t}

\tset addr6-set-sshd {
\t\ttype ipv6_addr
\t\telements = { 2001:db8::7 }
\t}

\tset addr-set-shop {
\t\ttype ipv4_addr
\t\telements = { 203.0.113.9 }
\t}
}
"""
IPSET = """Name: f2b-sshd
Type: hash:ip
Members:
192.0.2.7 timeout 600

Name: f2b-shop
Members:
203.0.113.9 timeout 0
"""
RICH = 'rule family="ipv4" source address="192.0.2.7" port port="22" protocol="tcp" reject\n'


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        pytest.param(IPTABLES, ({"192.0.2.7", "198.51.100.0/24"}, True), id="iptables"),
        pytest.param(NFT, ({"192.0.2.7", "192.0.2.8", "2001:db8::7"}, True), id="nftables"),
        pytest.param(IPSET, ({"192.0.2.7"}, True), id="ipset"),
        pytest.param(RICH, ({"192.0.2.7"}, False), id="firewalld"),
        pytest.param("", (set(), False), id="nothing"),
    ],
)
def test_a_jails_part_of_the_packet_filter(shown: str, found: tuple[set[str], bool]) -> None:
    assert entries_of(shown, "sshd") == found


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_a_recorded_ruleset(system: str) -> None:
    shown = (FIXTURES / f"nft-ruleset-{system}.txt").read_text()
    assert entries_of(shown, "sshd") == (addresses_in(shown), True)
    assert addresses_in(shown)


def test_pfs_own_table_holds_the_jails_bans_alone() -> None:
    """Written from pfctl(8): the table as ``-T show`` has it, and the rule that looks it up."""
    rule = "block drop quick proto tcp from <f2b-sshd> to any port = ssh\n"
    assert entries_of("   192.0.2.77\n" + rule, "sshd") == (frozenset({"192.0.2.77"}), True)
    assert entries_of(rule, "sshd") == (frozenset(), True)
