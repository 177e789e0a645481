# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired ports, adapted to a ``Port`` of another file or to a port that another process holds."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from .settings import SshdSettings
from .socket import Listen
from .tree import Directive

__all__ = ["with_explicit_addresses", "with_kept_ports", "with_present_ports"]

_WILDCARDS = {"any": ("0.0.0.0", "[::]"), "inet": ("0.0.0.0",), "inet6": ("[::]",)}


def with_explicit_addresses(
    desired: SshdSettings, directives: t.Iterable[Directive], own: t.Collection[str]
) -> SshdSettings:
    """Return ``desired`` with its ports in ``ListenAddress`` where a ``Port`` of another file adds another one.

    By sshd_config(5), ``Port`` applies to addresses without a port. A ``ListenAddress`` of another file cannot be
    overridden: the settings stay as they are, and the difference in sshd's answer is an error that names the line.
    """
    ports = desired.settings.get("Port", ())
    others = [one for one in directives if one.file not in own and not one.criteria]
    added = [one for one in others if one.keyword == "port" and " ".join(one.arguments) not in ports]
    if not ports or not added or any(one.keyword == "listenaddress" for one in others):
        return desired
    family = desired.settings.get("AddressFamily") or next(
        (one.arguments for one in others if one.keyword == "addressfamily"), ("any",)
    )
    addresses = desired.settings.get("ListenAddress") or _WILDCARDS.get("".join(family).lower(), _WILDCARDS["any"])
    named = tuple(line for address in addresses for line in _with_ports(address, ports))
    settings = {**desired.settings, "ListenAddress": named}
    return replace(desired, settings=dict(sorted(settings.items())))


def with_kept_ports(desired: SshdSettings, directives: t.Iterable[Directive], own: t.Collection[str]) -> SshdSettings:
    """Return ``desired`` with the ports that the module's ``own`` files set, so that sshd stays where they moved it."""
    kept = tuple(
        " ".join(one.arguments) for one in directives if one.file in own and one.keyword == "port" and not one.criteria
    )
    if not kept:
        return desired
    return replace(desired, settings=dict(sorted({**desired.settings, "Port": kept}.items())))


def with_present_ports(desired: SshdSettings, listens: t.Collection[Listen]) -> SshdSettings:
    """Return ``desired`` with the present addresses (``listens``), for as long as the desired port is held."""
    places = sorted(set(listens), key=lambda place: (place[1], place[0]))
    ports = tuple(dict.fromkeys(str(port) for _address, port in places))
    settings = {name: lines for name, lines in desired.settings.items() if name != "ListenAddress"}
    settings["Port"] = ports
    if set(places) != {(address, int(port)) for address in ("0.0.0.0", "::") for port in ports}:
        settings["ListenAddress"] = tuple(
            f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in places
        )
    return replace(desired, settings=dict(sorted(settings.items())))


def _with_ports(address: str, ports: t.Iterable[str]) -> list[str]:
    """Return ``address`` with each of ``ports``; an address that has a port stays as it is."""
    host, space, domain = address.partition(" ")
    if re.fullmatch(r"\[[^\]]*\]:\d+|[^:]*:\d+", host):
        return [address]
    bare = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return [f"{bare}:{port}{space}{domain}" for port in ports]
