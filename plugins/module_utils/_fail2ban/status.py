# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the running server to ``status`` and ``get`` (fail2ban-client(1)), parsed for the report."""

from __future__ import annotations

import datetime
import re
import typing as t

__all__ = ["counts_of", "parse_ban"]

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_BAN = re.compile(rf"(\S+)\s+({_TIME}) \+ (-?\d+) = ({_TIME})")


def parse_ban(line: str, now: datetime.datetime) -> dict[str, t.Any]:
    """Return one ban of ``get JAIL banip --with-time``; ``remaining`` (seconds) is ``None`` for a permanent ban.

    The server prints local times without a time zone. ``now`` is the local time of the host.
    """
    found = _BAN.fullmatch(line.strip())
    if not found:
        return {"address": line.split()[0] if line.split() else line, "since": None, "bantime": None, "remaining": None}
    address, since, bantime, end = found.groups()
    # There may be ten thousand of them, for which strptime takes a tenth of a second.
    left = (datetime.datetime.fromisoformat(end) - now).total_seconds()
    return {
        "address": address,
        "since": since,
        "bantime": int(bantime),
        "remaining": None if int(bantime) < 0 else max(0, int(left)),
    }


def counts_of(status: t.Any) -> dict[str, int]:
    """Return the four counters in the answer of the server to ``status JAIL``."""
    parts = dict(status)
    seen, banned = dict(parts.get("Filter", [])), dict(parts.get("Actions", []))
    return {
        "failures": int(seen.get("Currently failed", 0)),
        "failures_total": int(seen.get("Total failed", 0)),
        "banned": int(banned.get("Currently banned", 0)),
        "banned_total": int(banned.get("Total banned", 0)),
    }
