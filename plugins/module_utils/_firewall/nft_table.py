# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a request as one table of nftables (nft(8)), replaced in one transaction. Pure.

The syntax is that of nftables 1.0.6 and later (Debian 12; EL 9 has 1.0.9, Debian 13 has 1.1).
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from .allow_rule import AllowRule
from .networks import Network, of_family
from .request import FirewallRequest, RateLimit, ssh_rule
from .verdict import ICMP_ERRORS, ICMPV6_ERRORS, ICMPV6_LISTENER, ICMPV6_NEIGHBOUR, ICMPV6_ROUTER

__all__ = ["FAMILY", "FINGERPRINT", "LOG_PREFIX", "SSH_PORTS", "TABLE", "render_table", "with_ssh_ports"]

FAMILY, TABLE = "inet", "pyhost_baseline"
# The set of the ports of sshd: sshd adds the one to which it moves, before it moves.
SSH_PORTS = "ssh_ports"
LOG_PREFIX = "pyhost.baseline drop: "
# The comment of the first rule says which text the kernel has loaded: its SHA-256, cut.
FINGERPRINT = "pyhost.baseline sha256:"
_SSH_DPORT = f"tcp dport @{SSH_PORTS}"
_FIRST_RULE = 'iifname "lo" accept'
# Bans come first: our ban action hooks prerouting, the stock one of fail2ban input at "filter - 1", and its iptables
# actions at "filter". So a banned address uses up no rate limit of ours and does not fill the log. A verdict "accept"
# is not final between tables: firewalld and others at a later priority still see the packet.
_PRIORITY = "filter + 5"
_HEADER = f"""\
# Made by the module pyhost.baseline.firewall: changes are overwritten. The file is one transaction: the kernel has the
# old table or the new one, never none. No other table is touched.
add table {FAMILY} {TABLE}
delete table {FAMILY} {TABLE}
"""
_FAMILIES: tuple[tuple[int, str], ...] = ((4, "ip"), (6, "ip6"))
# An attacker over IPv6 has at least a whole /64, so that is one source.
_SOURCE_KEY = {4: "ip saddr", 6: "ip6 saddr and ffff:ffff:ffff:ffff::"}
_SOURCE_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
# A bucket is full again after its unit of time, so older entries say nothing.
_TIMEOUTS = {"second": "1m", "minute": "1m", "hour": "1h", "day": "1d"}
_LOG_LIMIT = "limit rate 10/minute burst 20 packets"
_ECHO_LIMIT = "limit rate 50/second burst 100 packets"


def render_table(request: FirewallRequest, ssh_ports: t.Collection[int]) -> str:
    """Return the file for ``nft -f`` that brings ``request`` into force; ``ssh_ports`` are those of sshd.

    The same request is the same text, whatever the order of its entries.
    """
    ssh = ssh_rule(request, ssh_ports)
    sets = [*_ssh_ports(ssh), *_sources(request.ssh_rate_limit)] if ssh else []
    parts = [sets, _chain("input", _input(request, ssh), _is_closed(request))]
    if request.outgoing != "allow":
        parts.append(_chain("output", _output(request, ssh), True))
    if request.containers == "filter":
        parts.append(_chain("forward", _forward(request), False))
    lines = "\n\n".join("\n".join(part) for part in parts if part)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
    marked = lines.replace(_FIRST_RULE, f'{_FIRST_RULE} comment "{FINGERPRINT}{digest}"', 1)
    return f"{_HEADER}table {FAMILY} {TABLE} {{\n{marked}\n}}\n"


def _is_closed(request: FirewallRequest) -> bool:
    return request.incoming == "deny"


def _chain(name: str, rules: t.Iterable[str], closed: bool) -> list[str]:
    """Return a base chain of the hook ``name``."""
    policy = "drop" if closed else "accept"
    head = f"type filter hook {name} priority {_PRIORITY}; policy {policy};"
    return [f"\tchain {name} {{", f"\t\t{head}", *(f"\t\t{rule}" for rule in rules), "\t}"]


