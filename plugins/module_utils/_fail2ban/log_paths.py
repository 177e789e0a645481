# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option logpath: patterns, one a line. fail2ban takes the last word of a line with a blank for where to start."""

from __future__ import annotations

import re

__all__ = ["path_patterns", "with_starts"]

_START = re.compile(r" (head|tail)$")


def with_starts(text: str) -> str:
    """Return the ``text`` of a logpath in which fail2ban reads a path with blanks as one.

    A word that begins with a slash is another path, which fail2ban rejects.
    """
    return "\n".join(line + " head" if _has_blank(line) else line for line in text.split("\n"))


def _has_blank(line: str) -> bool:
    return " " in line and " /" not in line and not _START.search(line)


def path_patterns(text: str) -> list[str]:
    """Return the patterns in the ``text`` of a logpath, without where to start."""
    lines = (_START.sub("", line.strip()) for line in with_starts(text).split("\n"))
    return [line for line in lines if line]
