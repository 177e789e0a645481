# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When dnf fetched metadata and dnf-automatic succeeded last on the host. Reads only."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..._core.text import is_number
from .. import dnf_automatic as dnf
from ..dnf_health import DnfTimes, LastRun, health_problems, journal_query, parse_journal

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.timers import Timer

__all__ = ["BOOTED", "DnfHealth", "gather_health", "repository_files"]

_CACHES = ("/var/cache/libdnf5/*/repodata/*", "/var/cache/dnf/*/repodata/*")
BOOTED = ["systemctl", "show", "--property", "UserspaceTimestampMonotonic", "--value"]
_PERSISTENT = "/var/log/journal"


@dataclass(frozen=True)
class DnfHealth:
    """Hours since the oldest metadata and the last success (``None``: not known), and what is wrong."""

    metadata: int | None = None
    success: int | None = None
    problems: tuple[str, ...] = ()


def repository_files(host: Host) -> t.Iterator[tuple[str, str]]:
    """Yield the files of metadata on the host, each with the id of its repository."""
    for path in (path for pattern in _CACHES for path in host.glob(pattern)):
        # The folder is the repository's id with a hash of its address: baseos-1a2b3c….
        yield path.split("/")[-3].rpartition("-")[0], path


def gather_health(host: Host, timer: Timer, enabled: t.Collection[str], limit: int) -> DnfHealth:
    """Return the ages, and what of them is above ``limit`` (in hours); ``enabled`` are the repositories that count."""
    now, monotonic = time.time(), time.clock_gettime(time.CLOCK_MONOTONIC)
    # A unit that has not run has succeeded, to systemd. A start that fails before the program runs has no times.
    has_run = timer.service_ended or timer.service_result != "success"
    run = LastRun(timer.service, timer.service_result if has_run else "")
    success = now - (monotonic - timer.service_ended) if run.result == "success" else _from_journal(host, timer)
    begin = max(_mtime(host, path) or 0 for path in ("/etc/machine-id", dnf.CONF))
    if success is None and host.stat(_PERSISTENT) is None:
        # The journal of earlier boots is gone.
        begin = max(begin, now - _uptime(host, monotonic))
    times = DnfTimes(now, begin, _fetched(host, enabled), success)
    return DnfHealth(times.metadata_age, times.success_age, tuple(health_problems(times, run, limit=limit)))


def _from_journal(host: Host, timer: Timer) -> float | None:
    return parse_journal(host.run(journal_query(timer.service)).out)


def _uptime(host: Host, monotonic: float) -> float:
    """Return the seconds since systemd started, which in a container is later than the machine's boot."""
    started = host.run(BOOTED).out.strip()
    return monotonic - int(started) / 1_000_000 if is_number(started) else 0


def _fetched(host: Host, enabled: t.Collection[str]) -> dict[str, float]:
    """Return when the metadata of each repository were fetched, or found to be the current ones."""
    found: dict[str, float] = {}
    for name, path in repository_files(host):
        if name in enabled:
            found[name] = max(found.get(name, 0), _mtime(host, path) or 0)
    return found


def _mtime(host: Host, path: str) -> float | None:
    found = host.stat(path)
    return found.st_mtime if found else None
