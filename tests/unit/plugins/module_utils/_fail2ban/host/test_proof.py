"""The proof at the packet filter, played against a transcript of the server and of nft."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof as host_fail2ban_proof
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import JAIL
from tests.unit.fake_host import Clock, Expected, FakeHost, FreeBsdHost

SSHD = JailStream("sshd", "systemd", (("set", "sshd", "addaction", "nftables"),))
RULE = "tcp dport 22 ip saddr @addr-set-sshd reject"
BANNED = f"set addr-set-sshd {{\nelements = {{ 192.0.2.1 }}\n}}\n{RULE}\n"
FREE = f"set addr-set-sshd {{\n}}\n{RULE}\n"

DBFILE = ("get", "dbfile")
NOTE = "/var/lib/fail2ban/pyhost.baseline.test-bans"


class Server:
    """Answers as fail2ban's server does and records the requests for changes."""

    def __init__(self, answers: dict[tuple[str, ...], t.Any]) -> None:
        self.answers = answers
        self.commands: list[str] = []

    def ask(self, *words: str) -> t.Any:
        if words[0] == "set":
            self.commands.append(" ".join(words))
            return 1
        return {DBFILE: "/var/lib/fail2ban/fail2ban.sqlite3", **self.answers}[words]


@pytest.fixture(autouse=True)
def one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_fail2ban_proof, "documentation_addresses", lambda **_options: ["192.0.2.1"])


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(host_fail2ban_proof, "time", clock)
    return clock


def nft(*outputs: str) -> t.Any:
    return FakeHost(commands=[Expected(["nft", "list", "ruleset"], out=out) for out in outputs])


def test_a_ban_that_takes_effect_and_ends() -> None:
    host, server = nft(BANNED, FREE, FREE), Server({("get", "sshd", "banip"): []})
    assert host_fail2ban_proof.prove(host, server, SSHD) == {
        "proven": True,
        "addresses": ["192.0.2.1"],
        "actions": ["nftables"],
        "rules": ["set addr-set-sshd {", RULE],
    }
    assert server.commands == ["set sshd banip 192.0.2.1", "set sshd unbanip 192.0.2.1"]
    assert NOTE in host.written
    assert host.modes[NOTE] == 0o600
    assert NOTE not in host.files
    host.done()


def test_restored_bans_are_waited_for() -> None:
    host, server = nft(FREE, BANNED), Server({("get", "sshd", "banip"): []})
    host_fail2ban_proof.wait_for_restored_bans(host, server, SSHD, ["192.0.2.1"])
    host.done()


def test_a_jail_without_bans_is_not_waited_for() -> None:
    host_fail2ban_proof.wait_for_restored_bans(nft(), Server({("get", "sshd", "banip"): []}), SSHD, [])


class Unchanging(FakeHost):
    """A host whose packet filter always shows the same."""

    def run(self, argv: t.Sequence[str], **_options: t.Any) -> t.Any:
        return FakeHost(commands=[Expected(list(argv), out=self.files["nft"])]).run(argv)


def test_bans_that_ended_meanwhile_are_not_waited_for_for_ever(clock: Clock) -> None:
    host: t.Any = Unchanging({"nft": FREE})
    host_fail2ban_proof.wait_for_restored_bans(host, Server({("get", "sshd", "banip"): []}), SSHD, ["192.0.2.1"])
    assert 10.0 <= clock.now <= 10.2


def test_a_ban_that_takes_effect_and_ends_a_little_later_is_waited_for() -> None:
    host, server = nft("", BANNED, BANNED, FREE, FREE), Server({("get", "sshd", "banip"): []})
    assert host_fail2ban_proof.prove(host, server, SSHD)["proven"]
    host.done()


@pytest.mark.parametrize(
    ("stderr", "hint"),
    [
        (
            "Operation not permitted",
            "give the service of fail2ban the capability CAP_NET_ADMIN (CapabilityBoundingSet=",
        ),
        ("the kernel says no", "see the log of fail2ban, which reports:"),
    ],
)
def test_a_server_that_may_not_change_the_packet_filter(stderr: str, hint: str) -> None:
    log = f"2026-11-28 02:10:00,000 fail2ban.utils [812]: ERROR   stderr: '{stderr}'\n"
    host: t.Any = Unchanging({"nft": FREE, "/var/log/fail2ban.log": log})
    server = Server({("get", "sshd", "banip"): [], ("get", "logtarget"): "/var/log/fail2ban.log"})
    with pytest.raises(BaselineError) as failed:
        host_fail2ban_proof.prove(host, server, SSHD)
    assert failed.value.hint.startswith(hint)
    assert failed.value.hint.endswith(f"stderr: '{stderr}'")


def test_a_ban_that_does_not_end_fails_the_proof(clock: Clock) -> None:
    host: t.Any = Unchanging({"nft": BANNED})
    server = Server({("get", "sshd", "banip"): [], ("get", "logtarget"): "/var/log/fail2ban.log"})
    with pytest.raises(BaselineError) as failed:
        host_fail2ban_proof.prove(host, server, SSHD)
    assert failed.value.problem == (
        "bans of the jail sshd (nftables) do not end: a test ban of 192.0.2.1 stays in the packet filter"
    )
    assert 3.0 <= clock.now <= 3.3


