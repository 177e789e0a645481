"""Who can forge the entries that a jail counts."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import WatchedJail
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_forging import (
    forgeable_groups,
    forging_warnings,
    trusted_match,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import JOURNALMATCH, journalmatch


@pytest.mark.parametrize(
    ("group", "anybody"),
    [
        # What stock filters of fail2ban 1.0.2 and 1.1.0 have.
        ("_COMM=sshd", True),
        ("_SYSTEMD_UNIT=ssh.service", True),
        ("_SYSTEMD_UNIT=sshd.service", True),
        ("_SYSTEMD_UNIT=nginx.service", False),
        ("_COMM=nginx", True),
        ("SYSLOG_IDENTIFIER=roundcube", True),
        ("SYSLOG_IDENTIFIER=sm-mta", True),
        ("_SYSTEMD_UNIT=sendmail.service", True),
        ("_SYSTEMD_UNIT=postfix.service", True),
        ("_SYSTEMD_UNIT=postfix.service _SYSTEMD_UNIT=postfix@-.service", True),
        ("_SYSTEMD_UNIT=fail2ban.service PRIORITY=5", False),
        ("_SYSTEMD_UNIT=dovecot.service", False),
        # What people write.
        ("_UID=0", False),
        ("SYSLOG_IDENTIFIER=x _UID=33", False),
        ("X_UID=0", True),
        ("_UID=", True),
        ("_SYSTEMD_UNIT=ssh.service _UID=0 _COMM=sshd", False),
        ("_SYSTEMD_UNIT=ssh@3-1.2.3.4:22-5.6.7.8:99.service", True),
        ("_SYSTEMD_UNIT=user@1000.service", True),
        ("_SYSTEMD_UNIT=session-3.scope", True),
        ("_SYSTEMD_UNIT=cron.service", True),
        ("_SYSTEMD_USER_UNIT=ssh.service", True),
        ("_SYSTEMD_UNIT=nginx.service _SYSTEMD_UNIT=cron.service", True),
        ("", True),
    ],
)
def test_what_any_user_can_satisfy(group: str, anybody: bool) -> None:
    assert forgeable_groups([group]) == ([group] if anybody else [])


def test_our_own_matches_are_the_services_alone() -> None:
    postfix = journalmatch("postfix", "", {"postfix": 105})
    assert postfix
    assert forgeable_groups([*JOURNALMATCH.split(" + "), *postfix.split(" + ")]) == []
    # Nothing that journald looks up after the message has come is asked for of sshd.
    assert "_COMM" not in JOURNALMATCH
    assert "_SYSTEMD_UNIT" not in JOURNALMATCH


def test_without_a_user_of_the_service_root_is_read() -> None:
    assert journalmatch("postfix", "", {}) == (
        "_SYSTEMD_UNIT=postfix.service _UID=0 + _SYSTEMD_UNIT=postfix@-.service _UID=0"
    )


@pytest.mark.parametrize(
    ("match", "left"),
    [
        ("_SYSTEMD_UNIT=nginx.service + _COMM=nginx", "_SYSTEMD_UNIT=nginx.service"),
        ("_SYSTEMD_UNIT=nginx.service", None),
        ("SYSLOG_IDENTIFIER=roundcube", None),
        ("", None),
    ],
)
def test_what_is_left_of_a_filters_match(match: str, left: str | None) -> None:
    assert trusted_match(match) == left
    assert journalmatch("x", f"[Definition]\njournalmatch = {match}\n", {}) == left


SAFE = WatchedJail(
    "sshd", "sshd", True, matches=tuple(JOURNALMATCH.split(" + ")), ignored=("10.0.0.0/8", "::1"), usedns="no"
)


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (SAFE, ""),
        (
            WatchedJail("x", "x", True, matches=("_COMM=x", "_UID=0")),
            "by the jail x: its journal match also selects .*\\(_COMM=x\\)",
        ),
        (
            WatchedJail("x", "x", False, paths=("/var/log/auth.log", "/srv/x.log")),
            "by the jail x: it reads /var/log/auth.log, ",
        ),
        (WatchedJail("x", "x", False, paths=("/var/log/secure",)), "it reads /var/log/secure, "),
        (WatchedJail("x", "x", False, paths=("/var/log/mail.log",)), "it reads /var/log/mail.log, "),
        (WatchedJail("x", "x", False, paths=("/var/log/nginx/error.log", "/var/log/fail2ban.log")), ""),
        (WatchedJail("x", "x", False, usedns="warn"), "the jail x resolves names .*usedns is warn"),
        (WatchedJail("x", "x", False, usedns="yes"), "usedns is yes"),
        (WatchedJail("x", "x", False, usedns="raw"), ""),
        (
            WatchedJail("x", "x", False, ignored=("192.0.2.1", "a.example", "b.example")),
            "the names a.example, b.example in its",
        ),
    ],
)
def test_warnings_about_a_jail(watch: WatchedJail, words: str) -> None:
    warnings = forging_warnings(watch)
    assert len(warnings) == bool(words)
    assert re.search(words, "".join(warnings))
