# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives that the origins of a policy allow; an origin that would never install anything is an error."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError, combined
from ..._packages.apt import is_locked
from .. import origins
from ..archive_sources import adding_command
from . import apt_state

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..._core.progress import Progress
    from ..origins import Archive

__all__ = ["MatchedOrigins", "RequestedOrigins", "match_archives", "require_priorities", "update_lists"]

_LOCK_SECONDS = 120


@dataclass(frozen=True)
class MatchedOrigins:
    """Each origin with the archives that it allows, and these; ``lists_updated``: lists had to be fetched for that."""

    origins: tuple[dict[str, t.Any], ...] = ()
    archives: tuple[Archive, ...] = ()
    lists_updated: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestedOrigins:
    """The requested patterns; ``optional`` are those that may match no archive."""

    patterns: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()

    @property
    def required(self) -> list[str]:
        return [pattern for pattern in self.patterns if pattern not in self.optional]


def match_archives(
    host: Host, requested: RequestedOrigins, distribution: origins.AptDistribution, progress: Progress
) -> MatchedOrigins:
    """Return the archives of each requested pattern; fetch missing package lists, but not in check mode."""
    patterns = requested.patterns
    if not patterns:
        return MatchedOrigins()
    archives = apt_state.gather_archives(host)
    unmatched = origins.unmatched(requested.required, archives, distribution)
    missing = apt_state.gather_missing_indexes(host) if unmatched else []
    if missing and host.check_mode:
        warning = (
            f"whether {' and '.join(unmatched)} matches an archive is not known yet: the index of "
            f"{', '.join(missing)} is missing"
        )
        host.known_after_apply.append(warning)
        return MatchedOrigins(tuple(origins.table(patterns, archives, distribution)))
    if missing:
        archives = _fetch_archives(host, requested.required, distribution, progress)
        unmatched = origins.unmatched(requested.required, archives, distribution)
    if unmatched:
        raise _unmatched(unmatched, distribution, archives)
    return MatchedOrigins(
        tuple(origins.table(patterns, archives, distribution)),
        tuple(one for one in archives if any(origins.matches(pattern, one, distribution) for pattern in patterns)),
        lists_updated=bool(missing),
    )


def _fetch_archives(
    host: Host, patterns: t.Sequence[str], distribution: origins.AptDistribution, progress: Progress
) -> list[origins.Archive]:
    """Fetch the package lists and return the archives; a list that cannot be fetched and that is needed raises."""
    ran = update_lists(host)
    progress.record("updated the package lists")
    archives = apt_state.gather_archives(host)
    unmatched = origins.unmatched(patterns, archives, distribution)
    # apt-get succeeds also where it could not fetch a list; what counts is whether ours is there.
    missing = apt_state.gather_missing_indexes(host) if unmatched else []
    if missing:
        raise BaselineError(
            f"whether {' and '.join(unmatched)} matches an archive is not known, because the lists of "
            f"{', '.join(missing)} cannot be fetched: {ran.message()}",
            option="origins",
            state="this task updated the package lists that could be fetched, and changed nothing else",
        )
    return archives


def update_lists(host: Host) -> CommandResult:
    """Fetch the package lists; on a host that has just booted, apt-daily.service may hold their lock for a while."""
    deadline = time.monotonic() + _LOCK_SECONDS
    ran = host.run(["apt-get", "-qq", "update"])
    while is_locked(ran.err) and time.monotonic() < deadline:
        time.sleep(2)
        ran = host.run(["apt-get", "-qq", "update"])
    return ran


def _unmatched(
    patterns: t.Sequence[str], distribution: origins.AptDistribution, archives: t.Sequence[origins.Archive]
) -> BaselineError:
    names = [origins.substitute(pattern, distribution) for pattern in patterns]
    known = [str(archive) for archive in archives]
    commands = [command for command in (adding_command(pattern, distribution) for pattern in patterns) if command]
    hints = [f"add it with `{command}`" for command in commands]
    return BaselineError(
        f"{' and '.join(names)} matches no archive that apt is configured for, so it would never install anything",
        option="origins",
        hint="; ".join([*hints, f"the archives are: {'; '.join(known) or 'none'}"]),
        archives=known,
    )


def require_priorities(host: Host, patterns: t.Sequence[str], distribution: origins.AptDistribution) -> list[str]:
    """Raise where the priorities let an origin upgrade nothing; warn where only packages pinned by name are left."""
    found = apt_state.find_pinned_origins(patterns, apt_state.gather_priorities(host), distribution)
    if found.errors:
        raise combined(found.errors)
    return list(found.warnings)
