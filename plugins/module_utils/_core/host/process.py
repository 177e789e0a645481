# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host: by proc(5) on Linux, by ps(1) on FreeBSD, where /proc is usually not mounted."""

from __future__ import annotations

import os
import re
import time
import typing as t

from ..freebsd import PROCESSES, ssh_connection
from ..text import is_number

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["alive", "own_ssh_connection", "started", "title"]


def alive(host: Host, pid: int) -> bool:
    return started(host, pid) > 0


def started(host: Host, pid: int) -> float:
    """Return when the process was started (on Linux: at the latest), 0 if there is no such process."""
    if pid <= 0:
        return 0.0
    if host.platform.is_freebsd:
        age = host.run(["ps", "-o", "etimes=", "-p", str(pid)]).out.strip()
        return time.time() - int(age) if is_number(age) else 0.0
    entry = host.stat(f"/proc/{pid}")
    return max(entry.st_mtime, 1.0) if entry else 0.0


def title(host: Host, pid: int) -> str:
    """Return the command line of the process. NUL bytes separate its arguments, blanks if ps printed it."""
    if host.platform.is_freebsd:
        return host.run(["ps", "-ww", "-o", "args=", "-p", str(pid)]).out.strip()
    return host.read(f"/proc/{pid}/cmdline") or ""


def own_ssh_connection(host: Host) -> str:
    """Return SSH_CONNECTION of this process or, because sudo drops it, of the nearest ancestor that has it."""
    own = os.environ.get("SSH_CONNECTION", "")
    if own or host.platform.is_freebsd:
        return own or ssh_connection(host.run(PROCESSES).out, os.getpid())
    return _of_ancestors()


def _of_ancestors() -> str:
    value, pid = "", os.getpid()
    while not value and pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found = re.search(rb"(?:^|\0)SSH_CONNECTION=([^\0]*)", file.read())
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            return value
        value = found.group(1).decode("ascii", "replace") if found else ""
    return value