@pytest.mark.parametrize(
    ("host", "ipv6"),
    [
        pytest.param(FakeHost(), False, id="Linux without IPv6"),
        pytest.param(FakeHost({"/proc/net/if_inet6": ""}), True, id="Linux"),
        pytest.param(FreeBsdHost(), True, id="FreeBSD"),
    ],
)
def test_a_ban_of_each_family_of_the_host_is_tried(monkeypatch: pytest.MonkeyPatch, host: FakeHost, ipv6: bool) -> None:
    asked: list[t.Any] = []

    def addresses(**options: t.Any) -> t.NoReturn:
        asked.append(options)
        raise SystemExit

    monkeypatch.setattr(host_fail2ban_proof, "documentation_addresses", addresses)
    server = Server({("get", "sshd", "banip"): ["192.0.2.1"]})
    with pytest.raises(SystemExit):
        host_fail2ban_proof.prove(t.cast(t.Any, host), server, SSHD)
    assert asked == [{"ipv6": ipv6, "taken": {"192.0.2.1"}}]


def test_a_ban_without_effect_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    # At the end of the three seconds it is not looked for again.
    ticks = iter([0.0, 3.0])
    monkeypatch.setattr(host_fail2ban_proof.time, "monotonic", lambda: next(ticks))
    host = nft("")
    host.files["/var/log/fail2ban.log"] = (
        "2026-11-22 11:00:00,000 fail2ban.utils [1]: ERROR   7f -- stderr: 'nft: not found'\n"
    )
    server = Server({("get", "sshd", "banip"): [], ("get", "logtarget"): "/var/log/fail2ban.log"})
    with pytest.raises(BaselineError) as failed:
        host_fail2ban_proof.prove(host, server, SSHD)
    assert str(failed.value).startswith(
        "bans of the jail sshd (nftables) do not take effect: a test ban of 192.0.2.1 does not appear in the packet "
        "filter"
    )
    assert failed.value.hint == "see the log of fail2ban, which reports:\n7f -- stderr: 'nft: not found'"
    assert server.commands == ["set sshd banip 192.0.2.1", "set sshd unbanip 192.0.2.1"]


def test_a_proof_that_is_killed_leaves_a_note_of_its_bans() -> None:
    class Killed(Server):
        def ask(self, *words: str) -> t.Any:
            if words[2:] == ("banip", "192.0.2.1"):
                # As after SIGKILL: nothing of the proof runs any more.
                raise SystemExit(json.dumps(json.loads(host.files[NOTE])))
            return super().ask(*words)

    host = nft()
    with pytest.raises(SystemExit, match='{"sshd": \\["192.0.2.1"\\]}'):
        host_fail2ban_proof.prove(host, Killed({("get", "sshd", "banip"): []}), SSHD)


@pytest.mark.parametrize(
    ("note", "removed"),
    [
        pytest.param(None, [], id="nothing was left"),
        pytest.param('{"sshd": ["192.0.2.1", "2001:db8::1"]}', ["192.0.2.1", "2001:db8::1"], id="killed"),
        pytest.param('{"gone": ["192.0.2.1"]}', [], id="a jail that runs no more"),
        pytest.param('{"sshd": ["192.0', [], id="half a note"),
    ],
)
def test_the_next_run_removes_what_a_killed_proof_banned(note: str | None, removed: list[str]) -> None:
    host: t.Any = FakeHost({NOTE: note} if note else {})
    server = Server({("status",): [("Number of jail", 1), ("Jail list", "sshd")]})
    assert host_fail2ban_proof.remove_test_bans(t.cast(t.Any, host), server) == removed
    assert server.commands == [f"set sshd unbanip {address}" for address in removed]
    assert NOTE not in host.files


def test_a_jail_that_sends_mail_is_not_tried() -> None:
    jail = JailStream("sshd", "systemd", (*SSHD.commands, ("set", "sshd", "addaction", "sendmail-whois")))
    server = Server({})
    assert host_fail2ban_proof.prove(nft(), server, jail) == {
        "proven": False,
        "reason": "a ban would also run sendmail-whois, which may report it to others",
    }
    assert server.commands == []


def test_the_action_of_ours_that_reports_bans_does_not_keep_a_jail_from_the_proof() -> None:
    jail = JailStream("sshd", "systemd", (*SSHD.commands, ("set", "sshd", "addaction", "pyhost-baseline-notify")))
    host = nft(BANNED, FREE, FREE)
    assert host_fail2ban_proof.prove(host, Server({("get", "sshd", "banip"): []}), jail)["proven"] is True


def test_a_rule_that_does_not_refuse_what_is_requested_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 0.0, 1.0, 3.0])
    monkeypatch.setattr(host_fail2ban_proof.time, "monotonic", lambda: next(ticks))
    wrong = BANNED.replace("dport 22", "dport 2222")
    handles = Expected(["nft", "-a", "list", "ruleset"], out=wrong)
    host = FakeHost(commands=[*[Expected(["nft", "list", "ruleset"], out=wrong)] * 3, handles])
    host.commands.append(Expected(["nft", "list", "ruleset"], out=wrong))
    server = Server({("get", "sshd", "banip"): ["192.0.2.1"]})
    with pytest.raises(BaselineError) as failed:
        host_fail2ban_proof.prove(t.cast(t.Any, host), server, JAIL)
    assert failed.value.problem == (
        "bans of the jail sshd (pyhost-nftables) do not refuse what the jail requests; in the packet filter: IPv4: no "
        "rule to reject tcp 22; IPv4: a rule to reject tcp 2222"
    )
    assert server.commands == ["set sshd banip 192.0.2.1", "set sshd unbanip 192.0.2.1"], "the test ban is removed"
    host.done()


def test_a_second_rule_of_a_ban_is_waited_for(clock: Clock) -> None:
    """firewalld has one for each port, and fail2ban makes them one after another."""
    late = BANNED.replace("dport 22", "dport 23")
    host, server = nft(BANNED, late, late, BANNED, FREE, FREE), Server({("get", "sshd", "banip"): ["192.0.2.1"]})
    host.commands.insert(3, Expected(["nft", "-a", "list", "ruleset"]))
    assert host_fail2ban_proof.prove(host, server, JAIL)["proven"]
    host.done()
    assert clock.now == 0.2
