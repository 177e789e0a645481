"""The refused login that a jail has to count: where it comes from, whether it was counted, and why it was not."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import SshdFacts, WatchedJail
from tests.unit.fake_fail2ban import SOURCE, USER, login

Listens = t.Iterable[tuple[str, int]]


def test_the_source_is_an_address_of_the_loopback_network() -> None:
    addresses = {counting.random_source() for _number in range(300)}
    assert len(addresses) > 290
    for text in addresses:
        address = ipaddress.ip_address(text)
        assert address in ipaddress.ip_network("127.0.0.0/8")
        # Neither 127.0.0.1, which others use, nor the addresses of 127.0.0.0/16 that have a meaning.
        assert not text.startswith("127.0.")
        assert text.rpartition(".")[2] not in ("0", "255")


def test_the_user_is_nobody_twice() -> None:
    names = {counting.random_user() for _number in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch("pyhost-baseline-[0-9a-f]{12}", name) for name in names)


@pytest.mark.parametrize(
    ("listens", "addresses"),
    [
        pytest.param([("0.0.0.0", 22)], [("127.0.0.1", 22)], id="IPv4"),
        pytest.param([("::", 22)], [("127.0.0.1", 22), ("::1", 22)], id="IPv6"),
        pytest.param([("0.0.0.0", 22), ("::", 22)], [("127.0.0.1", 22), ("::1", 22)], id="both"),
        pytest.param([("", 22)], [("127.0.0.1", 22), ("::1", 22)], id="no address"),
        pytest.param([("192.0.2.1", 22)], [("192.0.2.1", 22)], id="a single address"),
        pytest.param([("2001:db8::1", 2222)], [("2001:db8::1", 2222)], id="a single address of IPv6"),
        pytest.param([("::1", 22)], [("::1", 22)], id="the loopback of IPv6"),
        pytest.param([("fe80::1%eth0", 22)], [("fe80::1%eth0", 22)], id="an address with a zone"),
        pytest.param([("127.0.0.1", 22)], [("127.0.0.1", 22)], id="the loopback of IPv4"),
        pytest.param(
            [("192.0.2.1", 22), ("2001:db8::1", 22), ("::1", 22), ("127.0.0.5", 22), ("0.0.0.0", 24)],
            [("127.0.0.1", 24), ("127.0.0.5", 22), ("::1", 22), ("192.0.2.1", 22), ("2001:db8::1", 22)],
            id="loopback first",
        ),
        pytest.param([("0.0.0.0", 2222), ("0.0.0.0", 22)], [("127.0.0.1", 22), ("127.0.0.1", 2222)], id="two ports"),
        pytest.param([], [], id="none"),
    ],
)
def test_where_to_reach_sshd(listens: Listens, addresses: list[tuple[str, int]]) -> None:
    facts = SshdFacts(frozenset(), "INFO", "AUTH", frozenset(listens))
    assert counting.connect_addresses(facts) == addresses


@pytest.mark.parametrize(
    ("address", "port", "source"), [("127.0.0.1", 22, SOURCE), ("::1", 2222, ""), ("192.0.2.1", 22, "")]
)
def test_the_login(address: str, port: int, source: str) -> None:
    assert counting.login_command(USER, address, port, source) == login(address, port=port, source=source).argv


@pytest.mark.parametrize(
    ("output", "is_refused"),
    [
        (f"{USER}@127.0.0.1: Permission denied (publickey).\r\n", True),
        ("Received disconnect\nx@::1: Permission denied (publickey,password).\r\n", True),
        ("ssh: connect to host 127.0.0.1 port 22: Connection refused\r\n", False),
        ("bind 127.9.9.9: Can't assign requested address\r\n", False),
        ("Connection closed by 127.0.0.1 port 22\r\n", False),
        ("kex_exchange_identification: read: Connection reset by peer\n", False),
        ("ssh: connect to host 192.0.2.1 port 22: Permission denied\r\n", False),
        ("", False),
    ],
)
def test_whether_sshd_refused_the_login(output: str, is_refused: bool) -> None:
    assert counting.is_refused(output) is is_refused


def line(text: str, *, jail: str = "sshd") -> str:
    return f"2026-11-22 10:48:46,012 fail2ban.filter         [812]: INFO    [{jail}] {text}\n"


@pytest.mark.parametrize(
    ("log", "jail", "address", "number"),
    [
        pytest.param("", "sshd", "127.4.5.6", 0, id="empty"),
        pytest.param(line("Found 127.4.5.6 - 2026-11-22 10:48:45"), "sshd", "127.4.5.6", 1, id="found"),
        pytest.param(line("Ignore 127.4.5.6 by ip"), "sshd", "127.4.5.6", 1, id="ignored"),
        pytest.param(line("Ignore 127.4.5.6"), "sshd", "127.4.5.6", 1, id="at the end of the line"),
        pytest.param(
            line("Found 127.4.5.6 - x") * 2 + line("Ignore 127.4.5.6 by ip"), "sshd", "127.4.5.6", 3, id="three"
        ),
        pytest.param(line("Ban 127.4.5.6") + line("Unban 127.4.5.6"), "sshd", "127.4.5.6", 0, id="a ban"),
        pytest.param(line("Found 127.4.5.60 - x"), "sshd", "127.4.5.6", 0, id="a longer address"),
        pytest.param(line("Found 127.4.5.6.7 - x"), "sshd", "127.4.5.6", 0, id="more than an address"),
        pytest.param(line("Found 127a4b5c6 - x"), "sshd", "127.4.5.6", 0, id="a dot is a dot"),
        pytest.param(line("Found ::1 - x"), "sshd", "::1", 1, id="IPv6"),
        pytest.param(line("Found ::1234 - x") + line("Found ::1:2 - x"), "sshd", "::1", 0, id="a longer one of IPv6"),
        pytest.param(line("Found 2001::1 - x"), "sshd", "::1", 0, id="the end of another address"),
        pytest.param(line("Found 127.4.5.6 - x", jail="sshd-ddos"), "sshd", "127.4.5.6", 0, id="another jail"),
        pytest.param(line("Found 127.4.5.6 - x", jail="my.sshd"), "my.sshd", "127.4.5.6", 1, id="a dot in the name"),
        pytest.param(line("Found 127.4.5.6 - x", jail="my-sshd"), "my.sshd", "127.4.5.6", 0, id="that is a dot"),
    ],
)
def test_sightings(log: str, jail: str, address: str, number: int) -> None:
    assert counting.sightings(log, jail, address) == number


# Why a login was not counted.

JOURNAL = WatchedJail("sshd", "sshd", True, matches=("SYSLOG_IDENTIFIER=sshd _UID=0", "_COMM=sshd-session"))
FILES = WatchedJail("sshd", "sshd", False, paths=("/var/log/auth.log", "/var/log/secure"))
MESSAGE = f"Invalid user {USER} from 127.4.5.6 port 40022"
ENTRY = {"MESSAGE": MESSAGE, "SYSLOG_IDENTIFIER": "sshd", "_UID": "0", "_TRANSPORT": "syslog", "_COMM": "sshd"}
MISSED = f"its filter does not find a failure in what sshd logs ('{MESSAGE}')"


def why(jail: WatchedJail, *entries: t.Mapping[str, t.Any], lines: str = "", causes: t.Sequence[str] = ()) -> str:
    return counting.why_not_counted(jail, USER, entries=entries, lines=lines, causes=causes)


@pytest.mark.parametrize(
    ("match", "entry", "is_selected"),
    [
        pytest.param("SYSLOG_IDENTIFIER=sshd", {}, True, id="a field"),
        pytest.param("SYSLOG_IDENTIFIER=sshd _UID=0", {}, True, id="two fields"),
        pytest.param("SYSLOG_IDENTIFIER=sshd _UID=1", {}, False, id="one of two fields"),
        pytest.param("SYSLOG_IDENTIFIER=other SYSLOG_IDENTIFIER=sshd", {}, True, id="a field with two values"),
        pytest.param("SYSLOG_IDENTIFIER=a SYSLOG_IDENTIFIER=b", {}, False, id="neither of two values"),
        pytest.param("_SYSTEMD_UNIT=ssh.service", {}, False, id="a field that the entry lacks"),
        pytest.param("SYSLOG_IDENTIFIER=", {}, False, id="an empty value"),
        pytest.param("X=a=b", {"X": "a=b"}, True, id="a value with an equals sign"),
        pytest.param("_UID=0", {"_UID": 0}, True, id="a number"),
    ],
)
def test_a_journal_match_that_does_not_select(match: str, entry: dict[str, t.Any], is_selected: bool) -> None:
    found = why(replace(JOURNAL, matches=(match,)), {**ENTRY, **entry})
    if is_selected:
        assert found == MISSED
    else:
        assert found == (
            f"its journal match ({match}) does not select what sshd logs (SYSLOG_IDENTIFIER=sshd, _UID=0, "
            "_TRANSPORT=syslog)"
        )


def test_matches_of_which_one_selects() -> None:
    assert why(JOURNAL, {**ENTRY, "_COMM": "sshd-session", "_UID": "74"}) == MISSED
    assert why(JOURNAL, {**ENTRY, "_UID": "74"}) == (
        "its journal match (SYSLOG_IDENTIFIER=sshd _UID=0 + _COMM=sshd-session) does not select what sshd logs "
        "(SYSLOG_IDENTIFIER=sshd, _UID=74, _TRANSPORT=syslog)"
    )


def test_a_jail_without_a_match_reads_each_message() -> None:
    assert why(replace(JOURNAL, matches=()), {**ENTRY, "_UID": "74"}) == MISSED


def test_messages_of_which_one_is_selected() -> None:
    later = {**ENTRY, "MESSAGE": f"Connection closed by invalid user {USER} [preauth]", "_UID": "74"}
    assert why(JOURNAL, later, ENTRY) == f"its filter does not find a failure in what sshd logs ({later['MESSAGE']!r})"


@pytest.mark.parametrize(
    ("jail", "lines", "reason"),
    [
        pytest.param(FILES, f"x\n{MESSAGE}\nConnection closed by {USER}\n", MISSED, id="a line of a file"),
        pytest.param(JOURNAL, f"{MESSAGE}\n", MISSED, id="a line of a file, and a journal without it"),
        pytest.param(FILES, "Invalid user x\n", "/var/log/auth.log, /var/log/secure has no message", id="another line"),
        pytest.param(FILES, "", "/var/log/auth.log, /var/log/secure has no message", id="files"),
        pytest.param(replace(FILES, paths=()), "", "its log has no message", id="no file"),
        pytest.param(JOURNAL, "", "the journal has no message", id="the journal"),
    ],
)
def test_what_a_file_has(jail: WatchedJail, lines: str, reason: str) -> None:
    assert why(jail, lines=lines) == (reason if reason == MISSED else f"{reason} of sshd about it")


@pytest.mark.parametrize(
    "entry",
    [{**ENTRY, "MESSAGE": "Invalid user x from 127.4.5.6"}, {**ENTRY, "MESSAGE": [73, 110]}, {"_UID": "0"}],
    ids=["another user", "bytes", "no message"],
)
def test_entries_about_others(entry: dict[str, t.Any]) -> None:
    assert why(JOURNAL, entry) == "the journal has no message of sshd about it"


def test_a_jail_with_files_is_not_compared_with_the_journal() -> None:
    assert why(FILES, ENTRY) == "/var/log/auth.log, /var/log/secure has no message of sshd about it"


def test_what_may_keep_messages_from_the_log() -> None:
    found = why(JOURNAL, causes=["sshd's LogLevel is QUIET", "sshd runs with -q"])
    assert found == "the journal has no message of sshd about it: sshd's LogLevel is QUIET; sshd runs with -q"
    # They do not matter where the message is there.
    assert why(JOURNAL, ENTRY, causes=["sshd runs with -q"]) == MISSED
