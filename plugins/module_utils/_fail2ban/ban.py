# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bans by hand: which addresses, who must not be banned, what a jail lacks, and its part of the packet filter."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .probe import addresses_in, normal_address

__all__ = ["Jail", "Plan", "Request", "addresses", "entries_of", "plan", "protected"]

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Request:
    """What the caller asks for; no ``jails`` means all that run."""

    addresses: tuple[str, ...]
    banned: bool
    jails: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class Jail:
    """A running jail: its actions, whom it never bans, whom it holds, and whom its packet filter really refuses.

    ``refused`` is ``None`` where none of its actions drives a packet filter that is known here. Only where the packet
    filter keeps the jail's entries apart (``apart``), one that the server does not hold is a left-over of the jail.
    """

    name: str
    actions: tuple[str, ...]
    ignored: tuple[str, ...]
    held: frozenset[str]
    refused: frozenset[str] | None
    apart: bool = True

    def in_force(self, address: str) -> bool:
        return address in self.held and (self.refused is None or address in self.refused)

    def left_over(self, address: str) -> bool:
        """Whether the packet filter still refuses what the server no longer holds."""
        return self.apart and address not in self.held and address in (self.refused or ())


@dataclass(frozen=True)
class Plan:
    """What has to be done in one jail. ``restart``: server and packet filter disagree on what is already there."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    ban: tuple[str, ...] = ()
    unban: tuple[str, ...] = ()
    restart: bool = False

    @property
    def changes(self) -> bool:
        return bool(self.ban or self.unban or self.restart)


def addresses(words: t.Iterable[t.Any]) -> tuple[str, ...]:
    """Return the addresses and networks of ``words``, each once; fail2ban would take any word for an address."""
    found = {}
    for word in words:
        address = normal_address(str(word))
        if address is None:
            raise BaselineError(
                f"{str(word)!r} is no address; nothing was changed; give an IPv4 or IPv6 address such as 192.0.2.7, or "
                "a network such as 198.51.100.0/24"
            )
        found[address] = True
    if not found:
        raise BaselineError("no address is given; nothing was changed")
    return tuple(found)


def protected(address: str, jail: Jail, controller: str | None) -> str | None:
    """Say why ``address`` should not be banned in ``jail``, ``None`` where nothing speaks against it."""
    network = _network(address)
    if controller and _overlap(network, controller):
        return f"{address} is {_or_holds(network, controller)} Ansible comes from"
    if _overlap(network, "127.0.0.0/8") or _overlap(network, "::1"):
        return f"{address} is this host itself"
    kept = next((entry for entry in jail.ignored if _overlap(network, entry)), None)
    return f"the jail {jail.name} is to ignore {kept} (ignoreip)" if kept else None


def _or_holds(network: Network, controller: str) -> str:
    return "the address that" if network.num_addresses == 1 else f"a network that holds {controller}, the address that"


def _network(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)


def _overlap(network: Network, entry: str) -> bool:
    try:
        other = _network(entry)
    except ValueError:
        # ignoreip may hold names of hosts, which fail2ban resolves at each failure.
        return False
    return network.version == other.version and network.overlaps(other)


def plan(request: Request, jail: Jail) -> Plan:
    """Return what brings ``jail`` to what ``request`` says."""
    if request.banned:
        ban = tuple(address for address in request.addresses if address not in jail.held)
        before = tuple(address for address in request.addresses if jail.in_force(address))
        lost = any(address in jail.held and not jail.in_force(address) for address in request.addresses)
        return Plan(before, request.addresses, ban=ban, restart=lost)
    _refuse_part_of_a_network(request, jail)
    unban = tuple(sorted(held for held in jail.held if _inside(held, request.addresses)))
    left = tuple(
        sorted(entry for entry in jail.refused or () if jail.left_over(entry) and _inside(entry, request.addresses))
    )
    return Plan(tuple(sorted({*unban, *left})), (), unban=unban, restart=bool(left))


def _inside(held: str, wished: t.Iterable[str]) -> bool:
    try:
        network = _network(held)
    except ValueError:
        return False
    outer = (_network(address) for address in wished)
    return any(network.version == other.version and network.subnet_of(other) for other in outer)  # type: ignore[arg-type]


def _refuse_part_of_a_network(request: Request, jail: Jail) -> None:
    for held in sorted(jail.held):
        if "/" not in held:
            continue
        part = next((address for address in request.addresses if address != held and _inside(address, [held])), None)
        if part:
            raise BaselineError(
                f"{part} lies in the network {held}, which the jail {jail.name} has banned as a whole; nothing was "
                f"changed; unban {held}"
            )


def entries_of(shown: str, jail: str) -> tuple[frozenset[str], bool]:
    """Return the addresses that ``jail``'s own sets and chains in ``shown`` hold, and whether it has such.

    The formats are those of nft(8) ``list ruleset``, iptables(8) ``-S``, ipset(8) ``list`` and pfctl(8). Where none of
    them carries the jail's name (firewalld's rules have no names), every address of ``shown`` counts.
    """
    name = re.escape(jail)
    # pfctl(8) is asked for the jail's own table and rules alone.
    if re.search(rf"<f2b-{name}>", shown):
        return frozenset(addresses_in(shown)), True
    own = [
        *re.findall(rf"^\s*set addr6?-set-{name} \{{\n.*?^\s*\}}$", shown, re.MULTILINE | re.DOTALL),
        *re.findall(rf"^-[AN] f2b-{name}(?: .*)?$", shown, re.MULTILINE),
        *re.findall(rf"^Name: f2b-{name}6?\n(?:.+\n?)*", shown, re.MULTILINE),
    ]
    return frozenset(addresses_in("\n".join(own) if own else shown)), bool(own)
