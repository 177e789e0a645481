# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jails of the running server do not read their log source, whatever their settings are."""

from __future__ import annotations

import typing as t

from ..counting import VISIBLE_LEVELS
from ..jail_messages import idle_jails
from .open_journal import unread_journal
from .server_log import log_lines, own_log_lines
from .watching import unwatched_logs, why_unwatched

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .readings import Readings
    from .server import Asks

__all__ = ["unread_reason", "unread_sources"]

_IDLE = "anything, since it is idle after too many errors"


def unread_sources(
    readings: Readings,
    server: Asks,
    pid: int,
    *,
    journals: t.Sequence[str],
    files: t.Mapping[str, t.Sequence[str]],
    is_new: bool = False,
) -> dict[str, str]:
    """Return what a jail does not read, by jail: the journal, a log file, or anything.

    ``journals``: the jails that read the journal; ``files``: the log files of others; ``is_new``: whether the jails
    have just been restarted, so that earlier messages in the log of fail2ban are not about them.
    """
    host = readings.host
    found: dict[str, str] = {}
    if str(server.ask("get", "loglevel")).upper() in VISIBLE_LEVELS:
        found.update(dict.fromkeys(idle_jails(own_log_lines(readings, server), [*journals, *files]), _IDLE))
    found.update(unwatched_logs(host, pid, files))
    path = unread_journal(host, pid, readers=len(journals), log=lambda: [] if is_new else log_lines(host, server))
    found.update(dict.fromkeys(journals, path) if path else {})
    return found


def unread_reason(host: Host, server: Asks) -> tuple[str, str]:
    """Return why jails do not read their source, as far as the log of fail2ban says it, and what to do."""
    return why_unwatched(host, log_lines(host, server))
