# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What says that dnf-automatic installs nothing any more: old metadata, no success, a last run that failed. Pure."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

from .freshness import ago, hours, is_over

__all__ = ["DnfTimes", "LastRun", "health_problems", "journal_query", "parse_journal"]

# Of systemd: a job to start a unit has ended (systemd.journal-fields(7), sd-messages.h).
_STARTED = "39f53479d3a045ac8e11786248231fbf"


@dataclass(frozen=True)
class LastRun:
    """The last run of the ``service`` since the boot; ``result`` is systemd's, and empty where there was none."""

    service: str
    result: str = ""

    @property
    def has_failed(self) -> bool:
        return self.result not in ("", "success")


@dataclass(frozen=True)
class DnfTimes:
    """When the metadata of each repository was fetched and a run succeeded last (``None``: not known).

    ``begin`` is when the policy was set, or how far back successes are known: before that, nothing could be seen.
    """

    now: float
    begin: float
    metadata: t.Mapping[str, float] = field(default_factory=dict)
    success_at: float | None = None

    @property
    def metadata_age(self) -> int | None:
        """Return the hours since the oldest metadata were fetched."""
        return hours(self.now, min(self.metadata.values(), default=None))

    @property
    def success_age(self) -> int | None:
        return hours(self.now, self.success_at)


def health_problems(times: DnfTimes, run: LastRun, *, limit: int) -> list[str]:
    """Return a sentence for each age above ``limit`` (in hours), and for a last run that failed."""
    sentences = []
    old = {name: then for name, then in times.metadata.items() if is_over(times.now, then, times.begin, limit)}
    if old:
        sentences.append(
            f"the metadata of {', '.join(sorted(old))} were last fetched {ago(times.now, min(old.values()))} (limit: "
            f"{limit} hours), so newer updates are not seen; run `dnf makecache` on the host to see why"
        )
    if run.has_failed:
        sentences.append(
            f"the last run of {run.service} failed ({run.result}); `journalctl --unit {run.service}` on the host says "
            "why"
        )
    if is_over(times.now, times.success_at or 0, times.begin, limit):
        seen = times.success_at
        last = f"last succeeded {ago(times.now, seen)}" if seen else "has not been seen to succeed"
        sentences.append(
            f"{run.service} {last} (limit: {limit} hours); run `systemctl start {run.service}` on the host to see why"
        )
    return sentences


def journal_query(service: str) -> list[str]:
    """Return the command that shows the last run of ``service`` that succeeded."""
    fields = [f"UNIT={service}", f"MESSAGE_ID={_STARTED}", "JOB_RESULT=done"]
    return [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output",
        "json",
        "--output-fields",
        "UNIT",
        "--lines",
        "1",
        *fields,
    ]


def parse_journal(text: str) -> float | None:
    """Return the time of the last entry in ``text`` (JSON), ``None`` where there is none."""
    try:
        return int(json.loads(text.strip().splitlines()[-1])["__REALTIME_TIMESTAMP"]) / 1_000_000
    except (IndexError, KeyError, TypeError, ValueError):
        return None
