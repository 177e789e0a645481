# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports a chain of nftables accepts, by its rules in the form of libnftables-json(5). Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .nft_ruleset import NftChain, NftRule, Ruleset
from .port_ranges import PortRange, merged

__all__ = ["OpenedPorts", "opened_by", "port_values", "vmap_ports"]


@dataclass(frozen=True)
class OpenedPorts:
    """The ports that a chain accepts for anyone, by protocol.

    ``is_complete`` is false if other rules accept packets under conditions that are not judged here.
    """

    ports: t.Mapping[str, tuple[PortRange, ...]]
    is_complete: bool = True

    def has(self, protocol: str, ports: PortRange) -> bool:
        return any(one.first <= ports.first and ports.last <= one.last for one in self.ports.get(protocol, ()))


def opened_by(ruleset: Ruleset, chain: NftChain) -> OpenedPorts:
    """Return which ports the rules of ``chain``, and of the chains to which it jumps, accept for anyone."""
    found: dict[str, list[PortRange]] = {}
    is_complete = True
    for rule in ruleset.reachable(chain):
        accepted, is_judged = _accepted(rule)
        is_complete = is_complete and is_judged
        for protocol, ports in accepted:
            found.setdefault(protocol, []).append(ports)
    return OpenedPorts({protocol: merged(ports) for protocol, ports in found.items()}, is_complete)


def _accepted(rule: NftRule) -> tuple[list[tuple[str, PortRange]], bool]:
    """Return the ports that ``rule`` accepts for anyone, and whether all of its conditions were judged."""
    for one in rule.expressions:
        vmap = one.get("vmap")
        if isinstance(vmap, dict):
            return vmap_ports(vmap)
    if rule.verdict() != "accept":
        # What an extension of iptables decides is not printed.
        return [], not any("xt" in one for one in rule.expressions)
    ports: list[tuple[str, PortRange]] = []
    for one in rule.expressions:
        match = one.get("match")
        if isinstance(match, dict):
            found = _ports_of_match(match)
            if found is None:
                # Rules for loopback, for known connections and for ICMP open no port.
                return [], _opens_no_port(match)
            ports += found
        elif "xt" in one or "limit" in one:
            return [], False
    if not ports:
        # Everything is accepted, or nothing but what a condition without ports says.
        return [(protocol, PortRange(1, 65535)) for protocol in ("tcp", "udp") if rule.is_unconditional], True
    return ports, True


def vmap_ports(vmap: t.Mapping[str, t.Any]) -> tuple[list[tuple[str, PortRange]], bool]:
    """Return the ports of ``tcp dport vmap { 22 : accept, 80 : accept }``."""
    key = vmap.get("key")
    protocol = _protocol_of(key)
    data = vmap.get("data")
    pairs = data.get("set") if isinstance(data, dict) else None
    if not protocol or not isinstance(pairs, list):
        # ct state vmap { established : accept, … } opens no port.
        return [], isinstance(key, dict) and "ct" in key
    found = [
        (protocol, ports)
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict) and "accept" in pair[1]
        for ports in port_values(pair[0]) or []
    ]
    return found, True


def _ports_of_match(match: t.Mapping[str, t.Any]) -> list[tuple[str, PortRange]] | None:
    """Return the ports of ``tcp dport { 22, 80 }``; an empty list for a condition of protocol or new; else ``None``."""
    left, right = match.get("left"), match.get("right")
    if match.get("op") not in ("==", "in"):
        return None
    protocol = _protocol_of(left)
    if protocol:
        ports = port_values(right)
        return None if ports is None else [(protocol, one) for one in ports]
    if isinstance(left, dict) and "ct" in left and right in ("new", ["new"]):
        return []
    return None


def _protocol_of(left: t.Any) -> str:
    payload = left.get("payload") if isinstance(left, dict) else None
    if isinstance(payload, dict) and payload.get("field") == "dport" and payload.get("protocol") in ("tcp", "udp"):
        return str(payload["protocol"])
    return ""


def port_values(value: t.Any) -> list[PortRange] | None:
    """Return the ports of a value, a range or an anonymous set, ``None`` where they are elsewhere (a named set)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [PortRange(value, value)]
    if not isinstance(value, dict):
        return None
    ends, members = value.get("range"), value.get("set")
    if isinstance(ends, list) and len(ends) == 2 and all(isinstance(one, int) for one in ends):
        return [PortRange(ends[0], ends[1])]
    if not isinstance(members, list):
        return None
    found = [port_values(one) for one in members]
    return [one for part in found if part for one in part] if all(part is not None for part in found) else None


def _opens_no_port(match: t.Mapping[str, t.Any]) -> bool:
    left, right = match.get("left"), match.get("right")
    if not isinstance(left, dict):
        return False
    meta, payload = left.get("meta"), left.get("payload")
    if isinstance(left.get("ct"), dict) and left["ct"].get("key") == "state":
        return right not in ("new", ["new"])
    if isinstance(meta, dict) and meta.get("key") in ("iif", "iifname"):
        return right == "lo"
    if isinstance(meta, dict) and meta.get("key") == "l4proto":
        return right not in ("tcp", "udp")
    return isinstance(payload, dict) and payload.get("protocol") in ("icmp", "icmpv6", "igmp")
