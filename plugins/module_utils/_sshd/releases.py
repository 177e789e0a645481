# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between releases of OpenSSH. Without a release, the newest applies."""

from __future__ import annotations

import re
import typing as t

__all__ = [
    "INVALID_USER",
    "KEY_PATTERNS",
    "LAST_WINS_BEFORE",
    "NEWEST",
    "OWN_PRINCIPALS_COMMAND",
    "SPLITS_AT_EQUALS",
    "SUBSYSTEM_IN_BLOCKS",
    "Release",
    "last_wins",
    "read_release",
]


class Release(t.NamedTuple):
    """A release of OpenSSH, comparable with (major, minor); ``version`` is what ``Match version`` matches."""

    major: int
    minor: int
    version: str = ""


Bound = t.Tuple[int, int]
NEWEST = Release(999, 0)

# From here on a Match line is split like any other line; before, "=" separates arguments everywhere.
SPLITS_AT_EQUALS: Bound = (9, 9)

# From here on `Match invalid-user` exists, and a flag for it in `sshd -T -C`.
INVALID_USER: Bound = (9, 9)

# From here on AuthorizedPrincipalsCommand is independent of AuthorizedKeysCommand.
OWN_PRINCIPALS_COMMAND: Bound = (9, 4)

# From here on Subsystem is allowed in a Match block; those of a block replace all others.
SUBSYSTEM_IN_BLOCKS: Bound = (9, 5)

# From here on AuthorizedKeysFile accepts patterns of glob(3).
KEY_PATTERNS: Bound = (10, 0)

# Keyword -> the first release in which its first line wins; before, the last line wins. None: in no release.
LAST_WINS_BEFORE: t.Mapping[str, Bound | None] = {
    "fingerprinthash": None,
    "ipqos": (10, 3),
    "maxstartups": (10, 1),
    "persourcemaxstartups": (9, 5),
    "persourcenetblocksize": (10, 1),
    "streamlocalbindmask": (10, 6),
}


def read_release(output: str) -> Release:
    """Read the output of ``sshd -V`` (``OpenSSH_9.2p1 Debian-2, OpenSSL …``); an unknown format is the newest."""
    found = re.search(r"OpenSSH_([0-9]+)\.([0-9]+)[^,\n]*", output)
    return Release(int(found.group(1)), int(found.group(2)), found.group(0).strip()) if found else NEWEST


def last_wins(keyword: str, release: Release) -> bool:
    """Say whether the last line of ``keyword`` wins instead of the first."""
    if keyword not in LAST_WINS_BEFORE:
        return False
    bound = LAST_WINS_BEFORE[keyword]
    return bound is None or release < bound
