# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports the firewalls of a host let in, and for whom: by the rules that are in force. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .nft_ruleset import Expression, NftChain, NftRule, Ruleset
from .nft_table import FAMILY, TABLE
from .opened_ports import port_values, vmap_ports
from .port_ranges import PortRange

__all__ = [
    "ALL_PORTS",
    "ANYONE",
    "NOBODY",
    "SOME",
    "UNKNOWN",
    "InputPolicy",
    "OpenRule",
    "chain_policies",
    "forward_policy",
    "reach",
]

# Who reaches a port: in the order of how many they are.
NOBODY, UNKNOWN, SOME, ANYONE = "nobody", "unknown", "some", "anyone"
_ORDER = (NOBODY, UNKNOWN, SOME, ANYONE)
ALL_PORTS = PortRange(1, 65535)
_FAMILIES = {"ip": (4,), "ip6": (6,)}
_EVERYONE = {4: "0.0.0.0/0", 6: "::/0"}
_PROTOCOLS = ("tcp", "udp")


@dataclass(frozen=True)
class OpenRule:
    """Ports that are let in: from ``sources`` (empty: anyone) by ``interface`` (empty: any).

    ``is_partial``: under conditions too that are not judged.
    """

    protocol: str
    ports: PortRange
    sources: tuple[str, ...] = ()
    interface: str = ""
    is_partial: bool = False

    def has(self, protocol: str, port: int) -> bool:
        return self.protocol == protocol and self.ports.first <= port <= self.ports.last

    def is_for_anyone(self, version: int) -> bool:
        is_from_anywhere = not self.sources or _EVERYONE[version] in self.sources
        return is_from_anywhere and not self.interface and not self.is_partial


@dataclass(frozen=True)
class InputPolicy:
    """A firewall that drops what its ``rules`` do not let in. Several of them all have to let a packet in.

    ``is_complete`` is false where it has other rules that let packets in under conditions that are not judged.
    """

    name: str
    rules: tuple[OpenRule, ...] = ()
    is_complete: bool = True
    versions: tuple[int, ...] = (4, 6)

    def reach(self, protocol: str, port: int, version: int) -> str:
        found = [rule for rule in self.rules if rule.has(protocol, port)]
        if any(rule.is_for_anyone(version) for rule in found):
            return ANYONE
        if found:
            return SOME
        return NOBODY if self.is_complete else UNKNOWN


def reach(policies: t.Iterable[InputPolicy], protocol: str, address: str, port: int) -> str:
    """Return who reaches ``port`` at ``address`` from outside: anyone, some, nobody, or unknown.

    A socket of all addresses of IPv6 takes connections of IPv4 too, in most cases.
    """
    versions = (4, 6) if address == "::" else (6,) if ":" in address else (4,)
    by_version = [
        min(
            (one.reach(protocol, port, version) for one in policies if version in one.versions),
            key=_ORDER.index,
            default=ANYONE,
        )
        for version in versions
    ]
    return max(by_version, key=_ORDER.index)


def chain_policies(ruleset: Ruleset, is_judged: t.Callable[[NftChain], bool]) -> list[InputPolicy]:
    """Return the policy of each closed chain of ``ruleset`` for which ``is_judged`` is true."""
    return [_policy(ruleset, chain) for chain in ruleset.chains if ruleset.is_closed(chain) and is_judged(chain)]


def _policy(ruleset: Ruleset, chain: NftChain) -> InputPolicy:
    rules: list[OpenRule] = []
    is_complete = True
    for rule in ruleset.reachable(chain):
        # The conditions of a jump are not judged.
        found = _rules(rule, is_partial=rule.place != chain.place)
        if found is None:
            is_complete = False
        else:
            rules += found
    return InputPolicy(str(chain), tuple(dict.fromkeys(rules)), is_complete, _FAMILIES.get(chain.family, (4, 6)))


@dataclass
class _Conditions:
    """What a rule asks of a packet. ``opens_nothing``: no new connection from outside is meant."""

    ports: list[tuple[str, PortRange]]
    protocols: tuple[str, ...] = _PROTOCOLS
    sources: tuple[str, ...] = ()
    interface: str = ""
    is_partial: bool = False
    opens_nothing: bool = False


