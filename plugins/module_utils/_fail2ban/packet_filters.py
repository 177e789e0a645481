# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet filters: the ban actions that drive them, the commands that show bans, and what their output contains."""

from __future__ import annotations

import ipaddress
import itertools
import random
import re
import typing as t
from dataclasses import dataclass

__all__ = [
    "ACTION_FILE",
    "BAN_ACTIONS",
    "OWN_ACTION",
    "OWN_BANACTION",
    "OWN_OPTIONS",
    "Tool",
    "addresses_in",
    "by_port",
    "documentation_addresses",
    "missing_bans",
    "missing_in",
    "normal_address",
    "own_entries",
    "own_properties",
    "pf_problem",
    "pf_warning",
    "rules_of",
    "sets_of",
    "tool_of",
]


@dataclass(frozen=True)
class Tool:
    """The packet filter behind a family of ban actions."""

    program: str
    package: str
    # Commands that show the bans. {jail} is replaced by the name of the jail.
    shows: tuple[tuple[str, ...], ...]
    # A command that fails if bans do not take effect, where it costs less than the first one that shows them.
    check: tuple[str, ...] = ()

    def showing(self, jail: str) -> list[tuple[str, ...]]:
        """Return the commands that show the bans of ``jail``. The first one has to work."""
        return [tuple(word.replace("{jail}", jail) for word in argv) for argv in self.shows]


# Our ban action (host/nftables_action.py), by its name in the server, and as jail.conf(5) names one in Python.
OWN_ACTION = "pyhost-nftables"
OWN_BANACTION = f"{OWN_ACTION}.py"
ACTION_FILE = f"/action.d/{OWN_BANACTION}"
# Its options and their defaults. It ignores the option chain, which jail.conf passes to each action.
OWN_OPTIONS = {"port": "ssh", "protocol": "tcp", "type": "multiport", "blocktype": "reject"}

# nft reads each element for "list tables", and for none of the sets with -t for the ruleset (nftables 1.0.6).
_NFT = Tool("nft", "nftables", (("nft", "list", "ruleset"),), check=("nft", "-t", "list", "ruleset"))
_IPTABLES = Tool("iptables", "iptables", (("iptables", "-w", "-S"), ("ip6tables", "-w", "-S")))
_IPSET = Tool("ipset", "ipset", (("ipset", "list"), *_IPTABLES.shows))
_FIREWALLD = Tool(
    "firewall-cmd",
    "firewalld",
    (("firewall-cmd", "--list-rich-rules"), ("firewall-cmd", "--direct", "--get-all-rules")),
)
_UFW = Tool("ufw", "ufw", (("ufw", "status"),))
# The action pf of fail2ban has a table and a rule for each jail below the anchor f2b (action.d/pf.conf, pfctl(8)).
_PF = Tool(
    "pfctl",
    "pf",
    (("pfctl", "-a", "f2b/{jail}", "-t", "f2b-{jail}", "-T", "show"), ("pfctl", "-a", "f2b/{jail}", "-s", "rules")),
)

_TOOLS = (
    (rf"{re.escape(OWN_ACTION)}|nftables.*", _NFT),
    (r"iptables-ipset.*|iptables-.*-ipset", _IPSET),
    (r"iptables.*", _IPTABLES),
    (r"firewallcmd.*", _FIREWALLD),
    (r"ufw", _UFW),
    (r"pf", _PF),
)

# In the order of preference: the packet filter, and the two options of [DEFAULT] that use it.
BAN_ACTIONS = {
    # It sees each incoming packet before connection tracking, DNAT and every other rule (nft(8), prerouting before the
    # priority of raw): a ban covers open connections, all zones of firewalld and the ports of containers.
    "nftables": (OWN_BANACTION, f"{OWN_BANACTION}[type=allports]"),
    # Before Linux 5.9 nft can refuse packets in the chains input and forward only. Also beside firewalld: its rules are
    # in one zone, and let open connections pass.
    "nftables-input": ("nftables", "nftables[type=allports]"),
    "firewalld": ("firewallcmd-rich-rules", "firewallcmd-rich-rules"),
    # The oldest name of this pair, known to fail2ban 1.0 and 1.1. It has a set for each jail instead of a rule for each
    # ban.
    "ipset": ("iptables-ipset-proto6", "iptables-ipset-proto6-allports"),
    "iptables": ("iptables-multiport", "iptables-allports"),
    "pf": ("pf", "pf[actiontype=<allports>]"),
}


