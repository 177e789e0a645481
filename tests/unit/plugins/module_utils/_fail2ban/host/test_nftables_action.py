"""Our ban action: the scripts that it gives to nft, which bans one transaction has, and what happens when nft fails."""

from __future__ import annotations

import re
import time
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import nftables_action
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.nftables_action import Action
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.packet_filters import OWN_OPTIONS


class Nft:
    """A stand-in for nft: the sets as the scripts leave them, and the scripts. ``fails``: how many calls fail."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.sets: dict[str, set[str]] | None = None
        self.table = ""
        self.other = "table inet f2b-sshd-other {\n}\ntable inet filter {\n}\n"
        self.fails = 0

    def run(self, script: str, *words: str) -> str:
        if self.fails:
            self.fails -= 1
            raise nftables_action._NftError("out of memory")
        if words:
            assert words == ("-t", "list", "ruleset", "inet")
            return self.other if self.sets is None else f"{self.other}{self.table}\n{self.other}"
        self.scripts.append(script)
        sets, table = {name: set(members) for name, members in (self.sets or {}).items()}, self.table
        exists = self.sets is not None
        for statement in re.split(r"\n(?=add |delete |table )", script.strip()):
            if statement.startswith("table "):
                table, sets = statement, {name: set() for name in re.findall(r"set (\S+) \{", statement)}
                exists = True
            elif statement.startswith("delete table"):
                sets, exists = {}, False
            elif " element " in statement:
                verb, name, listed = re.fullmatch(r"(\w+) element inet \S+ (\S+) \{ (.*) \}", statement).groups()  # type: ignore[union-attr]
                members = set(listed.split(", "))
                if name not in sets or (verb == "delete" and not members <= sets[name]):
                    raise nftables_action._NftError("No such file or directory")
                sets[name] = sets[name] | members if verb == "add" else sets[name] - members
        self.sets, self.table = (sets if exists else None), table
        return ""

    @property
    def banned(self) -> set[str]:
        return set().union(*(self.sets or {}).values())


@pytest.fixture
def nft(monkeypatch: pytest.MonkeyPatch) -> Nft:
    stand_in = Nft()
    monkeypatch.setattr(nftables_action, "_nft", stand_in.run)
    monkeypatch.setattr(nftables_action, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(nftables_action, "_RETRY_SECONDS", 0.01)
    return stand_in


def action(jail: str = "sshd", **options: str) -> Action:
    return Action(SimpleNamespace(name=jail), "pyhost-nftables", **options)


@pytest.fixture
def started(nft: Nft) -> t.Iterator[Action]:
    one = action(port="22")
    one.start()
    yield one
    nft.fails = 0
    one.stop()


def until(condition: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ban(one: Action, *addresses: str) -> None:
    for address in addresses:
        one.ban({"ip": address})


def test_the_table_of_a_jail(nft: Nft, started: Action) -> None:
    assert nft.scripts == [
        """\
