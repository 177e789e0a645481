"""Bans by hand, played against transcripts of the server and of nft."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import BanRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ban as host_fail2ban_ban
from tests.unit.fake_fail2ban import ADDRESSES
from tests.unit.fake_host import Expected, FakeHost


class Fail2ban:
    """A server, and the packet filter behind it. ``broken``: its action fails; ``forgetful``: it never unbans."""

    def __init__(
        self,
        held: t.Iterable[str] = (),
        *,
        refused: t.Iterable[str] | None = None,
        actions: tuple[str, ...] = ("nftables",),
        ignored: tuple[str, ...] = ("198.51.100.0/24",),
        broken: bool = False,
        forgetful: bool = False,
    ) -> None:
        self.held = list(held)
        self.refused = set(self.held if refused is None else refused)
        self.actions, self.ignored, self.broken, self.forgetful = actions, ignored, broken, forgetful
        self.commands: list[str] = []

    def ask(self, *words: str) -> t.Any:
        if words[:3] == ("set", "sshd", "banip"):
            self.held.append(words[3])
            if not self.broken:
                self.refused.add(words[3])
        elif words[:3] == ("set", "sshd", "unbanip"):
            self.held.remove(words[3])
            if not self.forgetful:
                self.refused.discard(words[3])
        else:
            return {
                ("status",): [("Number of jail", 1), ("Jail list", "sshd")],
                ("get", "sshd", "actions"): list(self.actions),
                ("get", "sshd", "ignoreip"): list(self.ignored),
                ("get", "sshd", "banip"): list(self.held),
                ("get", "logtarget"): "/var/log/fail2ban.log",
                ("get", "sshd", "action", "nftables", "actionstart"): "nft add set x { type ipv4_addr; }",
            }[words]
        self.commands.append(" ".join(words))
        return 1

    def restart(self, name: str) -> None:
        self.commands.append(f"restart {name}")
        self.refused = set(self.held)

    def shown(self) -> str:
        return f"set addr-set-sshd {{\nelements = {{ {', '.join(sorted(self.refused))} }}\n}}\n"


class Host(FakeHost):
    """Its nft shows the packet filter of ``fail2ban`` as it is at that moment, and it has the addresses ``own``."""

    fail2ban: Fail2ban
    own: Expected

    def run(self, argv: t.Sequence[str], **_options: t.Any) -> t.Any:
        shown = Expected(["nft", "list", "ruleset"], out=self.fail2ban.shown())
        self.commands = [shown if argv[0] == "nft" else self.own]
        return super().run(argv)


def play(fail2ban: Fail2ban, request: BanRequest, *, own: Expected = ADDRESSES, **options: t.Any) -> t.Any:
    host: t.Any = Host({"/var/log/fail2ban.log": "x fail2ban.utils [1]: ERROR 7f3a21 -- stderr: 'no'\n"}, **options)
    host.fail2ban, host.own = fail2ban, own
    return host_fail2ban_ban.ensure_with(host, fail2ban, request, restart=fail2ban.restart)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_fail2ban_ban, "_SECONDS", 0.0)
    monkeypatch.setattr(host_fail2ban_ban, "controller", lambda _host: "192.0.2.200")


A, B = "192.0.2.7", "192.0.2.8"


@pytest.mark.parametrize(
    ("fail2ban", "request_", "commands"),
    [
        pytest.param(Fail2ban([A]), BanRequest((A, B), True), ["set sshd banip 192.0.2.8"], id="ban what is missing"),
        pytest.param(Fail2ban([A]), BanRequest((A,), True, ("sshd",)), [], id="nothing to ban"),
        pytest.param(Fail2ban([A], refused=()), BanRequest((A,), True), ["restart sshd"], id="flushed rules"),
        pytest.param(Fail2ban([A, B]), BanRequest((A,), False), ["set sshd unbanip 192.0.2.7"], id="unban"),
        pytest.param(Fail2ban(refused=[A]), BanRequest((A,), False), ["restart sshd"], id="a left-over"),
        pytest.param(
            Fail2ban([A], forgetful=True),
            BanRequest((A,), False),
            ["set sshd unbanip 192.0.2.7", "restart sshd"],
            id="an unban without effect",
        ),
    ],
)
def test_what_the_server_is_asked_to_do(fail2ban: Fail2ban, request_: BanRequest, commands: list[str]) -> None:
    result = play(fail2ban, request_)
    assert fail2ban.commands == commands
    assert result.changed is bool(commands)
    assert result.plans["sshd"].restart is ("restart sshd" in commands)
    assert not play(fail2ban, request_).changed


def test_check_mode_changes_nothing() -> None:
    fail2ban = Fail2ban()
    result = play(fail2ban, BanRequest((A,), True), check_mode=True)
    assert (result.changed, result.plans["sshd"].after, fail2ban.commands) == (True, (A,), [])


def test_a_ban_without_effect_is_removed() -> None:
    fail2ban = Fail2ban(broken=True)
    with pytest.raises(BaselineError) as failed:
        play(fail2ban, BanRequest((A,), True))
    assert str(failed.value) == (
        "the ban of 192.0.2.7 by the jail sshd (nftables) does not appear in the packet filter. fail2ban logged: "
        "stderr: 'no'; the new bans in sshd were removed"
    )
    assert fail2ban.commands == ["set sshd banip 192.0.2.7", "set sshd unbanip 192.0.2.7"]


@pytest.mark.parametrize(
    ("fail2ban", "request_", "programs", "problem"),
    [
        (Fail2ban(), BanRequest((A,), True, ("shd",)), None, "unknown jail 'shd'; did you mean 'sshd'?"),
        (Fail2ban(), BanRequest((A,), True), [], "but nft is not installed"),
        (Fail2ban(actions=()), BanRequest((A,), True), None, "the jail sshd has no action"),
        (Fail2ban(), BanRequest(("192.0.2.200",), True), None, "192.0.2.200 is the address that Ansible connects from"),
        (Fail2ban(), BanRequest(("198.51.100.9",), True), None, r"ignores 198.51.100.0/24 \(ignoreip\)"),
        (Fail2ban(), BanRequest(("192.0.2.0/28",), True), None, "contains single addresses only"),
    ],
)
def test_refused_before_anything_changes(
    fail2ban: Fail2ban, request_: BanRequest, programs: list[str] | None, problem: str
) -> None:
    with pytest.raises(BaselineError, match=f"{problem}.*this task changed nothing"):
        play(fail2ban, request_, programs=programs)
    assert fail2ban.commands == []


IFCONFIG = Expected(
    ["ifconfig"],
    out="em0: flags=1008843<UP,BROADCAST,RUNNING> metric 0 mtu 1500\n"
    "\tether 52:54:00:12:34:56\n"
    "\tinet 203.0.113.5 netmask 0xffffff00 broadcast 203.0.113.255\n"
    "\tinet6 fe80::5054:ff:fe12:3456%em0 prefixlen 64 scopeid 0x1\n"
    "\tinet6 2001:db8::5 prefixlen 64\n"
    "lo0: flags=1008049<UP,LOOPBACK,RUNNING> metric 0 mtu 16384\n"
    "\tinet6 ::1 prefixlen 128\n"
    "\tinet 127.0.0.1 netmask 0xff000000\n"
    "tun0: flags=1008051<UP,POINTOPOINT,RUNNING> metric 0 mtu 1500\n"
    "\tinet 198.51.100.129 --> 198.51.100.130 netmask 0xffffffff\n",
)


@pytest.mark.parametrize(
    ("own", "programs"),
    [(ADDRESSES, ["nft", "ip", "ifconfig"]), (IFCONFIG, ["nft", "ifconfig"])],
    ids=["ip", "ifconfig"],
)
@pytest.mark.parametrize(
    "address",
    [
        pytest.param("203.0.113.5", id="IPv4"),
        pytest.param("2001:db8::5", id="IPv6"),
        pytest.param("fe80::5054:ff:fe12:3456", id="of the link"),
        pytest.param("198.51.100.129", id="of a tunnel"),
        pytest.param("203.0.113.0/28", id="a network with it"),
        pytest.param("127.0.0.1", id="loopback"),
    ],
)
def test_an_address_of_the_host_is_refused(own: Expected, programs: list[str], address: str) -> None:
    fail2ban = Fail2ban()
    with pytest.raises(BaselineError) as failed:
        play(fail2ban, BanRequest((A, address), True), own=own, programs=programs)
    relation = "contains an address of" if "/" in address else "is"
    assert str(failed.value) == (
        f"address: {address} {relation} this host itself; this task changed nothing; set force to ban it anyway"
    )
    assert fail2ban.commands == []


@pytest.mark.parametrize("own", [ADDRESSES, IFCONFIG], ids=["ip", "ifconfig"])
@pytest.mark.parametrize("address", ["203.0.113.255", "198.51.100.130", "203.0.113.6", "2001:db8::6"])
def test_other_addresses_of_the_networks_of_the_host_are_banned(own: Expected, address: str) -> None:
    """The address of a broadcast and the other end of a tunnel are not those of the host."""
    fail2ban = Fail2ban(ignored=())
    programs = ["nft", own.argv[0]]
    assert play(fail2ban, BanRequest((address,), True), own=own, programs=programs).changed
    assert fail2ban.held == [address]


@pytest.mark.parametrize(
    "own",
    [
        Expected(ADDRESSES.argv, rc=1, err="Cannot open netlink socket"),
        Expected(ADDRESSES.argv, out="eth0  inet addr:203.0.113.5  Bcast:203.0.113.255\n"),
    ],
    ids=["no answer", "another form"],
)
def test_where_the_addresses_of_the_host_are_unknown_others_are_banned(own: Expected) -> None:
    fail2ban = Fail2ban()
    play(fail2ban, BanRequest((A,), True), own=own)
    assert fail2ban.held == [A]


NOBODY = Expected(["nobody asks for the addresses of the host"])


def test_force_bans_all_the_same() -> None:
    fail2ban = Fail2ban()
    play(fail2ban, BanRequest(("192.0.2.200", "198.51.100.9", "203.0.113.5"), True, force=True), own=NOBODY)
    assert fail2ban.held == ["192.0.2.200", "198.51.100.9", "203.0.113.5"]


def test_a_ban_of_the_host_can_be_ended() -> None:
    fail2ban = Fail2ban(["203.0.113.5"])
    assert play(fail2ban, BanRequest(("203.0.113.5",), False), own=NOBODY).changed
    assert fail2ban.held == []


def test_an_action_without_a_packet_filter_is_a_warning() -> None:
    fail2ban = Fail2ban(actions=("report",))
    assert "which is no known packet filter" in play(fail2ban, BanRequest((A,), True)).warnings[0]
    assert fail2ban.commands == ["set sshd banip 192.0.2.7"]
