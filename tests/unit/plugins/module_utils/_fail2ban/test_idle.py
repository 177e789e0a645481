"""Jails that have stopped reading, as the log of fail2ban says it."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.idle import idle_jails

PREFIX = "2026-11-28 02:04:26,529 "
IDLE = PREFIX + "fail2ban.filtersystemd  [812]: ERROR   Too many errors at once (100), going idle"
SSHD = PREFIX + "fail2ban.jail           [812]: INFO    Jail 'sshd' started"
SHOP = PREFIX + "fail2ban.server         [812]: INFO    Jail 'shop' reloaded"
FORGED = PREFIX + f"fail2ban.filter [812]: WARNING [shop] x {IDLE}"


@pytest.mark.parametrize(
    ("log", "idle"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([SSHD, SHOP], [], id="no errors"),
        pytest.param([SSHD, SHOP, IDLE], ["sshd", "shop"], id="one of them is"),
        pytest.param([SSHD, SHOP, IDLE, SSHD], ["shop"], id="one was restarted since"),
        pytest.param([IDLE, SSHD, SHOP], [], id="both were loaded since"),
        pytest.param([IDLE, SSHD, SHOP, IDLE], ["sshd", "shop"], id="again"),
        pytest.param([SSHD, SHOP, FORGED, "x " + IDLE], [], id="text of others"),
        pytest.param([IDLE, f"x {SSHD}", SHOP], ["sshd"], id="a load in text of others"),
    ],
)
def test_idle_jails(log: list[str], idle: list[str]) -> None:
    assert idle_jails(log, ["sshd", "shop"]) == idle