def _rules(rule: NftRule, *, is_partial: bool) -> list[OpenRule] | None:
    """Return what ``rule`` lets in, ``None`` if its ports are not known."""
    found = _Conditions([], is_partial=is_partial)
    vmap = next((one["vmap"] for one in rule.expressions if isinstance(one.get("vmap"), dict)), None)
    if vmap is not None:
        ports, is_known = vmap_ports(vmap)
        return _open(ports, found) if is_known else None
    is_opaque = any("xt" in one for one in rule.expressions)
    verdict = rule.verdict()
    if verdict != "accept":
        # Which verdict an extension of iptables comes to is not printed.
        return None if is_opaque and not verdict else []
    for one in rule.expressions:
        match = one.get("match")
        if isinstance(match, dict):
            _add_condition(found, match)
        elif "limit" in one or "xt" in one:
            found.is_partial = True
    if found.opens_nothing:
        return []
    if found.ports:
        return _open([(protocol, one) for protocol, one in found.ports if protocol in found.protocols], found)
    is_unknown = is_opaque or (found.is_partial and not is_partial)
    return None if is_unknown else _open([(protocol, ALL_PORTS) for protocol in found.protocols], found)


def _open(ports: t.Iterable[tuple[str, PortRange]], found: _Conditions) -> list[OpenRule]:
    return [OpenRule(protocol, one, found.sources, found.interface, found.is_partial) for protocol, one in ports]


def _add_condition(found: _Conditions, match: Expression) -> None:
    left, right = match.get("left"), match.get("right")
    kinds = left if isinstance(left, dict) else {}
    if match.get("op") not in ("==", "in"):
        found.is_partial = True
    elif isinstance(kinds.get("payload"), dict):
        _add_payload(found, kinds["payload"], right)
    elif isinstance(kinds.get("meta"), dict):
        _add_meta(found, str(kinds["meta"].get("key")), right)
    elif isinstance(kinds.get("ct"), dict):
        _add_ct(found, kinds["ct"], right)
    else:
        found.is_partial = True


def _add_payload(found: _Conditions, payload: Expression, right: t.Any) -> None:
    protocol, field = str(payload.get("protocol")), payload.get("field")
    if protocol in ("icmp", "icmpv6", "igmp") or (field == "protocol" and right not in _PROTOCOLS):
        found.opens_nothing = True
    elif field == "dport" and protocol in ("tcp", "udp", "th"):
        ports = port_values(right)
        if ports is None:
            found.is_partial = True
        else:
            found.ports += [(one, port) for one in ([protocol] if protocol != "th" else _PROTOCOLS) for port in ports]
    elif field == "saddr" and protocol in ("ip", "ip6") and _addresses(right):
        found.sources = tuple(_addresses(right))
    else:
        found.is_partial = True


def _add_meta(found: _Conditions, key: str, right: t.Any) -> None:
    names = [str(one) for one in _members(right)]
    if key in ("iif", "iifname"):
        found.interface = ", ".join(names)
        found.opens_nothing = found.opens_nothing or names == ["lo"]
    elif key == "nfproto":
        found.sources = tuple(_EVERYONE[4 if name == "ipv4" else 6] for name in names)
    elif key == "l4proto":
        found.protocols = tuple(name for name in names if name in _PROTOCOLS)
        found.opens_nothing = found.opens_nothing or not found.protocols
    else:
        found.is_partial = True


def _add_ct(found: _Conditions, ct: Expression, right: t.Any) -> None:
    if ct.get("key") == "state":
        found.opens_nothing = found.opens_nothing or "new" not in _members(right)
    elif ct.get("key") == "proto-dst" and ct.get("dir") == "original":
        found.ports += [(protocol, port) for protocol in _PROTOCOLS for port in port_values(right) or []]
    elif ct.get("key") != "status":
        found.is_partial = True


def _members(value: t.Any) -> list[t.Any]:
    members = value["set"] if isinstance(value, dict) and "set" in value else value
    return list(members) if isinstance(members, list) else [members]


def _addresses(value: t.Any) -> list[str]:
    """Return addresses and networks as text, none if one of them is something else, such as a named set."""
    found = []
    for one in _members(value):
        prefix = one.get("prefix") if isinstance(one, dict) else None
        ends = one.get("range") if isinstance(one, dict) else None
        if isinstance(prefix, dict):
            found.append(f"{prefix.get('addr')}/{prefix.get('len')}")
        elif isinstance(ends, list):
            found.append("-".join(map(str, ends)))
        elif isinstance(one, str) and not one.startswith("@"):
            found.append(one)
        else:
            return []
    return found


def forward_policy(ruleset: Ruleset) -> InputPolicy | None:
    """Return the policy of our chain for published ports of containers, ``None`` if it is not there."""
    for chain in ruleset.chains:
        if chain.place == (FAMILY, TABLE, "forward"):
            return _policy(ruleset, chain)
    return None
