# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls of others that fight with ours: chains that close what a request opens, and services that flush. Pure.

Foreign rules are only read. Each finding says what to do.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import printable
from .allow_rule import AllowRule
from .nft_ruleset import NftChain, Ruleset
from .nft_table import TABLE
from .opened_ports import OpenedPorts, opened_by
from .request import FirewallRequest, ssh_rule

__all__ = [
    "KNOWN_TABLES",
    "ForeignFindings",
    "chain_findings",
    "file_findings",
    "included_patterns",
    "manager_findings",
]

# The tables of fail2ban refuse single addresses. Those of firewalld and of container engines are theirs to keep.
KNOWN_TABLES = re.compile(rf"{TABLE}|f2b-.*|firewalld|netavark|docker.*|libvirt_network|lxc|lxd|incus")
_FLUSH = re.compile(r"\bflush\s+ruleset\b[ \t]*(\w+)?")
_INCLUDE = re.compile(r"^\s*include\s+[\"']([^\"']+)[\"']")
_INCLUDE_FOLDER = "/etc"
# Services that each load rules of their own. Two of one group are parts of the same manager.
_GROUPS = {
    "firewalld": "firewalld",
    "ufw": "ufw",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "netfilter-persistent": "iptables",
}
_MOST_SHOWN = 10


@dataclass(frozen=True)
class ForeignFindings:
    """What fights with our rules: errors, with which no rule is changed, and warnings."""

    errors: tuple[BaselineError, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: ForeignFindings) -> ForeignFindings:
        return ForeignFindings((*self.errors, *other.errors), (*self.warnings, *other.warnings))


def chain_findings(ruleset: Ruleset, request: FirewallRequest, ssh_ports: t.Collection[int]) -> ForeignFindings:
    """Return which foreign chains drop packets that ``request`` lets in.

    nft(8): ``accept`` ends the chain alone, and later chains of the hook still judge the packet; ``drop`` is final.
    """
    findings = ForeignFindings()
    has_ufw = ruleset.ufw_tables()
    for chain in ruleset.chains:
        is_foreign = not KNOWN_TABLES.fullmatch(chain.table) and chain.place[:2] not in has_ufw
        if is_foreign and ruleset.is_closed(chain):
            findings += _closed_findings(chain, opened_by(ruleset, chain), request, ssh_ports)
    return findings


def file_findings(files: t.Mapping[str, str], main: str, *, is_followed: bool) -> ForeignFindings:
    """Return that nftables.service, which is active or enabled, flushes the rules of other programs.

    ``files``: its main file and those that it includes, by path. ``is_followed``: our rules are in our table, and our
    drop-in loads it again after that.
    """
    flushes = [place for path in _included(files, main) for place in _flushes(path, files[path])]
    if not flushes:
        return ForeignFindings()
    if is_followed:
        warning = (
            f"{printable(flushes[0], longest=200)} flushes the rules of all programs: nftables.service loads ours "
            f"again after that, but `nft -f {printable(main, longest=200)}` does not; delete that line"
        )
        return ForeignFindings(warnings=(warning,))
    error = BaselineError(
        "nftables.service is enabled and this file flushes the rules of all programs, at each restart and boot",
        where=flushes[0],
        hint="delete that line (name your own tables instead: `table inet mine` and `delete table inet mine`), or run "
        "`systemctl disable nftables.service` if you do not need the rules of that file",
    )
    return ForeignFindings(errors=(error,))


def manager_findings(active: t.Iterable[str]) -> ForeignFindings:
    """Return that several programs manage the rules; ``active`` are services, by the names of their units."""
    names = sorted({name[: -len(".service")] if name.endswith(".service") else name for name in active})
    groups = sorted({_GROUPS[name] for name in names if name in _GROUPS})
    managers = [name for name in names if name in _GROUPS]
    if len(groups) > 1:
        error = BaselineError(
            f"several programs manage the packet filter: {', '.join(managers)}; each closes what another one opens",
            hint=f"keep one of them, and disable the others (`systemctl disable --now {managers[-1]}`)",
        )
        return ForeignFindings(errors=(error,))
    if groups and "nftables" in names:
        warning = (
            f"nftables.service is active beside {managers[0]}, and its restart flushes the rules of {managers[0]}: "
            "disable it if its file holds no rules that you need"
        )
        return ForeignFindings(warnings=(warning,))
    return ForeignFindings()


def _closed_findings(
    chain: NftChain, opened: OpenedPorts, request: FirewallRequest, ssh_ports: t.Collection[int]
) -> ForeignFindings:
    ssh = ssh_rule(request, ssh_ports)
    rules = (*request.allow, *([ssh] if ssh else []))
    closed = sorted({text for rule in rules for text in _not_opened(rule, opened)}, key=_by_number)
    if not closed and request.incoming == "deny":
        return ForeignFindings(warnings=(f"{_named(chain)} also drops packets: two firewalls must open each port",))
    ports = ", ".join(closed[:_MOST_SHOWN]) + (" …" if len(closed) > _MOST_SHOWN else "")
    problem = f"{_named(chain)} drops packets that this firewall lets in" + (f": {ports}" if ports else "")
    hint = "remove that chain (`nft list ruleset` shows it) and what loads it, or open these ports there too"
    if not opened.is_complete:
        # Its rules may open them under conditions that are not judged here.
        return ForeignFindings(warnings=(f"{problem}, unless one of its other rules accepts them; {hint}",))
    return ForeignFindings(errors=(BaselineError(problem, hint=hint),))


def _not_opened(rule: AllowRule, opened: OpenedPorts) -> list[str]:
    return [f"{ports}/{rule.protocol}" for ports in rule.ports if not opened.has(rule.protocol, ports)]


def _by_number(text: str) -> tuple[int, str]:
    return (int(re.split(r"[-/]", text)[0]), text)


def _named(chain: NftChain) -> str:
    return printable(str(chain), longest=200)


def included_patterns(text: str) -> list[str]:
    """Return the patterns of the files that ``text`` includes. A relative one is searched for in /etc (nft(8), -I)."""
    matches = map(_INCLUDE.match, text.splitlines())
    return [posixpath.join(_INCLUDE_FOLDER, match[1]) for match in matches if match]


def _included(files: t.Mapping[str, str], main: str) -> list[str]:
    """Return the main file and all that it includes, in the order of loading; each path once."""
    found: list[str] = []
    pending = [main]
    while pending:
        path = pending.pop(0)
        if path in found or path not in files:
            continue
        found.append(path)
        for pattern in included_patterns(files[path]):
            pending += sorted(name for name in files if fnmatch.fnmatchcase(name, pattern))
    return found


def _flushes(path: str, text: str) -> list[str]:
    """Return the places (file:line) where ``text`` flushes the rules of all programs in our family."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FLUSH.search(line.partition("#")[0])
        if match and match[1] in (None, "inet"):
            found.append(f"{path}:{number}")
    return found
