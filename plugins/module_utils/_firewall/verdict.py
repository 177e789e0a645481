# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a request lets a new packet in: the same rules as :mod:`nft_table`, for the guard. Pure."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from .networks import Network, contains
from .request import FirewallRequest, ssh_rule

__all__ = ["ICMPV6_ERRORS", "ICMPV6_LISTENER", "ICMPV6_NEIGHBOUR", "ICMPV6_ROUTER", "ICMP_ERRORS", "Packet", "verdict"]

# RFC 792: destination unreachable (with "fragmentation needed", RFC 1191), time exceeded, parameter problem.
ICMP_ERRORS = (3, 11, 12)
_ICMP_ECHO = 8
# RFC 4890, 4.4.1: the errors, with packet too big (path MTU, RFC 8201).
ICMPV6_ERRORS = (1, 2, 3, 4)
_ICMPV6_ECHO = 128
# RFC 4890, 4.4.1: neighbour and router discovery, inverse neighbour discovery, SEND. All have the hop limit 255.
ICMPV6_NEIGHBOUR = (133, 134, 135, 136, 141, 142, 148, 149)
# Multicast listener discovery (RFC 2710, RFC 3810), and multicast router discovery (RFC 4286, hop limit 1).
ICMPV6_LISTENER = (130, 131, 132, 143)
ICMPV6_ROUTER = (151, 152, 153)
_LINK_LOCAL: tuple[Network, ...] = (ipaddress.ip_network("fe80::/10"),)
# A host without an address yet reports its groups from here (RFC 3590).
_UNSPECIFIED: tuple[Network, ...] = (ipaddress.ip_network("::"),)


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection: from ``source`` by ``interface``, to ``port`` or of the type ``icmp_type``.

    ``protocol`` is tcp, udp, icmp, icmpv6 or the name of another one. ``source`` may have a zone id.
    """

    source: str
    protocol: str = "tcp"
    port: int = 0
    interface: str = ""
    icmp_type: int = -1


def verdict(request: FirewallRequest, ssh_ports: t.Collection[int], packet: Packet) -> bool:
    """Return whether ``packet`` is let in.

    The rate limits, the hop limit of ICMPv6 and the answers of DHCP servers are not part of the verdict.
    """
    if packet.interface == "lo":
        return True
    if packet.protocol in ("icmp", "icmpv6"):
        return _icmp(request, packet)
    place = (packet.protocol, packet.port, packet.source, packet.interface)
    ssh = ssh_rule(request, ssh_ports)
    rules = [*request.allow, *([ssh] if ssh else [])]
    if any(rule.matches(*place) for rule in rules):
        return True
    is_ssh = ssh is not None and ssh.names(packet.protocol, packet.port)
    return request.incoming == "allow" and not is_ssh


def _icmp(request: FirewallRequest, packet: Packet) -> bool:
    is_four = packet.protocol == "icmp"
    if packet.icmp_type == (_ICMP_ECHO if is_four else _ICMPV6_ECHO):
        return request.icmp
    if request.incoming == "allow" or packet.icmp_type in (ICMP_ERRORS if is_four else ICMPV6_ERRORS):
        return True
    if is_four:
        return False
    if packet.icmp_type in ICMPV6_NEIGHBOUR:
        return True
    if packet.icmp_type in ICMPV6_LISTENER:
        return contains((*_LINK_LOCAL, *_UNSPECIFIED), packet.source)
    return packet.icmp_type in ICMPV6_ROUTER and contains(_LINK_LOCAL, packet.source)
