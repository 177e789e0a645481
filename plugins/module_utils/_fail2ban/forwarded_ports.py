# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that the host forwards (DNAT and REDIRECT, as for containers), which most ban actions do not cover.

Rules of the chains input (nft(8), iptables(8)) and of the zones of firewalld see a packet after its destination has
been changed, and only if the host itself is the new destination.
"""

from __future__ import annotations

import re
import typing as t

from .filter_rules import EVERY_PORT, port_ranges
from .packet_filters import tool_of

if t.TYPE_CHECKING:
    from .filter_rules import Ports, ServicePort
    from .findings import WatchedJail

__all__ = ["covers_forwarded_ports", "forwarded_ports", "uncovered_forwarded_ports"]

# An administrator who names one of these chains of iptables has forwarded packets in mind.
_FORWARDING = ("FORWARD", "DOCKER-USER", "PREROUTING")


def covers_forwarded_ports(action: str, properties: t.Mapping[str, str]) -> bool:
    """Return whether the ban ``action`` with ``properties`` refuses packets that the host forwards, or is unknown."""
    tool = tool_of(action)
    if tool is None or tool.program == "pfctl":
        return True
    return properties.get("chain_hook") == "prerouting" or properties.get("chain") in _FORWARDING


def forwarded_ports(ruleset: str, nat: str, zones: str = "") -> list[Ports]:
    """Return the ports whose destination is changed by rules.

    ``ruleset``: ``nft list ruleset``; ``nat``: ``iptables -t nat -S``; ``zones``: ``firewall-cmd --list-all-zones``.
    """
    found = []
    for line in map(str.strip, ruleset.splitlines()):
        if re.search(r"\b(?:dnat(?: ip6?)? to|redirect(?: to)?)\b", line):
            ports = re.search(r"\bdport (\{.*?\}|\S+)", line)
            found.append(_numbers(ports.group(1)) if ports else EVERY_PORT)
    for line in nat.splitlines():
        # The rules of the chain OUTPUT are for packets of the host itself.
        if re.match(r"-A (?!OUTPUT )", line) and re.search(r" -j (?:DNAT|REDIRECT)\b", line):
            ports = re.search(r"--dports? (\S+)", line)
            found.append(_numbers(ports.group(1)) if ports else EVERY_PORT)
    found += [_numbers(ports) for ports in re.findall(r"\bport=([\d-]+):proto=", zones)]
    return list(dict.fromkeys(found))


def _numbers(text: str) -> Ports:
    # A set or a map that the line only names may have any port.
    return port_ranges(text, lambda _name: None) or EVERY_PORT


def uncovered_forwarded_ports(jail: WatchedJail, forwarded: t.Iterable[Ports], service_port: ServicePort) -> str | None:
    """Return that bans of ``jail`` do not cover ports that the host forwards, ``None`` if there are none."""
    ranges = [port_ranges(text, service_port) or EVERY_PORT for text in jail.ports] or [EVERY_PORT]
    common = sorted(
        {
            (max(low, first), min(high, last))
            for asked in ranges
            for low, high in asked
            for ports in forwarded
            for first, last in ports
            if low <= last and first <= high
        }
    )
    if not common:
        return None
    ports = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in common)
    return (
        f"bans of the jail {jail.name} ({', '.join(jail.actions)}) do not cover the port {ports}, which this host "
        "forwards, for example to a container; install nftables and use the ban action that the module chooses"
    )
