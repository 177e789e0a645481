"""The option logpath, with blanks, patterns and several lines."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_paths import path_patterns, with_starts


@pytest.mark.parametrize(
    ("text", "written", "patterns"),
    [
        ("", "", []),
        ("/var/log/auth.log", "/var/log/auth.log", ["/var/log/auth.log"]),
        ("/var/log/auth.log tail", "/var/log/auth.log tail", ["/var/log/auth.log"]),
        ("/srv/my app/error.log", "/srv/my app/error.log head", ["/srv/my app/error.log"]),
        ("/srv/my app/error.log tail", "/srv/my app/error.log tail", ["/srv/my app/error.log"]),
        (
            "/srv/my app/*.log\n/var/log/x.log",
            "/srv/my app/*.log head\n/var/log/x.log",
            ["/srv/my app/*.log", "/var/log/x.log"],
        ),
        # fail2ban rejects these: another path, and a word that is neither.
        ("/var/log/a.log /var/log/b.log", "/var/log/a.log /var/log/b.log", ["/var/log/a.log /var/log/b.log"]),
        ("/srv/ends in tail", "/srv/ends in tail", ["/srv/ends in"]),
        ("%(syslog_authpriv)s", "%(syslog_authpriv)s", ["%(syslog_authpriv)s"]),
    ],
)
def test_patterns(text: str, written: str, patterns: list[str]) -> None:
    assert with_starts(text) == written
    assert path_patterns(text) == patterns
