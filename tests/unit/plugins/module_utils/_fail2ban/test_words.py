"""What a filter does not understand of sshd's words, and in which jails that matters."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import words as fail2ban_words
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.words import (
    added,
    counts_ends,
    probe_log,
    unread,
)

# fail2ban's own expression for an address, shortened (server/failregex.py, RH4TAG).
ADDR = r"(?P<ip>(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,})"
OLD, NEW = unread("192.0.2.1"), unread("192.0.2.2")


def test_each_wording_that_is_not_found_gets_its_expression() -> None:
    assert len(probe_log().splitlines()) == len(unread("")) == 2
    assert unread("192.0.2.1\n192.0.2.2\n") == ()
    assert {*OLD, *NEW} == {*unread("")}


# As sshd says it, fail2ban's prefix taken off.
@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("Timeout before authentication for connection from 172.17.0.8 to 172.17.0.7, pid = 520", "172.17.0.8"),
        ("Timeout before authentication for connection from fd00:f2b::1 to fd00:f2b::2, pid = 9", "fd00:f2b::1"),
        ("Timeout before authentication for connection from 172.17.0.8 to 172.17.0.7, pid = 520 (early)", "172.17.0.8"),
        ("Timeout before authentication for 172.17.0.8 port 22", "172.17.0.8"),
        ("Timeout before authentication for connection from connection to 192.0.2.1, pid = 1", None),
        ("Timeout before authentication for connection from UNKNOWN to UNKNOWN, pid = 1", None),
        ("x Timeout before authentication for connection from 192.0.2.1 to 192.0.2.2, pid = 1", None),
        ("Timeout before authentication for 192.0.2.1 port 22 x", None),
    ],
)
def test_who_is_meant(said: str, address: str | None) -> None:
    found = [re.search(one.replace("<ADDR>", ADDR), said) for one in unread("")]
    assert [match["ip"] for match in found if match] == ([address] if address else [])


def test_the_expressions_find_their_own_wording() -> None:
    for one in fail2ban_words._WORDS:
        match = re.search(one.expression.replace("<ADDR>", ADDR), one.said.removeprefix("fatal: "))
        assert match
        assert match["ip"] == one.address


@pytest.mark.parametrize(
    ("options", "others", "counts"),
    [
        ({"mode": "aggressive"}, {}, True),
        ({}, {"mode": "ddos"}, True),
        ({"mode": "normal"}, {"mode": "aggressive"}, False),
        ({}, {}, False),
        ({"mode": "aggressive", "failregex": "x"}, {}, False),
        ({"mode": "aggressive"}, {"failregex": "x"}, False),
    ],
)
def test_where_the_end_of_a_connection_counts(options: dict[str, str], others: dict[str, str], counts: bool) -> None:
    assert counts_ends(options, others) is counts


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("[Definition]\ncfooterre = ^x\n", ("cfooterre", "^x\n^a\n^b")),
        ("[Definition]\ncfooterre = ^x\n    ^y\n", ("cfooterre", "^x\n^y\n^a\n^b")),
        ('[Definition]\ncfooterre = ^"\n', None),
        ("[Definition]\nfailregex = ^x\n", None),
    ],
)
def test_the_filters_own_expressions_stay(text: str, parameter: tuple[str, str] | None) -> None:
    assert added(text, ("^a", "^b")) == parameter
    assert added(text, ()) is None
