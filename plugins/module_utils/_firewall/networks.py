# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and networks of both families, as the inputs of the firewall give them. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._core.errors import BaselineError, parsed_entries
from .._core.text import printable

__all__ = ["Network", "collapsed", "contains", "of_family", "parse_network", "parse_networks", "shown"]

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_HINT = "give addresses or networks like 192.0.2.7, 198.51.100.0/24 or 2001:db8::/32"


def parse_networks(value: t.Any, option: str) -> tuple[Network, ...]:
    """Return the addresses and networks in the list ``value``: IPv4 first, each family sorted, nothing twice.

    An empty list is an error, since it could mean nobody or anyone.
    """
    if not isinstance(value, (list, tuple)):
        raise BaselineError(
            f"must be a list, not {_kind(value)}", option=option, hint=f"write it as a list: [{_sample(value)}]"
        )
    if not value:
        raise BaselineError(
            "is an empty list, which could mean nobody or anyone",
            option=option,
            hint="leave the option out to allow anyone, or remove the rule to allow nobody",
        )
    return collapsed(parsed_entries(value, option, parse_network))


def parse_network(value: t.Any, option: str) -> Network:
    """Return the address or network ``value``; an address is a network of one."""
    if isinstance(value, bool) or not isinstance(value, str):
        raise BaselineError(f"must be an address or a network, not {_kind(value)}", option=option, hint=_HINT)
    text = value.strip()
    if "%" in text:
        raise BaselineError(
            f"{text!r} has a zone id, which a packet does not carry",
            option=option,
            hint=f"write {text.partition('%')[0]} and give the interface by the key interface",
        )
    network = _network(text, option)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None:
        prefix = f"/{network.prefixlen - 96}" if 96 <= network.prefixlen < 128 else ""
        raise BaselineError(
            f"{text!r} is an IPv4 address in IPv6 notation, which no packet carries",
            option=option,
            hint=f"write {mapped}{prefix}",
        )
    if network.num_addresses == 1 and network.network_address.is_unspecified:
        raise BaselineError(
            f"{text!r} is the address of nobody",
            option=option,
            hint=f"write {network.network_address}/0 for anyone over IPv{network.version}",
        )
    return network


def _network(text: str, option: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BaselineError(f"{text!r} is not an address or a network", option=option, hint=_advice(text)) from None
    address = text.partition("/")[0]
    raise BaselineError(
        f"{text!r} has bits set after its prefix of {meant.prefixlen} bits",
        option=option,
        hint=f"write {meant} for the network, or {address} for the one address",
    )


def collapsed(networks: t.Iterable[Network]) -> tuple[Network, ...]:
    """Return the same addresses as the fewest networks, IPv4 first, each family sorted."""
    given = list(networks)
    four = ipaddress.collapse_addresses([one for one in given if isinstance(one, ipaddress.IPv4Network)])
    six = ipaddress.collapse_addresses([one for one in given if isinstance(one, ipaddress.IPv6Network)])
    return (*four, *six)


def of_family(networks: t.Iterable[Network], version: int) -> list[str]:
    """Return the networks of IPv4 (4) or IPv6 (6) as text."""
    return [shown(one) for one in networks if one.version == version]


def shown(network: Network) -> str:
    """Return a network of one address as the address, as nft(8) prints it."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def contains(networks: t.Iterable[Network], address: str) -> bool:
    """Return whether one of ``networks`` contains ``address``. A zone id and the IPv4-mapped form are understood."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks if network.version == found.version)


def _kind(value: t.Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return f"the text {printable(value, longest=80)!r}"
    return "nothing" if value is None else f"the {type(value).__name__} {printable(str(value), longest=80)}"


def _sample(value: t.Any) -> str:
    return printable(value, longest=80) if isinstance(value, str) and value else "198.51.100.0/24, '2001:db8::/32'"


def _advice(text: str) -> str:
    if "," in text:
        return "write each address as an entry of its own"
    if text.lower() in ("any", "all", "anywhere", "everyone", "anyone"):
        return "leave the option out to allow anyone"
    if re.fullmatch(r"[\d.]+-[\d.]+", text):
        return "write a range as the networks that it consists of"
    # Names change their addresses after the rules are loaded, and DNS may fail at boot.
    if re.search(r"[g-zG-Z]", text):
        return f"a host name cannot be part of a rule; {_HINT}"
    return _HINT
