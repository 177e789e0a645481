# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manual bans: the requested addresses, protected addresses, what a jail lacks, its entries in the packet filter."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .packet_filters import addresses_in, normal_address, own_entries

__all__ = ["BanPlan", "BanRequest", "RunningJail", "addresses", "entries_of", "plan", "protected"]

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class BanRequest:
    """The request of the module ``fail2ban_ban``; an empty ``jails`` means all running jails."""

    addresses: tuple[str, ...]
    banned: bool
    jails: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class RunningJail:
    """A running jail: actions, ignored and banned addresses, and the addresses that its packet filter refuses.

    ``refused`` is ``None`` if none of its actions drives a known packet filter. ``is_separate`` is true if the packet
    filter keeps the entries of this jail apart from others. Only then an entry that the server has not banned is a
    leftover of this jail.
    """

    name: str
    actions: tuple[str, ...]
    ignored: tuple[str, ...]
    banned: frozenset[str]
    refused: frozenset[str] | None
    is_separate: bool = True

    def is_in_force(self, address: str) -> bool:
        return address in self.banned and (self.refused is None or address in self.refused)

    def is_leftover(self, address: str) -> bool:
        """Return whether the packet filter still refuses ``address`` although the server has no ban of it."""
        return self.is_separate and address not in self.banned and address in (self.refused or ())


@dataclass(frozen=True)
class BanPlan:
    """The changes in one jail. ``restart``: the server and the packet filter disagree about existing bans."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    ban: tuple[str, ...] = ()
    unban: tuple[str, ...] = ()
    restart: bool = False

    @property
    def has_changes(self) -> bool:
        return bool(self.ban or self.unban or self.restart)


def addresses(words: t.Iterable[t.Any]) -> tuple[str, ...]:
    """Return the addresses and networks in ``words``, each once. fail2ban itself accepts any word as an address."""
    found = {}
    for word in words:
        address = normal_address(str(word))
        if re.fullmatch(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*%\S+", str(word)):
            raise BaselineError(
                f"{str(word)!r} has a zone, which packet filters do not take",
                option="address",
                hint="give the address without it; the ban then is in force on all interfaces",
            )
        if address is None:
            raise BaselineError(
                f"{str(word)!r} is not an address",
                option="address",
                hint="give an IPv4 or IPv6 address such as 192.0.2.7, or a network such as 198.51.100.0/24",
            )
        found[address] = True
    if not found:
        raise BaselineError("no address is given", option="address")
    return tuple(found)


def protected(address: str, jail: RunningJail, controller: str | None, own: t.Iterable[str] = ()) -> str | None:
    """Return why ``address`` should not be banned in ``jail``, ``None`` if it can be.

    ``controller``: the address that Ansible connects from; ``own``: the addresses of this host.
    """
    network = _network(address)
    if controller and _overlap(network, controller):
        return f"{address} is {_describe_controller(network, controller)} Ansible connects from"
    if any(_overlap(network, one) for one in ("127.0.0.0/8", "::1", *own)):
        return f"{address} {'is' if network.num_addresses == 1 else 'contains an address of'} this host itself"
    kept = next((entry for entry in jail.ignored if _overlap(network, entry)), None)
    return f"the jail {jail.name} ignores {kept} (ignoreip)" if kept else None


def _describe_controller(network: Network, controller: str) -> str:
    return (
        "the address that" if network.num_addresses == 1 else f"a network that contains {controller}, the address that"
    )


def _network(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)


def _overlap(network: Network, entry: str) -> bool:
    try:
        other = _network(entry)
    except ValueError:
        # ignoreip can contain host names, which fail2ban resolves at each failure.
        return False
    return network.version == other.version and network.overlaps(other)


def plan(request: BanRequest, jail: RunningJail) -> BanPlan:
    """Return the changes that bring ``jail`` to the requested state."""
    if request.banned:
        ban = tuple(address for address in request.addresses if address not in jail.banned)
        before = tuple(address for address in request.addresses if jail.is_in_force(address))
        lost = any(address in jail.banned and not jail.is_in_force(address) for address in request.addresses)
        return BanPlan(before, request.addresses, ban=ban, restart=lost)
    _refuse_part_of_a_network(request, jail)
    unban = tuple(sorted(held for held in jail.banned if _inside(held, request.addresses)))
    left = tuple(
        sorted(entry for entry in jail.refused or () if jail.is_leftover(entry) and _inside(entry, request.addresses))
    )
    return BanPlan(tuple(sorted({*unban, *left})), (), unban=unban, restart=bool(left))


def _inside(banned: str, requested: t.Iterable[str]) -> bool:
    try:
        network = _network(banned)
    except ValueError:
        return False
    outer = (_network(address) for address in requested)
    return any(network.version == other.version and network.subnet_of(other) for other in outer)  # type: ignore[arg-type]


def _refuse_part_of_a_network(request: BanRequest, jail: RunningJail) -> None:
    for held in sorted(jail.banned):
        if "/" not in held:
            continue
        part = next((address for address in request.addresses if address != held and _inside(address, [held])), None)
        if part:
            raise BaselineError(
                f"{part} is part of the network {held}, which the jail {jail.name} has banned as a whole",
                option="address",
                hint=f"unban {held}",
            )


def entries_of(shown: str, jail: str) -> tuple[frozenset[str], bool]:
    """Return the addresses in the sets and chains of ``jail`` in ``shown``, and whether it has sets or chains.

    If none of them has the name of the jail (rules of firewalld have no names), every address in ``shown`` counts.
    """
    own = own_entries(shown, jail)
    return frozenset(addresses_in(shown if own is None else own)), own is not None
