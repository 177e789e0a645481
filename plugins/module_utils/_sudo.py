# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``sudo -l`` prints, read by the rules of sudoers(5)."""

from __future__ import annotations

import re

__all__ = ["rights"]


def rights(rules: str) -> tuple[bool, bool]:
    """Return whether a shell may be run as root, and whether a password is asked: the last rule that fits decides."""
    allowed, asks = False, True
    for commands in re.findall(r"^\s+\((?:ALL|root)\b[^)]*\)\s*(.*)$", rules, re.MULTILINE):
        tag = True
        for command in re.split(r"(?<!\\),\s*", commands.strip()):
            tags, bare = re.findall(r"\b([A-Z_]+):", command), re.sub(r"^(?:[A-Z_]+:\s*)+", "", command)
            tag = False if "NOPASSWD" in tags else True if "PASSWD" in tags else tag
            if bare == "ALL":
                allowed, asks = True, tag
            elif bare in ("!ALL", "!/bin/sh", "!/usr/bin/sh"):
                allowed = False
    return allowed, asks
