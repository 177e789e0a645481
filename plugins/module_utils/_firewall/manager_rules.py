# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports the zones of firewalld and the rules of ufw let in, and for whom. Pure."""

from __future__ import annotations

import re
import typing as t

from .firewalld_zones import ListedZone
from .open_rules import ALL_PORTS, InputPolicy, OpenRule
from .port_ranges import PortRange
from .ufw import UfwRule, UfwState

__all__ = ["parse_profiles", "service_ports", "ufw_policy", "ufw_rules", "zone_policy", "zone_services"]

Ports = t.Mapping[str, t.Sequence[t.Tuple[str, PortRange]]]
_PROTOCOLS = ("tcp", "udp")


def zone_services(zones: t.Iterable[ListedZone]) -> list[str]:
    """Return the names of the services that ``zones`` let in."""
    return sorted({name for zone in zones for name in zone.rules.of("services")})


def service_ports(text: str) -> list[tuple[str, PortRange]]:
    """Read the ports of a file of firewalld.service(5)."""
    found = []
    for element in re.findall(r"<port\s([^>]*)>", text):
        values = dict(re.findall(r"(\w+)=[\"']([^\"']*)[\"']", element))
        ports = _ports(values.get("port", ""))
        if ports and values.get("protocol") in _PROTOCOLS:
            found.append((values["protocol"], ports))
    return found


def zone_policy(zones: t.Iterable[ListedZone], default: str, services: Ports) -> InputPolicy:
    """Return what firewalld lets in: its zones that have interfaces or sources, and its ``default`` one.

    ``services`` are the ports of each service that a zone names.
    """
    used = [zone for zone in zones if zone.name == default or zone.interfaces or zone.sources]
    is_single = len(used) == 1
    rules: list[OpenRule] = []
    is_complete = True
    for zone in used:
        interface = "" if is_single or zone.sources else ", ".join(zone.interfaces)
        # Packets from elsewhere are judged by other zones.
        is_partial = not (is_single or zone.sources or zone.interfaces)
        for protocol, ports in _zone_ports(zone, services):
            rules.append(OpenRule(protocol, ports, zone.sources, interface, is_partial))
        for text in zone.rules.of("rich rules"):
            rule = _rich(text)
            if rule:
                rules.append(rule)
            elif text.split()[-1] == "accept":
                is_complete = False
        is_complete = is_complete and zone.rules.of("services") <= set(services)
    return InputPolicy("firewalld", tuple(rules), is_complete)


def _zone_ports(zone: ListedZone, services: Ports) -> list[tuple[str, PortRange]]:
    if zone.is_open:
        return [(protocol, ALL_PORTS) for protocol in _PROTOCOLS]
    found = [one for name in sorted(zone.rules.of("services")) for one in services.get(name, ())]
    for text in sorted(zone.rules.of("ports")):
        numbers, _slash, protocol = text.partition("/")
        ports = _ports(numbers)
        if ports and protocol in _PROTOCOLS:
            found.append((protocol, ports))
    return found


def _rich(text: str) -> OpenRule | None:
    """Return the ports of a rich rule that accepts those of one source (or of anyone), ``None`` for other rules."""
    match = re.fullmatch(
        r'rule (?:priority="-?\d+" )?(?:family="ipv[46]" )?(?:source address="([^"]+)" )?'
        r'port port="([\d-]+)" protocol="(tcp|udp)" accept',
        text,
    )
    ports = _ports(match[2]) if match else None
    return OpenRule(match[3], ports, (match[1],) if match[1] else ()) if match and ports else None


def parse_profiles(text: str) -> dict[str, list[tuple[str, PortRange]]]:
    """Read the applications of a file in /etc/ufw/applications.d: ``ports=80,443/tcp|53/udp`` (ufw(8))."""
    found: dict[str, list[tuple[str, PortRange]]] = {}
    name = ""
    for line in map(str.strip, text.splitlines()):
        section = re.fullmatch(r"\[(.+)\]", line)
        name = section[1] if section else name
        if name and line.startswith("ports="):
            parts = line[len("ports=") :].split("|")
            found[name] = [one for part in parts for one in _numbers(part, "")]
    return found


def ufw_policy(state: UfwState, profiles: Ports) -> InputPolicy | None:
    """Return what ufw lets in, ``None`` if its policy is to let everything in; ``profiles`` are its applications."""
    if state.incoming == "allow":
        return None
    found = [ufw_rules(rule, profiles) for rule in state.rules]
    return InputPolicy("ufw", tuple(one for rules in found for one in rules or []), None not in found)


def ufw_rules(rule: UfwRule, profiles: Ports) -> list[OpenRule] | None:
    """Return what a rule of ufw lets in, ``None`` if its ports are not known."""
    verb, *words = rule.words
    if verb not in ("allow", "limit") or "out" in words[:1]:
        return []
    values = {name: value for name, value in zip(words, words[1:]) if name in ("on", "from", "to", "proto")}
    place = words.index("to") if "to" in words else len(words)
    after = list(words[place:])
    if "port" in after:
        text = after[after.index("port") + 1]
    elif "app" in after:
        text = after[after.index("app") + 1]
    else:
        text = f"{ALL_PORTS}" if values else words[-1]
    source = values.get("from", "any")
    # A port before "to" is that of the client, and an address after it is one of this host.
    is_partial = "port" in words[:place] or "app" in words[:place] or values.get("to", "any") != "any"
    sources = () if source == "any" else (source,)
    ports = profiles[text] if text in profiles else _numbers(text, values.get("proto", ""))
    return [OpenRule(one, numbers, sources, values.get("on", ""), is_partial) for one, numbers in ports] or None


def _numbers(text: str, protocol: str) -> list[tuple[str, PortRange]]:
    """Return the ports of ``22/tcp``, ``80,443/tcp`` or ``8000:8010``, without a protocol those of both."""
    numbers, _slash, own = text.partition("/")
    protocols = [own or protocol] if own or protocol else list(_PROTOCOLS)
    found = [_ports(part.replace(":", "-")) for part in numbers.split(",")]
    return [(one, ports) for one in protocols if one in _PROTOCOLS for ports in found if ports]


def _ports(text: str) -> PortRange | None:
    ends = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    return PortRange(int(ends[1]), int(ends[2] or ends[1])) if ends else None
