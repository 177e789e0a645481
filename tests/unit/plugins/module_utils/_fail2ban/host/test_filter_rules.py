"""How the packet filter is asked about a jail, and what is removed from it: transcripts of nft and iptables."""

from __future__ import annotations

import socket
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import filter_rules
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.readings import Readings
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import ADDRESS, BANNED, FLUSHED, FREE, JAIL, NFT, RULE, FakeServer
from tests.unit.fake_host import Expected, FakeHost

LISTED = Expected(["nft", "-a", "list", "ruleset"])
IPTABLES = JailStream(
    "sshd",
    "systemd",
    (
        ("set", "sshd", "addaction", "iptables-multiport"),
        (
            "multi-set",
            "sshd",
            "action",
            "iptables-multiport",
            [
                [
                    "actionstart",
                    "{ …; } || { iptables -I INPUT -p $proto -m multiport --dports ssh -j f2b-sshd; }",
                ],
                ["port", "ssh"],
                ["protocol", "tcp"],
                ["blocktype", "REJECT --reject-with icmp-port-unreachable"],
                ["name", "sshd"],
            ],
        ),
    ),
)


def other(command: Expected, argv: list[str] | None = None) -> Expected:
    return Expected(argv or command.argv, out=command.out.replace("dport 22 ", "dport 2222 "))


def server(*banned: str) -> FakeServer:
    found = FakeServer()
    found.banned += banned
    return found


@pytest.mark.parametrize(
    ("outputs", "banned", "findings"),
    [
        pytest.param([FREE], [], [], id="nothing is banned and the rules stand"),
        pytest.param([BANNED], [ADDRESS], [], id="the ban is there"),
        pytest.param([FLUSHED, FLUSHED], [ADDRESS], [RULE, ADDRESS], id="flushed"),
        pytest.param([FREE, BANNED], [ADDRESS], [], id="a ban that came between the two answers"),
        pytest.param(
            [other(BANNED), other(BANNED)],
            [ADDRESS],
            [RULE, "IPv4: no rule to reject tcp 22", "IPv4: a rule to reject tcp 2222"],
            id="another port",
        ),
        pytest.param([other(BANNED), BANNED], [ADDRESS], [], id="a rule that came between the two answers"),
    ],
)
def test_findings(outputs: list[Expected], banned: list[str], findings: list[str]) -> None:
    host: t.Any = FakeHost(commands=outputs)
    assert filter_rules.filter_findings(Readings(host), server(*banned), JAIL, [RULE]) == findings
    host.done()


OTHER = replace(JAIL, name="recidive")


class BothServer(FakeServer):
    """A server whose jail recidive has the ban, and the jail sshd if ``banned`` has it."""

    def ask(self, *words: str) -> t.Any:
        return [ADDRESS] if words == ("get", "recidive", "banip") else super().ask(*words)


def sets(**elements: str) -> str:
    return "".join(f"set addr-set-{name} {{\n{text}\n}}\n" for name, text in elements.items())


ELEMENT = f"elements = {{ {ADDRESS} }}"


@pytest.mark.parametrize(
    ("banned", "text", "findings"),
    [
        pytest.param([ADDRESS], sets(sshd=ELEMENT, recidive=ELEMENT), 0, id="both"),
        pytest.param([], sets(sshd="", recidive=ELEMENT), 0, id="one of them bans it"),
        pytest.param([ADDRESS], sets(sshd="", recidive=ELEMENT), 1, id="it is in the set of the other"),
    ],
)
def test_two_jails_read_the_ruleset_once(banned: list[str], text: str, findings: int) -> None:
    listed = Expected(NFT, out=text)
    # A difference is looked at again.
    host: t.Any = FakeHost(commands=[listed, *[listed] * findings])
    readings, asked = Readings(host), BothServer()
    asked.banned += banned
    jails = [replace(jail, commands=(("set", jail.name, "addaction", "nftables"),)) for jail in (JAIL, OTHER)]
    found = [filter_rules.filter_findings(readings, asked, jail, []) for jail in jails]
    assert found == [[ADDRESS] * findings, []]
    host.done()


MANY = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(600)]
TABLE = f"table inet f2b-sshd {{\n{sets(sshd='')}chain prerouting {{\n{RULE}\n}}\n}}\n"
LISTING = Expected(["nft", "-t", "list", "ruleset"], out=TABLE)


