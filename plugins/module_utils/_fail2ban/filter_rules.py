# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a jail in the packet filter: which ones its ban actions request, and which ones the packet filter has.

A rule names a protocol, ports and a verdict. fail2ban makes it once, when an action starts (``actionstart`` in
jail.conf(5)), so that a later change of the port, the protocol or the block type is not in it (fail2ban#2974, #3860).
"""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

from .packet_filters import normal_address, tool_of

if t.TYPE_CHECKING:
    from .stream import JailStream

__all__ = [
    "ActionRules",
    "FilterRule",
    "ShownRule",
    "missing_rules",
    "other_rules",
    "port_ranges",
    "requested_rules",
    "rules_in",
]

# The number of a service in services(5).
ServicePort = t.Callable[[str], t.Optional[int]]
# Numbers of the first and the last port.
Ports = t.Tuple[t.Tuple[int, int], ...]
EVERY_PORT: Ports = ((0, 65535),)
_LISTED = re.compile(r"[,\s]+")
_VERDICTS = ("drop", "reject")


@dataclass(frozen=True, order=True)
class FilterRule:
    """What a rule refuses. ``verdict``: ``drop`` or ``reject``, empty where only the rules of bans would tell it."""

    protocol: str
    ports: Ports
    verdict: str

    def __str__(self) -> str:
        ports = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in self.ports)
        return f"{self.verdict or 'refuse'} {self.protocol} {'every port' if self.ports == EVERY_PORT else ports}"

    def same_as(self, other: FilterRule) -> bool:
        verdicts = self.verdict == other.verdict or not (self.verdict and other.verdict)
        return verdicts and (self.protocol, self.ports) == (other.protocol, other.ports)


@dataclass(frozen=True)
class ActionRules:
    """The rules that one ban action requests for each family."""

    action: str
    program: str
    ipv4: frozenset[FilterRule]
    ipv6: frozenset[FilterRule]

    def at(self, place: str) -> frozenset[FilterRule]:
        """Return the rules for ``place``: a family or, with firewalld, a banned address."""
        return self.ipv6 if place == "IPv6" or ":" in place else self.ipv4


def requested_rules(jail: JailStream, service_port: ServicePort) -> list[ActionRules]:
    """Return the rules of each action of ``jail`` whose kind is known."""
    requested = []
    for action in jail.actions:
        tool = tool_of(action)
        properties = jail.action_properties(action)
        # The rules are found by the name of the jail.
        if tool is None or properties.get("name") != jail.name:
            continue
        ipv4 = _requested(tool.program, properties, service_port)
        ipv6 = _requested(tool.program, {**properties, **_of_ipv6(properties)}, service_port)
        if ipv4 and ipv6:
            requested.append(ActionRules(action, "iptables" if tool.program == "ipset" else tool.program, ipv4, ipv6))
    return requested


def _of_ipv6(properties: t.Mapping[str, str]) -> dict[str, str]:
    """Return the properties that an action has for IPv6 only (``[Init?family=inet6]``)."""
    suffix = "?family=inet6"
    return {name[: -len(suffix)]: value for name, value in properties.items() if name.endswith(suffix)}


def _requested(program: str, properties: t.Mapping[str, str], service_port: ServicePort) -> frozenset[FilterRule]:
    """Return the rules of an action for one family, none if one of its ``properties`` is of another kind."""
    scope = _SCOPES[program](properties) if program in _SCOPES else None
    listed = properties.get("port", "")
    # firewalld has a rule for each port.
    texts = _LISTED.split(listed.strip()) if program == "firewall-cmd" else [listed]
    ports = [EVERY_PORT] if scope == "all" else [port_ranges(text, service_port) for text in texts]
    verdict = _verdict(properties.get("rich-blocktype", properties.get("blocktype", "")))
    if scope is None or None in ports or verdict is None:
        return frozenset()
    protocols = _LISTED.split(properties.get("protocol", "tcp").strip())
    return frozenset(FilterRule(protocol, one or (), verdict) for protocol in protocols for one in ports)


def _nft_scope(properties: t.Mapping[str, str]) -> str | None:
    """Return ``ports`` or ``all``, ``None`` for a rule of another kind (``type=custom``)."""
    found = re.search(
        r"^\S+ add rule \S+ \S+ \S+ (.*) <addr_family> saddr @<addr_set> ", _start(properties), re.MULTILINE
    )
    if not found or not properties.get("addr_set", "").endswith("-<name>"):
        return None
    if found.group(1).startswith("$proto dport "):
        return "ports"
    return "all" if found.group(1).startswith("meta l4proto ") else None


def _iptables_scope(properties: t.Mapping[str, str]) -> str | None:
    found = re.search(r"-I \S+ (-p \S+ .*?)(?:-m set --match-set \S+ src )?-j ", _start(properties))
    if not found:
        return None
    return "ports" if "--dport" in found.group(1) else "all" if re.fullmatch(r"-p \S+ ", found.group(1)) else None


def _rich_scope(properties: t.Mapping[str, str]) -> str | None:
    return "ports" if "--add-rich-rule=" in properties.get("actionban", "") else None


# Whether an action refuses ports or all packets, by the program that it runs.
_SCOPES: dict[str, t.Callable[[t.Mapping[str, str]], str | None]] = {
    "nft": _nft_scope,
    "iptables": _iptables_scope,
    "ipset": _iptables_scope,
    "firewall-cmd": _rich_scope,
}


def _start(properties: t.Mapping[str, str]) -> str:
    return properties.get("actionstart", "")


def port_ranges(text: str, service_port: ServicePort) -> Ports | None:
    """Return the ports in ``text`` (``ssh, 8000:8100``, ``{ 22, 8000-8100 }``), ``None`` if one is not known."""
    ranges = []
    for word in _LISTED.split(text.strip("{} ")):
        numbers = re.fullmatch(r"(\d+)(?:[:-](\d+))?", word)
        port = None if numbers else service_port(word)
        if numbers:
            ranges.append((int(numbers.group(1)), int(numbers.group(2) or numbers.group(1))))
        elif port is not None:
            ranges.append((port, port))
        else:
            return None
    return _merged(ranges)


def _merged(ranges: t.Iterable[tuple[int, int]]) -> Ports:
    """Return ``ranges`` in order, neighbours as one: nft may print them so."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return EVERY_PORT if merged in ([(0, 65535)], [(1, 65535)]) else tuple(merged)


def _verdict(blocktype: str) -> str | None:
    word = blocktype.split(maxsplit=1)[0].lower() if blocktype.strip() else ""
    return word if word in _VERDICTS else None


@dataclass(frozen=True)
class ShownRule:
    """A rule that the packet filter has for a jail. ``place``: its family, or with firewalld the banned address.

    ``removal``: the command that removes it. nft needs its handle, which only ``nft -a`` shows; empty without it.
    """

    place: str
    rule: FilterRule
    removal: tuple[str, ...] = ()


def rules_in(
    requested: ActionRules,
    outputs: t.Iterable[tuple[tuple[str, ...], str]],
    jail: str,
    *,
    banned: t.Iterable[str],
    service_port: ServicePort,
) -> list[ShownRule]:
    """Return the rules of ``jail`` in the ``outputs`` (command and text) of the program behind ``requested``.

    ``banned``: its banned addresses. firewalld has rules for each of them, with the names of services as given.
    """
    program = requested.program
    found: list[ShownRule] = []
    for argv, text in outputs:
        if argv[0] == "nft" == program:
            found += _nft_rules(text, jail)
        elif argv[0] in ("iptables", "ip6tables") and program == "iptables":
            found += _iptables_rules(argv[0], text, jail)
        elif argv[0] == "firewall-cmd" == program:
            found += _rich_rules(text, frozenset(banned), service_port)
    return found


def _nft_rules(text: str, jail: str) -> t.Iterator[ShownRule]:
    pattern = re.compile(rf"(.*?)\s*\b(ip6?) saddr @addr6?-set-{re.escape(jail)} (\w+).*?(?:# handle (\d+))?$")
    table: tuple[str, ...] = ()
    chain = ""
    for line in map(str.strip, text.splitlines()):
        # There are thousands of lines with the elements of sets.
        opened = re.match(r"(table|chain) (.*?) \{", line) if line.endswith("{") or "{ #" in line else None
        found = pattern.match(line) if "saddr @" in line else None
        if opened and opened.group(1) == "table":
            table = tuple(opened.group(2).split())
        elif opened:
            chain = opened.group(2)
        elif found:
            handle = found.group(4)
            removal = ("nft", "delete", "rule", *table, chain, "handle", handle) if handle else ()
            for protocol, ports in _nft_scopes(found.group(1)):
                rule = FilterRule(protocol, ports, found.group(3))
                yield ShownRule("IPv6" if found.group(2) == "ip6" else "IPv4", rule, removal)


def _nft_scopes(text: str) -> list[tuple[str, Ports]]:
    """Return the protocols and ports that a rule's ``text`` selects, an empty list if it does so in another way."""
    by_port = re.fullmatch(r"(\w+) dport (\{.*\}|\S+)", text)
    if by_port:
        return [(by_port.group(1), _shown_ports(by_port.group(2)))]
    protocols = re.fullmatch(r"meta l4proto (\{.*\}|\S+)", text)
    return [(protocol, EVERY_PORT) for protocol in re.findall(r"\w+", protocols.group(1))] if protocols else []


def _shown_ports(text: str) -> Ports:
    return port_ranges(text, lambda _name: None) or ()


def _iptables_rules(program: str, text: str, jail: str) -> t.Iterator[ShownRule]:
    chain = f"f2b-{jail}"
    pattern = re.compile(
        rf"-A (?!{re.escape(chain)} )\S+ (?:-p (\w+) )?(.*?)(-m set --match-set {re.escape(chain)}6? src )?-j (\S+)"
    )
    # The verdict is in the rules of the bans, in the chain of the jail. Without a ban it is not known.
    own = f"-A {chain} "
    ends = {line.split(" ", 4)[-1] for line in text.splitlines() if line.startswith(f"{own}-s ")}
    bans = sorted({found.group(1) for found in (re.match(r"-j (\w+)", end) for end in ends) if found})
    for line in text.splitlines():
        found = None if line.startswith(own) else pattern.match(line)
        if not found or (not found.group(3) and found.group(4) != chain):
            continue
        listed = re.search(r"--dports? (\S+)", found.group(2))
        ports = _shown_ports(listed.group(1)) if listed else EVERY_PORT
        for verdict in [found.group(4)] if found.group(3) else bans or [""]:
            rule = FilterRule(found.group(1) or "all", ports, _verdict(verdict) or "")
            removal = (program, "-w", "-D", *shlex.split(line)[1:])
            yield ShownRule("IPv6" if program == "ip6tables" else "IPv4", rule, removal)


def _rich_rules(text: str, banned: frozenset[str], service_port: ServicePort) -> t.Iterator[ShownRule]:
    """Yield the rules of the ``banned`` addresses: firewalld has one for each address and port."""
    pattern = re.compile(r'rule family="\w+" source address="(\S+)" port port="([\w-]+)" protocol="(\w+)" (\w+)')
    for line in text.splitlines():
        found = pattern.match(line)
        address = normal_address(found.group(1)) if found else None
        if found and address in banned:
            rule = FilterRule(found.group(3), port_ranges(found.group(2), service_port) or (), found.group(4))
            yield ShownRule(str(address), rule, ("firewall-cmd", f"--remove-rich-rule={line}"))


def missing_rules(requested: ActionRules, shown: t.Iterable[ShownRule]) -> list[str]:
    """Return which of the ``requested`` rules are missing where there is any rule of the jail."""
    places: dict[str, list[FilterRule]] = {}
    for one in shown:
        places.setdefault(one.place, []).append(one.rule)
    return [
        f"{place}: no rule to {rule}"
        for place, rules in places.items()
        for rule in sorted(requested.at(place))
        if not any(rule.same_as(other) for other in rules)
    ]


def other_rules(requested: ActionRules, shown: t.Iterable[ShownRule]) -> list[ShownRule]:
    """Return the rules of the jail that are not ``requested``: those of an earlier configuration."""
    return [one for one in shown if not any(one.rule.same_as(rule) for rule in requested.at(one.place))]
