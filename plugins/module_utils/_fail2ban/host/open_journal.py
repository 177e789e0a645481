# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the running server reads the journal that journald writes, and watches it for new entries.

A reader of the journal watches the folders that existed when it started. When the journal becomes persistent
(``journalctl --flush`` with a new /var/log/journal, journald.conf(5)), the server keeps watching the folder that is
gone, and its jails count nothing (fail2ban#3396).
"""

from __future__ import annotations

import os
import time
import typing as t

from .watching import journal_is_watched

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["unread_journal"]

_FLUSHED = "/run/systemd/journal/flushed"
# After a rotation the file has a new name, and a reader opens the new file within a second or two.
_ROTATION_SECONDS = 3.0


def unread_journal(host: Host, pid: int, *, readers: int, log: t.Callable[[], list[str]]) -> str | None:
    """Return the journal that journald writes if fewer than ``readers`` of the process ``pid`` read it, else None.

    ``log``: returns the last lines of the log of fail2ban.
    """
    path = _written_journal(host)
    if path is None or not pid or not readers:
        return None
    deadline = time.monotonic() + _ROTATION_SECONDS
    while _open_count(host, pid, path) < readers:
        if time.monotonic() >= deadline:
            return path
        time.sleep(0.5)
    return None if journal_is_watched(host, pid, os.path.dirname(path), readers=readers, log=log) else path


def _written_journal(host: Host) -> str | None:
    """Return the file that journald appends to: below /var/log after the flush at boot, before it below /run."""
    machine = (host.read("/etc/machine-id") or "").strip()
    folders = ["/var/log/journal", "/run/log/journal"] if host.stat(_FLUSHED) else ["/run/log/journal"]
    paths = [f"{folder}/{machine}/system.journal" for folder in folders]
    return next((path for path in paths if machine and host.stat(path)), None)


def _open_count(host: Host, pid: int, path: str) -> int:
    return sum(host.target(link) == path for link in host.glob(f"/proc/{pid}/fd/*"))
