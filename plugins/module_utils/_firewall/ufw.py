# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as rules of ufw (ufw(8)), and the commands that bring them into force. Pure.

Our rules are known by their comment. Rules of others are left alone.
"""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .allow_rule import AllowRule
from .networks import shown
from .port_ranges import PortRange
from .request import FirewallRequest, ssh_rule

__all__ = [
    "OWN_COMMENT",
    "UfwRule",
    "UfwState",
    "applied_ufw",
    "desired_ufw",
    "parse_ufw",
    "ufw_commands",
    "unsupported_by_ufw",
]

Command = t.Tuple[str, ...]
OWN_COMMENT = "pyhost.baseline"
# What leaves the host in every case, as in our table of nftables: DNS, NTP, and the requests of DHCP.
_OUTGOING = (("tcp", 53), ("udp", 53), ("udp", 67), ("udp", 123), ("udp", 547))


class UfwRule(t.NamedTuple):
    """A rule as the words after ``ufw``, without its comment."""

    words: Command
    comment: str = ""

    @property
    def is_own(self) -> bool:
        return self.comment == OWN_COMMENT or self.comment.startswith(f"{OWN_COMMENT}: ")


@dataclass(frozen=True)
class UfwState:
    """The rules of ufw and its default policies; ``logging`` is its level, ``off`` if there is none."""

    rules: tuple[UfwRule, ...] = ()
    incoming: str = "deny"
    outgoing: str = "allow"
    logging: str = "off"

    def as_text(self) -> str:
        """Return the state as text for a diff, one rule a line."""
        head = [f"incoming: {self.incoming}", f"outgoing: {self.outgoing}", f"logging: {self.logging}"]
        rules = sorted(" ".join([*rule.words, *([f"# {rule.comment}"] if rule.comment else [])]) for rule in self.rules)
        return "".join(f"{line}\n" for line in [*head, *rules])


def parse_ufw(added: str, status: str) -> UfwState:
    """Read ``ufw show added`` and ``ufw status verbose``."""
    rules = []
    for line in added.splitlines():
        if line.startswith("ufw "):
            words = tuple(shlex.split(line)[1:])
            place = words.index("comment") if "comment" in words else len(words)
            rules.append(UfwRule(words[:place], " ".join(words[place + 1 :])))
    policies = {direction: policy for policy, direction in re.findall(r"(\w+) \((incoming|outgoing)\)", status)}
    logging = re.search(r"^Logging: (?:on \((\w+)\)|off)", status, re.MULTILINE)
    level = (logging[1] or "off") if logging else "off"
    return UfwState(tuple(rules), policies.get("incoming", "deny"), policies.get("outgoing", "allow"), level)


def desired_ufw(request: FirewallRequest, ssh_ports: t.Collection[int]) -> UfwState:
    """Return the state of ufw that brings ``request`` into force; ssh comes first, for the first match counts."""
    ssh = ssh_rule(request, ssh_ports)
    verb = "limit" if request.ssh_rate_limit else "allow"
    rules = [one for rule in ([ssh] if ssh else []) for one in _rules(rule, verb, "in")]
    rules += [one for rule in request.allow for one in _rules(rule, "allow", "in")]
    if request.incoming == "allow" and ssh and ssh.networks:
        rules += [UfwRule(("deny", _port(one, "tcp")), OWN_COMMENT) for one in ssh.ports]
    if request.outgoing != "allow":
        always = [AllowRule(protocol, (PortRange(port, port),)) for protocol, port in _OUTGOING]
        rules += [one for rule in (*always, *request.outgoing_rules) for one in _rules(rule, "allow", "out")]
    outgoing = "allow" if request.outgoing == "allow" else "reject"
    unique = tuple({rule.words: rule for rule in reversed(rules)}.values())[::-1]
    return UfwState(unique, request.incoming, outgoing, "low" if request.log else "off")


def ufw_commands(now: UfwState, desired: UfwState) -> list[Command]:
    """Return the commands that make ``now`` the ``desired`` state: additions, the policies, then removals.

    A rule that somebody else has added is not added again, and never removed.
    """
    added = [("ufw", *rule.words, "comment", rule.comment) for rule in _added(now, desired)]
    stale = [("ufw", "--force", "delete", *rule.words) for rule in now.rules if _is_stale(rule, desired)]
    applied = applied_ufw(now, desired)
    policies = [
        ("ufw", "default", new, direction)
        for direction, old, new in (
            ("incoming", now.incoming, applied.incoming),
            ("outgoing", now.outgoing, applied.outgoing),
        )
        if old != new
    ]
    logging = [("ufw", "logging", applied.logging)] if now.logging != applied.logging else []
    return [*added, *policies, *logging, *stale]


def applied_ufw(now: UfwState, desired: UfwState) -> UfwState:
    """Return what :func:`ufw_commands` makes of ``now``: the ``desired`` state, and what is left alone.

    A host that somebody has closed by reject stays so, and a level of logging that somebody has chosen too.
    """
    added = _added(now, desired)
    # For ufw, rules that differ in their verb alone are one, whose verb the addition changes.
    replaced = {rule.words[1:] for rule in added}
    kept = [rule for rule in now.rules if rule.words[1:] not in replaced and not _is_stale(rule, desired)]
    return UfwState(
        (*kept, *added),
        desired.incoming if (now.incoming == "allow") != (desired.incoming == "allow") else now.incoming,
        desired.outgoing if (now.outgoing == "allow") != (desired.outgoing == "allow") else now.outgoing,
        desired.logging if (now.logging == "off") != (desired.logging == "off") else now.logging,
    )


def _added(now: UfwState, desired: UfwState) -> list[UfwRule]:
    present = {rule.words for rule in now.rules}
    return [rule for rule in desired.rules if rule.words not in present]


def _is_stale(rule: UfwRule, desired: UfwState) -> bool:
    return rule.is_own and rule.words[1:] not in {one.words[1:] for one in desired.rules}


def unsupported_by_ufw(request: FirewallRequest, prefix: str = "") -> tuple[list[BaselineError], list[str]]:
    """Return the errors and warnings for what rules of ufw cannot do; ``prefix`` precedes the names of options."""
    errors = []
    if request.containers == "filter":
        errors.append(
            BaselineError(
                "ufw does not filter the published ports of containers",
                option=f"{prefix}containers",
                hint="publish the ports on 127.0.0.1, or disable ufw (`ufw disable`)",
            )
        )
    if not request.icmp:
        errors.append(
            BaselineError(
                "ufw has no rule for echo requests",
                option=f"{prefix}icmp",
                hint="change the rules for icmp in /etc/ufw/before.rules and /etc/ufw/before6.rules",
            )
        )
    warnings = []
    if request.ssh_rate_limit:
        warnings.append(
            f"{prefix}ssh_rate_limit: ufw has one limit, six connections of one source in 30 seconds, which is used"
        )
    return errors, warnings


def _rules(rule: AllowRule, verb: str, direction: str) -> list[UfwRule]:
    """Return one rule for each network and range of ports, in the form that ``ufw show added`` prints."""
    # ufw refuses this quote in a comment.
    comment = f"{OWN_COMMENT}: {rule.comment}".replace("'", "\u2019") if rule.comment else OWN_COMMENT
    found = []
    for network in rule.networks or (None,):
        for ports in rule.ports:
            words: Command = (verb, *(("out",) if direction == "out" else ()))
            if rule.interface:
                words = (verb, direction, "on", rule.interface)
            peer = shown(network) if network else "any"
            number = str(ports).replace("-", ":")
            if direction == "out" and (network or rule.interface):
                words += ("to", peer, "port", number, "proto", rule.protocol)
            elif network or rule.interface:
                source = ("from", peer) if network else ()
                words += (*source, "to", "any", "port", number, "proto", rule.protocol)
            else:
                words += (_port(ports, rule.protocol),)
            found.append(UfwRule(words, comment))
    return found


def _port(ports: PortRange, protocol: str) -> str:
    return f"{str(ports).replace('-', ':')}/{protocol}"