def own_properties(jail: str, options: t.Mapping[str, str]) -> dict[str, str]:
    """Return the properties of our ban action in ``jail`` in the form of those of the action nftables of fail2ban."""
    scope = "meta l4proto" if options.get("type") == "allports" else "$proto dport"
    rule = f"{scope} <{'protocol' if scope[0] == 'm' else 'port'}> <addr_family> saddr @<addr_set> <blocktype>"
    return {
        **OWN_OPTIONS,
        **options,
        "name": jail,
        "chain_hook": "prerouting",
        "addr_set": "addr-set-<name>",
        "actionstart": f"nft add rule inet f2b-<name> prerouting {rule}",
    }


def pf_problem(info: str, rules: str) -> str:
    """Return by ``pfctl -s info`` and ``pfctl -s rules`` why bans do not take effect, an empty text if they do."""
    if not re.search(r"^Status: Enabled\b", info, re.MULTILINE):
        return "pf is not enabled: run `sysrc pf_enable=YES` and `service pf start`"
    # Without the anchor in the main ruleset no packet is checked against the tables of fail2ban (fail2ban#1915).
    if not re.search(r'^anchor "f2b/\*"', rules, re.MULTILINE):
        return (
            'the rules of pf have no anchor for fail2ban: add `anchor "f2b/*"` to pf.conf, and run `service pf reload`'
        )
    return ""


def pf_warning(rules: str) -> str | None:
    """Return by ``pfctl -s rules`` that packets can pass before the anchor of fail2ban (``quick`` in pf.conf(5))."""
    before = re.split(r'^anchor "f2b/\*"', rules, maxsplit=1, flags=re.MULTILINE)[0]
    early = [line for line in before.splitlines() if re.match(r"pass\b.*\bquick\b", line) and " on lo" not in line]
    if not early:
        return None
    return (
        f'pf passes packets before it checks bans: {early[0]!r} is above `anchor "f2b/*"` and is quick; move '
        "the anchor above all other rules in pf.conf"
    )


def tool_of(action: str) -> Tool | None:
    """Return the packet filter that the ban ``action`` (``nftables[type=allports]``) drives, ``None`` if unknown."""
    name = action.split("[", 1)[0].strip()
    return next((tool for pattern, tool in _TOOLS if re.fullmatch(pattern, name)), None)


def by_port(*commands: str, actiontype: str = "") -> bool:
    """Return whether the ``commands`` of a ban action refuse single ports. Others refuse all packets of an address.

    The action pf names the port in its command even if its ``actiontype`` omits it from the rule.
    """
    if actiontype in ("any", "<allports>"):
        return False
    return any(re.search(r"\bdports?\b|\bport=|\bports?[ =]+[\"']?<port>", command) for command in commands)


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def normal_address(text: str) -> str | None:
    """Return an address or network in the form that fail2ban uses, ``None`` if ``text`` is neither."""
    # There may be ten thousand of them, for which the library takes a fifth of a second.
    if _IPV4.fullmatch(text):
        return text
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if network.num_addresses > 1:
        return str(network)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return str(mapped or network.network_address)


def addresses_in(shown: str) -> set[str]:
    """Return the addresses and networks in the output ``shown`` of a packet filter, in the form that fail2ban uses."""
    words = re.findall(r"(?<![\w.:/])[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+(?:/\d+)?(?![\w.:/])", shown)
    return {address for address in map(normal_address, words) if address}


