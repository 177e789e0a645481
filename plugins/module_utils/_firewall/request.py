# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is requested of the firewall of a host. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, collected, combined, unknown
from .._core.text import printable
from .allow_rule import ALLOW_KEYS, CLOSE_KEYS, OUTGOING_KEYS, AllowRule, parse_rules
from .networks import Network, parse_networks
from .port_ranges import PortRange, merged
from .services import ServiceNames

__all__ = ["FirewallRequest", "RateLimit", "outgoing_warnings", "parse_request", "ssh_rule", "ssh_warnings"]

_UNITS = ("second", "minute", "hour", "day")
# The ports that apt(8), dnf(8) and pip use, by tcp.
_DOWNLOADS = (80, 443)
_NUMBERS = re.compile(r"([1-9]\d{0,5})\s*/\s*([a-z]+)")


@dataclass(frozen=True)
class RateLimit:
    """New connections of one source: ``count`` in each ``unit`` (second, minute, hour or day)."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}/{self.unit}"


@dataclass(frozen=True)
class FirewallRequest:
    """One call of the module. Empty ``ssh_from``: anyone. ``outgoing_rules`` are for ``outgoing`` ``list`` alone.

    ``close`` are ports that may be closed though something listens there today.
    """

    allow: tuple[AllowRule, ...] = ()
    close: tuple[AllowRule, ...] = ()
    ssh_from: tuple[Network, ...] = ()
    ssh_rate_limit: RateLimit | None = None
    incoming: str = "deny"
    outgoing: str = "allow"
    outgoing_rules: tuple[AllowRule, ...] = ()
    icmp: bool = True
    log: bool = True
    containers: str = "leave"


def parse_request(options: t.Mapping[str, t.Any], services: ServiceNames, prefix: str = "") -> FirewallRequest:
    """Return the request of the module's ``options``; ``prefix`` precedes their names in errors (``firewall_``).

    All errors come as one that combines them.
    """
    errors: list[BaselineError] = []
    found: dict[str, t.Any] = {}
    parsers: dict[str, t.Callable[[t.Any, str], t.Any]] = {
        "allow": lambda value, option: parse_rules(value, option, services, ALLOW_KEYS),
        "close": lambda value, option: parse_rules(value, option, services, CLOSE_KEYS),
        "ssh_from": parse_networks,
        "ssh_rate_limit": _rate_limit,
        "incoming": _one_of("deny", "allow"),
        "outgoing": lambda value, option: _outgoing(value, option, services),
        "icmp": _switch,
        "log": _switch,
        "containers": _one_of("leave", "filter"),
    }
    for name, value in options.items():
        if value is None:
            continue
        with collected(errors):
            if name not in parsers:
                raise BaselineError(unknown("option", name, parsers), option=f"{prefix}{name}")
            found[name] = parsers[name](value, f"{prefix}{name}")
    if errors:
        raise combined([part for error in errors for part in _single(error)])
    found["outgoing"], found["outgoing_rules"] = found.get("outgoing", ("allow", ()))
    return FirewallRequest(**found)


def ssh_rule(request: FirewallRequest, ssh_ports: t.Iterable[int]) -> AllowRule | None:
    """Return the rule for the ports on which sshd listens, ``None`` if there are none."""
    ports = merged(PortRange(port, port) for port in ssh_ports)
    return AllowRule("tcp", ports, request.ssh_from) if ports else None


def ssh_warnings(request: FirewallRequest, ssh_ports: t.Iterable[int]) -> list[str]:
    """Return which ports of sshd a rule of ``allow`` opens to anyone, though ``ssh_from`` restricts them."""
    if not request.ssh_from:
        return []
    return [
        f"allow opens the port {port} of sshd to anyone, so ssh_from has no effect there; remove that entry of allow"
        for port in sorted(set(ssh_ports))
        if any(rule.names("tcp", port) and not rule.networks and not rule.interface for rule in request.allow)
    ]


def outgoing_warnings(request: FirewallRequest) -> list[str]:
    """Return what stops working on a host that may not reach the outside.

    Answers, DNS, DHCP, NTP and ICMP stay possible in every case.
    """
    if request.outgoing == "allow":
        return []
    missing = [port for port in _DOWNLOADS if not any(one.names("tcp", port) for one in request.outgoing_rules)]
    if len(missing) < len(_DOWNLOADS):
        return []
    return [
        "outgoing connections to the ports 80 and 443 are not allowed: packages and security updates cannot be fetched "
        "unless their mirrors are reached by another port; add {service: https} and {service: http} to outgoing"
    ]


def _single(error: BaselineError) -> list[BaselineError]:
    """Return the errors that ``error`` stands for, at any depth."""
    return [one for part in error.parts for one in _single(part)] if error.parts else [error]


def _rate_limit(value: t.Any, option: str) -> RateLimit:
    hint = "give the new connections of one source in a time, like 10/minute"
    match = _NUMBERS.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise BaselineError(f"{printable(str(value), longest=80)!r} is not a rate", option=option, hint=hint)
    if match[2] not in _UNITS:
        raise BaselineError(unknown("unit of time", match[2], _UNITS), option=option, hint=hint)
    return RateLimit(int(match[1]), match[2])


def _one_of(*choices: str) -> t.Callable[[t.Any, str], str]:
    def parse(value: t.Any, option: str) -> str:
        if value not in choices or not isinstance(value, str):
            shown = printable(str(value), longest=80)
            raise BaselineError(f"must be {' or '.join(choices)}, not {shown!r}", option=option)
        return value

    return parse


def _outgoing(value: t.Any, option: str, services: ServiceNames) -> tuple[str, tuple[AllowRule, ...]]:
    if isinstance(value, (list, tuple)):
        if not value:
            raise BaselineError("is an empty list", option=option, hint="write deny to allow nothing, or allow")
        return "list", parse_rules(value, option, services, OUTGOING_KEYS)
    if value not in ("allow", "deny"):
        shown = printable(str(value), longest=80)
        raise BaselineError(f"must be allow, deny or a list of services and mappings, not {shown!r}", option=option)
    return str(value), ()


def _switch(value: t.Any, option: str) -> bool:
    if not isinstance(value, bool):
        raise BaselineError(f"must be true or false, not {printable(str(value), longest=80)!r}", option=option)
    return value
