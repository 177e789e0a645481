# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on a host and is reachable from outside, and what a closed firewall would cut of it. Pure.

A process chooses its own name, so messages quote it.
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.socket_rows import SocketRow, tcp_rows, udp_rows
from .._core.text import printable
from .published import PublishedPort, is_published
from .request import FirewallRequest

__all__ = ["EPHEMERAL", "Listener", "cut_listeners", "public_listeners", "refuse_to_cut"]

# ip(7), ip_local_port_range: its default. A socket of UDP that a client opens has a port of this range.
EPHEMERAL = (32768, 60999)
# The table always lets answers of DHCP servers in.
_DHCP_CLIENTS = (68, 546)
_LONGEST = 100
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Listener:
    """A socket that listens; ``pid`` is 0 and ``program`` empty where the host does not name the process.

    ``interface`` is the one that has the address, where the caller knows it: the name server of a bridge for containers
    or virtual machines should be reached from that bridge alone.
    """

    protocol: str
    address: str
    port: int
    uid: int = -1
    inode: str = ""
    pid: int = 0
    program: str = ""
    interface: str = ""

    def __str__(self) -> str:
        program = printable(self.program, longest=_LONGEST)
        process = f"{program or 'a process'} (pid {self.pid})" if self.pid else program or "a process without a name"
        return f"{process} on {self.port}/{self.protocol} at {self.address}"

    @property
    def entry(self) -> str:
        """The entry of the option allow that keeps the port open."""
        proto = "" if self.protocol == "tcp" else f", proto: {self.protocol}"
        interface = f", interface: {self.interface}" if self.interface else ""
        return f"{{port: {self.port}{proto}{interface}}}"

    def result(self) -> dict[str, t.Any]:
        """Return the entry for the module's result."""
        return {
            "protocol": self.protocol,
            "address": self.address,
            "port": self.port,
            "pid": self.pid,
            "program": printable(self.program, longest=_LONGEST),
        }


def public_listeners(tables: t.Mapping[str, str], ephemeral: tuple[int, int] = EPHEMERAL) -> tuple[Listener, ...]:
    """Return what listens on an address that others reach, by the ``tables`` tcp, tcp6, udp and udp6 of the kernel.

    Left out: loopback and link-local addresses; and sockets of UDP on an ``ephemeral`` port, which are those of clients
    (connection tracking lets their answers in). The kernel's own sockets there, like those of WireGuard, are servers.
    """
    found = set()
    for name, text in tables.items():
        protocol = name[:3]
        for row in udp_rows(text) if protocol == "udp" else tcp_rows(text):
            is_client = protocol == "udp" and ephemeral[0] <= row.port <= ephemeral[1] and row.inode != "0"
            if row.listening and row.port and _is_public(row.address) and not is_client:
                found.add(_listener(protocol, row))
    return tuple(sorted(found, key=lambda one: (one.protocol, one.port, one.address, one.inode)))


def cut_listeners(
    request: FirewallRequest,
    ssh_ports: t.Collection[int],
    listeners: t.Iterable[Listener],
    published: t.Collection[PublishedPort] = (),
) -> list[Listener]:
    """Return which ``listeners`` would no longer be reached, and are named neither in allow nor in close.

    An entry for some sources names its port too. The proxy of a ``published`` port of a container keeps it while
    forwarded packets are left alone, for they do not pass the chain input.
    """
    if request.incoming == "allow":
        return []
    named = (*request.allow, *request.close)
    return [
        one
        for one in listeners
        if not (one.protocol == "tcp" and one.port in ssh_ports)
        and not (one.protocol == "udp" and one.port in _DHCP_CLIENTS)
        and not any(rule.names(one.protocol, one.port) for rule in named)
        and not (request.containers == "leave" and is_published(published, one.protocol, one.address, one.port))
    ]


def refuse_to_cut(listeners: t.Sequence[Listener], prefix: str = "") -> None:
    """Raise where the firewall would cut ``listeners``; ``prefix`` precedes the names of options (``firewall_``)."""
    if not listeners:
        return
    shown = [str(one) for one in listeners[:_MOST_SHOWN]]
    rest = len(listeners) - len(shown)
    entries = ", ".join(dict.fromkeys(one.entry for one in listeners))
    raise BaselineError(
        f"the firewall would close ports on which something listens today: {'; '.join(shown)}"
        + (f"; and {rest} more" if rest else ""),
        option=f"{prefix}allow",
        hint=f"add to {prefix}allow what must stay open, and to {prefix}close what may be closed: {entries}",
        listeners=[one.result() for one in listeners],
    )


def _listener(protocol: str, row: SocketRow) -> Listener:
    return Listener(protocol, row.address, row.port, row.uid, row.inode)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    # A multicast group of the link is received from the link alone (RFC 5771, RFC 4291: 2.7).
    is_link_group = address in ipaddress.ip_network("224.0.0.0/24" if address.version == 4 else "ff02::/16")
    return not (address.is_loopback or address.is_link_local or is_link_group)
