# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else holds a port that sshd should have: the kernel's table of sockets (proc(5)), and the words for people. Pure.

A process chooses its own name, so every text about one is quoted.
"""

from __future__ import annotations

import socket
import struct
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError
from .._core.text import printable
from .socket import Listen

__all__ = ["PortHolder", "PortTaken", "SocketRow", "deferral_warning", "overlaps", "refuse_services", "tcp_rows"]

_LISTEN = "0A"
_LONGEST = 200


class SocketRow(t.NamedTuple):
    """A socket of /proc/net/tcp or tcp6: where it is bound, whose it is, and whether it listens."""

    address: str
    port: int
    uid: int
    inode: str
    listening: bool


@dataclass(frozen=True)
class PortHolder:
    """A process that holds ``port``; ``pid`` is 0 and ``uid`` is -1 where the host does not tell."""

    port: int
    address: str = ""
    pid: int = 0
    uid: int = -1
    user: str = ""
    program: str = ""

    def __str__(self) -> str:
        program = f" ({printable(self.program, longest=_LONGEST)})" if self.program else ""
        process = f"process {self.pid}{program}" if self.pid else "a process that the host does not name"
        user = printable(self.user, longest=_LONGEST) or "a user without a name"
        owner = f" of {user} (uid {self.uid})" if self.uid >= 0 else ""
        return f"port {self.port} is held by {process}{owner}" + (f" on {self.address}" if self.address else "")

    def result(self) -> dict[str, t.Any]:
        """Return what the module's result says of it."""
        return {
            "port": self.port,
            "address": self.address,
            "pid": self.pid,
            "uid": self.uid,
            "user": printable(self.user, longest=_LONGEST),
            "program": printable(self.program, longest=_LONGEST),
        }


class PortTaken(BaselineError):
    """Somebody else took the port while sshd moved there; ``listens`` is where sshd listened before, and does again."""

    def __init__(self, words: str, listens: t.Collection[Listen], holders: t.Sequence[PortHolder]) -> None:
        super().__init__(words)
        self.listens = frozenset(listens)
        self.holders = tuple(holders)


def tcp_rows(text: str) -> list[SocketRow]:
    """Read /proc/net/tcp or /proc/net/tcp6."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [
        SocketRow(*_place(row[1]), uid=int(row[7]), inode=row[9], listening=row[3] == _LISTEN)
        for row in rows
        if len(row) > 9
    ]


def overlaps(address: str, desired: str) -> bool:
    """Say whether a socket on ``address`` can keep sshd from ``desired``; sshd's for IPv6 are for IPv6 alone."""
    if ":" in desired:
        return ":" in address and (address == desired or "::" in (address, desired))
    if ":" in address:
        return address == "::" or address == f"::ffff:{desired}" or (desired == "0.0.0.0" and "::ffff:" in address)
    return address == desired or "0.0.0.0" in (address, desired)


def refuse_services(holders: t.Iterable[PortHolder], first_unprivileged: int) -> None:
    """Raise where root holds the port or, below the ports that every user may take, anybody: a mistake, no attack."""
    services = [one for one in holders if one.uid == 0 or one.port < first_unprivileged]
    if services:
        raise BaselineError(
            f"sshd cannot listen where it should: {'; '.join(map(str, services))}",
            state=UNCHANGED,
            hint="choose another port for sshd, or move that service",
            port_held_by=[one.result() for one in services],
        )


def deferral_warning(holders: t.Sequence[PortHolder], ports: t.Iterable[int]) -> str:
    """Return the warning for a move that is put off."""
    return (
        f"sshd was not moved and stays on port {', '.join(map(str, ports))}: {'; '.join(map(str, holders))}, and any "
        "local user can do that; all other settings were dealt with as usual; end that process, and the next run moves "
        "sshd; see that the jails of fail2ban and the firewall cover the port that sshd has"
    )


def _place(text: str) -> tuple[str, int]:
    address, _colon, port = text.rpartition(":")
    words = struct.pack(f"={len(address) // 8}I", *(int(address[i : i + 8], 16) for i in range(0, len(address), 8)))
    return socket.inet_ntop(socket.AF_INET6 if len(words) == 16 else socket.AF_INET, words), int(port, 16)
