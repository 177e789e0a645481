# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service of fail2ban under systemd or FreeBSD's rc(8): its state, its start and its log."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.host.rc import rc_act, rc_enable, rc_state
from ..._core.host.service import act, journal_tail, unit_state
from ..._core.text import is_number

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Fail2banService", "enable", "service_log", "service_state", "start"]

UNIT = "fail2ban.service"
_RC = "fail2ban"
_LOG = "/var/log/fail2ban.log"
_TAIL = 1 << 18
_PIDFILE = "/var/run/fail2ban/fail2ban.pid"


@dataclass(frozen=True)
class Fail2banService:
    """The service: its ``name``, and its ``state`` as its manager reports it. ``alive``: it runs or is starting."""

    name: str
    state: str
    running: bool
    alive: bool
    enabled: bool
    failed: bool
    main_pid: int


def service_state(host: Host) -> Fail2banService:
    """Return the state of the service."""
    if host.platform.is_freebsd:
        found = rc_state(host, _RC)
        state = "running" if found.running else "not running"
        written = (host.read(_PIDFILE) or "").strip()
        pid = found.pid or (int(written) if found.running and is_number(written) else 0)
        # The script runs "fail2ban-client start", which returns before the server has written its pidfile.
        return Fail2banService(_RC, state, found.running, True, found.enabled, False, pid)
    unit = unit_state(host, UNIT)
    alive = unit.active in ("active", "activating", "reloading")
    failed = unit.active == "failed"
    return Fail2banService(UNIT, unit.active, unit.running, alive, unit.enabled, failed, unit.main_pid)


def enable(host: Host) -> None:
    """Enable the service, so that it starts at boot."""
    if host.platform.is_freebsd:
        rc_enable(host, _RC)
    else:
        act(host, "enable", UNIT)


def start(host: Host, service: Fail2banService) -> None:
    """Start the service, or restart it if it runs and its server does not answer."""
    verb = "restart" if service.running else "start"
    if host.platform.is_freebsd:
        rc_act(host, verb, _RC)
        return
    if service.failed:
        act(host, "reset-failed", UNIT)
    act(host, verb, UNIT)


def service_log(host: Host, *, lines: int = 15) -> list[str]:
    """Return the last lines of the journal of the service, or of the log of fail2ban on a host without a journal."""
    if host.platform.is_freebsd:
        return (host.read(_LOG, last=_TAIL) or "").splitlines()[-lines:]
    return journal_tail(host, UNIT, lines=lines)
