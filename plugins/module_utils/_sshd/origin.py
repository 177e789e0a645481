# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of users and addresses: AllowUsers, DenyUsers and a key's ``from=``, as sshd's match.c reads them."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .match import Connection, pattern_list, split_zone

__all__ = ["comes_from", "is_user"]


def is_user(pattern: str, connection: Connection) -> bool:
    """Match one pattern of AllowUsers or DenyUsers. Commas and ``!`` before the ``@`` are literal."""
    user, at, origin = pattern.partition("@")
    return _glob(user, connection.user) and (not at or comes_from(origin, connection))


def comes_from(patterns: str, connection: Connection) -> bool:
    """Match a list of networks, addresses and names; an excluded or malformed member fails it (match_host_and_ip)."""
    by_address = _address(patterns, connection.address)
    if by_address is False:
        return False
    name = (connection.host or connection.address).lower()
    excluded = any(part.startswith("!") and _glob(part[1:].lower(), name) for part in patterns.split(","))
    return not excluded and (by_address is True or pattern_list(patterns, name, lower=True))


def _address(patterns: str, address: str) -> bool | None:
    """Return ``False`` where the list excludes the address or is malformed, ``None`` where it does not mention it."""
    found = None
    plain, zone = split_zone(address)
    for part in patterns.split(","):
        negated, bare = part.startswith("!"), part[part.startswith("!") :]
        text, its_zone = split_zone(bare)
        network = _network(text)
        if not bare or network is False:
            return False
        is_near = network is not None and zone == its_zone
        hit = _glob(bare, address) if network is None else is_near and ipaddress.ip_address(plain) in network
        if hit and negated:
            return False
        found = True if hit else found
    return found


def _network(text: str) -> t.Any:
    """Return the network, ``None`` for another text, ``False`` for a network with an invalid prefix length."""
    address, slash, length = text.partition("/")
    if slash and not (re.fullmatch(r"[0-9]{1,3}", length) and int(length) <= 128):
        return None
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return False


def _glob(pattern: str, word: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, word, re.DOTALL) is not None
