# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that hold a port that sshd should have: which sockets are in the way, and the messages.

A process chooses its own name, so messages quote it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import printable
from .socket import Listen

__all__ = ["PortHolder", "PortTaken", "deferral_warning", "overlaps", "refuse_services"]

_LONGEST = 200


@dataclass(frozen=True)
class PortHolder:
    """A process that holds ``port``; ``pid`` is 0 and ``uid`` is -1 where they are unknown."""

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
        """Return the entry for the module's result."""
        return {
            "port": self.port,
            "address": self.address,
            "pid": self.pid,
            "uid": self.uid,
            "user": printable(self.user, longest=_LONGEST),
            "program": printable(self.program, longest=_LONGEST),
        }


class PortTaken(BaselineError):
    """Another process took the port while sshd moved there. sshd listens on ``listens`` again, as before the move."""

    def __init__(self, problem: str, listens: t.Collection[Listen], holders: t.Sequence[PortHolder]) -> None:
        super().__init__(problem)
        self.listens = frozenset(listens)
        self.holders = tuple(holders)


def overlaps(address: str, desired: str) -> bool:
    """Say whether a socket on ``address`` can keep sshd from ``desired``; sshd's IPv6 sockets accept only IPv6."""
    if ":" in desired:
        return ":" in address and (address == desired or "::" in (address, desired))
    if ":" in address:
        return address == "::" or address == f"::ffff:{desired}" or (desired == "0.0.0.0" and "::ffff:" in address)
    return address == desired or "0.0.0.0" in (address, desired)


def refuse_services(holders: t.Iterable[PortHolder], first_unprivileged: int) -> None:
    """Raise where a service holds the port: a process of root, or any process on a port that only root may take."""
    services = [one for one in holders if one.uid == 0 or one.port < first_unprivileged]
    if services:
        raise BaselineError(
            f"sshd cannot listen on the desired port: {', and '.join(map(str, services))}",
            hint="choose another port for sshd, or move that service",
            port_held_by=[one.result() for one in services],
        )


def deferral_warning(holders: t.Sequence[PortHolder], ports: t.Iterable[int]) -> str:
    """Return the warning for a move that is deferred."""
    return (
        f"sshd was not moved and stays on port {', '.join(map(str, ports))}: {', and '.join(map(str, holders))}. Any "
        "local user can do that. All other settings are in effect. End that process, and the next run moves sshd. "
        "Until then, fail2ban's jails and the firewall must cover the present port"
    )