def with_ssh_ports(text: str, ports: t.Collection[int]) -> str:
    """Return the text of ``render_table`` with ``ports`` beside those that the set has, unchanged without the set."""

    def added(match: re.Match[str]) -> str:
        known = {int(port) for port in re.findall(r"\d+", match[2])}
        return f"{match[1]}{{ {', '.join(map(str, sorted(known | set(ports))))} }}"

    return re.sub(rf"(\tset {SSH_PORTS} \{{\n\t\ttype inet_service\n\t\telements = )\{{([^}}]*)\}}", added, text)


def _ssh_ports(ssh: AllowRule) -> list[str]:
    elements = ", ".join(str(port) for ports in ssh.ports for port in range(ports.first, ports.last + 1))
    return [f"\tset {SSH_PORTS} {{", "\t\ttype inet_service", f"\t\telements = {{ {elements} }}", "\t}"]


def _sources(limit: RateLimit | None) -> list[str]:
    """Return the sets that count the new ssh connections of each source.

    A full set fails open: the rule that counts does not match, so nobody is shut out.
    """
    if limit is None:
        return []
    lines = []
    for version, family in _FAMILIES:
        lines += [
            f"\tset ssh_sources_{family} {{",
            f"\t\ttype {_SOURCE_TYPE[version]}",
            "\t\tsize 65535",
            "\t\tflags dynamic,timeout",
            f"\t\ttimeout {_TIMEOUTS[limit.unit]}",
            "\t}",
        ]
    return lines


def _input(request: FirewallRequest, ssh: AllowRule | None) -> list[str]:
    rules = [
        _FIRST_RULE,
        "ct state established,related accept",
        *_icmp_errors(),
        *_link_local(),
        # Connection tracking does not see these as answers, for the request is a broadcast or multicast.
        "udp sport 67 udp dport 68 accept",
        "ip6 daddr fe80::/10 udp dport 546 accept",
        # After ICMPv6: what the kernel calls invalid there must not end neighbour discovery.
        "ct state invalid drop",
        *_echo(request),
        *(_ssh(request, ssh) if ssh else []),
        *(line for rule in request.allow for line in _allowed(rule)),
    ]
    if not _is_closed(request):
        # Everything is let in but ssh connections that ssh_from does not allow.
        return [*rules, *([f"{_SSH_DPORT} drop"] if ssh and ssh.networks else [])]
    # Broadcasts and multicasts of the neighbours would hide what is meant for this host.
    return [*rules, *([f"meta pkttype host {_log()}"] if request.log else [])]


def _icmp_errors() -> list[str]:
    """Return the rules for errors and path MTU, also those of connections that the kernel no longer knows."""
    return [f"icmp type {_set(ICMP_ERRORS)} accept", f"icmpv6 type {_set(ICMPV6_ERRORS)} accept"]


def _link_local() -> list[str]:
    """Return the rules for what a host needs of its neighbours (RFC 4890, 4.4.1).

    A redirect (137) is not among them: RFC 4890, 4.4.4 leaves it to a policy, and it can divert traffic.
    """
    return [
        # A packet with the hop limit 255 has passed no router.
        f"ip6 hoplimit 255 icmpv6 type {_set(ICMPV6_NEIGHBOUR)} accept",
        f"ip6 saddr {{ ::, fe80::/10 }} icmpv6 type {_set(ICMPV6_LISTENER)} accept",
        f"ip6 saddr fe80::/10 ip6 hoplimit 1 icmpv6 type {_set(ICMPV6_ROUTER)} accept",
        # The same over IPv4 (RFC 3376, 4).
        "ip protocol igmp ip ttl 1 accept",
    ]


def _echo(request: FirewallRequest) -> list[str]:
    found = []
    for kind in ("icmp", "icmpv6"):
        match = f"{kind} type echo-request"
        found += [f"{match} {_ECHO_LIMIT} accept"] if request.icmp else []
        # Above the limit, or without the option, also where everything else is let in.
        found.append(f"{match} drop")
    return found


