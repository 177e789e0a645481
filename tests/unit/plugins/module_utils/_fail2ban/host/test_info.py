"""The report about fail2ban, over transcripts of a Debian host; FreeBSD's is in test_ensure_freebsd.py."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import journalctl_arguments
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import counting as host_counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import info
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import JOURNALMATCH
from tests.unit.fake_fail2ban import (
    BANNED,
    CONNECTION,
    ENTRIES,
    FACTS,
    FILES,
    FOUND,
    FREE,
    JOURNALD,
    LOG,
    PROGRAMS,
    SOCKET,
    SOURCE,
    STARTED,
    USER,
    WORKS,
    FakeServer,
    login,
    sshd_log,
    unit,
)
from tests.unit.fake_host import Clock, Expected, FakeHost

NEWEST = ["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "short-unix"]
LAST = Expected([*NEWEST, *journalctl_arguments(JOURNALMATCH.split(" + "))], out="1800000000.5 host sshd[1]: x\n")
# What becomes of the messages of sshd, and whether the journal has entries.
LOGGED = [JOURNALD, sshd_log(), ENTRIES]
BAN = "192.0.2.1 \t2026-11-22 10:00:00 + 600 = 2099-11-22 10:10:00"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    server.answers.update(
        {
            ("get", "sshd", "banip", "--with-time"): [],
            ("get", "sshd", "actionproperties", "pyhost-nftables"): ["actionstart", "actionban", "port", "chain_hook"],
            ("status", "sshd"): [
                ("Filter", [("Currently failed", 1), ("Total failed", 7), ("Journal matches", "…")]),
                ("Actions", [("Currently banned", 0), ("Total banned", 2)]),
            ],
        }
    )
    monkeypatch.setattr(info, "connect", lambda path, **_options: server if path == SOCKET else None)
    return server


def gather(
    commands: list[Expected], *, login: t.Sequence[Expected] | None = None, **options: t.Any
) -> dict[str, t.Any]:
    """Return the report. ``login``: the commands of the refused login, without which none is made."""
    commands = [*([unit()] if commands else []), *commands, *(login or [])]
    host = FakeHost({**FILES, LOG: STARTED}, commands, **{"programs": PROGRAMS, **options})
    report = info.gather(t.cast(t.Any, host), prove=login is not None)
    assert host.written == []
    host.done()
    return report


def test_a_host_that_works() -> None:
    report = gather([LAST, *LOGGED, WORKS])
    assert report["warnings"] == []
    assert (report["installed"], report["running"], report["version"]) == (True, True, "1.1.0")
    jail = report["jails"]["sshd"]
    assert (jail["source"], jail["filter"], jail["ports"], jail["actions"]) == (
        "journal",
        "sshd",
        ["22"],
        ["pyhost-nftables"],
    )
    assert (jail["failures"], jail["failures_total"], jail["banned_total"]) == (1, 7, 2)
    assert jail["counts"] is None, "nobody asked for a login"
    assert jail["has_entries"]
    assert jail["last_entry"].startswith("2027-01-1")


def test_not_installed() -> None:
    report = info.gather(t.cast(t.Any, FakeHost()))
    assert (report["installed"], report["running"], report["jails"], report["warnings"]) == (False, False, {}, [])


def test_a_server_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "connect", lambda _path, **_options: None)
    assert gather([])["warnings"] == [f"no fail2ban server answers at {SOCKET}: nobody is banned"]


def test_a_server_without_a_jail(server: FakeServer) -> None:
    server.answers["status",] = [("Number of jail", 0), ("Jail list", "")]
    server.answers["get", "dbfile"] = None
    host = FakeHost(FILES, [unit(), *LOGGED[:2]], programs=PROGRAMS)
    report = info.gather(t.cast(t.Any, host))
    host.done()
    assert report["warnings"] == ["the fail2ban server runs without any jail: nobody is banned"]
    assert report["database"] is None


def test_bans_that_the_packet_filter_has(server: FakeServer) -> None:
    server.answers["get", "sshd", "banip", "--with-time"] = [BAN]
    report = gather([LAST, *LOGGED, WORKS, BANNED])
    assert report["warnings"] == []
    assert report["jails"]["sshd"]["bans"][0]["address"] == "192.0.2.1"


def test_bans_that_the_packet_filter_lacks(server: FakeServer) -> None:
    server.answers["get", "sshd", "banip", "--with-time"] = [BAN]
    assert gather([LAST, *LOGGED, WORKS, FREE])["warnings"] == [
        "bans of the jail sshd do not take effect: the packet filter lacks its bans of 192.0.2.1"
    ]


def test_a_program_that_is_not_installed() -> None:
    programs = [name for name in PROGRAMS if name != "nft"]
    assert gather([LAST, *LOGGED], programs=programs)["warnings"] == [
        "bans of the jail sshd do not take effect: it bans with pyhost-nftables, but nft is not installed on this host"
    ]


def test_a_jail_without_entries_and_actions(server: FakeServer) -> None:
    server.answers["get", "sshd", "actions"] = []
    silent = [Expected(JOURNALD.argv, out="[Journal]\nStorage=none\n"), sshd_log()]
    empty, action, journal = gather([Expected(LAST.argv), *silent])["warnings"]
    assert empty.startswith("the jail sshd has no entries: its journal (SYSLOG_IDENTIFIER=sshd ")
    assert empty.endswith(") is empty so far")
    assert action == "the jail sshd has no action: it counts failures and bans nobody"
    assert journal == "the jail sshd reads the journal, but journald keeps no entries (Storage=none in journald.conf)"


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (("", ""), "; run `systemctl restart fail2ban`"),
        (("the kernel refuses it", "raise the limit"), "; the kernel refuses it; raise the limit"),
    ],
)
def test_a_journal_that_the_server_does_not_read(
    monkeypatch: pytest.MonkeyPatch, reason: tuple[str, str], end: str
) -> None:
    asked = []

    def unread(_host: object, _server: object, pid: int, **options: t.Any) -> dict[str, str]:
        asked.append((pid, options))
        return {"sshd": "/var/log/journal/abc/system.journal"}

    monkeypatch.setattr(info, "unread_sources", unread)
    monkeypatch.setattr(info, "unread_reason", lambda _host, _server: reason)
    assert gather([LAST, *LOGGED, WORKS])["warnings"] == [
        "the jails sshd count nothing: the server does not read /var/log/journal/abc/system.journal, which is written"
        + end
    ]
    assert asked == [(812, {"journals": ["sshd"], "files": {}})]


def test_a_corrupt_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info, "database_problem", lambda _host, _server, pid, _configured: f"is corrupt ({pid})")
    report = gather([LAST, *LOGGED, WORKS])
    path = "/var/lib/fail2ban/fail2ban.sqlite3"
    assert report["database"] == {"path": path, "size": 0, "problem": "is corrupt (812)"}
    assert report["warnings"] == [
        f"the database of fail2ban, {path}, is corrupt (812): bans are not kept, and the next reload fails or "
        "leaves jails without an action; run the module fail2ban_jails, which repairs that"
    ]


def test_entries_with_odd_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def odd(log: list[str], jails: list[str]) -> list[str]:
        asked.append((log, jails))
        return ["the jail sshd reads entries with times"]

    monkeypatch.setattr(info, "odd_times", odd)
    assert gather([LAST, *LOGGED, WORKS])["warnings"] == ["the jail sshd reads entries with times"]
    assert asked == [(STARTED.splitlines(), ["sshd"])]


def test_no_database(server: FakeServer) -> None:
    server.answers["get", "dbfile"] = None
    report = gather([LAST, *LOGGED, WORKS])
    assert report["database"] is None
    assert report["warnings"] == [
        "fail2ban has no database (dbfile), so a restart of its service ends all bans, also that of a reboot"
    ]


def test_an_action_on_all_ports(server: FakeServer) -> None:
    server.answers["get", "sshd", "actionproperties", "pyhost-nftables"] = ["actionban", "chain_hook"]
    assert gather([LAST, *LOGGED, WORKS])["jails"]["sshd"]["ports"] == []


@pytest.mark.parametrize(
    ("maxretry", "warning"),
    [
        (45, "the jail sshd: journald keeps about 30 messages of sshd in 30 seconds"),
        (46, "the jail sshd misses logins: journald keeps about 30 messages of sshd in 30 seconds"),
    ],
)
def test_messages_of_sshd_that_journald_loses(server: FakeServer, maxretry: int, warning: str) -> None:
    server.answers["get", "sshd", "maxretry"] = maxretry
    (found,) = gather([LAST, JOURNALD, sshd_log(LogRateLimitBurst="30"), ENTRIES, WORKS])["warnings"]
    assert found.startswith(warning)


def test_a_refused_login_that_is_counted(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)
    monkeypatch.setattr(host_counting, "time", Clock())
    monkeypatch.setattr(host_counting, "random_source", lambda: SOURCE)
    monkeypatch.setattr(host_counting, "random_user", lambda: USER)
    commands = [LAST, *LOGGED, *FACTS, WORKS]
    report = gather(commands, login=[*FACTS, login(log=FOUND)], programs=[*PROGRAMS, "sshd", "ssh"])
    assert report["warnings"] == []
    assert report["jails"]["sshd"]["counts"] is True
    assert server.commands == [f"set sshd unbanip {SOURCE}"]


@pytest.mark.parametrize(
    ("counting", "warnings"),
    [
        pytest.param(host_counting.Counting(True), [], id="counted"),
        pytest.param(
            host_counting.Counting(False, "the journal has no message of sshd about it"),
            [
                "the jail sshd does not count failed logins: sshd refused one over loopback, and the journal has no "
                "message of sshd about it"
            ],
            id="not counted",
        ),
        pytest.param(
            host_counting.Counting(None, "the program ssh is not installed"),
            ["whether the jail sshd counts failed logins is not proven: the program ssh is not installed"],
            id="not known",
        ),
    ],
)
def test_what_comes_of_a_refused_login(
    monkeypatch: pytest.MonkeyPatch, counting: host_counting.Counting, warnings: list[str]
) -> None:
    monkeypatch.setattr(info, "prove_counting", lambda *_arguments: counting)
    report = gather([LAST, *LOGGED, WORKS], login=[])
    assert report["warnings"] == warnings
    assert report["jails"]["sshd"]["counts"] is counting.counted


def test_no_login_is_made_for_a_jail_with_another_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    def prove_counting(*_arguments: t.Any) -> t.NoReturn:
        raise AssertionError("a login was made")

    monkeypatch.setattr(info, "prove_counting", prove_counting)
    monkeypatch.setattr(info, "filter_name", lambda _name, _options, _others: "postfix")
    assert gather([LAST, *LOGGED, WORKS], login=[])["jails"]["sshd"]["counts"] is None
