# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses passwd(5), shadow(5), FreeBSD's master.passwd(5), group(5), login.defs(5) and useradd's defaults. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["GroupEntry", "PasswdEntry", "home_base", "parse_groups", "parse_passwd", "password_of", "uid_min"]

# Defaults of shadow's source and of FreeBSD's pw.conf(5).
_UID_MIN = 1000
_HOMES = "/home"


@dataclass(frozen=True)
class PasswdEntry:
    """One account of passwd(5), without its password."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True)
class GroupEntry:
    """One group of group(5). Accounts with it as their primary group are in passwd(5), not in ``members``."""

    name: str
    gid: int
    members: tuple[str, ...] = ()


def parse_passwd(text: str) -> list[PasswdEntry]:
    """Return the accounts; other lines (comments, NIS) are left out."""
    found = []
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdigit() and fields[3].isdigit():
            name, _password, uid, gid, _gecos, home, shell = fields
            found.append(PasswdEntry(name, int(uid), int(gid), home, shell))
    return found


def password_of(text: str, name: str) -> str | None:
    """Return the password field of ``name`` in shadow(5) or master.passwd(5); ``None`` if it is absent."""
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) > 1 and fields[0] == name:
            return fields[1]
    return None


def parse_groups(text: str) -> list[GroupEntry]:
    """Return the groups; other lines are left out."""
    found = []
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) == 4 and fields[2].isdigit():
            found.append(GroupEntry(fields[0], int(fields[2]), tuple(filter(None, fields[3].split(",")))))
    return found


def uid_min(login_defs: str) -> int:
    """Return UID_MIN of login.defs(5): accounts below it are those of the system."""
    match = re.search(r"^[ \t]*UID_MIN[ \t]+(\d+)", login_defs, re.MULTILINE)
    return int(match.group(1)) if match else _UID_MIN


def home_base(useradd_defaults: str) -> str:
    """Return the folder in which useradd(8) creates homes."""
    match = re.search(r"^HOME=(/\S*)$", useradd_defaults, re.MULTILINE)
    return match.group(1).rstrip("/") if match else _HOMES
