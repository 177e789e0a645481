# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of containers that the host publishes by DNAT: they are forwarded, so the chain input never sees them. Pure.

Docker (by iptables, since its release 29 also by nftables) and Podman (netavark, CNI) write such rules. nft(8) prints
those of iptables as opaque expressions, so they are read from iptables(8).
"""

from __future__ import annotations

import ipaddress
import re
import shlex
import typing as t
from dataclasses import dataclass

from .nft_ruleset import NftRule, Ruleset
from .opened_ports import port_values
from .port_ranges import PortRange
from .request import FirewallRequest
from .verdict import Packet, verdict

__all__ = ["PublishedPort", "exposed_ports", "is_published", "published_by_iptables", "published_by_nft"]

# An address that no rule names: what anyone from outside gets.
_ANYONE = {4: "198.51.100.1", 6: "2001:db8::1"}


@dataclass(frozen=True)
class PublishedPort:
    """Ports of the host (``host`` is empty for all its addresses) that lead to a container ``target``."""

    protocol: str
    ports: PortRange
    target: str
    host: str = ""

    def __str__(self) -> str:
        place = (f"[{self.host}]" if ":" in self.host else self.host) + ":" if self.host else ""
        return f"{place}{self.ports}/{self.protocol} to {self.target}"

    @property
    def version(self) -> int:
        """The version of IP, 0 where the target does not say it."""
        address = re.fullmatch(r"\[?([0-9A-Fa-f:.]+?)\]?(?::\d+(?:-\d+)?)?", self.target)
        text = address[1] if address else ""
        return 4 if "." in text and ":" not in text else 6 if ":" in text else 0

    @property
    def is_local(self) -> bool:
        """Whether no container is reached from outside.

        That is so on loopback, and where the host leads its own address to itself: netavark does so for the name server
        of a network.
        """
        if not self.host:
            return False
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return ipaddress.ip_address(self.host).is_loopback or self.target.startswith(f"{shown}:")


def published_by_nft(ruleset: Ruleset) -> list[PublishedPort]:
    """Return the ports that rules of nftables publish."""
    rules = [rule for rules in ruleset.rules.values() for rule in rules]
    return _sorted(port for rule in rules for port in _of_rule(rule))


def published_by_iptables(text: str) -> list[PublishedPort]:
    """Return the ports that rules of iptables publish, by ``iptables -t nat -S`` or ``ip6tables -t nat -S``."""
    found = []
    for line in text.splitlines():
        # The rules of the chain OUTPUT are for packets of the host itself.
        if not line.startswith("-A ") or " --to-destination " not in line or line.startswith("-A OUTPUT "):
            continue
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        values = {name: value for name, value in zip(words, words[1:]) if name.startswith("-")}
        host = _address(values.get("-d", ""))
        found += [
            PublishedPort(values.get("-p", "tcp"), ports, values["--to-destination"], host)
            for ports in _port_words(values.get("--dport") or values.get("--dports") or "")
        ]
    return _sorted(found)


def exposed_ports(request: FirewallRequest, published: t.Iterable[PublishedPort]) -> list[PublishedPort]:
    """Return which ``published`` ports anyone reaches in spite of ``request``: forwarded, and not allowed."""
    if request.containers == "filter" or request.incoming == "allow":
        return []
    return [one for one in published if not one.is_local and not _is_allowed(request, one)]


def is_published(published: t.Iterable[PublishedPort], protocol: str, address: str, port: int) -> bool:
    """Return whether a listener at ``address`` is the proxy of a published port."""
    version = 6 if ":" in address else 4
    return any(
        one.protocol == protocol
        and one.ports.first <= port <= one.ports.last
        and one.version in (0, version)
        and one.host in ("", address)
        for one in published
    )


def _is_allowed(request: FirewallRequest, published: PublishedPort) -> bool:
    source = _ANYONE[published.version or 4]
    # Published ranges are short.
    ports = range(published.ports.first, published.ports.last + 1)
    return all(verdict(request, (), Packet(source, published.protocol, port)) for port in ports)


def _of_rule(rule: NftRule) -> list[PublishedPort]:
    dnat = next((one["dnat"] for one in rule.expressions if isinstance(one.get("dnat"), dict)), None)
    if dnat is None or rule.place[2].lower() == "output":
        return []
    protocol, host = "tcp", ""
    ports: list[PortRange] = []
    for match in (one["match"] for one in rule.expressions if isinstance(one.get("match"), dict)):
        left, right = match.get("left"), match.get("right")
        payload = left.get("payload") if isinstance(left, dict) else None
        if not isinstance(payload, dict) or match.get("op") not in ("==", "in"):
            continue
        if payload.get("field") == "dport":
            named = str(payload.get("protocol"))
            protocol = named if named in ("tcp", "udp", "sctp") else protocol
            ports = port_values(right) or []
        elif payload.get("field") == "daddr":
            host = _address(right) if isinstance(right, str) else ""
    target = _target(dnat)
    return [PublishedPort(protocol, one, target, host) for one in ports] if target else []


def _target(dnat: t.Mapping[str, t.Any]) -> str:
    address, port = dnat.get("addr"), dnat.get("port")
    if not isinstance(address, str):
        return ""
    shown = f"[{address}]" if ":" in address else address
    if isinstance(port, dict) and isinstance(port.get("range"), list):
        port = "-".join(map(str, port["range"]))
    return f"{shown}:{port}" if port is not None else shown


def _port_words(text: str) -> list[PortRange]:
    """Return the ports of ``8080``, ``8000:8010`` or ``80,443`` (iptables-extensions(8), tcp and multiport)."""
    found = (re.fullmatch(r"(\d{1,5})(?::(\d{1,5}))?", word) for word in text.split(","))
    return [PortRange(int(one[1]), int(one[2] or one[1])) for one in found if one]


def _address(text: str) -> str:
    """Return ``text`` if it is one address (192.0.2.1/32), else an empty text."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return ""
    return str(network.network_address) if network.num_addresses == 1 else ""


def _sorted(found: t.Iterable[PublishedPort]) -> list[PublishedPort]:
    return sorted(set(found), key=lambda one: (one.protocol, one.ports, one.host, one.target))
