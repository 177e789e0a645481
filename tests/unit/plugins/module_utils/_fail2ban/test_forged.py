"""Who else than a service may write what its jail counts."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.blind import Watch
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.forged import doubts, forgeable, guarded
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.source import JOURNALMATCH, journalmatch


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
    assert forgeable([group]) == ([group] if anybody else [])


def test_our_own_matches_are_the_services_alone() -> None:
    postfix = journalmatch("postfix", "", {"postfix": 105})
    assert postfix
    assert forgeable([*JOURNALMATCH.split(" + "), *postfix.split(" + ")]) == []
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
    assert guarded(match) == left
    assert journalmatch("x", f"[Definition]\njournalmatch = {match}\n", {}) == left


SAFE = Watch("sshd", "sshd", True, matches=tuple(JOURNALMATCH.split(" + ")), ignored=("10.0.0.0/8", "::1"), usedns="no")


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (SAFE, ""),
        (
            Watch("x", "x", True, matches=("_COMM=x", "_UID=0")),
            "by the jail x: its journal match selects .*\\(_COMM=x\\)",
        ),
        (
            Watch("x", "x", False, paths=("/var/log/auth.log", "/srv/x.log")),
            "by the jail x: it reads /var/log/auth.log, ",
        ),
        (Watch("x", "x", False, paths=("/var/log/secure",)), "it reads /var/log/secure, "),
        (Watch("x", "x", False, paths=("/var/log/mail.log",)), "it reads /var/log/mail.log, "),
        (Watch("x", "x", False, paths=("/var/log/nginx/error.log", "/var/log/fail2ban.log")), ""),
        (Watch("x", "x", False, usedns="warn"), "the jail x looks names up .*usedns is warn"),
        (Watch("x", "x", False, usedns="yes"), "usedns is yes"),
        (Watch("x", "x", False, usedns="raw"), ""),
        (
            Watch("x", "x", False, ignored=("192.0.2.1", "a.example", "b.example")),
            "the names a.example, b.example of its",
        ),
    ],
)
def test_what_is_told_of_a_jail(watch: Watch, words: str) -> None:
    said = doubts(watch)
    assert len(said) == bool(words)
    assert re.search(words, "".join(said))
