# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and ranges of ports, as the inputs of the firewall give them. Pure."""

from __future__ import annotations

import re
import typing as t

from .._core.errors import BaselineError, parsed_entries
from .._core.text import is_number

__all__ = ["PortRange", "covers", "merged", "parse_ports"]

_LAST = 65535
_HINT = "give a port from 1 to 65535, a range like '8000-8010', or a list of these"


class PortRange(t.NamedTuple):
    """The ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_ports(value: t.Any, option: str) -> tuple[PortRange, ...]:
    """Return the ports of ``value`` (8080, "8080", "8000-8010" or a list of these) as sorted, separate ranges."""
    if not isinstance(value, (list, tuple)):
        return (_port_range(value, option),)
    if not value:
        raise BaselineError("is an empty list, which opens nothing", option=option, hint=_HINT)
    return merged(parsed_entries(value, option, _port_range))


def merged(ranges: t.Iterable[PortRange]) -> tuple[PortRange, ...]:
    """Return the same ports as sorted ranges that neither overlap nor touch."""
    found: list[PortRange] = []
    for one in sorted(ranges):
        if found and one.first <= found[-1].last + 1:
            found[-1] = PortRange(found[-1].first, max(found[-1].last, one.last))
        else:
            found.append(one)
    return tuple(found)


def covers(ranges: t.Iterable[PortRange], port: int) -> bool:
    """Return whether ``port`` is in one of ``ranges``."""
    return any(first <= port <= last for first, last in ranges)


def _port_range(value: t.Any, option: str) -> PortRange:
    # YAML reads yes and on as true, which Python counts as 1.
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        kind = "a boolean" if isinstance(value, bool) else f"{value!r}"
        raise BaselineError(f"is {kind}, not a port", option=option, hint=_HINT)
    # YAML 1.1 reads 22:30 as a number of base 60, so the separator is a hyphen alone.
    ends = re.fullmatch(r"\s*(\S+?)\s*(?:-\s*(\S+?)\s*)?", str(value)) if isinstance(value, str) else None
    first, last = (ends[1], ends[2] or ends[1]) if ends else (str(value), str(value))
    if not (is_number(first) and is_number(last)):
        raise BaselineError(f"{value!r} is not a port", option=option, hint=_word_hint(str(value)))
    found = PortRange(int(first), int(last))
    for port in found:
        if not 0 < port <= _LAST:
            raise BaselineError(f"{port} is not a port", option=option, hint=_HINT)
    if found.first > found.last:
        raise BaselineError(
            f"the range {value!r} is reversed", option=option, hint=f"did you mean '{found.last}-{found.first}'?"
        )
    return found


def _word_hint(value: str) -> str:
    number, _slash, protocol = value.partition("/")
    if is_number(number) and protocol in ("tcp", "udp"):
        return f"write port: {number} and proto: {protocol}"
    if ":" in value and all(map(is_number, value.split(":"))):
        return f"write the range as '{value.replace(':', '-')}'"
    if "," in value:
        return "write several ports as a list: [80, 443]"
    if re.fullmatch(r"[A-Za-z][\w-]*", value):
        return f"write the name of a service as service: {value}"
    return _HINT