add table inet f2b-sshd
delete table inet f2b-sshd
table inet f2b-sshd {
  set addr-set-sshd { type ipv4_addr; }
  set addr6-set-sshd { type ipv6_addr; }
  set net-set-sshd { type ipv4_addr; flags interval; }
  set net6-set-sshd { type ipv6_addr; flags interval; }
  chain prerouting {
    type filter hook prerouting priority -301;
    tcp dport { 22 } ip saddr @addr-set-sshd reject
    tcp dport { 22 } ip6 saddr @addr6-set-sshd reject
    tcp dport { 22 } ip saddr @net-set-sshd reject
    tcp dport { 22 } ip6 saddr @net6-set-sshd reject
  }
  chain postrouting {
    type filter hook postrouting priority 301;
    tcp flags & rst == rst accept
    tcp sport { 22 } ip daddr @addr-set-sshd drop
    tcp sport { 22 } ip6 daddr @addr6-set-sshd drop
    tcp sport { 22 } ip daddr @net-set-sshd drop
    tcp sport { 22 } ip6 daddr @net6-set-sshd drop
  }
}
"""
    ]


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        pytest.param({}, ["tcp dport { ssh } ip saddr @addr-set-x reject"], id="the defaults"),
        pytest.param(
            {"port": "ssh,2222, 8000:8100", "blocktype": "drop"},
            ["tcp dport { ssh, 2222, 8000-8100 } ip saddr @addr-set-x drop"],
            id="services, numbers and a range",
        ),
        pytest.param(
            {"port": "0:65535"}, ["tcp dport { 0-65535 } ip saddr @addr-set-x reject"], id="jail.conf's default"
        ),
        pytest.param(
            {"port": "53", "protocol": "tcp, udp"},
            ["tcp dport { 53 } ip saddr @addr-set-x reject", "udp dport { 53 } ip saddr @addr-set-x reject"],
            id="two protocols",
        ),
        pytest.param(
            {"type": "allports", "port": "22", "protocol": "tcp,udp", "blocktype": "reject with tcp reset"},
            ["meta l4proto { tcp, udp } ip saddr @addr-set-x reject with tcp reset"],
            id="all ports",
        ),
        pytest.param({"chain": "INPUT"}, ["tcp dport { ssh } ip saddr @addr-set-x reject"], id="a chain"),
        pytest.param(
            {"chain": "<known/chain>"}, ["tcp dport { ssh } ip saddr @addr-set-x reject"], id="that of jail.conf"
        ),
    ],
)
def test_the_rules_of_options(nft: Nft, options: dict[str, str], rules: list[str]) -> None:
    one = action("x", **options)
    one.start()
    lines = [line.strip() for line in nft.table.splitlines()]
    assert [line for line in lines if "saddr @addr-set-x" in line] == rules
    answers = [re.sub(r"@addr-set-x .*", "@addr-set-x drop", rule) for rule in rules]
    answers = [rule.replace("dport", "sport").replace("saddr", "daddr") for rule in answers]
    assert [line for line in lines if "daddr @addr-set-x" in line] == answers
    one.stop()
    assert nft.sets is None


@pytest.mark.parametrize(
    ("jail", "options", "message"),
    [
        pytest.param("x", {"port": "22 } ip saddr 0/0 accept #"}, "port='22 }", id="a rule in the port"),
        pytest.param("x", {"protocol": "tcp; flush ruleset"}, "protocol=", id="a command in the protocol"),
        pytest.param("x", {"type": "custom"}, "type='custom'", id="a type of the stock action"),
        pytest.param("x", {"blocktype": "accept"}, "blocktype='accept'", id="a verdict that lets pass"),
        pytest.param("x", {"blocktype": "drop\nflush ruleset"}, "blocktype=", id="a line in the verdict"),
        pytest.param("x", {"ports": "22"}, "ports='22'", id="an unknown option"),
        pytest.param("x y", {}, "name of the jail 'x y'", id="a jail with a blank"),
        pytest.param("x { }", {}, "name of the jail", id="a jail with braces"),
    ],
)
def test_invalid_options(jail: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        action(jail, **options)


def test_what_the_server_is_asked_for() -> None:
    """stream.py expects these attributes with these defaults; ban_action.py compares the digest."""
    one = action()
    assert {name: getattr(one, name) for name in OWN_OPTIONS} == OWN_OPTIONS
    assert one.digest == nftables_action._DIGEST


def test_the_server_takes_it_for_an_action() -> None:
    """fail2ban 1.0.2 and 1.1.0, server/action.py and actions.py: methods by duck typing, attributes without a check."""
    for method in ("start", "stop", "ban", "reban", "unban", "clearAllParams", "reload", "flush", "consistencyCheck"):
        assert callable(getattr(Action, method))
    assert Action._prolongable is False
    assert Action.banEpoch == 0


@pytest.mark.parametrize(
    ("address", "name", "element"),
    [
        ("192.0.2.1", "addr-set-sshd", "192.0.2.1"),
        ("2001:db8::1", "addr6-set-sshd", "2001:db8::1"),
        ("198.51.100.0/24", "net-set-sshd", "198.51.100.0/24"),
        ("198.51.100.7/24", "net-set-sshd", "198.51.100.0/24"),
        ("203.0.113.9/32", "addr-set-sshd", "203.0.113.9"),
        ("fe80::1%eth0", "addr6-set-sshd", "fe80::1"),
        ("2001:db8:1::/64", "net6-set-sshd", "2001:db8:1::/64"),
    ],
)
def test_the_set_of_a_ban(nft: Nft, started: Action, address: str, name: str, element: str) -> None:
    ban(started, address)
    until(lambda: bool(nft.banned))
    assert nft.sets is not None
    assert nft.sets[name] == {element}
    started.unban({"ip": address})
    until(lambda: not nft.banned)


def test_a_network_within_another_one(nft: Nft, started: Action) -> None:
    """nft refuses intervals that overlap."""
    ban(started, "198.51.100.0/25", "198.51.100.7", "198.51.100.0/24", "2001:db8::/32")
    until(lambda: nft.banned >= {"198.51.100.7", "198.51.100.0/24"})
    started.reload()
    assert nft.banned == {"198.51.100.7", "198.51.100.0/24", "2001:db8::/32"}
    started.unban({"ip": "198.51.100.0/24"})
    started.reload()
    assert nft.banned == {"198.51.100.7", "198.51.100.0/25", "2001:db8::/32"}


@pytest.mark.parametrize("name", ["attacker.example", "192.0.2.1; flush ruleset", "", "192.0.2.1 } "])
def test_what_is_no_address_is_rejected(nft: Nft, started: Action, name: str) -> None:
    with pytest.raises(ValueError):
        ban(started, name)
    time.sleep(0.02)
    assert len(nft.scripts) == 1


def test_bans_that_wait_are_one_transaction(nft: Nft, started: Action) -> None:
    with started._transaction:
        ban(started, *(f"192.0.2.{number}" for number in range(1, 101)))
        started.unban({"ip": "192.0.2.7"})
    until(lambda: len(nft.banned) == 99)
    # The thread may have begun with the first ban before the transaction was held.
    assert len(nft.scripts) <= 3


def test_a_restored_ban_is_one_of_them(nft: Nft, started: Action) -> None:
    started.reban({"ip": "192.0.2.1"})
    until(lambda: nft.banned == {"192.0.2.1"})


def test_a_table_that_another_program_removed_is_created_again(nft: Nft, started: Action) -> None:
    ban(started, "192.0.2.1")
    until(lambda: nft.banned == {"192.0.2.1"})
    nft.sets = None
    until(lambda: nft.banned == {"192.0.2.1"})


def test_a_changed_rule_is_replaced(nft: Nft, started: Action) -> None:
    table = nft.table
    nft.table = table.replace("reject", "accept")
    until(lambda: nft.table == table)


def test_a_ban_in_a_flushed_set_takes_effect_with_all_others(nft: Nft, started: Action) -> None:
    ban(started, "192.0.2.1", "192.0.2.2")
    until(lambda: len(nft.banned) == 2)
    assert nft.sets is not None
    nft.sets["addr-set-sshd"].clear()
    # Its removal fails, so the table is created again.
    started.unban({"ip": "192.0.2.1"})
    until(lambda: nft.banned == {"192.0.2.2"})


def test_a_failure_of_nft_is_logged_and_made_up_for(
    nft: Nft, started: Action, caplog: pytest.LogCaptureFixture
) -> None:
    nft.fails = 4
    ban(started, "192.0.2.1")
    until(lambda: nft.banned == {"192.0.2.1"})
    assert "[sshd] the bans are not in force in the packet filter: out of memory" in caplog.text


def test_a_start_that_fails_is_an_error(nft: Nft) -> None:
    nft.fails = 1
    with pytest.raises(nftables_action._NftError, match="out of memory"):
        action().start()


def test_new_options_are_in_force_with_the_bans(nft: Nft, started: Action) -> None:
    ban(started, "192.0.2.1")
    until(lambda: bool(nft.banned))
    started.clearAllParams()
    started.reload(port="2222", protocol="tcp", chain="INPUT")
    assert "tcp dport { 2222 } ip saddr @addr-set-sshd reject" in nft.table
    assert nft.banned == {"192.0.2.1"}
    assert started.port == "2222"


def test_a_flush_ends_all_bans(nft: Nft, started: Action) -> None:
    ban(started, "192.0.2.1", "2001:db8::1")
    assert started.flush()
    assert nft.banned == set()
    time.sleep(0.02)
    assert nft.banned == set()


@pytest.mark.parametrize("is_there", [True, False])
def test_the_check_that_the_server_asks_for(nft: Nft, is_there: bool) -> None:
    one = action()
    one._rebuild()
    if not is_there:
        nft.sets = None
    one.consistencyCheck(lambda: True)
    assert len(nft.scripts) == (1 if is_there else 2)


def test_a_change_of_another_table_is_none_of_the_jail(nft: Nft) -> None:
    one = action()
    one._rebuild()
    nft.other = "table inet filter {\n\tchain input {\n\t}\n}\n"
    one.consistencyCheck()
    assert len(nft.scripts) == 1


def test_a_stop_removes_the_table(nft: Nft) -> None:
    one = action()
    one.start()
    ban(one, "192.0.2.1")
    one.stop()
    assert nft.sets is None
    assert one._worker is not None
    assert not one._worker.is_alive()


def test_nft_gets_a_script_or_words(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(argv: list[str], **options: t.Any) -> SimpleNamespace:
        calls.append((argv, options["input"]))
        return SimpleNamespace(returncode=len(calls) - 1, stdout=" output\n")

    monkeypatch.setattr(nftables_action.subprocess, "run", run)
    assert nftables_action._nft("add table inet x") == " output\n"
    with pytest.raises(nftables_action._NftError, match="^output$"):
        nftables_action._nft("", "list", "ruleset")
    assert calls == [(["nft", "-f", "-"], "add table inet x"), (["nft", "list", "ruleset"], "")]
