# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sshd listens before and after a change, who holds its ports, and whether the daemon is outdated."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..effective import listen_addresses
from ..plan import FilesPlan
from ..port_holders import PortHolder, refuse_services
from ..settings import SshdSettings
from ..socket import Listen
from ..tree import Tree
from .check_effective import EffectiveAnswers, effective_now
from .daemon import SshdDaemon, newest_change
from .port_holders import (
    first_unprivileged,
    port_holders,
)
from .ports import is_listening

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .socket import SocketUnit
    from .sshd import Sshd

__all__ = [
    "PortMove",
    "blocking_holders",
    "holders_after_start",
    "is_outdated",
    "plan_move",
    "unprivileged_port_warnings",
]


@dataclass(frozen=True)
class PortMove:
    """Where sshd listens now (``before``) and after the plan."""

    before: frozenset[Listen]
    after: frozenset[Listen]

    @property
    def is_move(self) -> bool:
        return self.before != self.after

    @property
    def old_ports(self) -> list[int]:
        return sorted({port for _address, port in self.before})

    @property
    def ports(self) -> list[int]:
        return sorted({port for _address, port in self.after})


def plan_move(
    sshd: Sshd, answers: EffectiveAnswers, desired: SshdSettings, planned: FilesPlan, daemon: SshdDaemon
) -> tuple[FilesPlan, PortMove]:
    """Return the plan, with a drop-in for a socket unit that listens for sshd, and where sshd listens after it.

    Where ``desired`` has no ports, a socket unit keeps its own.
    """
    desired_listens = frozenset(listen_addresses(answers.first))
    present = _present_listens(sshd, answers) if planned.changes else desired_listens
    socket_unit = daemon.socket_unit
    if socket_unit is None:
        return planned, PortMove(present, desired_listens)
    text = socket_unit.desired_dropin(
        desired_listens,
        has_ports=_names_addresses(desired, socket_unit, desired_listens),
        limits_sources="persourcemaxstartups" in desired.keywords,
    )
    after = socket_unit.listens_with(text, desired_listens)
    planned = planned.with_file(socket_unit.path, socket_unit.text, text)
    if socket_unit.active:
        return planned, PortMove(socket_unit.loaded.listens, after)
    # The service listens until the next boot. Then the socket unit does, which must not listen on the old port.
    return planned, PortMove(present, desired_listens)


def _names_addresses(desired: SshdSettings, unit: SocketUnit, listens: t.Collection[Listen]) -> bool:
    """Say whether the settings name where to listen: ``AddressFamily`` only narrows a port that the unit has anyway."""
    if {"port", "listenaddress"} & desired.keywords:
        return True
    return "addressfamily" in desired.keywords and unit.ports_without(listens) == {port for _address, port in listens}


def blocking_holders(host: Host, daemon: SshdDaemon, move: PortMove) -> list[PortHolder]:
    """Return who holds a port that sshd should have and that any local user may take. A service there is an error."""
    if not (daemon.running or daemon.socket):
        return []
    found = port_holders(host, daemon, move.after)
    if found:
        refuse_services(found, first_unprivileged(host))
    return found


def holders_after_start(host: Host, daemon: SshdDaemon, move: PortMove, message: str = "") -> list[PortHolder]:
    """Return who took a port of sshd's while it was (re)started; ``message`` is the error, where there is one."""
    found = port_holders(host, daemon, move.after, probe=False)
    if not found and "Address already in use" in message:
        return [PortHolder(port) for port in move.ports if port not in move.old_ports]
    return found


def unprivileged_port_warnings(host: Host, move: PortMove) -> list[str]:
    """Return a warning for each new port that any local user may take while sshd restarts."""
    first = first_unprivileged(host)
    return [
        f"any local user can listen on port {port} while sshd is reloaded or restarted, and keep sshd from it (the "
        f"first such port is {first}); prefer a port below that, see docs/ports.md"
        for port in move.ports
        if port >= first > 0 and port not in move.old_ports
    ]


def is_outdated(host: Host, daemon: SshdDaemon, tree: Tree, move: PortMove) -> bool:
    """Say whether the daemon is down (now or after a boot), has read older files, or does not listen as these say."""
    if daemon.at_boot or (daemon.service and not daemon.running and not daemon.socket):
        return True
    if daemon.older_than(newest_change(host, tree)):
        return True
    if daemon.socket_unit and daemon.socket_unit.is_stale(host, move.after):
        return True
    return (daemon.running or bool(daemon.socket)) and not is_listening(host, move.after)


def _present_listens(sshd: Sshd, answers: EffectiveAnswers) -> frozenset[Listen]:
    return frozenset(listen_addresses(effective_now(sshd, answers.incoming)))
