# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of package lists and of the last successful upgrade: what of it means that updates no longer arrive."""

from __future__ import annotations

import email.utils
import re
import time
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .origins import Archive

__all__ = [
    "LIMIT",
    "ReleaseFile",
    "UpdateTimes",
    "age_problems",
    "ago",
    "checked_limit",
    "expired",
    "hours",
    "is_over",
    "parse_release",
]

# In hours. A timer that fires once a week, with its random delay, is within it.
LIMIT = 192
_FIELD = re.compile(r"^(Origin|Label|Suite|Codename|Valid-Until): *(.*?) *$", re.MULTILINE)


@dataclass(frozen=True)
class ReleaseFile:
    """The Release file of an archive on the host; after ``valid_until`` apt does not accept it any more."""

    archive: Archive
    valid_until: float | None


@dataclass(frozen=True)
class UpdateTimes:
    """When the package lists were fetched and upgrades succeeded, in seconds since the epoch; ``None`` is unknown.

    ``policy_at`` is when the updater or its policy was installed: before that, nothing could have succeeded.
    """

    now: float
    policy_at: float
    lists_at: float | None
    success_at: float | None


def parse_release(text: str) -> ReleaseFile:
    """Parse a Release or InRelease file."""
    fields = dict(_FIELD.findall(text))
    archive = Archive(
        origin=fields.get("Origin", ""),
        label=fields.get("Label", ""),
        archive=fields.get("Suite", ""),
        codename=fields.get("Codename", ""),
        component="",
        site="",
    )
    return ReleaseFile(archive, _seconds(fields.get("Valid-Until", "")))


def _seconds(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None


def checked_limit(limit: int) -> int:
    """Return ``limit``, the value of ``max_age``; less than an hour raises."""
    if limit < 1:
        raise BaselineError(f"{limit} is not a number of hours", option="max_age", hint="give 1 or more")
    return limit


def hours(now: float, then: float | None) -> int | None:
    """Return the full hours between the two; a time in the future, from a clock that was wrong, counts as now."""
    return None if then is None else max(0, int((now - then) // 3600))


def age_problems(times: UpdateTimes, *, lists_limit: int | None, success_limit: int | None) -> list[str]:
    """Return a sentence for each age above its limit (in hours; ``None``: the policy does not ask for it).

    A new host is not too old before the limit is over.
    """
    sentences = []
    lists = times.lists_at or 0
    if is_over(times.now, lists, times.policy_at, lists_limit):
        sentences.append(
            f"the package lists were last fetched {ago(times.now, times.lists_at)} (limit: {lists_limit} hours), so "
            "newer updates are not seen; run `apt-get update` on the host to see why"
        )
    success = times.success_at or 0
    if is_over(times.now, success, times.policy_at, success_limit):
        last = f"last succeeded {ago(times.now, times.success_at)}" if success else "never succeeded on this host"
        sentences.append(
            f"unattended-upgrade {last} (limit: {success_limit} hours); run `unattended-upgrade --verbose` on the host "
            "to see why"
        )
    return sentences


def is_over(now: float, then: float, begin: float, limit: int | None) -> bool:
    """Return whether ``then`` is ``limit`` hours ago or more. Nothing was possible before ``begin``."""
    return limit is not None and (hours(now, max(then, begin)) or 0) >= limit


def ago(now: float, then: float | None) -> str:
    return "at an unknown time" if then is None else f"{hours(now, then)} hours ago ({_day(then)})"


def _day(when: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(when))


def expired(releases: t.Iterable[ReleaseFile], allowed: t.Sequence[Archive], now: float) -> list[str]:
    """Return a sentence for each Release file of an ``allowed`` archive that is no longer valid."""
    names = {(one.origin, one.label, one.archive, one.codename) for one in allowed}
    return [
        f"the package lists of {one.archive} expired on {_day(one.valid_until)}, and apt has fetched no newer ones"
        for one in releases
        if one.valid_until is not None
        and one.valid_until < now
        and (one.archive.origin, one.archive.label, one.archive.archive, one.archive.codename) in names
    ]
