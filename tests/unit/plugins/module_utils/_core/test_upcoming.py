"""What other tasks will have changed."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import ANYTHING, NOTHING, Upcoming

SUDO = Upcoming(frozenset({"sudo", "libc6"}), frozenset({"deploy"}), frozenset({"/etc/keys/deploy"}))


@pytest.mark.parametrize(
    ("upcoming", "parts", "found"),
    [
        (NOTHING, (), False),
        (NOTHING, ("sudo",), False),
        (ANYTHING, (), True),
        (ANYTHING, ("fail2ban",), True),
        (SUDO, (), True),
        (SUDO, ("fail2ban", "sudo"), True),
        (SUDO, ("fail2ban",), False),
        # The name of the package differs by system: py311-fail2ban, fail2ban-server.
        (Upcoming(frozenset({"py311-fail2ban"})), ("fail2ban",), True),
    ],
)
def test_packages(upcoming: Upcoming, parts: tuple[str, ...], found: bool) -> None:
    assert upcoming.has_package(*parts) is found


@pytest.mark.parametrize(
    ("upcoming", "name", "found"),
    [(NOTHING, "deploy", False), (ANYTHING, "deploy", True), (SUDO, "deploy", True), (SUDO, "app", False)],
)
def test_accounts(upcoming: Upcoming, name: str, found: bool) -> None:
    assert upcoming.has_account(name) is found


@pytest.mark.parametrize(
    ("upcoming", "path", "found"),
    [
        (NOTHING, "/etc/keys/deploy", False),
        (ANYTHING, "/etc/keys/deploy", True),
        (SUDO, "/etc/keys/deploy", True),
        (SUDO, "/etc/keys/app", False),
    ],
)
def test_key_files(upcoming: Upcoming, path: str, found: bool) -> None:
    assert upcoming.has_key_file(path) is found
