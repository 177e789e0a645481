# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of firewalld, and which of them judge the packets that come from outside (firewalld.zones(5)). Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .firewalld import ZoneRules, parse_zone

__all__ = ["FirewalldZone", "ListedZone", "managed_zones", "parse_zone_list", "zones_left_alone"]


@dataclass(frozen=True)
class ListedZone:
    """A zone as ``firewall-cmd --list-all-zones`` prints it."""

    name: str
    rules: ZoneRules
    interfaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    is_default: bool = False

    @property
    def is_open(self) -> bool:
        return self.rules.target == "ACCEPT"


@dataclass(frozen=True)
class FirewalldZone:
    """A zone that gets our rules: those that are in force, and those that are loaded at the next boot."""

    name: str
    now: ZoneRules
    permanent: ZoneRules


def parse_zone_list(text: str) -> list[ListedZone]:
    """Read ``firewall-cmd --list-all-zones``, with or without ``--permanent``.

    Only firewalld 2.0 and later mark the default zone there.
    """
    found = []
    for block in re.split(r"\n(?=\S)", text.strip("\n")):
        head, *lines = block.splitlines() or [""]
        name, _space, marks = head.partition(" ")
        values = {key.strip(): value.split() for key, _colon, value in (line.partition(":") for line in lines)}
        if name:
            interfaces, sources = (tuple(values.get(key, [])) for key in ("interfaces", "sources"))
            is_default = "default" in re.split(r"[(), ]+", marks)
            found.append(ListedZone(name, parse_zone(block), interfaces, sources, is_default))
    return found


def managed_zones(now: t.Iterable[ListedZone], permanent: t.Iterable[ListedZone], default: str) -> list[FirewalldZone]:
    """Return the zones that get our rules: the ``default`` one, and others that have interfaces and are not open.

    Container engines and libvirt have open zones for the interfaces of their own networks.
    """
    later = {zone.name: zone.rules for zone in permanent}
    return [
        FirewalldZone(zone.name, zone.rules, later.get(zone.name, ZoneRules()))
        for zone in now
        if zone.name == default or (zone.interfaces and not zone.is_open)
    ]


def zones_left_alone(now: t.Iterable[ListedZone], default: str) -> list[str]:
    """Return warnings for the zones that judge packets of their own sources or let everything in by an interface."""
    found = []
    for zone in now:
        if zone.name == default:
            continue
        if zone.is_open and (zone.interfaces or zone.sources):
            places = ", ".join([*zone.interfaces, *zone.sources])
            found.append(f"the zone {zone.name} of firewalld lets everything in from {places}; it is left alone")
        elif zone.sources and not zone.interfaces:
            sources = ", ".join(zone.sources)
            found.append(f"the zone {zone.name} of firewalld judges packets from {sources}; it is left alone")
    return found
