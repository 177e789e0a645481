# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the packet filter for the rules and bans of a jail, compares them, and removes rules of earlier settings."""

from __future__ import annotations

import socket
import typing as t

from ..filter_rules import missing_rules, other_rules, requested_rules, rules_in
from ..packet_filters import missing_in, own_entries, rules_of, sets_of, tool_of
from .kernel_sets import addresses_in_set
from .readings import Readings

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..filter_rules import ShownRule
    from ..stream import JailStream
    from .server import Asks

__all__ = ["banned_addresses", "filter_findings", "remove_other_rules", "service_port", "shown", "wrong_rules"]

# With fewer bans nft lists them as fast.
_MANY = 500
_RULES = ("nft", "-t", "list", "ruleset")

Outputs = t.List[t.Tuple[t.Tuple[str, ...], str]]


def _outputs(readings: Readings, jail: JailStream) -> Outputs:
    """Return the commands that show the packet filters behind the actions of ``jail``, each with its output."""
    tools = [tool for tool in (tool_of(action) for action in jail.actions) if tool]
    commands = dict.fromkeys(argv for tool in tools for argv in tool.showing(jail.name))
    return [(argv, readings.run(argv).out) for argv in commands]


def shown(host: Host, jail: JailStream) -> str:
    """Return the output of the packet filters behind the actions of ``jail``."""
    return _text(_outputs(Readings(host), jail))


def _text(outputs: Outputs) -> str:
    return "\n".join(text for _argv, text in outputs)


def banned_addresses(server: Asks, jail: str) -> list[str]:
    """Return the addresses that ``jail`` has banned."""
    return [str(address) for address in server.ask("get", jail, "banip")]


def filter_findings(readings: Readings, server: Asks, jail: JailStream, rules: t.Collection[str]) -> list[str]:
    """Return how the packet filter differs from what ``jail`` requests.

    Missing lines of ``rules`` (those of its proof), missing banned addresses, and rules for other ports, protocols or
    verdicts.
    """
    banned = banned_addresses(server, jail.name)
    if len(banned) >= _MANY and _kernel_has(readings, jail, rules, banned):
        return []
    findings = _findings(readings, jail, rules, banned)
    if findings:
        # A ban may have started or ended between the two answers. Only what is found twice counts.
        again = _findings(readings.again(), jail, rules, banned_addresses(server, jail.name))
        findings = [one for one in findings if one in again]
    return findings


def _kernel_has(readings: Readings, jail: JailStream, rules: t.Collection[str], banned: t.Collection[str]) -> bool:
    """Return whether the kernel has all ``banned`` in the sets of ``jail``, and the rules that the jail requests.

    If not, or if that is not known without nft, nft has to be asked.
    """
    if {tool.program for tool in map(tool_of, jail.actions) if tool} != {"nft"}:
        return False
    text = readings.run(_RULES).out
    found = rules_of(text, jail.name)
    if any(rule not in found for rule in rules) or _wrong_rules(jail, [(_RULES, text)], banned):
        return False
    wanted: dict[int, set[bytes]] = {4: set(), 16: set()}
    try:
        for one in banned:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in one else socket.AF_INET, one)
            wanted[len(packed)].add(packed)
    except OSError:
        # A network, for which there is another set.
        return False
    sets = sets_of(text, jail.name)
    return all(_are_in_sets(addresses, size, sets[size]) for size, addresses in wanted.items())


def _are_in_sets(addresses: set[bytes], size: int, sets: t.Iterable[tuple[str, str, str]]) -> bool:
    for family, table, name in sets if addresses else ():
        addresses = addresses - (addresses_in_set(family, table, name, size=size) or frozenset())
    return not addresses


def _findings(readings: Readings, jail: JailStream, rules: t.Collection[str], banned: t.Collection[str]) -> list[str]:
    outputs = _outputs(readings, jail)
    text = _text(outputs)
    found = rules_of(text, jail.name)
    # A ban of another jail refuses other ports.
    own = own_entries(text, jail.name)
    missing = missing_in(text if own is None else own, banned)
    return [*(rule for rule in rules if rule not in found), *missing, *_wrong_rules(jail, outputs, banned)]


def wrong_rules(host: Host, server: Asks, jail: JailStream) -> list[str]:
    """Return how the rules in the packet filter differ from those that ``jail`` requests, if it has any there."""
    if not requested_rules(jail, service_port):
        return []
    return _wrong_rules(jail, _outputs(Readings(host), jail), banned_addresses(server, jail.name))


def _wrong_rules(jail: JailStream, outputs: Outputs, banned: t.Collection[str]) -> list[str]:
    findings = []
    for requested in requested_rules(jail, service_port):
        rules = rules_in(requested, outputs, jail.name, banned=banned, service_port=service_port)
        findings += missing_rules(requested, rules)
        findings += [f"{one.place}: a rule to {one.rule}" for one in other_rules(requested, rules)]
    return findings


def remove_other_rules(host: Host, server: Asks, jail: JailStream) -> None:
    """Remove the rules of ``jail`` that it does not request.

    They are left by an earlier configuration: ``actionstop`` of the iptables actions removes only the rules that the
    present one has.
    """
    for one in _other_rules(host, jail, banned_addresses(server, jail.name)):
        if one.removal:
            host.run(list(one.removal))


def _other_rules(host: Host, jail: JailStream, banned: t.Collection[str]) -> list[ShownRule]:
    other: list[ShownRule] = []
    readings = Readings(host)
    for requested in requested_rules(jail, service_port):
        outputs = _outputs(readings, jail)
        rules = rules_in(requested, outputs, jail.name, banned=banned, service_port=service_port)
        if requested.program == "nft" and other_rules(requested, rules):
            # A rule is removed by its handle.
            argv = ("nft", "-a", "list", "ruleset")
            outputs = [(argv, host.run(list(argv)).out)]
            rules = rules_in(requested, outputs, jail.name, banned=banned, service_port=service_port)
        other += other_rules(requested, rules)
    # Two verdicts in the chain of a jail are one jump to it.
    return list({one.removal: one for one in other}.values())


def service_port(name: str) -> int | None:
    """Return the port of a service in services(5)."""
    try:
        return socket.getservbyname(name)
    except OSError:
        return None
