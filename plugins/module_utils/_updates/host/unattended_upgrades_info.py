# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of unattended-upgrades in force on the host, and its problems."""

from __future__ import annotations

import typing as t

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import timers as host_timers
from .. import origins
from .. import unattended_upgrades as uu
from .. import unattended_upgrades_log as log
from . import apt_state
from .unattended_upgrades import TIMERS, mail_problems

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["gather_info"]

_LOG = "/var/log/unattended-upgrades/unattended-upgrades.log"


def gather_info(host: Host) -> dict[str, t.Any]:
    """Return the result of unattended_upgrades_info."""
    distribution, config = apt_state.gather_distribution(host), apt_state.gather_config(host)
    archives, state = apt_state.gather_archives(host), host_timers.gather_timers(host, TIMERS.values())
    patterns = origins.allowed(config)
    installed = host.find("unattended-upgrade") is not None
    problems = uu.problems(config, apt_state.gather_files(host))
    problems += [
        f"the origin {origins.substitute(pattern, distribution)} matches no archive that apt is configured for"
        for pattern in origins.unmatched(patterns, archives, distribution)
        if pattern != origins.OBSOLETE
    ]
    problems += apt_state.find_pinned_origins(host, config, distribution).problems
    problems += [f"{timer.name} will not fire: it is {timer.describe().strip()}" for timer in timers.idle_timers(state)]
    problems += mail_problems(host, config)
    if not installed:
        problems.append("the package unattended-upgrades is not installed: nothing is upgraded automatically")
    return {
        "installed": installed,
        "effective": uu.effective(config),
        "origins": origins.table(patterns, archives, distribution),
        "archives": [str(archive) for archive in archives],
        "timers": [timer.as_result() for timer in state.values()],
        "last_run": log.last_run(host.read(_LOG) or ""),
        "reboot_required": host.stat("/var/run/reboot-required") is not None,
        "reboot_required_by": sorted(set((host.read("/var/run/reboot-required.pkgs") or "").split())),
        "pending": _gather_pending(host),
        "problems": problems,
    }


def _gather_pending(host: Host) -> list[dict[str, t.Any]]:
    ran = host.run(["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot list the pending upgrades: {ran.message()}")
    return log.pending(ran.out)
