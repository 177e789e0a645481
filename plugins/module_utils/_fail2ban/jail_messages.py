# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the log of fail2ban says about running jails: idle after too many errors, entries with odd times."""

from __future__ import annotations

import re
import typing as t

__all__ = ["idle_jails", "odd_times"]

_LINE = r"\S+ \S+ fail2ban\.\w+ *\[\d+\]: "
_IDLE = re.compile(_LINE + r"ERROR +Too many errors at once \(\d+\), going idle")
_ODD = re.compile(
    _LINE + r"WARNING +\[([^\]]+)\] Detected a log entry (.+?) (before|after) the current time in operation mode\. "
    r"This looks like a timezone problem"
)
_LOADED = re.compile(_LINE + r"INFO +Jail '([^']+)' (?:started|reloaded)")


def idle_jails(log: t.Sequence[str], jails: t.Collection[str]) -> list[str]:
    """Return those of ``jails`` that were not loaded since one went idle, by the ``log`` (level INFO or lower).

    The message does not say which one. A reload ends it.
    """
    left: set[str] = set()
    log = _since(log, "Too many errors at once")
    for line in log:
        if _IDLE.match(line):
            left = set(jails)
        loaded = _LOADED.match(line)
        if loaded:
            left.discard(loaded.group(1))
    return [name for name in jails if name in left]


def _since(log: t.Sequence[str], text: str) -> t.Sequence[str]:
    """Return the lines from the first one with ``text``. There may be thousands of others, about bans."""
    return log[next((number for number, line in enumerate(log) if text in line), len(log)) :]


def odd_times(log: t.Sequence[str], jails: t.Collection[str]) -> list[str]:
    """Return a warning about each of ``jails`` that has read entries with odd times since it was loaded."""
    odd: dict[str, str] = {}
    log = _since(log, "Detected a log entry")
    for line in log:
        found, loaded = _ODD.match(line), _LOADED.match(line)
        if found:
            odd[found.group(1)] = f"{found.group(2).strip()} {found.group(3)}"
        if loaded:
            odd.pop(loaded.group(1), None)
    return [
        f"the jail {name} reads entries with times that are {odd[name]} those of the host, as from another time zone: "
        "fail2ban counts new ones as of now, and loses those from before its start; set logtimezone of the jail "
        "(UTC+0200), or the time zone of the service that writes them"
        for name in jails
        if name in odd
    ]
