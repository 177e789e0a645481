# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of ``allow``, ``close`` and a list of ``outgoing``, each as rules of one protocol. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, collected, combined, parsed_entries, unknown
from .._core.text import forbidden_character, printable
from .networks import Network, contains, parse_networks
from .port_ranges import PortRange, covers, merged, parse_ports
from .services import PROTOCOLS, ServiceNames

__all__ = ["ALLOW_KEYS", "CLOSE_KEYS", "OUTGOING_KEYS", "AllowRule", "parse_interface", "parse_rules"]

_PORT_KEYS = ("service", "port", "proto")
ALLOW_KEYS = (*_PORT_KEYS, "from", "interface", "comment")
CLOSE_KEYS = _PORT_KEYS
# An outgoing packet is selected by its destination.
OUTGOING_KEYS = (*_PORT_KEYS, "to", "interface", "comment")
# linux/if.h: IFNAMSIZ is 16, with the zero byte at the end.
_LONGEST_INTERFACE = 15
# nftables: NFTNL_UDATA_COMMENT_MAXLEN, in bytes.
_LONGEST_COMMENT = 128


@dataclass(frozen=True)
class AllowRule:
    """Ports of one protocol, and which packets to them are let through.

    ``networks`` are the sources of incoming packets, the destinations of outgoing ones; empty: any. ``interface`` is
    the one that a packet comes in or goes out by; empty: any.
    """

    protocol: str
    ports: tuple[PortRange, ...]
    networks: tuple[Network, ...] = ()
    interface: str = ""
    comment: str = ""

    @property
    def order(self) -> tuple[t.Any, ...]:
        """The key to sort rules by, so that the same request is the same text."""
        return (self.protocol, self.ports, self.interface, tuple(map(str, self.networks)), self.comment)

    def names(self, protocol: str, port: int) -> bool:
        """Return whether the rule is about ``port``, for whatever peer."""
        return protocol == self.protocol and covers(self.ports, port)

    def matches(self, protocol: str, port: int, address: str, interface: str) -> bool:
        """Return whether the rule lets a packet of the peer ``address`` through."""
        return (
            self.names(protocol, port)
            and self.interface in ("", interface)
            and (not self.networks or contains(self.networks, address))
        )


def parse_rules(
    value: t.Any, option: str, services: ServiceNames, keys: t.Sequence[str] = ALLOW_KEYS
) -> tuple[AllowRule, ...]:
    """Return the rules of a list whose entries are names of services or mappings of ``keys``, sorted, none twice."""
    if not isinstance(value, (list, tuple)):
        hint = f"write it as a list: [{printable(value)}]" if isinstance(value, str) and value else ""
        raise BaselineError(f"must be a list of services and mappings, not {_kind(value)}", option=option, hint=hint)
    entries = parsed_entries(value, option, lambda entry, place: _entry(entry, place, services, keys))
    return tuple(sorted({rule for rules in entries for rule in rules}, key=lambda rule: rule.order))


def parse_interface(value: t.Any, option: str) -> str:
    """Return the name of an interface if the kernel could have one of that name (dev_valid_name in net/core/dev.c)."""
    if not isinstance(value, str) or not value:
        raise BaselineError(f"must be the name of an interface, not {_kind(value)}", option=option)
    name = printable(value, longest=80)
    if len(value.encode("utf-8", "surrogateescape")) > _LONGEST_INTERFACE:
        raise BaselineError(f"{name!r} is longer than the {_LONGEST_INTERFACE} bytes of a name", option=option)
    if value in (".", "..") or re.search(r"[/:\s]", value) or forbidden_character(value):
        raise BaselineError(
            f"{name!r} cannot be the name of an interface",
            option=option,
            hint="names contain no '/', ':' or blank; `ip -br link` lists those of the host",
        )
    # nft(8) and iptables(8) read these as wildcards or quotes.
    wildcard = re.search(r"[*+\"'\\]", value)
    if wildcard:
        raise BaselineError(
            f"{name!r} contains {wildcard.group()!r}",
            option=option,
            hint="name one interface; patterns are not possible",
        )
    return value


def _entry(entry: t.Any, option: str, services: ServiceNames, keys: t.Sequence[str]) -> list[AllowRule]:
    if isinstance(entry, str):
        return _rules(_of_service(entry, [], option, services), (), "", "")
    if isinstance(entry, bool) or not isinstance(entry, t.Mapping):
        is_port = isinstance(entry, int) and not isinstance(entry, bool)
        raise BaselineError(
            f"must be the name of a service or a mapping, not {_kind(entry)}",
            option=option,
            hint=f"write {{port: {entry}}}" if is_port else "",
        )
    # A module's argument spec adds the keys that were not given.
    given = {str(key): value for key, value in entry.items() if value is not None}
    errors: list[BaselineError] = []
    for key in given:
        with collected(errors):
            _require_known(key, option, keys)
    ports: dict[str, tuple[PortRange, ...]] = {}
    networks: tuple[Network, ...] = ()
    interface = comment = ""
    # A misspelt key is one error, not two.
    if not errors or "port" in given or "service" in given:
        with collected(errors):
            ports = _ports(given, option, services)
    peers = "to" if "to" in keys else "from"
    if peers in given and peers in keys:
        with collected(errors):
            networks = parse_networks(given[peers], f"{option}.{peers}")
    if "interface" in given and "interface" in keys:
        with collected(errors):
            interface = parse_interface(given["interface"], f"{option}.interface")
    if "comment" in given and "comment" in keys:
        with collected(errors):
            comment = _comment(given["comment"], f"{option}.comment")
    if errors:
        raise combined(errors)
    return _rules(ports, networks, interface, comment)


