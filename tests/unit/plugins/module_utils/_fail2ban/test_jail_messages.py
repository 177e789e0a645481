"""Jails that have stopped reading, or read entries with odd times, as the log of fail2ban says it."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jail_messages import idle_jails, odd_times

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


ODD = PREFIX + (
    "fail2ban.filter         [812]: WARNING [shop] Detected a log entry 3h before the current time in operation mode. "
    "This looks like a timezone problem. Treating such entries as if they just happened."
)
LATE = ODD.replace("3h", "2m").replace("timezone", "latency")


@pytest.mark.parametrize(
    ("log", "times"),
    [
        pytest.param([SHOP], "", id="none"),
        pytest.param([SHOP, ODD], "3h before", id="odd times"),
        pytest.param([SHOP, ODD.replace("3h before", "1h 30m after")], "1h 30m after", id="in the future"),
        pytest.param([SHOP, ODD, SHOP], "", id="the jail was loaded since"),
        pytest.param([SHOP, ODD, SSHD], "3h before", id="another one was"),
        pytest.param([SHOP, LATE], "", id="a slow writer"),
        pytest.param([SHOP, "x " + ODD], "", id="text of others"),
        pytest.param([SHOP, ODD.replace("[shop]", "[gone]")], "", id="a jail that is gone"),
    ],
)
def test_odd_times(log: list[str], times: str) -> None:
    found = odd_times(log, ["sshd", "shop"])
    assert bool(found) is bool(times)
    assert all(one.startswith(f"the jail shop reads entries with times that are {times} those of") for one in found)
