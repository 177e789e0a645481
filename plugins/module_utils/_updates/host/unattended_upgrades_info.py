# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What unattended_upgrades_info tells of the host."""

from __future__ import annotations

import typing as t

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import timers as host_timers
from .. import origins
from .. import unattended_upgrades as uu
from .. import unattended_upgrades_log as log
from . import apt_state as apt
from .unattended_upgrades import TIMERS, mail_problems

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["report"]

_LOG = "/var/log/unattended-upgrades/unattended-upgrades.log"


def report(host: Host) -> dict[str, t.Any]:
    """Return what unattended_upgrades_info tells: the policy in force, what it comes to, and what is wrong with it."""
    where, config, parsed = apt.system(host), apt.composed(host), apt.files(host)
    known, state = apt.archives(host), host_timers.read(host, TIMERS.values())
    patterns = origins.allowed(config)
    installed = host.find("unattended-upgrade") is not None
    problems = uu.problems(config, parsed)
    problems += [
        f"the origin {origins.substitute(pattern, where)} matches no archive that apt is configured for"
        for pattern in origins.unmatched(patterns, known, where)
        if pattern != origins.OBSOLETE
    ]
    problems += apt.pinned_down(host, config, where)[0]
    problems += [f"{timer.name} will not fire: it is {timer.describe().strip()}" for timer in timers.silent(state)]
    problems += mail_problems(host, config)
    if not installed:
        problems.append("the package unattended-upgrades is not installed: nothing is upgraded automatically")
    return {
        "installed": installed,
        "effective": uu.effective(config),
        "origins": origins.table(patterns, known, where),
        "archives": [str(archive) for archive in known],
        "timers": [timer.as_result() for timer in state.values()],
        "last_run": log.last_run(host.read(_LOG) or ""),
        "reboot_required": host.stat("/var/run/reboot-required") is not None,
        "reboot_required_by": sorted(set((host.read("/var/run/reboot-required.pkgs") or "").split())),
        "pending": _pending(host),
        "problems": problems,
    }


def _pending(host: Host) -> list[dict[str, t.Any]]:
    ran = host.run(["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot tell the pending upgrades: {ran.message()}")
    return log.pending(ran.out)
