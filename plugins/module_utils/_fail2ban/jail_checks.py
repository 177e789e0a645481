# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jails that count nothing whatever the log contains, and jails that nobody has asked for."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .stream import JailStream

__all__ = ["ignores_every_line", "no_failregex", "other_log", "unasked_jails"]

# No expression that is meant for some messages finds something in all of these.
_ANY_LINES = ("x", "7f2c", "Failed password for root from 192.0.2.1 port 22 ssh2", "GET / HTTP/1.1")


def no_failregex(stream: JailStream) -> str | None:
    """Return that the filter of the jail ``stream`` has no failregex, else ``None``. Such a jail is for manual bans."""
    if stream.values("addfailregex"):
        return None
    return f"the jail {stream.name} counts nothing: its filter has no failregex"


def ignores_every_line(stream: JailStream) -> str | None:
    """Return that an ignoreregex of the jail ``stream`` matches every line, else ``None``."""
    for expression in stream.expressions.get("ignoreregex", ()):
        try:
            ignores = all(re.search(str(expression), line) for line in _ANY_LINES)
        except re.error:
            # An expression of the server that this Python does not compile. It has been loaded by fail2ban.
            continue
        if ignores:
            return f"the jail {stream.name} counts nothing: its ignoreregex matches every line ({expression})"
    return None


def other_log(stream: JailStream, filter_name: str, log: str) -> str | None:
    """Return that a jail with the filter recidive does not read ``log``, the log target of fail2ban, else ``None``."""
    if filter_name != "recidive" or stream.journal or not stream.log_paths or log.split("[", 1)[0] in stream.log_paths:
        return None
    return (
        f"the jail {stream.name} has no log source: it reads {', '.join(stream.log_paths)}, but fail2ban logs to {log} "
        "(logtarget)"
    )


def unasked_jails(
    streams: t.Iterable[str], requested: t.Container[str], sections: t.Mapping[str, t.Mapping[str, str]]
) -> str | None:
    """Return which jails run only because ``[DEFAULT]`` of another file has ``enabled = true``, else ``None``."""
    if sections.get("DEFAULT", {}).get("enabled", "false").lower() not in ("true", "yes", "on", "1"):
        return None
    unasked = [name for name in streams if name not in requested and "enabled" not in sections.get(name, {})]
    if not unasked:
        return None
    return (
        f"jails run that no file enables by name, because [DEFAULT] has enabled = true: {', '.join(unasked)}; remove "
        "it, and enable each jail in its own section"
    )
