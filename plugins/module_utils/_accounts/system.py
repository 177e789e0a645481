# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the accounts of the system and those that share their uid with another one. Pure."""

from __future__ import annotations

import os
import typing as t

from .files import PasswdEntry

__all__ = ["DEAD_ENDS", "refusals", "second_roots", "system_reasons"]

# The uid of "nobody" with 16 bits, and -1 and -2 with 32 bits. Directories use numbers in between for people.
_NOBODY = (65534, 65535, 2**32 - 2, 2**32 - 1)
# Programs that end at once, or stop the host.
DEAD_ENDS = ("nologin", "false", "true", "sync", "halt", "shutdown")
_SYSTEM_HOMES = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/nonexistent",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
)
# On FreeBSD, and on systems with a read-only /.
_PEOPLES_HOMES = ("/usr/home/", "/var/home/")


def system_reasons(entry: PasswdEntry, lowest: int) -> list[str]:
    """Return why the account is one of the system; ``lowest`` is UID_MIN. An empty list: a person's account."""
    reasons = []
    if entry.name == "nobody" or entry.uid in _NOBODY:
        reasons.append(f"its uid {entry.uid} is that of nobody")
    elif entry.uid < lowest:
        reasons.append(f"its uid {entry.uid} is below UID_MIN ({lowest})")
    if os.path.basename(entry.shell) in DEAD_ENDS:
        reasons.append(f"its shell is {entry.shell}")
    if _is_systems(entry.home):
        reasons.append(f"its home is {entry.home or 'empty'}")
    return reasons


def refusals(entry: PasswdEntry, entries: t.Iterable[PasswdEntry], lowest: int) -> tuple[list[str], list[str]]:
    """Return why ``entry`` can never become the admin, and why only if the caller allows a system account."""
    if entry.uid == 0:
        return [f"{entry.name} has uid 0, so it is root by another name"], []
    found = system_reasons(entry, lowest)
    reasons = [f"{entry.name} is an account of the system ({', '.join(found)})"] if found else []
    twins = sorted({one.name for one in entries if one.uid == entry.uid and one.name != entry.name})
    if twins:
        reasons.append(
            f"{entry.name} has the same uid ({entry.uid}) as {', '.join(twins)}, and the system cannot distinguish them"
        )
    return [], reasons


def second_roots(
    entries: t.Iterable[PasswdEntry], passwords: t.Mapping[str, str | None], *, is_freebsd: bool
) -> list[str]:
    """Return the accounts besides root that have uid 0.

    FreeBSD's own ``toor`` counts only if its password can match, because every FreeBSD has that account.
    """
    found = {one.name for one in entries if one.uid == 0 and one.name != "root"}
    if is_freebsd and (passwords.get("toor") or "").startswith("*"):
        found.discard("toor")
    return sorted(found)


def _is_systems(home: str) -> bool:
    path = os.path.normpath(home) if home else ""
    if path.startswith(_PEOPLES_HOMES):
        return False
    return (
        path in ("", ".", "/", "//", "/home")
        or path.startswith(tuple(f"{top}/" for top in _SYSTEM_HOMES))
        or path in _SYSTEM_HOMES
    )
