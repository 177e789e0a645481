"""Messages of sshd that a filter does not match, and the jails in which that matters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import sshd_filter
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_filter import (
    SSHD_ONCE,
    counts_ends,
    expressions_parameter,
    missed_expressions,
    once_parameter,
    probe_log,
    zone_parameters,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"
FILTERS = ["filter-sshd-debian12.conf", "filter-sshd-debian13.conf", "filter-sshd-fail2ban1.1.0.conf"]
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
        ("Timeout before authentication for connection from fe80::1%eth0 to fe80::2%eth0, pid = 5", "fe80::1"),
        ("Timeout before authentication for fe80::1%br-0.100 port 22", "fe80::1"),
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


@pytest.mark.parametrize("name", FILTERS)
def test_the_parameters_of_the_filters_that_distributions_have(name: str) -> None:
    text = (FIXTURES / name).read_text()
    once = once_parameter(text)
    assert once
    assert once[0] == "cmnfailre-failed-pub-nofail"
    zone = r"(?:\x25[^\s:]+)?"
    assert zone_parameters(text) == [
        ("__suff", zone + r"(?: (?:port \d+|on \S+|\[preauth\])){0,3}\s*"),
        ("__on_port_opt", zone + r"(?: (?:port \d+|on \S+)){0,2}"),
    ]
    for value in (once[1], *dict(zone_parameters(text)).values()):
        # fail2ban interpolates the first, ends the value at the second, and starts a comment at the third.
        assert not re.search(r'%|"| [;#]', value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[Definition]\npublickey = any\ncmnfailre-failed-pub-any =\n", "cmnfailre-failed-pub-any"),
        ("[Definition]\npublickey = any\ncmnfailre-failed-pub-nofail = ^x\n", None),
        ("[Definition]\nfailregex = ^x\n", None),
        ("[Definition]\ncmnfailre-failed-pub-nofail = ^x\n", None),
        ("", None),
    ],
)
def test_the_parameter_that_the_filter_selects(text: str, name: str | None) -> None:
    assert (once_parameter(text) or (None,))[0] == name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[DEFAULT]\n__suff = a\n[Definition]\n__on_port_opt = b\n", ["__suff", "__on_port_opt"]),
        ("[DEFAULT]\n__suff = %(x)s\n__on_port_opt = <y>\n", []),
        ('[DEFAULT]\n__suff = a"b\n', []),
        ("[Init]\n__suff = a\n", []),
        ("", []),
    ],
)
def test_the_parameters_that_take_a_zone(text: str, names: list[str]) -> None:
    assert [name for name, _value in zone_parameters(text)] == names


def kind(message: str) -> tuple[str, str | None]:
    """Return what the first of our expressions that matches is about ("failure", "no failure"), and the address."""
    for one in sshd_filter._ONCE:
        tags = (("<F-NOFAIL>", "(?P<nofail>"), ("<F-USER>", "(?P<user>"), ("<F-MLFFORGET>", "(?P<forget>"))
        expression = one.replace("<ADDR>", ADDR)
        for tag, group in tags:
            expression = expression.replace(tag, group).replace(tag.replace("<", "</"), ")")
        match = re.search(expression, message)
        if match:
            found = match.groupdict()
            # Only a failure may name its user: two users in one connection are a failure.
            assert not (found.get("nofail") and found.get("user"))
            return "no failure" if found.get("nofail") else "failure", found.get("ip")
    return "", None


@pytest.mark.parametrize(
    ("message", "found"),
    [
        # As OpenSSH 9.2 and 10.0 write them, without the prefix that fail2ban removes. An address comes later.
        ("User backup not allowed because shell /bin/none does not exist", ("failure", None)),
        ("User backup not allowed because shell /opt/my shell is not executable", ("failure", None)),
        ("User backup not allowed because account is locked", ("failure", None)),
        ("Account backup has expired", ("failure", None)),
        ("User backup from attacker.example.org not allowed because listed in DenyUsers", ("failure", None)),
        ("User backup from fade.example not allowed because not in any group", ("failure", None)),
        ("User backup from fe80::1%eth0 not allowed because not listed in AllowUsers", ("failure", None)),
        # The filter takes the address of these.
        ("User backup from 172.17.0.12 not allowed because listed in DenyUsers", ("", None)),
        ("User backup from fd00:f2b::10 not allowed because not listed in AllowUsers", ("", None)),
        ("Invalid user nobodyx from 172.17.0.12 port 54376", ("", None)),
        ("Failed password for deploy from 172.17.0.12 port 34912 ssh2", ("", None)),
        ("Connection closed by authenticating user deploy 172.17.0.12 port 34912 [preauth]", ("", None)),
        ("Accepted publickey for deploy from 172.17.0.12 port 3 ssh2: ED25519 SHA256:x", ("", None)),
        # What sshd repeats has the address.
        ("Failed password for invalid user nobodyx from 172.17.0.12 port 54376 ssh2", ("no failure", "172.17.0.12")),
        ("Connection closed by invalid user nobodyx 172.17.0.12 port 5 [preauth]", ("no failure", "172.17.0.12")),
        ("Connection reset by invalid user nobodyx fe80::1%eth0 port 5 [preauth]", ("no failure", "fe80::1")),
        ("Disconnected from invalid user nobodyx fd00:f2b::10 port 5 [preauth]", ("no failure", "fd00:f2b::10")),
        (
            "maximum authentication attempts exceeded for invalid user nobodyx from 172.17.0.12 port 36762 ssh2 "
            "[preauth]",
            ("no failure", "172.17.0.12"),
        ),
        (
            "Disconnecting invalid user nobodyx 172.17.0.12 port 36762: Too many authentication failures [preauth]",
            ("no failure", "172.17.0.12"),
        ),
        (
            "Failed publickey for invalid user nobodyx from 172.17.0.12 port 5 ssh2: ED25519 SHA256:x",
            ("no failure", None),
        ),
        # PuTTY and JSch. "Disconnected from" follows.
        (
            "Received disconnect from 172.17.0.12 port 5:14: No supported authentication methods available [preauth]",
            ("no failure", "172.17.0.12"),
        ),
        ("Received disconnect from fe80::1%eth0 port 5:3: x: Auth fail [preauth]", ("no failure", "fe80::1")),
        ("Received disconnect from 172.17.0.12 port 5:11: Bye Bye [preauth]", ("", None)),
        ("Received disconnect from 172.17.0.12 port 5:11: 6.6.6.6 port 5:14: x [preauth]", ("", None)),
        # Names that imitate messages.
        ("Connection closed by invalid user x 6.6.6.6 on 172.17.0.12 port 5 [preauth]", ("no failure", None)),
        ("Connection closed by invalid user x 6.6.6.6 port 5 172.17.0.12 port 5 [preauth]", ("no failure", None)),
        (
            "Connection closed by invalid user x 6.6.6.6 port 5 [preauth] 172.17.0.12 port 5 [preauth]",
            ("no failure", None),
        ),
        (
            "Failed password for invalid user x from 6.6.6.6 port 5 ssh2 from 172.17.0.12 port 5 ssh2",
            ("no failure", None),
        ),
        ("User x not allowed because account is locked from 172.17.0.12 port 5", ("", None)),
        ("Invalid user User x not allowed because account is locked from 172.17.0.12 port 5", ("", None)),
    ],
)
def test_what_our_expressions_find(message: str, found: tuple[str, str | None]) -> None:
    assert kind(message) == found
