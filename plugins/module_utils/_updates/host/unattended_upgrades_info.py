# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of unattended-upgrades in force on the host, and its problems."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import timers as host_timers
from ..._packages.dpkg import parse_status
from .. import apt_preferences as preferences
from .. import origins, pending
from .. import unattended_upgrades as uu
from . import apt_state
from .unattended_upgrades import TIMERS, mail_problems
from .updater_health import find_obstacles, gather_ages, gather_last_run

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..apt_conf import AptConfig

__all__ = ["gather_info"]

_STATUS = "/var/lib/dpkg/status"
_SIMULATE = ("apt-get", "--simulate", "--quiet")
_UPGRADE = ("upgrade", "--with-new-pkgs")


def gather_info(host: Host, max_age: int) -> dict[str, t.Any]:
    """Return the result of unattended_upgrades_info; ages above ``max_age`` (in hours) are problems."""
    distribution, config = apt_state.gather_distribution(host), apt_state.gather_config(host)
    archives, state = apt_state.gather_archives(host), host_timers.gather_timers(host, TIMERS.values())
    patterns = origins.allowed(config)
    installed = host.find("unattended-upgrade") is not None
    priorities, rejected = _gather_priorities(host)
    allowed = [one for one in archives if _is_allowed(one, patterns, distribution)]
    ages = gather_ages(host, config, allowed, max_age)
    last_run = gather_last_run(host)
    upgrades = _gather_upgrades(host, config, priorities.ranked, distribution)

    problems = uu.problems(config, apt_state.gather_files(host))
    problems += [
        f"the origin {origins.substitute(pattern, distribution)} matches no archive that apt is configured for"
        for pattern in origins.unmatched(patterns, archives, distribution)
        if not origins.is_optional(pattern)
    ]
    problems += rejected
    problems += apt_state.find_pinned_origins(patterns, priorities, distribution).problems
    problems += [f"{timer.name} will not fire: it is {timer.describe().strip()}" for timer in timers.idle_timers(state)]
    problems += mail_problems(host, config)
    if installed:
        problems += [*find_obstacles(host, config), *ages.problems]
        problems += [
            f"the last run of unattended-upgrade failed: {error}" for error in (last_run or {}).get("errors", ())
        ]
    else:
        problems.append("the package unattended-upgrades is not installed: nothing is upgraded automatically")
    problems += upgrades.problems
    return {
        "installed": installed,
        "effective": uu.effective(config),
        "origins": origins.table(patterns, archives, distribution),
        "archives": [str(archive) for archive in archives],
        "timers": [timer.as_result() for timer in state.values()],
        "last_run": last_run,
        "lists_age": ages.lists,
        "success_age": ages.success,
        "reboot_required": host.stat("/var/run/reboot-required") is not None,
        "reboot_required_by": sorted(set((host.read("/var/run/reboot-required.pkgs") or "").split())),
        "pending": list(upgrades.pending),
        "kept_back": list(upgrades.kept_back),
        "problems": problems,
    }


def _gather_priorities(host: Host) -> tuple[apt_state.AptPriorities, list[str]]:
    """Return the priorities, or none and a sentence where apt rejects its preferences."""
    try:
        return apt_state.gather_priorities(host), []
    except BaselineError as error:
        return apt_state.AptPriorities((), {}, ()), [error.advice]


def _is_allowed(archive: origins.Archive, patterns: t.Sequence[str], distribution: origins.AptDistribution) -> bool:
    return any(origins.matches(pattern, archive, distribution) for pattern in patterns)


@dataclass(frozen=True)
class _Upgrades:
    """The rows of pending upgrades and of those that are kept back, and a sentence for each problem."""

    pending: tuple[dict[str, t.Any], ...] = ()
    kept_back: tuple[dict[str, t.Any], ...] = ()
    problems: tuple[str, ...] = ()


def _gather_upgrades(
    host: Host,
    config: AptConfig,
    ranked: t.Sequence[preferences.RankedArchive],
    distribution: origins.AptDistribution,
) -> _Upgrades:
    """Simulate upgrades: as an admin would see them, from the allowed archives alone, and without preferences."""
    patterns = origins.allowed(config)
    others = [one.archive for one in ranked if not _is_allowed(one.archive, patterns, distribution)]
    path = os.path.join(host.scratch(), "preferences")
    # apt counts the first pin of an archive, and this file takes the place of the one that it reads first.
    own = host.read(apt_state.PREFERENCES) or ""
    host.lay_out({path: f"{preferences.pins_against(others)}\n{own}"})
    try:
        views = pending.UpgradeViews(
            host=_simulate(host, *_UPGRADE),
            policy=_simulate(host, "-o", f"Dir::Etc::preferences={path}", *_UPGRADE),
            archives=_simulate(host, "--ignore-hold", *pending.LEAVE_OUT_PINS, "dist-upgrade"),
            held=parse_status(host.read(_STATUS) or "").held,
            allowed=[one.name for one in ranked if one.archive not in others],
        )
    except BaselineError as error:
        return _Upgrades(problems=(error.sentence,))
    policy = uu.effective(config)
    rows = pending.kept_back(views, policy)
    return _Upgrades(
        tuple(pending.with_policy(views, policy)), tuple(rows), tuple(pending.kept_back_problems(rows, views))
    )


def _simulate(host: Host, *arguments: str) -> str:
    ran = host.run([*_SIMULATE, *arguments])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot list the pending upgrades: {ran.message()}")
    return ran.out
