# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases of OpenSSH read differently. Without a release, the newest is meant."""

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
    """A release of OpenSSH, to be compared with (major, minor); ``words`` are what ``Match version`` looks at."""

    major: int
    minor: int
    version: str = ""


Bound = t.Tuple[int, int]
NEWEST = Release(999, 0)

# From here on a Match line is split into words like any other line; before, a sign of = separates everywhere.
SPLITS_AT_EQUALS: Bound = (9, 9)

# From here on there is `Match invalid-user`, and a flag for it in `sshd -T -C`.
INVALID_USER: Bound = (9, 9)

# From here on an AuthorizedPrincipalsCommand does not look at AuthorizedKeysCommand instead of itself.
OWN_PRINCIPALS_COMMAND: Bound = (9, 4)

# From here on a Subsystem may stand in a Match block, and those of a block take the place of all others.
SUBSYSTEM_IN_BLOCKS: Bound = (9, 5)

# From here on AuthorizedKeysFile takes patterns of glob(3).
KEY_PATTERNS: Bound = (10, 0)

# Keyword -> the first release in which its first line wins; before, the last one wins.
LAST_WINS_BEFORE: t.Mapping[str, Bound | None] = {
    "fingerprinthash": None,
    "ipqos": (10, 3),
    "maxstartups": (10, 1),
    "persourcemaxstartups": (9, 5),
    "persourcenetblocksize": (10, 1),
    "streamlocalbindmask": (10, 6),
}


def read_release(words: str) -> Release:
    """Read what ``sshd -V`` says (``OpenSSH_9.2p1 Debian-2, OpenSSL …``); what is not understood is the newest."""
    found = re.search(r"OpenSSH_([0-9]+)\.([0-9]+)[^,\n]*", words)
    return Release(int(found.group(1)), int(found.group(2)), found.group(0).strip()) if found else NEWEST


def last_wins(keyword: str, release: Release) -> bool:
    """Say whether the last line of ``keyword`` wins, not the first."""
    if keyword not in LAST_WINS_BEFORE:
        return False
    bound = LAST_WINS_BEFORE[keyword]
    return bound is None or release < bound
