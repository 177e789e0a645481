# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the fail2ban server: its log target, a file or the journal of the service."""

from __future__ import annotations

import typing as t

from ..plan import recent_errors
from .service import service_log

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .server import Asks

__all__ = ["log_lines", "recent_log_errors"]

_TAIL = 1 << 18
_LINES = 200


def log_lines(host: Host, server: Asks) -> list[str]:
    """Return the last lines of the log of fail2ban."""
    target = str(server.ask("get", "logtarget"))
    text = host.read(target, last=_TAIL) if target.startswith("/") else None
    return text.splitlines() if text is not None else service_log(host, lines=_LINES)


def recent_log_errors(host: Host, server: Asks) -> list[str]:
    """Return the last errors and warnings in the log of fail2ban."""
    return recent_errors(log_lines(host, server)[-_LINES:])