def missing_in(shown: str, banned: t.Collection[str]) -> list[str]:
    """Return the ``banned`` addresses and networks that the output ``shown`` of a packet filter does not have."""
    # Ten thousand of them are looked up as words. What is left may be shown in another form, or as part of a network.
    words = {word for word in shown.replace(",", " ").replace('"', " ").split() if "." in word or ":" in word}
    left = [one for one in banned if one not in words and f"{one}/{128 if ':' in one else 32}" not in words]
    return missing_bans(left, addresses_in(shown)) if left else []


def own_entries(shown: str, jail: str) -> str | None:
    """Return the sets and chains of ``jail`` in ``shown``, ``None`` if there are none with its name.

    The formats are those of nft(8) ``list ruleset``, iptables(8) ``-S``, ipset(8) ``list`` and pfctl(8).
    """
    chain = f"f2b-{jail}"
    # pfctl(8) shows only the table and the rules of the jail.
    if f"<{chain}>" in shown:
        return shown
    # There may be thousands of lines, which no regular expression should try one after another.
    lines = shown.splitlines()
    own = [line for line in lines if line.startswith((f"-A {chain} ", f"-N {chain} ")) or line == f"-N {chain}"]
    begins = {f"set {kind}-{jail} {{" for kind in ("addr-set", "addr6-set", "net-set", "net6-set")}
    begins |= {f"Name: {chain}", f"Name: {chain}6"}
    for number, line in enumerate(lines):
        if line.lstrip() in begins:
            # A set of nft(8) ends with a brace on a line of its own, one of ipset(8) with an empty line.
            own += itertools.takewhile(lambda one: one.strip() not in ("}", ""), lines[number:])
    return "\n".join(own) if own else None


def sets_of(shown: str, jail: str) -> dict[int, list[tuple[str, str, str]]]:
    """Return the sets for single addresses of ``jail`` in the output ``shown`` of nft(8), by the size of an address.

    A set is the family of its table, the name of the table and its own name.
    """
    names = {f"set addr-set-{jail} {{": 4, f"set addr6-set-{jail} {{": 16}
    sets: dict[int, list[tuple[str, str, str]]] = {4: [], 16: []}
    table = ("", "")
    for line in map(str.strip, shown.splitlines()):
        opened = re.fullmatch(r"table (\S+) (\S+) \{", line)
        if opened:
            table = (opened.group(1), opened.group(2))
        elif line in names:
            sets[names[line]].append((*table, line.split()[1]))
    return sets


def missing_bans(banned: t.Iterable[str], present: t.Collection[str]) -> list[str]:
    """Return the ``banned`` addresses and networks that are neither ``present`` nor part of a network that is."""
    networks = [ipaddress.ip_network(one) for one in present if "/" in one]
    return [one for one in banned if one not in present and not (networks and _is_part_of(one, networks))]


def _is_part_of(text: str, networks: t.Iterable[t.Any]) -> bool:
    try:
        inner = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return any(inner.version == outer.version and inner.subnet_of(outer) for outer in networks)


def rules_of(shown: str, jail: str) -> list[str]:
    """Return the lines of ``shown`` for ``jail`` (sets, chains, jumps), without the lines of single bans."""
    marker = re.compile(rf"(?<![\w-])(?:f2b|(?:addr|net)6?-set)-{re.escape(jail)}(?![\w-])")
    lines = (line.strip() for line in shown.splitlines() if jail in line and " -s " not in line)
    return [line for line in lines if marker.search(line) and not re.search(r"\s(?:--src|source)\s", line)]


def documentation_addresses(*, ipv6: bool, taken: t.Container[str]) -> list[str]:
    """Return one free address of RFC 5737 and, for ``ipv6``, one of RFC 3849.

    They are chosen at random. Otherwise a recidive jail would count them as the same offender after some runs.
    """
    nets = ("192.0.2", "198.51.100", "203.0.113")
    drawn = [lambda: f"{random.choice(nets)}.{random.randrange(1, 255)}"]
    if ipv6:
        drawn.append(lambda: f"2001:db8::{random.randrange(1, 0xFFFF):x}")
    found = []
    for draw in drawn:
        address = draw()
        while address in taken:
            address = draw()
        found.append(address)
    return found