@pytest.mark.parametrize(
    ("banned", "listing", "commands", "findings"),
    [
        pytest.param(MANY, LISTING, 0, [], id="all are in the set"),
        pytest.param(MANY[:499], None, 1, [], id="few bans, which nft lists"),
        pytest.param([*MANY, "198.18.9.9"], LISTING, 2, ["198.18.9.9"], id="one is not"),
        pytest.param([*MANY, "2001:db8::1"], LISTING, 2, ["2001:db8::1"], id="one of a family without a set"),
        pytest.param([*MANY, "198.18.9.0/24"], LISTING, 2, ["198.18.9.0/24"], id="a network, whose set nft shows"),
        pytest.param(MANY, Expected(LISTING.argv), 1, [], id="the rules were gone"),
        pytest.param(MANY, other(LISTING), 1, [], id="another port"),
        pytest.param(MANY, replace(LISTING, out=TABLE.replace("addr-set-sshd {", "x {")), 1, [], id="no set"),
    ],
)
def test_many_bans_are_read_from_the_kernel(
    monkeypatch: pytest.MonkeyPatch, banned: list[str], listing: Expected | None, commands: int, findings: list[str]
) -> None:
    """What differs, or cannot be known without nft, is looked at with nft, which here has ``MANY`` and the rule."""

    def read(family: str, table: str, name: str, *, size: int) -> frozenset[bytes]:
        assert (family, table, name, size) == ("inet", "f2b-sshd", "addr-set-sshd", 4)
        return frozenset(map(socket.inet_aton, MANY))

    monkeypatch.setattr(filter_rules, "addresses_in_set", read)
    elements = f"elements = {{ {', '.join(MANY)} }}"
    shown = Expected(NFT, out=f"{sets(sshd=elements)}{RULE}\n")
    host: t.Any = FakeHost(commands=[*([listing] if listing else []), *[shown] * commands])
    assert filter_rules.filter_findings(Readings(host), server(*banned), JAIL, [RULE]) == findings
    host.done()


def test_a_kernel_that_does_not_answer_leaves_the_bans_to_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_rules, "addresses_in_set", lambda *_set, size: None)
    host: t.Any = FakeHost(commands=[LISTING, Expected(NFT, out=RULE), Expected(NFT, out=RULE)])
    assert filter_rules.filter_findings(Readings(host), server(*MANY), JAIL, [RULE]) == MANY
    host.done()


def test_many_bans_of_another_packet_filter_are_read_from_its_program() -> None:
    text = "".join(f"-A f2b-sshd -s {one}/32 -j REJECT\n" for one in MANY) + "-A INPUT -p tcp -j f2b-sshd\n"
    commands = [Expected(["iptables", "-w", "-S"], out=text), Expected(["ip6tables", "-w", "-S"])]
    host: t.Any = FakeHost(commands=commands)
    jail = replace(IPTABLES, commands=IPTABLES.commands[:1])
    assert filter_rules.filter_findings(Readings(host), server(*MANY), jail, []) == []
    host.done()


def test_a_jail_whose_rules_are_not_known_is_not_asked_about() -> None:
    jail = JailStream("sshd", "systemd", (("set", "sshd", "addaction", "nftables"),))
    host: t.Any = FakeHost()
    assert filter_rules.wrong_rules(host, server(), jail) == []


def test_what_is_shown_is_all_that_the_tools_of_the_jail_print() -> None:
    host: t.Any = FakeHost(
        commands=[Expected(["iptables", "-w", "-S"], out="four"), Expected(["ip6tables", "-w", "-S"], out="six")]
    )
    assert filter_rules.shown(host, IPTABLES) == "four\nsix"
    host.done()


def test_a_rule_of_nft_is_removed_by_its_handle() -> None:
    text = f"table inet f2b-table {{ # handle 1\nchain f2b-chain {{ # handle 2\n{RULE} # handle 4\n}}\n}}\n"
    listed = Expected(LISTED.argv, out=other(Expected([], out=text)).out + text.replace("handle 4", "handle 5"))
    removed = Expected(["nft", "delete", "rule", "inet", "f2b-table", "f2b-chain", "handle", "4"])
    host: t.Any = FakeHost(commands=[other(FREE), listed, removed])
    filter_rules.remove_other_rules(host, server(), JAIL)
    host.done()


def test_a_rule_without_a_handle_is_left() -> None:
    host: t.Any = FakeHost(commands=[other(FREE), LISTED])
    filter_rules.remove_other_rules(host, server(), JAIL)
    host.done()


def test_nothing_is_removed_where_the_rules_are_the_requested_ones() -> None:
    host: t.Any = FakeHost(commands=[FREE])
    filter_rules.remove_other_rules(host, server(), JAIL)
    host.done()


def test_a_rule_of_iptables_is_removed_once_by_its_text() -> None:
    """Two verdicts of bans are one jump to the chain of the jail."""
    chain = "-A f2b-sshd -s 192.0.2.1/32 -j REJECT\n-A f2b-sshd -s 192.0.2.2/32 -j DROP\n"
    old = "-A INPUT -p tcp -m multiport --dports 2222 -j f2b-sshd"
    new = old.replace("2222", "22")
    host: t.Any = FakeHost(
        commands=[
            Expected(["iptables", "-w", "-S"], out=f"{old}\n{new}\n{chain.splitlines()[0]}\n"),
            Expected(["ip6tables", "-w", "-S"], out=f"{old}\n{chain}"),
            Expected(["iptables", "-w", *old.replace("-A", "-D").split()]),
            Expected(["ip6tables", "-w", *old.replace("-A", "-D").split()]),
        ]
    )
    filter_rules.remove_other_rules(host, server(), IPTABLES)
    host.done()


def test_services_have_their_port_by_name() -> None:
    assert filter_rules.service_port("ssh") == 22
    assert filter_rules.service_port("no-such-service") is None
