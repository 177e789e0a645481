# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jails that have stopped reading after too many errors, which only the log of fail2ban says."""

from __future__ import annotations

import re
import typing as t

__all__ = ["idle_jails"]

_LINE = r"\S+ \S+ fail2ban\.\w+ *\[\d+\]: "
_IDLE = re.compile(_LINE + r"ERROR +Too many errors at once \(\d+\), going idle")
_LOADED = re.compile(_LINE + r"INFO +Jail '([^']+)' (?:started|reloaded)")


def idle_jails(log: t.Iterable[str], jails: t.Collection[str]) -> list[str]:
    """Return those of ``jails`` that were not loaded since one went idle, by the ``log`` (level INFO or lower).

    The message does not say which one. A reload ends it.
    """
    left: set[str] = set()
    for line in log:
        if _IDLE.match(line):
            left = set(jails)
        loaded = _LOADED.match(line)
        if loaded:
            left.discard(loaded.group(1))
    return [name for name in jails if name in left]
