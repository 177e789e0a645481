# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the processes that hold a port that sshd should have: by a bind like sshd's, then by proc(5) or sockstat(1)."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import socket
import typing as t

from ..._core.freebsd import LISTENING, sockstat_listeners
from ..._core.socket_rows import SocketRow, tcp_rows
from ..port_holders import PortHolder, overlaps
from ..socket import Listen

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .daemon import SshdDaemon

__all__ = ["first_unprivileged", "port_holders", "present_listens"]

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_FIRST_UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_SYSTEMD = 1


def first_unprivileged(host: Host) -> int:
    """Return the lowest port on which any local user may listen."""
    text = (host.read(_FIRST_UNPRIVILEGED) or "").strip()
    return int(text) if text.isdigit() else 1024


def present_listens(host: Host, daemon: SshdDaemon) -> frozenset[Listen]:
    """Return where the running sshd (or its socket unit) listens by the kernel's tables; empty where it is unknown."""
    if daemon.socket and daemon.socket_unit:
        return daemon.socket_unit.loaded.listens
    if host.platform.is_freebsd:
        rows = sockstat_listeners(host.run(LISTENING).out)
        return frozenset((address, port) for _user, _program, pid, address, port in rows if pid == daemon.pid)
    own = _inodes(host, daemon.pid)
    return frozenset((row.address, row.port) for row in _rows(host) if row.listening and row.inode in own)


def port_holders(
    host: Host, daemon: SshdDaemon, listens: t.Iterable[Listen], *, probe: bool = True
) -> list[PortHolder]:
    """Return the processes other than sshd that hold one of ``listens``; without ``probe`` only listening ones.

    A socket that is bound but does not listen blocks the port too, and is in no table of the kernel. So a bind decides,
    and the tables name the process.
    """
    if host.platform.is_freebsd:
        return _by_sockstat(host, daemon, listens)
    rows = _rows(host)
    own = _inodes(host, daemon.pid) | (_inodes(host, _SYSTEMD) if daemon.socket else set())
    found = []
    for address, port in sorted(listens):
        near = [row for row in rows if row.port == port and overlaps(row.address, address)]
        listening = [row for row in near if row.inode in own and row.listening]
        if any(row.address == address for row in listening):
            continue
        # Where sshd listens on the port already, the connections are its clients'.
        with_connections = probe and not listening
        others = [row for row in near if row.inode not in own | {"0"} and (row.listening or with_connections)]
        is_held = not _can_bind(address, port) if probe else bool(others)
        if is_held and (others or not any(row.inode in own for row in near)):
            found.append(_named(host, others, port))
    known = [one for one in found if daemon.service or daemon.pid or not _is_sshd(one)]
    return list(dict.fromkeys(known))


def _is_sshd(holder: PortHolder) -> bool:
    """Say whether the holder looks like sshd itself, on a host where neither a unit nor a pid file names it."""
    return holder.uid == 0 and os.path.basename(holder.program) == "sshd"


def _rows(host: Host) -> list[SocketRow]:
    return [row for path in _TABLES for row in tcp_rows(host.read(path) or "")]


def _inodes(host: Host, pid: int, path: str = "") -> set[str]:
    """Return the sockets that a process has open; none if it has ended meanwhile."""
    links = map(host.target, host.glob(f"{path or f'/proc/{pid}'}/fd/*")) if pid else ()
    return {found.group(1) for found in (re.search(r"socket:\[(\d+)\]$", link) for link in links) if found}


def _named(host: Host, rows: t.Sequence[SocketRow], port: int) -> PortHolder:
    """Return the process of the first of ``rows``, a listening one if there is one."""
    if not rows:
        return PortHolder(port)
    row = max(rows, key=lambda one: one.listening)
    pid = _process_with(host, row.inode)
    program = host.target(f"/proc/{pid}/exe") if pid else ""
    return PortHolder(port, row.address, pid, row.uid, _user(row.uid), program)


def _process_with(host: Host, inode: str) -> int:
    for folder in host.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(folder))
        if inode in _inodes(host, pid):
            return pid
    return 0


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _by_sockstat(host: Host, daemon: SshdDaemon, listens: t.Iterable[Listen]) -> list[PortHolder]:
    rows = sockstat_listeners(host.run(LISTENING).out)
    found = []
    for address, port in sorted(listens):
        near = [row for row in rows if row[4] == port and overlaps(row[3], address)]
        if not any(row[2] == daemon.pid for row in near):
            found += [PortHolder(port, row[3], row[2], _uid(row[0]), row[0], row[1]) for row in near[:1]]
    return list(dict.fromkeys(found))


def _uid(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return int(user) if user.isdigit() else -1


def _can_bind(address: str, port: int) -> bool:
    """Bind like sshd, and close at once. An address that the host does not have (IPv6 too) is held by nobody."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True