def _rules(
    ports: t.Mapping[str, tuple[PortRange, ...]], networks: tuple[Network, ...], interface: str, comment: str
) -> list[AllowRule]:
    return [AllowRule(protocol, ranges, networks, interface, comment) for protocol, ranges in ports.items()]


def _require_known(key: str, option: str, keys: t.Sequence[str]) -> None:
    if key in keys:
        return
    if key == "from" and "to" in keys:
        raise BaselineError("has 'from', but outgoing packets are selected by 'to'", option=option)
    if key in ALLOW_KEYS:
        raise BaselineError(f"cannot have the key {key!r}; known there are {', '.join(keys)}", option=option)
    aliases = {"ports": "port", "services": "service", "protocol": "proto", "source": "from", "sources": "from"}
    hint = f"did you mean {aliases[key]!r}?" if aliases.get(key) in keys else ""
    raise BaselineError(f"unknown key {key!r}" if hint else unknown("key", key, keys), option=option, hint=hint)


def _ports(entry: t.Mapping[str, t.Any], option: str, services: ServiceNames) -> dict[str, tuple[PortRange, ...]]:
    """Return the ports of ``entry`` by protocol."""
    errors: list[BaselineError] = []
    protocols: list[str] = []
    if "proto" in entry:
        with collected(errors):
            protocols = _protocols(entry["proto"], f"{option}.proto")
    found: dict[str, tuple[PortRange, ...]] = {}
    with collected(errors):
        if ("service" in entry) == ("port" in entry):
            problem = "has both service and port" if "port" in entry else "has neither service nor port"
            raise BaselineError(problem, option=option, hint="give one of them")
        if "port" in entry:
            ports = parse_ports(entry["port"], f"{option}.port")
            found = dict.fromkeys(protocols or ["tcp"], ports)
        else:
            found = _of_service(entry["service"], protocols, f"{option}.service", services)
    if errors:
        raise combined(errors)
    return found


def _of_service(
    name: t.Any, protocols: t.Sequence[str], option: str, services: ServiceNames
) -> dict[str, tuple[PortRange, ...]]:
    if not isinstance(name, str) or not name:
        raise BaselineError(f"must be the name of a service, not {_kind(name)}", option=option)
    if re.match(r"\d", name) and name not in services.ports:
        number, _slash, protocol = name.partition("/")
        proto = f", proto: {protocol}" if protocol in PROTOCOLS else ""
        raise BaselineError(
            f"{printable(name, longest=80)!r} is not the name of a service",
            option=option,
            hint=f"write {{port: {number}{proto}}}",
        )
    chosen = services.lookup(name, option) if protocols else services.default_ports(name, option)
    found: dict[str, tuple[PortRange, ...]] = {}
    for protocol in protocols or sorted({protocol for _port, protocol in chosen}):
        found[protocol] = merged(PortRange(port, port) for port, other in chosen if other == protocol)
        if not found[protocol]:
            raise BaselineError(
                f"the service {name!r} is not listed for {protocol}",
                option=option,
                hint=f"give its port instead: port, and proto: {protocol}",
            )
    return found


def _protocols(value: t.Any, option: str) -> list[str]:
    given = list(value) if isinstance(value, (list, tuple)) else [value]
    if not given:
        raise BaselineError("is an empty list, which opens nothing", option=option, hint="give tcp, udp or both")
    for one in given:
        if one not in PROTOCOLS:
            problem = unknown("protocol", one, PROTOCOLS) if isinstance(one, str) else f"must be text, not {_kind(one)}"
            raise BaselineError(problem, option=option, hint="give tcp, udp, or the list [tcp, udp]")
    return sorted(set(given))


def _comment(value: t.Any, option: str) -> str:
    if not isinstance(value, str):
        raise BaselineError(f"must be text, not {_kind(value)}", option=option)
    # A string of nft(8) has no escape for its quote.
    character = forbidden_character(value) or ("U+0022 (QUOTATION MARK)" if '"' in value else "")
    if character:
        raise BaselineError(f"contains {character}, which cannot be in a rule's comment", option=option)
    size = len(value.encode())
    if size > _LONGEST_COMMENT:
        raise BaselineError(f"has {size} bytes; nftables keeps {_LONGEST_COMMENT}", option=option)
    return value.strip()


def _kind(value: t.Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    shown = printable(str(value), longest=80)
    return f"the text {shown!r}" if isinstance(value, str) else f"the {_type_name(value)} {shown}"


def _type_name(value: t.Any) -> str:
    return {"int": "number", "float": "number", "dict": "mapping"}.get(type(value).__name__, type(value).__name__)
