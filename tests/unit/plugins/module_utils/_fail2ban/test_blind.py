"""Jails held against what sshd does: the sentence for each way to be blind, and silence where all is well."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import blind
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.blind import Entry, SshdFacts, Watch

JOURNAL = Watch("sshd", "sshd", True, matches=("_SYSTEMD_UNIT=ssh.service", "_COMM=sshd"))
FILES = Watch("sshd", "sshd", False, paths=("/var/log/auth.log",))
NUMBERS = {"ssh": 22, "http-alt": 8080}.get


def lines(*messages: t.Any) -> str:
    """Entries as journalctl --output json prints them."""
    return "\n".join(
        json.dumps(
            {
                "__CURSOR": str(number),
                "__REALTIME_TIMESTAMP": str(number * 1000000),
                "_COMM": "sshd-session",
                "_SYSTEMD_UNIT": "ssh@3.service",
                "MESSAGE": message,
            }
        )
        for number, message in enumerate(messages)
    )


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        ("Accepted publickey for root from 172.17.0.1 port 55710 ssh2: ED25519 SHA256:x", True),
        ("Invalid user admin from 192.0.2.9 port 40022", True),
        ("Connection closed by authenticating user root 192.0.2.9 port 40022 [preauth]", True),
        ("Failed password for invalid user x from 2001:db8::7 port 40022 ssh2", True),
        ("Connection closed by 2001:db8::7 port 40022", False),
        ("Disconnected from user root 172.17.0.1 port 55710", False),
        ("Server listening on 0.0.0.0 port 22.", False),
        ("pam_unix(sshd:session): session opened for user root(uid=0) by root(uid=0)", False),
        ([83, 83, 72], False),
    ],
    ids=str,
)
def test_entries_that_tell_of_a_connection(message: t.Any, counts: bool) -> None:
    assert [entry.words for entry in blind.connection_entries(lines(message))] == ([message] if counts else [])


def test_the_newest_entries_count() -> None:
    told = lines(*[f"Invalid user x from 192.0.2.{number} port 40022" for number in range(30)])
    assert [entry.cursor for entry in blind.connection_entries(told, newest=2)] == ["28", "29"]
    assert blind.connection_entries("") == []


SAID = [Entry(str(number), float(number), "sshd-session", "ssh@3.service", "…") for number in (1, 2, 3)]


def test_a_journal_match_that_misses_logins() -> None:
    assert blind.unseen(JOURNAL, SAID, {"1", "2"}) is None, "journald loses the unit of a process that ends at once"
    assert blind.unseen(JOURNAL, [], set()) is None
    assert str(blind.unseen(JOURNAL, SAID, set())).startswith(
        "the jail sshd would miss logins: its journal match (_SYSTEMD_UNIT=ssh.service + _COMM=sshd) selects none of "
        "the last 3 logins and attempts that sshd told of; it misses sshd-session of "
        "ssh@3.service, for one; leave journal"
    )
    assert "selects only 1 of the last 3" in str(blind.unseen(JOURNAL, SAID, {"1"}))


@pytest.mark.parametrize(
    ("mtime", "said"),
    [
        (1.0, None),
        (-30.0, "sshd told of a connection 33 seconds after anybody wrote to /var/log/auth.log; let the jail read"),
    ],
)
def test_a_log_that_sshd_no_longer_reaches(mtime: float, said: str | None) -> None:
    found = blind.stale_log(FILES, SAID[-1], {"/var/log/auth.log": mtime})
    assert (said or "") in str(found)
    assert (found is None) is (said is None)


def test_nothing_is_said_of_a_log_where_the_journal_knows_nothing() -> None:
    assert blind.stale_log(FILES, None, {"/var/log/auth.log": 0.0}) is None
    assert blind.stale_log(FILES, SAID[-1], {}) is None


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("Nov 22 10:00:00 h CRON[12]: hello\n", False),
        ("Nov 22 10:00:00 h sshd[12]: hello\n", True),
        ("2026-11-22T10:00:00 h sshd-session[12]: hello\n", True),
        ("", True),
    ],
)
def test_a_log_without_a_line_of_sshds(text: str, quiet: bool) -> None:
    found = blind.unnoticed(FILES, SshdFacts(frozenset(), "INFO", "LOCAL7"), {"/var/log/auth.log": text})
    assert (found is None) is quiet
    assert quiet or str(found).endswith("there is no line of sshd's in it (its SyslogFacility is LOCAL7)")


@pytest.mark.parametrize(
    ("level", "said"),
    [("INFO", None), ("VERBOSE", None), ("SILENT", "is QUIET"), ("FATAL", "is FATAL"), ("ERROR", "is ERROR")],
)
def test_a_mute_sshd(level: str, said: str | None) -> None:
    found = blind.mute_sshd(JOURNAL, SshdFacts(frozenset([22]), level, "AUTH"))
    assert (found is None) is (said is None)
    assert (said or "") in str(found)


@pytest.mark.parametrize(
    ("ports", "listens", "left"),
    [
        (("22",), {22}, None),
        (("ssh",), {22}, None),
        (("22,2222",), {22, 2222}, None),
        (("0:65535",), {2222}, None),
        (("2000-3000",), {2222}, None),
        (("ssh", "2222"), {22, 2222}, None),
        ((), {2222}, None),
        (("ssh",), {2222}, "it bans on the port ssh, but sshd listens on 2222; set the jail's port to 2222"),
        (("22",), {22, 2222}, "it bans on the port 22, but sshd listens on 2222; set the jail's port to 22,2222"),
        (("nonsense",), {22}, "sshd listens on 22"),
    ],
)
def test_the_ports_of_sshd(ports: tuple[str, ...], listens: set[int], left: str | None) -> None:
    watch = Watch("sshd", "sshd", True, ports=ports)
    found = blind.open_ports(watch, SshdFacts(frozenset(listens), "INFO", "AUTH"), NUMBERS)
    assert (found is None) is (left is None)
    assert (left or "") in str(found)


@pytest.mark.parametrize(
    ("ignored", "families"),
    [
        (("127.0.0.1", "10.0.0.0/8", "office.example.org"), None),
        (("0.0.0.0/0",), "IPv4"),
        (("::/0", "0.0.0.0/0"), "IPv6 and IPv4"),
        (("0.0.0.0",), "IPv4"),
    ],
)
def test_a_jail_that_ignores_everybody(ignored: tuple[str, ...], families: str | None) -> None:
    found = blind.ignores_all(Watch("sshd", "sshd", True, ignored=ignored))
    assert (found is None) is (families is None)
    assert families is None or f"bans nobody over {families}: its ignoreip holds every address" in str(found)


@pytest.mark.parametrize(
    ("actions", "known"),
    [((), True), (("nftables",), True), (("nftables", "sendmail"), True), (("sendmail", "dummy"), False)],
)
def test_actions_without_a_packet_filter(actions: tuple[str, ...], known: bool) -> None:
    found = blind.unknown_actions(Watch("sshd", "sshd", True, actions=actions))
    assert (found is None) is known
    assert known or "acts by sendmail, dummy only" in str(found)
