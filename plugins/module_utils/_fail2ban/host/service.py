# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fail2ban's service, kept by systemd or by FreeBSD's rc(8): its state, its start, its last words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.host.rc import rc_act, rc_enable, rc_state
from ..._core.host.service import act, journal_tail, unit_state
from ..._core.text import is_number

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Service", "enable", "service_state", "service_tail", "start"]

UNIT = "fail2ban.service"
_RC = "fail2ban"
_LOG = "/var/log/fail2ban.log"
_TAIL = 1 << 18
_PIDFILE = "/var/run/fail2ban/fail2ban.pid"
_DOWN = "fail2ban does not run"


@dataclass(frozen=True)
class Service:
    """The service: its ``name`` and state in its manager's own words. ``alive``: it runs or is about to."""

    name: str
    words: str
    running: bool
    alive: bool
    enabled: bool
    failed: bool
    main_pid: int


def service_state(host: Host) -> Service:
    if host.platform.is_freebsd:
        found = rc_state(host, _RC)
        words = "running" if found.running else "not running"
        written = (host.read(_PIDFILE) or "").strip()
        pid = found.pid or (int(written) if found.running and is_number(written) else 0)
        # "fail2ban-client start", which the script runs, returns before its server has a file with its number.
        return Service(_RC, words, found.running, True, found.enabled, False, pid)
    unit = unit_state(host, UNIT)
    alive = unit.active in ("active", "activating", "reloading")
    return Service(UNIT, unit.active, unit.running, alive, unit.enabled, unit.active == "failed", unit.main_pid)


def enable(host: Host) -> None:
    """Have the next boot start fail2ban."""
    unchanged = "it would not start at the next boot"
    if host.platform.is_freebsd:
        rc_enable(host, _RC, unchanged=unchanged)
    else:
        act(host, "enable", UNIT, unchanged=unchanged)


def start(host: Host, service: Service) -> None:
    """Start the service, or start it again where it runs and does not answer."""
    verb = "restart" if service.running else "start"
    if host.platform.is_freebsd:
        rc_act(host, verb, _RC, unchanged=_DOWN)
        return
    if service.failed:
        act(host, "reset-failed", UNIT, unchanged=_DOWN)
    act(host, verb, UNIT, unchanged=_DOWN)


def service_tail(host: Host, *, lines: int = 15) -> list[str]:
    """Return the service's last words: of the journal, or of fail2ban's own log where there is no journal."""
    if host.platform.is_freebsd:
        return (host.read(_LOG, last=_TAIL) or "").splitlines()[-lines:]
    return journal_tail(host, UNIT, lines=lines)
