# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as the rules of a zone of firewalld, and the commands that bring them into force (firewall-cmd(1)). Pure.

Nothing here makes firewalld reload but a change of the zone's target: a reload drops rules that are in force only until
the next one, like bans.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .allow_rule import AllowRule
from .networks import shown
from .port_ranges import merged
from .request import FirewallRequest, ssh_rule

__all__ = ["ZoneRules", "applied_zone", "desired_zone", "parse_zone", "unsupported_by_firewalld", "zone_commands"]

Command = t.Tuple[str, ...]
# What firewall-cmd --list-all calls it, and the part of the option that adds or removes one.
_KINDS = {
    "services": "service",
    "ports": "port",
    "protocols": "protocol",
    "source-ports": "source-port",
    "icmp-blocks": "icmp-block",
    "rich rules": "rich-rule",
}
_NO_ENTRIES: frozenset[str] = frozenset()
# The answers of DHCPv6 servers, which no connection is known for.
_KEPT_SERVICES = frozenset(["dhcpv6-client"])
# firewalld.richlanguage(5): rules without a priority come before those with a positive one.
_LAST = 32767


@dataclass(frozen=True)
class ZoneRules:
    """What a zone lets in: its target, and the entries of each kind (a name of ``--list-all``)."""

    target: str = "default"
    entries: t.Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, kind: str) -> frozenset[str]:
        return self.entries.get(kind, _NO_ENTRIES)

    def as_text(self) -> str:
        """Return the rules as text for a diff, one a line."""
        lines = [f"{kind}: {one}" for kind in _KINDS for one in sorted(self.of(kind))]
        return "".join(f"{line}\n" for line in [f"target: {self.target}", *lines])


def parse_zone(text: str) -> ZoneRules:
    """Read ``firewall-cmd --zone=NAME --list-all``, with or without ``--permanent``."""
    entries: dict[str, frozenset[str]] = {}
    target = "default"
    rich: list[str] = []
    in_rich = False
    for line in text.splitlines()[1:]:
        name, _colon, value = (part.strip() for part in line.partition(":"))
        if name == "rich rules":
            in_rich = True
        elif in_rich:
            rich += [line.strip()] if line.strip() else []
        elif name == "target":
            target = value
        elif name in _KINDS:
            entries[name] = frozenset(value.split())
    return ZoneRules(target, {**entries, "rich rules": frozenset(rich)})


def desired_zone(request: FirewallRequest, ssh_ports: t.Collection[int]) -> ZoneRules:
    """Return the rules of the zone that bring ``request`` into force."""
    ssh = ssh_rule(request, ssh_ports)
    rules = [*request.allow, *([ssh] if ssh else [])]
    ports = set()
    for protocol in ("tcp", "udp"):
        own = [one for rule in rules if rule.protocol == protocol and not rule.networks for one in rule.ports]
        ports |= {f"{one}/{protocol}" for one in merged(own)}
    rich = {text for rule in rules for text in _rich(rule)}
    is_open = request.incoming == "allow"
    if is_open and ssh and ssh.networks:
        rich |= {f'rule priority="{_LAST}" port port="{one}" protocol="tcp" drop' for one in ssh.ports}
    return ZoneRules(
        "ACCEPT" if is_open else "default",
        {
            "services": _KEPT_SERVICES,
            "ports": frozenset(ports),
            "rich rules": frozenset(rich),
            "icmp-blocks": frozenset([] if request.icmp else ["echo-request"]),
        },
    )


def zone_commands(now: ZoneRules, desired: ZoneRules, zone: str, *, permanent: bool) -> list[Command]:
    """Return the commands that make ``now`` the ``desired`` rules, additions first.

    Rich rules that do not accept are left alone: fail2ban's bans are such rules. A target is changed permanently alone,
    and takes effect after ``firewall-cmd --reload``.
    """
    base = ("firewall-cmd", "--quiet", *(("--permanent",) if permanent else ()), f"--zone={zone}")
    applied = applied_zone(now, desired)
    added, removed = [], []
    for kind, name in _KINDS.items():
        added += [(*base, f"--add-{name}={one}") for one in sorted(applied.of(kind) - now.of(kind))]
        removed += [(*base, f"--remove-{name}={one}") for one in sorted(now.of(kind) - applied.of(kind))]
    target = [(*base, f"--set-target={applied.target}")] if permanent and now.target != applied.target else []
    return [*added, *removed, *target]


def applied_zone(now: ZoneRules, desired: ZoneRules) -> ZoneRules:
    """Return what :func:`zone_commands` makes of ``now``: the ``desired`` rules, and what is left alone."""
    kept = {one for one in now.of("rich rules") if one.split()[-1] != "accept" and f'priority="{_LAST}"' not in one}
    # A zone that drops or rejects what no rule accepts is closed in either way.
    target = now.target if (now.target == "ACCEPT") == (desired.target == "ACCEPT") else desired.target
    return ZoneRules(target, {**desired.entries, "rich rules": desired.of("rich rules") | kept})


def unsupported_by_firewalld(request: FirewallRequest, prefix: str = "") -> tuple[list[BaselineError], list[str]]:
    """Return the errors and warnings for what a zone cannot do; ``prefix`` precedes the names of options."""
    errors = []
    if any(rule.interface for rule in request.allow):
        errors.append(
            BaselineError(
                "firewalld has zones instead of rules for an interface",
                option=f"{prefix}allow",
                hint="leave the interface out, and assign interfaces to zones (`firewall-cmd --change-interface`)",
            )
        )
    if request.outgoing != "allow":
        errors.append(
            BaselineError(
                "a zone of firewalld has no rules for outgoing packets",
                option=f"{prefix}outgoing",
                hint="use a policy object of firewalld (firewalld.policies(5))",
            )
        )
    if request.containers == "filter":
        errors.append(
            BaselineError(
                "a zone of firewalld does not filter the published ports of containers",
                option=f"{prefix}containers",
                hint="publish the ports on 127.0.0.1, or remove firewalld",
            )
        )
    warnings = []
    if request.ssh_rate_limit:
        # The limit of a rich rule counts all sources together, so an attacker could shut everybody out.
        warnings.append(f"{prefix}ssh_rate_limit has no effect: firewalld has no limit for each source")
    return errors, warnings


def _rich(rule: AllowRule) -> list[str]:
    """Return a rich rule for each network and range of ports, in the form that firewalld prints."""
    return [
        f'rule family="ipv{network.version}" source address="{shown(network)}" port port="{ports}" '
        f'protocol="{rule.protocol}" accept'
        for network in rule.networks
        for ports in rule.ports
    ]
