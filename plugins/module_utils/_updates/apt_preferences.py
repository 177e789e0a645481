# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Priorities of apt's archives, see apt_preferences(5): which of them keep an origin from upgrading anything."""

from __future__ import annotations

import re
import typing as t

from .origins import Archive, System, matches

__all__ = ["barred", "lifts", "parse_policy"]

# apt_preferences(5): a priority below 100 has a version installed only where none is installed, a negative one never.
# dpkg's list of what is installed has 100 itself, so that from 100 on a newer version can win. unattended-upgrade
# leaves the priorities of allowed archives as they are (pinning_from_config in its source).
_UPGRADES = 100


def parse_policy(text: str) -> list[tuple[Archive, int]]:
    """Parse ``apt-cache policy`` without package names: each archive with its priority, without the installed ones."""
    found = []
    for entry in re.split(r"^(?= *-?\d+ \S)", text.partition("\nPinned packages:")[0], flags=re.MULTILINE)[1:]:
        priority = int(entry.split()[0])
        release = re.search(r"^ +release (.*)$", entry, re.MULTILINE)
        site = re.search(r"^ +origin (.*)$", entry, re.MULTILINE)
        # A value may hold commas itself, and apt does not quote them.
        pairs = re.split(r",(?=[a-z]=)", release.group(1)) if release else []
        words = dict(pair.split("=", 1) for pair in pairs)
        if words != {"a": "now"}:
            archive = Archive(
                origin=words.get("o", ""),
                label=words.get("l", ""),
                archive=words.get("a", ""),
                codename=words.get("n", ""),
                component=words.get("c", ""),
                site=site.group(1).strip() if site else "",
            )
            found.append((archive, priority))
    return found


def barred(pattern: str, ranked: t.Iterable[tuple[Archive, int]], system: System) -> list[tuple[Archive, int]]:
    """Return the archives that ``pattern`` allows where the priority of each rules out upgrades; else nothing."""
    found = [(archive, priority) for archive, priority in ranked if matches(pattern, archive, system)]
    return [] if any(priority >= _UPGRADES for _archive, priority in found) else found


def lifts(text: str) -> bool:
    """Say whether preferences give packages by name a priority that upgrades them, whatever their archive has."""
    for stanza in re.split(r"\n\s*\n", text):
        words = dict(re.findall(r"^([\w-]+):[ \t]*(.*?)[ \t]*$", stanza.lower(), re.MULTILINE))
        priority = re.match(r"-?\d+", words.get("pin-priority", ""))
        if words.get("package") != "*" and priority and int(priority.group()) >= _UPGRADES:
            return True
    return False
