# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish for ports, and what is in its way: a ``Port`` of another file, a port that somebody else holds. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from .socket import Listen
from .tree import Directive
from .wish import Wish

__all__ = ["outvoted", "staying"]

_WILDCARDS = {"any": ("0.0.0.0", "[::]"), "inet": ("0.0.0.0",), "inet6": ("[::]",)}


def outvoted(wish: Wish, directives: t.Iterable[Directive], own: t.Collection[str]) -> Wish:
    """Return ``wish`` with its ports in ``ListenAddress`` where a ``Port`` of another file adds one that is not wished.

    By sshd_config(5), ``Port`` counts for the addresses that name none. A ``ListenAddress`` of another file would go on
    counting too: there the wish stays as it is, and its difference from what sshd says is an error that names the line.
    """
    ports = wish.settings.get("Port", ())
    others = [one for one in directives if one.file not in own and not one.criteria]
    added = [one for one in others if one.keyword == "port" and " ".join(one.arguments) not in ports]
    if not ports or not added or any(one.keyword == "listenaddress" for one in others):
        return wish
    family = wish.settings.get("AddressFamily") or next(
        (one.arguments for one in others if one.keyword == "addressfamily"), ("any",)
    )
    addresses = wish.settings.get("ListenAddress") or _WILDCARDS.get("".join(family).lower(), _WILDCARDS["any"])
    named = tuple(line for address in addresses for line in _with_ports(address, ports))
    settings = {**wish.settings, "ListenAddress": named}
    return replace(wish, settings=dict(sorted(settings.items())))


def staying(wish: Wish, listens: t.Collection[Listen]) -> Wish:
    """Return ``wish`` with sshd listening where it does (``listens``), for as long as the desired port is held."""
    places = sorted(set(listens), key=lambda place: (place[1], place[0]))
    ports = tuple(dict.fromkeys(str(port) for _address, port in places))
    settings = {name: lines for name, lines in wish.settings.items() if name != "ListenAddress"}
    settings["Port"] = ports
    if set(places) != {(address, int(port)) for address in ("0.0.0.0", "::") for port in ports}:
        settings["ListenAddress"] = tuple(
            f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in places
        )
    return replace(wish, settings=dict(sorted(settings.items())))


def _with_ports(address: str, ports: t.Iterable[str]) -> list[str]:
    """Return ``address`` once for each port; one that names its port already, alone."""
    host, space, domain = address.partition(" ")
    if re.fullmatch(r"\[[^\]]*\]:\d+|[^:]*:\d+", host):
        return [address]
    bare = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return [f"{bare}:{port}{space}{domain}" for port in ports]