def _ssh(request: FirewallRequest, ssh: AllowRule) -> list[str]:
    limit = request.ssh_rate_limit
    rules = []
    if limit:
        rate = f"limit rate over {limit.count}/{limit.unit} burst {limit.count} packets"
        for version, family in _FAMILIES:
            match = _peers(ssh.networks, version, "saddr") if ssh.networks else f"meta nfproto ipv{version}"
            if match:
                update = f"update @ssh_sources_{family} {{ {_SOURCE_KEY[version]} {rate} }}"
                rules.append(f"{match} {_SSH_DPORT} {update} drop")
    return [*rules, *(_joined(match, _SSH_DPORT, "accept") for match in _matches(ssh, "saddr"))]


def _allowed(rule: AllowRule, peer: str = "saddr") -> list[str]:
    """Return the rules of one allowed entry, one for each family if it names peers (``saddr`` or ``daddr``)."""
    interface = f'{"iifname" if peer == "saddr" else "oifname"} "{rule.interface}"' if rule.interface else ""
    return [_joined(interface, match, _dport(rule), "accept", _comment(rule)) for match in _matches(rule, peer)]


def _output(request: FirewallRequest, ssh: AllowRule | None) -> list[str]:
    """Return the rules for what leaves the host; they end with a refusal that programs see at once.

    ICMP, DHCP, DNS and NTP always pass. Without them the host loses its address, its names, and the time by which it
    judges certificates. So do the packets of open connections of sshd: the kernel has tracked no connection before the
    first rule with ``ct``, and if the host sends first, then its answer counts as a new connection.
    """
    rules = [
        'oifname "lo" accept',
        "ct state established,related accept",
        *([f"tcp sport @{SSH_PORTS} tcp flags & (syn | ack) != syn accept"] if ssh else []),
        "meta l4proto { icmp, igmp, ipv6-icmp } accept",
        "udp sport 68 udp dport 67 accept",
        "udp sport 546 udp dport 547 accept",
        "meta l4proto { tcp, udp } th dport 53 accept",
        "udp dport 123 accept",
        *(line for rule in request.outgoing_rules for line in _allowed(rule, "daddr")),
    ]
    if request.log:
        rules.append(_log())
    return [*rules, "reject with icmpx type admin-prohibited"]


def _forward(request: FirewallRequest) -> list[str]:
    """Return the rules for published ports of containers. Nothing but forwarded packets with DNAT is judged.

    The port is the one that the client asked for (conntrack's original direction), not that of the container. Other
    containers that use the published port of this host need a rule of their own (``interface`` or ``from``).
    """
    rules = ["ct state established,related accept"]
    for rule in request.allow:
        interface = f'iifname "{rule.interface}"' if rule.interface else ""
        port = f"ct status dnat meta l4proto {rule.protocol} ct original proto-dst {_ports(rule)}"
        rules += [_joined(interface, match, port, "accept", _comment(rule)) for match in _matches(rule, "saddr")]
    if request.log:
        rules.append(f"ct status dnat {_log()}")
    return [*rules, "ct status dnat drop"]


def _matches(rule: AllowRule, peer: str) -> list[str]:
    """Return the match of the peers for each family that ``rule`` names; one empty match if it names none."""
    if not rule.networks:
        return [""]
    found = (_peers(rule.networks, version, peer) for version, _family in _FAMILIES)
    return [match for match in found if match]


def _peers(networks: t.Sequence[Network], version: int, peer: str) -> str:
    """Return the match of the ``networks`` of one family, an empty text if there are none."""
    own = [one for one in networks if one.version == version]
    if any(one.prefixlen == 0 for one in own):
        # A set has no element for all addresses.
        return f"meta nfproto ipv{version}"
    family = "ip" if version == 4 else "ip6"
    return f"{family} {peer} {_set(of_family(own, version))}" if own else ""


def _dport(rule: AllowRule) -> str:
    return f"{rule.protocol} dport {_ports(rule)}"


def _ports(rule: AllowRule) -> str:
    return _set(rule.ports)


def _set(values: t.Iterable[object]) -> str:
    """Return one value as itself, several as an anonymous set."""
    texts = [str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def _log() -> str:
    return f'{_LOG_LIMIT} log prefix "{LOG_PREFIX}" level info'


def _comment(rule: AllowRule) -> str:
    return f'comment "{rule.comment}"' if rule.comment else ""


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))
