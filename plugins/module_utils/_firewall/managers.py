# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of firewalld and ufw that open a port, and the same rules for another port. Pure.

firewall-cmd(1) and ufw(8) keep their own rules. A handwritten ruleset of nftables is never edited.
"""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

__all__ = ["Opening", "Zone", "firewalld_openings", "parse_zones", "ufw_openings"]

Command = t.Tuple[str, ...]
_COMMENT = "sshd, by pyhost.baseline"
# The profiles of OpenSSH in /etc/ufw/applications.d.
_PROFILES = ("OpenSSH", "SSH")
_VERBS = ("allow", "limit", "deny", "reject")


@dataclass(frozen=True)
class Opening:
    """A rule that opens a new port: its description, the commands that add and remove it, its ``file``."""

    words: str
    give: Command
    take: Command
    file: str = ""


@dataclass(frozen=True)
class Zone:
    """A zone of firewalld: whether it is active, and the services and ports that it opens."""

    name: str
    active: bool
    services: tuple[str, ...]
    ports: tuple[str, ...]

    def lets_in(self, port: int) -> bool:
        return (port == 22 and "ssh" in self.services) or any(_covers(spec, port) for spec in self.ports)


def parse_zones(text: str) -> list[Zone]:
    """Read ``firewall-cmd --list-all-zones``."""
    zones = []
    for block in re.split(r"\n(?=\S)", text.strip("\n")):
        head, *rest = block.splitlines() or [""]
        values = {name.strip(): value.split() for name, _colon, value in (line.partition(":") for line in rest)}
        name, _space, marks = head.partition(" ")
        if name:
            services, ports = values.get("services", []), values.get("ports", [])
            zones.append(Zone(name, "active" in marks, tuple(services), tuple(ports)))
    return zones


def firewalld_openings(
    now: t.Sequence[Zone], permanent: t.Sequence[Zone], default: str, old: t.Collection[int], new: t.Collection[int]
) -> list[Opening]:
    """Return the rules that open the ``new`` ports in each active zone that opens an ``old`` port.

    A rule is permanent if the old one is, and in force at once if the old one is. The ``default`` zone is active for
    interfaces without a zone, but firewalld before 2.0 does not mark it as active.
    """
    active = {default, *(zone.name for zone in now if zone.active)}
    found = []
    for zones, flags in ((permanent, ("--permanent",)), (now, ())):
        for zone in zones:
            if zone.name not in active or not any(map(zone.lets_in, old)):
                continue
            for port in sorted(new):
                if not zone.lets_in(port):
                    command = ("firewall-cmd", "--quiet", *flags, f"--zone={zone.name}")
                    found.append(
                        Opening(
                            f"{port}/tcp in the zone {zone.name}",
                            (*command, f"--add-port={port}/tcp"),
                            (*command, f"--remove-port={port}/tcp"),
                            f"/etc/firewalld/zones/{zone.name}.xml" if flags else "",
                        )
                    )
    return found


def ufw_openings(added: str, old: t.Collection[int], new: t.Iterable[int]) -> list[Opening]:
    """Return the rules in ``ufw show added`` for an ``old`` port, in their order, for each of the ``new`` ports."""
    rules = [shlex.split(line)[1:] for line in added.splitlines() if line.startswith("ufw ")]
    known = {_bare(rule) for rule in rules}
    found = []
    for port in sorted(new):
        for rule in rules:
            moved = _moved(list(_bare(rule)), old, port)
            if moved and moved not in known:
                known.add(moved)
                give = ("ufw", *moved, "comment", _COMMENT)
                found.append(Opening(" ".join(moved), give, ("ufw", "--force", "delete", *moved)))
    return found


def _bare(rule: t.Sequence[str]) -> Command:
    return tuple(rule[: rule.index("comment")] if "comment" in rule else rule)


def _moved(rule: list[str], old: t.Collection[int], port: int) -> Command | None:
    """Return ``rule`` for ``port``, ``None`` if it is not about an ``old`` one."""
    if not rule or rule[0] not in _VERBS:
        return None
    if "to" not in rule and "from" not in rule:
        # ufw allow [in] 22/tcp
        return (*rule[:-1], f"{port}/tcp") if _is_about(rule[-1], old) else None
    # ufw allow [in on eth0] [from ADDRESS] to any port 22 [proto tcp]. A port before "to" is that of the client.
    start = rule.index("to") if "to" in rule else len(rule)
    for name in ("port", "app"):
        if name in rule[start:]:
            place = rule.index(name, start)
            proto = rule[rule.index("proto") + 1] if "proto" in rule else "tcp"
            if proto == "tcp" and _is_about(rule[place + 1], old):
                end = [] if "proto" in rule else ["proto", "tcp"]
                return (*rule[:place], "port", str(port), *rule[place + 2 :], *end)
    return None


def _is_about(spec: str, ports: t.Collection[int]) -> bool:
    return (spec in _PROFILES and 22 in ports) or any(_covers(spec, port) for port in ports)


def _covers(spec: str, port: int) -> bool:
    """Return whether ``22``, ``22/tcp``, ``20-30/tcp`` (firewalld), ``20:30/tcp`` or ``22,80`` (ufw) has ``port``."""
    numbers, _slash, protocol = spec.partition("/")
    if protocol not in ("", "tcp"):
        return False
    for part in numbers.split(","):
        ends = re.fullmatch(r"(\d+)(?:[-:](\d+))?", part)
        if ends and int(ends[1]) <= port <= int(ends[2] or ends[1]):
            return True
    return False
