# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sshd listens before and after a change, what must go along with a move, and whether the daemon is behind."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..effective import Effective, listens
from ..plan import Plan
from ..port_holders import Holder, refuse_services
from ..socket import Listen
from ..tree import Tree
from ..wish import Wish
from .daemon import Daemon, newest_change
from .port_holders import (
    first_unprivileged,
    port_holders,
)
from .ports import answering

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..match import Connection
    from .sshd import Sshd

__all__ = ["Move", "advice", "is_behind", "obstacles", "plan_move", "taken_meanwhile"]

_UNCHANGED = "nothing was changed"


@dataclass(frozen=True)
class Move:
    """Where sshd listens, by what the host runs now and by the plan."""

    before: frozenset[Listen]
    after: frozenset[Listen]

    @property
    def happens(self) -> bool:
        return self.before != self.after

    @property
    def old_ports(self) -> list[int]:
        return sorted({port for _address, port in self.before})

    @property
    def ports(self) -> list[int]:
        return sorted({port for _address, port in self.after})


def plan_move(
    sshd: Sshd, base: Connection, wish: Wish, planned: Plan, candidate: Effective, daemon: Daemon
) -> tuple[Plan, Move]:
    """Return the plan, with a drop-in for a socket unit that holds sshd's ports, and where sshd listens by it.

    Where the wish says nothing about ports, a socket unit keeps its own.
    """
    wished = frozenset(listens(candidate))
    held = daemon.held
    if held is None:
        return planned, Move(_listens_now(sshd, base) if planned.changes else wished, wished)
    text = held.wished(
        wished,
        asked=bool({"port", "listenaddress"} & wish.keywords),
        crowded="persourcemaxstartups" in wish.keywords,
    )
    after = held.after(text, wished)
    planned = planned.with_file(held.path, held.text, text)
    if held.active:
        return planned, Move(held.loaded.listens, after)
    # The service listens until the next boot; then the socket unit does, which must not take the old port.
    return planned, Move(_listens_now(sshd, base) if planned.changes else wished, wished)


def obstacles(host: Host, daemon: Daemon, move: Move) -> list[Holder]:
    """Return who holds a port that sshd should have and that any local user may take; a service there is an error."""
    if not (daemon.running or daemon.socket):
        return []
    found = port_holders(host, daemon, move.after)
    if found:
        refuse_services(found, first_unprivileged(host), _UNCHANGED)
    return found


def taken_meanwhile(host: Host, daemon: Daemon, move: Move, said: str = "") -> list[Holder]:
    """Return who took a port of sshd's while it was (re)started; ``said`` is the error, where there is one."""
    found = port_holders(host, daemon, move.after, probe=False)
    if not found and "Address already in use" in said:
        return [Holder(port) for port in move.ports if port not in move.old_ports]
    return found


def advice(host: Host, move: Move) -> list[str]:
    """Return a warning for each port to which sshd moves and which any local user may take while sshd restarts."""
    first = first_unprivileged(host)
    return [
        f"any local user may listen on port {port} when sshd does not, for a moment of its reload or restart, and keep "
        f"it out (the first such port is {first}); prefer a port below that, see docs/ports.md"
        for port in move.ports
        if port >= first > 0 and port not in move.old_ports
    ]


def is_behind(host: Host, daemon: Daemon, tree: Tree, move: Move) -> bool:
    """Say whether the daemon is down (now or after a boot), runs older files, or does not listen where these say."""
    if daemon.at_boot or (daemon.service and not daemon.running and not daemon.socket):
        return True
    if daemon.older_than(newest_change(host, tree)):
        return True
    if daemon.held and daemon.held.stale(host, move.after):
        return True
    return (daemon.running or bool(daemon.socket)) and not answering(host, move.after)


def _listens_now(sshd: Sshd, base: Connection) -> frozenset[Listen]:
    try:
        return frozenset(listens(sshd.effective(base)))
    except BaselineError:
        # What stands on the host now is broken; the proven candidate replaces it.
        return frozenset()
