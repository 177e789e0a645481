"""Bans by hand, played against transcripts of the server and of nft."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import BanRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ban as host_fail2ban_ban
from tests.unit.fake_host import Expected, FakeHost


class Fail2ban:
    """A server, and the packet filter behind it. ``broken``: its action fails; ``forgetful``: it never unbans."""

    def __init__(
        self,
        held: t.Iterable[str] = (),
        *,
        refused: t.Iterable[str] | None = None,
        actions: tuple[str, ...] = ("nftables",),
        broken: bool = False,
        forgetful: bool = False,
    ) -> None:
        self.held = list(held)
        self.refused = set(self.held if refused is None else refused)
        self.actions, self.broken, self.forgetful = actions, broken, forgetful
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
                ("get", "sshd", "ignoreip"): ["198.51.100.0/24"],
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
    """Its nft shows the packet filter of ``fail2ban`` as it is at that moment."""

    fail2ban: Fail2ban

    def run(self, argv: t.Sequence[str], **_options: t.Any) -> t.Any:
        self.commands = [Expected(["nft", "list", "ruleset"], out=self.fail2ban.shown())]
        return super().run(argv)


def play(fail2ban: Fail2ban, request: BanRequest, **options: t.Any) -> t.Any:
    host: t.Any = Host({"/var/log/fail2ban.log": "x fail2ban.utils [1]: ERROR 7f3a21 -- stderr: 'no'\n"}, **options)
    host.fail2ban = fail2ban
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
        (Fail2ban(), BanRequest(("203.0.113.0/24",), True), None, "contains single addresses only"),
    ],
)
def test_refused_before_anything_changes(
    fail2ban: Fail2ban, request_: BanRequest, programs: list[str] | None, problem: str
) -> None:
    with pytest.raises(BaselineError, match=f"{problem}.*this task changed nothing"):
        play(fail2ban, request_, programs=programs)
    assert fail2ban.commands == []


def test_force_bans_all_the_same() -> None:
    fail2ban = Fail2ban()
    play(fail2ban, BanRequest(("192.0.2.200", "198.51.100.9"), True, force=True))
    assert fail2ban.held == ["192.0.2.200", "198.51.100.9"]


def test_an_action_without_a_packet_filter_is_a_warning() -> None:
    fail2ban = Fail2ban(actions=("report",))
    assert "which is no known packet filter" in play(fail2ban, BanRequest((A,), True)).warnings[0]
    assert fail2ban.commands == ["set sshd banip 192.0.2.7"]
