# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports the controller tries from outside after a change: what has to answer, and what has not. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .verdict import Packet, verdict

if t.TYPE_CHECKING:
    from .host_state import FirewallState
    from .request import FirewallRequest

__all__ = ["MOST_PROBES", "Probes", "choose_probes"]

MOST_PROBES = 16
# Above the ports that clients get (ip(7), ip_local_port_range), so that nothing listens there by chance.
_CLOSED = range(61000, 65536)


@dataclass(frozen=True)
class Probes:
    """Ports of TCP: ``open`` are let in and listen, ``closed`` is not let in and nothing listens (0: there is none)."""

    open: tuple[int, ...] = ()
    closed: int = 0


def choose_probes(request: FirewallRequest, state: FirewallState) -> Probes:
    """Return the ports to try from the address of this run; none for a run that came by no network."""
    own = state.connection
    if not own.address:
        return Probes()
    listening = sorted({one.port for one in state.listeners if one.protocol == "tcp"})

    def is_open(port: int) -> bool:
        return verdict(request, state.ssh_ports, Packet(own.address, port=port, interface=own.interface))

    closed = next((port for port in _CLOSED if port not in listening and not is_open(port)), 0)
    return Probes(tuple(filter(is_open, listening))[:MOST_PROBES], closed)
