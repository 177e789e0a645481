"""Findings about jails: a sentence for each problem, and none for a jail that works."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import findings
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import (
    JournalEntry,
    SshdFacts,
    WatchedJail,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream, parse_stream

JOURNAL = WatchedJail("sshd", "sshd", True, matches=("_SYSTEMD_UNIT=ssh.service", "_COMM=sshd"))
FILES = WatchedJail("sshd", "sshd", False, paths=("/var/log/auth.log",))
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
def test_entries_that_report_a_connection(message: t.Any, counts: bool) -> None:
    assert [entry.message for entry in findings.connection_entries(lines(message))] == ([message] if counts else [])


def test_the_newest_entries_count() -> None:
    text = lines(*[f"Invalid user x from 192.0.2.{number} port 40022" for number in range(30)])
    assert [entry.cursor for entry in findings.connection_entries(text, newest=2)] == ["28", "29"]
    assert findings.connection_entries("") == []


ENTRIES = [JournalEntry(str(number), float(number), "sshd-session", "ssh@3.service", "…") for number in (1, 2, 3)]


def test_a_journal_match_that_misses_logins() -> None:
    assert findings.unmatched_entries(JOURNAL, ENTRIES, {"1", "2"}) is None, (
        "journald loses the unit of a process that ends at once"
    )
    assert findings.unmatched_entries(JOURNAL, [], set()) is None
    assert str(findings.unmatched_entries(JOURNAL, ENTRIES, set())).startswith(
        "the jail sshd would miss logins: its journal match (_SYSTEMD_UNIT=ssh.service + _COMM=sshd) selects none of "
        "the last 3 logins and attempts that sshd has logged, and misses for example sshd-session of "
        "ssh@3.service; remove journal"
    )
    assert "selects only 1 of the last 3" in str(findings.unmatched_entries(JOURNAL, ENTRIES, {"1"}))


@pytest.mark.parametrize(
    ("mtime", "said"),
    [
        (1.0, None),
        (-30.0, "sshd reported a connection 33 seconds after the last write to /var/log/auth.log; let the jail read"),
    ],
)
def test_a_log_that_sshd_no_longer_reaches(mtime: float, said: str | None) -> None:
    found = findings.stale_log(FILES, ENTRIES[-1], {"/var/log/auth.log": mtime})
    assert (said or "") in str(found)
    assert (found is None) is (said is None)


def test_nothing_is_said_of_a_log_where_the_journal_knows_nothing() -> None:
    assert findings.stale_log(FILES, None, {"/var/log/auth.log": 0.0}) is None
    assert findings.stale_log(FILES, ENTRIES[-1], {}) is None


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
    found = findings.log_without_sshd(FILES, SshdFacts(frozenset(), "INFO", "LOCAL7"), {"/var/log/auth.log": text})
    assert (found is None) is quiet
    assert quiet or str(found).endswith("but none of sshd (its SyslogFacility is LOCAL7)")


@pytest.mark.parametrize(
    ("level", "said"),
    [("INFO", None), ("VERBOSE", None), ("SILENT", "is QUIET"), ("FATAL", "is FATAL"), ("ERROR", "is ERROR")],
)
def test_a_quiet_sshd(level: str, said: str | None) -> None:
    found = findings.quiet_sshd(JOURNAL, SshdFacts(frozenset([22]), level, "AUTH"))
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
        (("ssh",), {2222}, "it bans on the port ssh, but sshd listens on 2222; set the port of the jail to 2222"),
        (("22",), {22, 2222}, "it bans on the port 22, but sshd listens on 2222; set the port of the jail to 22,2222"),
        (("nonsense",), {22}, "sshd listens on 22"),
    ],
)
def test_the_ports_of_sshd(ports: tuple[str, ...], listens: set[int], left: str | None) -> None:
    watch = WatchedJail("sshd", "sshd", True, ports=ports)
    found = findings.uncovered_ports(watch, SshdFacts(frozenset(listens), "INFO", "AUTH"), NUMBERS)
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
    found = findings.ignores_all(WatchedJail("sshd", "sshd", True, ignored=ignored))
    assert (found is None) is (families is None)
    assert families is None or f"bans nobody over {families}: its ignoreip contains every address" in str(found)


@pytest.mark.parametrize(
    ("actions", "known"),
    [((), True), (("nftables",), True), (("nftables", "sendmail"), True), (("sendmail", "dummy"), False)],
)
def test_actions_without_a_packet_filter(actions: tuple[str, ...], known: bool) -> None:
    found = findings.unknown_actions(WatchedJail("sshd", "sshd", True, actions=actions))
    assert (found is None) is known
    assert known or "bans with sendmail, dummy only" in str(found)


FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"
NO_JOURNAL = "/usr/bin/python3 cannot import systemd.journal; install the package python3-systemd"


def recorded() -> JailStream:
    return parse_stream((FIXTURES / "stream-debian13.txt").read_text())["sshd"]


LOG_FILE = JailStream("sshd", "auto", (("set", "sshd", "addlogpath", "/var/log/auth.log", "head"),))
NOTHING = JailStream("sshd", "auto", ())


@pytest.mark.parametrize(
    ("jail", "probes", "arguments", "said"),
    [
        pytest.param(recorded(), HostProbes(), {}, None, id="the journal"),
        pytest.param(LOG_FILE, HostProbes(NO_JOURNAL), {}, None, id="a log file"),
        pytest.param(
            recorded(),
            HostProbes(NO_JOURNAL),
            {},
            f"the jail sshd reads the journal, but {NO_JOURNAL}",
            id="a journal that cannot be read",
        ),
        pytest.param(
            LOG_FILE,
            HostProbes(NO_JOURNAL),
            {"empty_logs": ["/var/log/auth.log"]},
            "the jail sshd has no log source: nothing writes to /var/log/auth.log; the journal cannot be used: "
            + NO_JOURNAL,
            id="a log that somebody touched",
        ),
        pytest.param(
            NOTHING,
            HostProbes(),
            {"requested": "/a.log\n/b.log"},
            "the jail sshd has no log source: there is no /a.log and no /b.log",
            id="log paths that do not exist",
        ),
        pytest.param(
            NOTHING,
            HostProbes(),
            {"requested": "/my app/a.log\n/b.log tail"},
            "the jail sshd has no log source: there is no /my app/a.log and no /b.log",
            id="a log path with a blank, and where to start",
        ),
        pytest.param(
            NOTHING,
            HostProbes(NO_JOURNAL),
            {},
            f"the jail sshd has no log source: none of its log files exists; the journal cannot be used: {NO_JOURNAL}",
            id="Debian 12 with its dependencies only",
        ),
    ],
)
def test_no_log_source(jail: JailStream, probes: HostProbes, arguments: dict[str, t.Any], said: str | None) -> None:
    assert findings.no_log_source(jail, probes, **arguments) == said


@pytest.mark.parametrize(
    ("jail", "present", "said"),
    [
        pytest.param(recorded(), {"nft"}, None, id="there"),
        pytest.param(
            recorded(),
            {"iptables"},
            "the jail sshd bans with nftables, but nft is not installed on this host; install the package nftables",
            id="missing",
        ),
        pytest.param(
            NOTHING, {"nft"}, "the jail sshd has no action: it would count failures and ban nobody", id="no action"
        ),
    ],
)
def test_no_ban_action(jail: JailStream, present: set[str], said: str | None) -> None:
    assert findings.no_ban_action(jail, present) == said


def test_no_packet_filter() -> None:
    assert findings.no_packet_filter(JailsRequest(), HostProbes(packet_filter="nftables")) is None
    assert findings.no_packet_filter(JailsRequest(banaction="ufw"), HostProbes()) is None
    assert findings.no_packet_filter(JailsRequest({"banaction": "ufw"}), HostProbes()) is None
    assert "install the package nftables" in str(findings.no_packet_filter(JailsRequest(), HostProbes()))


def test_ports_by_name() -> None:
    pairs = [["actionstart", "nft … dport"], ["port", "http,https:8080 ssh 0-65535"]]
    jail = JailStream("shop", "auto", (("multi-set", "shop", "action", "nftables", pairs),))
    assert findings.service_names(jail) == ["http", "https", "ssh"]
    assert findings.service_names(recorded()) == []
    assert "install the package netbase" in str(findings.unknown_services(jail, ["http"]))
    assert findings.unknown_services(jail, []) is None


def own_action(**options: str) -> JailStream:
    """Return a jail with our ban action, as fail2ban-client -d prints it."""
    file = "/etc/fail2ban/action.d/pyhost-nftables.py"
    return JailStream("shop", "auto", (("set", "shop", "addaction", "pyhost-nftables", file, json.dumps(options)),))


@pytest.mark.parametrize(
    ("options", "ports", "names"),
    [
        ({"port": "22"}, ["22"], []),
        ({"port": "http,8000:8100"}, ["http,8000:8100"], ["http"]),
        ({"port": "nonsense", "protocol": "udp"}, ["nonsense"], ["nonsense"]),
        ({"port": "ssh", "type": "allports"}, [], []),
    ],
)
def test_the_ports_of_our_ban_action(options: dict[str, str], ports: list[str], names: list[str]) -> None:
    jail = own_action(**options)
    assert (findings.ports_of(jail), findings.service_names(jail)) == (ports, names)


def test_the_ports_of_an_action_on_all_ports_mean_nothing() -> None:
    pairs = [["actionstart", "nft add rule ip saddr @addr-set-x reject"], ["port", "ssh"]]
    jail = JailStream("recidive", "auto", (("multi-set", "recidive", "action", "nftables", pairs),))
    assert findings.ports_of(jail) == []
    assert findings.ports_of(recorded()) == ["22"]
