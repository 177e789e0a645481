# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports on which the host listens, and whether sshd answers there, by its banner on each address."""

from __future__ import annotations

import errno
import socket
import time
import typing as t

from ..._core.freebsd import LISTENING, parse_sockstat
from ..socket import Listen

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["is_listening", "open_ports", "unanswered"]

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_SECONDS = 10.0
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def unanswered(listens: t.Iterable[Listen], *, seconds: float = _SECONDS) -> list[str]:
    """Return a problem for each address that does not send sshd's banner within ``seconds``."""
    deadline = time.monotonic() + seconds
    problems = []
    for address, port in sorted(listens):
        problem = _banner_problem(address, port)
        while problem and time.monotonic() < deadline:
            time.sleep(0.1)
            problem = _banner_problem(address, port)
        if problem:
            problems.append(f"{address} port {port}: {problem}")
    return problems


def is_listening(host: Host, listens: t.Iterable[Listen]) -> bool:
    """Say, without a connection, whether something listens on every port of ``listens`` (proc(5), sockstat(1))."""
    if not host.platform.is_freebsd and not any(map(host.stat, _TABLES)):
        return True
    return {listen[1] for listen in listens} <= open_ports(host)


def open_ports(host: Host) -> set[int]:
    """Return the TCP ports on which something listens."""
    if host.platform.is_freebsd:
        return parse_sockstat(host.run(LISTENING).out)
    rows = [line.split() for path in _TABLES for line in (host.read(path) or "").splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


def _banner_problem(address: str, port: int) -> str:
    """Return an empty text where sshd answers, else what happened instead."""
    target = _WILDCARDS.get(address, address)
    try:
        with socket.create_connection((target, port), timeout=3) as connection:
            banner = connection.recv(256)
    except OSError as error:
        # A host without IPv6 (or not yet with that address) cannot listen there, and sshd continues with the others.
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and address in _WILDCARDS:
            return ""
        return error.strerror or str(error)
    return "" if banner.startswith(b"SSH-") else f"no banner of sshd, but {banner[:40]!r}"
