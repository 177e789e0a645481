# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux types of a port in ``semanage port --list`` (semanage-port(8)). Pure."""

from __future__ import annotations

import re

from .._core.text import is_number

__all__ = ["SSH", "port_types"]

SSH = "ssh_port_t"
# Types of whole ranges of ports. A label for a single port takes precedence over them.
_GENERIC = ("ephemeral_port_t", "hi_reserved_port_t", "port_t", "reserved_port_t", "unreserved_port_t")


def port_types(text: str, port: int) -> list[str]:
    """Return the types of TCP ``port`` in the listing ``text``, without the generic ones."""
    found = []
    for line in text.splitlines():
        words = re.fullmatch(r"(\S+)\s+tcp\s+(.+)", line.strip())
        if words and words[1] not in _GENERIC and any(_within(port, part) for part in words[2].split(",")):
            found.append(words[1])
    return found


def _within(port: int, part: str) -> bool:
    low, _dash, high = part.strip().partition("-")
    return is_number(low) and int(low) <= port <= int(high or low)
