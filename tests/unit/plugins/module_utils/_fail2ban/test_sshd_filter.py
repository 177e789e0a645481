"""Messages of sshd that a filter does not match, and the jails in which that matters."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import sshd_filter
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_filter import (
    SSHD_ONCE,
    counts_ends,
    expressions_parameter,
    missed_expressions,
    probe_log,
)

# fail2ban's own expression for an address, shortened (server/failregex.py, RH4TAG).
ADDR = r"(?P<ip>(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,})"
OLD, NEW = missed_expressions("192.0.2.1"), missed_expressions("192.0.2.2")


def test_each_message_that_is_not_matched_gets_its_expression() -> None:
    assert len(probe_log().splitlines()) == len(missed_expressions("")) == 2
    assert missed_expressions("192.0.2.1\n192.0.2.2\n") == ()
    assert {*OLD, *NEW} == {*missed_expressions("")}


# As sshd logs it, without the prefix that fail2ban removes.
@pytest.mark.parametrize(
    ("message", "address"),
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
def test_the_address_in_a_message(message: str, address: str | None) -> None:
    found = [re.search(one.replace("<ADDR>", ADDR), message) for one in missed_expressions("")]
    assert [match["ip"] for match in found if match] == ([address] if address else [])


def test_the_expressions_match_their_own_message() -> None:
    for one in sshd_filter._MESSAGES:
        match = re.search(one.expression.replace("<ADDR>", ADDR), one.text.removeprefix("fatal: "))
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
    assert expressions_parameter(text, ("^a", "^b")) == parameter
    assert expressions_parameter(text, ()) is None


@pytest.mark.parametrize(
    ("line", "ignored"),
    [
        # As OpenSSH 9.2 and 10.0 wrote them, without the prefix that fail2ban removes.
        ("Invalid user nobodyx from 172.17.0.12 port 54376", False),
        ("Failed password for invalid user nobodyx from 172.17.0.12 port 54376 ssh2", True),
        ("Connection closed by invalid user nobodyx 172.17.0.12 port 54376 [preauth]", True),
        ("Disconnecting invalid user nobodyx 172.17.0.12 port 36762: Too many authentication failures [preauth]", True),
        (
            "error: maximum authentication attempts exceeded for invalid user nobodyx from 172.17.0.12 port 36762 ssh2 "
            "[preauth]",
            True,
        ),
        ("Failed password for deploy from 172.17.0.12 port 34912 ssh2", False),
        ("Connection closed by authenticating user deploy 172.17.0.12 port 34912 [preauth]", False),
        (
            "error: maximum authentication attempts exceeded for deploy from 172.17.0.12 port 39274 ssh2 [preauth]",
            False,
        ),
        # A user name that imitates a message of sshd.
        ("Invalid user Failed password for invalid user x from 172.17.0.12 port 54376", False),
        ("Failed password for root from 172.17.0.12 port 1 ssh2: Failed password for invalid user x", False),
    ],
)
def test_what_sshd_repeats_about_an_unknown_user(line: str, ignored: bool) -> None:
    assert (re.search(SSHD_ONCE, line) is not None) is ignored
