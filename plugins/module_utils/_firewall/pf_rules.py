# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as the rules of one anchor of pf (pf.conf(5)). Pure.

Written from pf.conf(5) of FreeBSD 14. Not tested on FreeBSD. The anchor of fail2ban must come before this one, for all
rules here are quick.
"""

from __future__ import annotations

import typing as t

from .._core.errors import BaselineError
from .allow_rule import AllowRule
from .networks import of_family
from .port_ranges import PortRange
from .request import FirewallRequest, RateLimit, ssh_rule
from .verdict import ICMP_ERRORS, ICMPV6_ERRORS, ICMPV6_LISTENER, ICMPV6_NEIGHBOUR, ICMPV6_ROUTER

__all__ = ["PF_ANCHOR", "render_anchor", "unsupported_by_pf"]

PF_ANCHOR = "pyhost_baseline"
_HEADER = "# Made by the module pyhost.baseline.firewall: changes are overwritten.\n"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_ECHO = {"inet": "icmp icmp-type echoreq", "inet6": "icmp6 icmp6-type echoreq"}


def render_anchor(request: FirewallRequest, ssh_ports: t.Collection[int]) -> str:
    """Return the file for ``pfctl -a pyhost_baseline -f`` that brings ``request`` into force."""
    ssh = ssh_rule(request, ssh_ports)
    rules = [
        "pass quick on lo0 all no state",
        f"pass in quick inet proto icmp icmp-type {_list(ICMP_ERRORS)}",
        f"pass in quick inet6 proto icmp6 icmp6-type {_list(ICMPV6_ERRORS)}",
        f"pass quick inet6 proto icmp6 icmp6-type {_list(ICMPV6_NEIGHBOUR)} no state",
        # These have a router alert option, with which pf blocks a packet unless the rule allows it.
        f"pass quick inet6 proto icmp6 icmp6-type {_list((*ICMPV6_LISTENER, *ICMPV6_ROUTER))} no state allow-opts",
        "pass quick inet proto igmp no state allow-opts",
        "pass in quick inet proto udp from any port 67 to any port 68 no state",
        "pass in quick inet6 proto udp to fe80::/10 port 546 no state",
        *(
            f"{'pass' if request.icmp else 'block drop'} in quick {family} proto {echo}"
            for family, echo in _ECHO.items()
        ),
        *(_ssh(ssh, request.ssh_rate_limit) if ssh else []),
        *(line for rule in request.allow for line in _allowed(rule, "in", "")),
        *_output(request),
        *_last(request, ssh),
    ]
    return _HEADER + "".join(f"{rule}\n" for rule in rules)


def unsupported_by_pf(request: FirewallRequest, prefix: str = "") -> list[BaselineError]:
    """Return the errors for what the anchor cannot do; ``prefix`` precedes the names of options."""
    if request.containers == "leave":
        return []
    return [BaselineError("pf does not filter the published ports of containers", option=f"{prefix}containers")]


def _ssh(rule: AllowRule, limit: RateLimit | None) -> list[str]:
    """Return the rules for sshd: for new connections, and for those from before pf had a state of them."""
    rate = f" (max-src-conn-rate {limit.count}/{_SECONDS[limit.unit]})" if limit else ""
    return [
        *_allowed(rule, "in", f" flags S/SA keep state{rate}"),
        *_allowed(rule, "in", " flags A/SA keep state (sloppy)"),
    ]


def _output(request: FirewallRequest) -> list[str]:
    if request.outgoing == "allow":
        return ["pass out quick all keep state"]
    always = [
        "pass out quick inet proto icmp",
        "pass out quick inet6 proto icmp6",
        "pass out quick proto udp to any port { 53, 67, 123, 547 }",
        "pass out quick proto tcp to any port 53",
        # Connections from before pf had a state of them.
        "pass out quick proto tcp all flags A/SA keep state (sloppy)",
    ]
    rules = [line for rule in request.outgoing_rules for line in _allowed(rule, "out", "")]
    return [*always, *rules, "block return out quick all"]


def _last(request: FirewallRequest, ssh: AllowRule | None) -> list[str]:
    log = " log" if request.log else ""
    if request.incoming == "deny":
        return [f"block drop in{log} quick all"]
    ports = [f"block drop in quick proto tcp to any port {_ports(ssh.ports)}"] if ssh and ssh.networks else []
    return [*ports, "pass in quick all keep state"]


def _allowed(rule: AllowRule, direction: str, end: str) -> list[str]:
    """Return one rule, or one for each family of its networks."""
    interface = f" on {rule.interface}" if rule.interface else ""
    port = f"port {_ports(rule.ports)}"
    peers = []
    for family, version in (("inet ", 4), ("inet6 ", 6)):
        own = of_family(rule.networks, version)
        if own:
            peers.append((family, _list(own)))
    return [
        f"pass {direction} quick{interface} {family}proto {rule.protocol} "
        + (f"from {peer} to any {port}" if direction == "in" else f"to {peer} {port}")
        + end
        for family, peer in peers or [("", "any")]
    ]


def _ports(ports: t.Iterable[PortRange]) -> str:
    """Return ports in the form of pf.conf(5), where a range with both its ends has a colon."""
    return _list(str(one).replace("-", ":") for one in ports)


def _list(values: t.Iterable[object]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"
