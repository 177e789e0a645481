# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the fail2ban server: its log target, a file or the journal of the service."""

from __future__ import annotations

import typing as t

from ..plan import recent_errors
from .service import service_log

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .readings import Readings
    from .server import Asks

__all__ = ["log_lines", "own_log_lines", "recent_log_errors"]

_TAIL = 1 << 18
_LINES = 200


def log_lines(host: Host, server: Asks) -> list[str]:
    """Return the last lines of the log of fail2ban."""
    text = _file_text(host, server)
    return text.splitlines() if text is not None else service_log(host, lines=_LINES)


def own_log_lines(readings: Readings, server: Asks) -> list[str]:
    """Return the last lines of the log of fail2ban if it is a file, which costs no command."""
    return (_file_text(readings, server) or "").splitlines()


def _file_text(host: Host | Readings, server: Asks) -> str | None:
    target = str(server.ask("get", "logtarget"))
    return host.read(target, last=_TAIL) if target.startswith("/") else None


def recent_log_errors(host: Host, server: Asks) -> list[str]:
    """Return the last errors and warnings in the log of fail2ban."""
    return recent_errors(log_lines(host, server)[-_LINES:])
