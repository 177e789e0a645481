# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes have sockets open, by proc_pid_fd(5)."""

from __future__ import annotations

import os
import re
import typing as t

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["SocketOwner", "socket_owners"]

_SYSTEMD = 1


class SocketOwner(t.NamedTuple):
    """A process: its number, and the path of its program (empty if it has ended meanwhile)."""

    pid: int
    program: str


def socket_owners(host: Host, inodes: t.Collection[str]) -> dict[str, SocketOwner]:
    """Return a process that has each of the sockets ``inodes`` open, as far as there is one.

    systemd keeps the sockets that it passes to services, so it is named only where nobody else has them.
    """
    left = set(inodes) - {"0", ""}
    found: dict[str, SocketOwner] = {}
    pids = sorted((int(os.path.basename(path)) for path in host.glob("/proc/[0-9]*")), key=lambda pid: pid == _SYSTEMD)
    for pid in pids:
        if not left:
            break
        own = left & _open_sockets(host, pid)
        if own:
            found.update(dict.fromkeys(own, SocketOwner(pid, _program(host, pid))))
            left -= own
    return found


def _open_sockets(host: Host, pid: int) -> set[str]:
    links = map(host.target, host.glob(f"/proc/{pid}/fd/*"))
    return {match[1] for match in (re.search(r"socket:\[(\d+)\]$", link) for link in links) if match}


def _program(host: Host, pid: int) -> str:
    path = f"/proc/{pid}/exe"
    program = host.target(path)
    return "" if program == path else program
