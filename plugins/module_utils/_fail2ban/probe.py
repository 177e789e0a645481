# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lets fail2ban see and bite with: backend, ban action, and the packet filter's own words."""

from __future__ import annotations

import ipaddress
import random
import re
import typing as t
from dataclasses import dataclass

__all__ = [
    "BAN_ACTIONS",
    "SSHD_ONCE",
    "Tool",
    "addresses_in",
    "by_port",
    "documentation_addresses",
    "normal_address",
    "pf_doubt",
    "pf_trouble",
    "rules_of",
    "sshd_mode",
    "tool_of",
]

# sshd says of an unknown user that it is one, and again with each password and at the end of the connection. The filter
# takes each for a failure; without these lines the first counts, and an attempt once.
SSHD_ONCE = (
    r"^(?:error: )?(?:Failed \S+ for|Connection (?:closed|reset) by|Disconnected from|Disconnecting|"
    r"maximum authentication attempts exceeded for) invalid user\s"
)


def sshd_mode(*, passwords: bool) -> str:
    """Return the mode of fail2ban's filter sshd that counts an attempt once.

    A server that takes passwords logs each wrong one, and logs the end of the connection too, which only the mode
    aggressive counts. One that takes keys only logs nothing but the end.
    """
    return "normal" if passwords else "aggressive"


@dataclass(frozen=True)
class Tool:
    """The packet filter behind a family of ban actions."""

    program: str
    package: str
    # Commands whose output shows the bans; {jail} stands for the jail's name.
    shows: tuple[tuple[str, ...], ...]

    def showing(self, jail: str) -> list[tuple[str, ...]]:
        """Return the commands whose output shows the bans of ``jail``; the first must work."""
        return [tuple(word.replace("{jail}", jail) for word in argv) for argv in self.shows]


_NFT = Tool("nft", "nftables", (("nft", "list", "ruleset"),))
_IPTABLES = Tool("iptables", "iptables", (("iptables", "-w", "-S"), ("ip6tables", "-w", "-S")))
_IPSET = Tool("ipset", "ipset", (("ipset", "list"), *_IPTABLES.shows))
_FIREWALLD = Tool(
    "firewall-cmd",
    "firewalld",
    (("firewall-cmd", "--list-rich-rules"), ("firewall-cmd", "--direct", "--get-all-rules")),
)
_UFW = Tool("ufw", "ufw", (("ufw", "status"),))
# fail2ban's action pf keeps a table and a rule for each jail, below the anchor f2b (action.d/pf.conf, pfctl(8)).
_PF = Tool(
    "pfctl",
    "pf",
    (("pfctl", "-a", "f2b/{jail}", "-t", "f2b-{jail}", "-T", "show"), ("pfctl", "-a", "f2b/{jail}", "-s", "rules")),
)

_TOOLS = (
    (r"nftables.*", _NFT),
    (r"iptables-ipset.*|iptables-.*-ipset", _IPSET),
    (r"iptables.*", _IPTABLES),
    (r"firewallcmd.*", _FIREWALLD),
    (r"ufw", _UFW),
    (r"pf", _PF),
)

# In the order of preference: who is asked for, and the two options of [DEFAULT] that it means.
BAN_ACTIONS = {
    "firewalld": ("firewallcmd-rich-rules", "firewallcmd-rich-rules"),
    "nftables": ("nftables", "nftables[type=allports]"),
    # The oldest name of this pair, which fail2ban 1.0 and 1.1 both have: one set for each jail instead of a rule a ban.
    "ipset": ("iptables-ipset-proto6", "iptables-ipset-proto6-allports"),
    "iptables": ("iptables-multiport", "iptables-allports"),
    "pf": ("pf", "pf[actiontype=<allports>]"),
}


def pf_trouble(info: str, rules: str) -> str:
    """Say by ``pfctl -s info`` and ``pfctl -s rules`` why bans would not bite; an empty text where they would."""
    if not re.search(r"^Status: Enabled\b", info, re.MULTILINE):
        return "pf is not enabled: `sysrc pf_enable=YES` and `service pf start`"
    # Without the anchor in the main ruleset the tables fill and no packet ever meets them (fail2ban#1915).
    if not re.search(r'^anchor "f2b/\*"', rules, re.MULTILINE):
        return 'the rules of pf have no anchor for fail2ban: add `anchor "f2b/*"` to pf.conf and `service pf reload`'
    return ""


def pf_doubt(rules: str) -> str | None:
    """Say by ``pfctl -s rules`` that packets may pass before they come to fail2ban's anchor (pf.conf(5), ``quick``)."""
    before = re.split(r'^anchor "f2b/\*"', rules, maxsplit=1, flags=re.MULTILINE)[0]
    early = [line for line in before.splitlines() if re.match(r"pass\b.*\bquick\b", line) and " on lo" not in line]
    if not early:
        return None
    return (
        f'pf passes packets before it looks at bans: {early[0]!r} stands above `anchor "f2b/*"` and is quick; put the '
        "anchor first among the rules of pf.conf"
    )


def tool_of(action: str) -> Tool | None:
    """Return the packet filter that the ban ``action`` (``nftables[type=allports]``) drives, ``None`` where unknown."""
    name = action.split("[", 1)[0].strip()
    return next((tool for pattern, tool in _TOOLS if re.fullmatch(pattern, name)), None)


def by_port(*commands: str, actiontype: str = "") -> bool:
    """Say whether the ``commands`` of a ban action refuse single ports; others refuse all that an address sends.

    The action pf names the port in its shell also where its ``actiontype`` leaves it out of the rule.
    """
    if actiontype in ("any", "<allports>"):
        return False
    return any(re.search(r"\bdports?\b|\bport=|\bports?[ =]+[\"']?<port>", command) for command in commands)


def normal_address(text: str) -> str | None:
    """Return an address or network in the one form in which fail2ban keeps it, ``None`` where ``text`` is none."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if network.num_addresses > 1:
        return str(network)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return str(mapped or network.network_address)


def addresses_in(shown: str) -> set[str]:
    """Return the addresses and networks that the packet filter's words ``shown`` name, in fail2ban's own form."""
    words = re.findall(r"(?<![\w.:/])[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+(?:/\d+)?(?![\w.:/])", shown)
    return {address for address in map(normal_address, words) if address}


def rules_of(shown: str, jail: str) -> list[str]:
    """Return the lines of ``shown`` that carry ``jail``'s bans (sets, chains, jumps), without the bans themselves."""
    marker = re.compile(rf"(?<![\w-])(?:f2b|addr6?-set)-{re.escape(jail)}(?![\w-])")
    lines = (line.strip() for line in shown.splitlines())
    return [line for line in lines if marker.search(line) and not re.search(r"\s(?:-s|--src|source)\s", line)]


def documentation_addresses(*, ipv6: bool, taken: t.Container[str]) -> list[str]:
    """Return one free address of RFC 5737 and, for ``ipv6``, one of RFC 3849.

    They differ from run to run, or a recidive jail would one day count them as the same offender.
    """
    nets = ("192.0.2", "198.51.100", "203.0.113")
    wanted = [lambda: f"{random.choice(nets)}.{random.randrange(1, 255)}"]
    if ipv6:
        wanted.append(lambda: f"2001:db8::{random.randrange(1, 0xFFFF):x}")
    found = []
    for draw in wanted:
        address = draw()
        while address in taken:
            address = draw()
        found.append(address)
    return found
