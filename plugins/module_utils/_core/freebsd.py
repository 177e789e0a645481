# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses FreeBSD's sockstat(1), ps(1) and master.passwd(5), the counterparts of /proc and shadow(5). Pure.

Written from the manuals. The rows of sockstat are those of a FreeBSD 14.4 host (mondoohq/mql#10413).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .text import is_number

__all__ = [
    "LISTENING",
    "PROCESSES",
    "MasterPasswd",
    "closed",
    "parse_master_passwd",
    "parse_sockstat",
    "sockstat_listeners",
    "ssh_connection",
]

# One ``-o`` for each column: everything after the equals sign is the headline, including commas.
PROCESSES = ("ps", "-axwwe", "-o", "pid=", "-o", "ppid=", "-o", "command=")
LISTENING = ("sockstat", "-46lP", "tcp")
_LOCKED = "*LOCKED*"


@dataclass(frozen=True)
class MasterPasswd:
    """A line of master.passwd(5): the password field; seconds since the epoch, 0 for never."""

    password: str
    change: int = 0
    expire: int = 0


def parse_sockstat(text: str) -> set[int]:
    """Return the TCP ports that something listens on: ``root sshd 1718 6 tcp6 *:22 *:*``."""
    return {port for _user, _command, _pid, _address, port in sockstat_listeners(text)}


def sockstat_listeners(text: str) -> list[tuple[str, str, int, str, int]]:
    """Return user, command, pid, address and port of each listener; a wildcard as ``0.0.0.0`` or ``::``."""
    found = []
    for line in text.splitlines():
        # The process chooses the command's name, which may contain blanks.
        row = re.fullmatch(r"(\S+)\s+(.*\S)\s+([0-9]+)\s+\S+\s+tcp(\S*)\s+(\S+):([0-9]+)\s+\*:\*\s*", line)
        if row:
            user, command, pid, family, address, port = row.groups()
            wildcard = "0.0.0.0" if family == "4" else "::"
            place = wildcard if address == "*" else address.strip("[]")
            found.append((user, command, int(pid), place, int(port)))
    return found


def ssh_connection(text: str, pid: int) -> str:
    """Return SSH_CONNECTION of the process ``pid`` or of the nearest ancestor that has it, from ``PROCESSES``."""
    rows = (re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(.*)", line) for line in text.splitlines())
    processes = {int(row.group(1)): (int(row.group(2)), row.group(3)) for row in rows if row}
    seen = set()
    while pid in processes and pid not in seen:
        seen.add(pid)
        parent, command = processes[pid]
        found = re.search(
            r"(?:^| )SSH_CONNECTION=([0-9A-Fa-f.:]+(?:%\w+)? \d+ [0-9A-Fa-f.:]+(?:%\w+)? \d+)(?: |$)", command
        )
        if found:
            return found.group(1)
        pid = parent
    return ""


def parse_master_passwd(text: str, user: str) -> MasterPasswd | None:
    """Return the entry of ``user``, ``None`` if the account is kept elsewhere (NIS, LDAP)."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 10 and fields[0] == user:
            change, expire = (int(field) if is_number(field) else 0 for field in fields[5:7])
            return MasterPasswd(fields[1], change, expire)
    return None


def closed(name: str, entry: MasterPasswd, now: float) -> t.Iterator[str]:
    """Yield why sshd(8) or pam_unix(8) refuses a login of ``name`` by key, and how to change that."""
    if entry.password.startswith(_LOCKED):
        yield f"the account {name} is locked; `pw unlock {name}` lifts that"
    if 0 < entry.expire <= now:
        yield f"the account {name} has expired; `pw usermod {name} -e 0` lifts that"
    if 0 < entry.change <= now:
        yield f"{name} must change the password at the next login; `pw usermod {name} -p 0` lifts that"
