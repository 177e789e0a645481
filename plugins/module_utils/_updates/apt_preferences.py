# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Priorities of apt's archives, see apt_preferences(5): those that keep an origin from upgrading anything."""

from __future__ import annotations

import re
import typing as t

from .origins import AptDistribution, Archive, matches

__all__ = ["blocked", "has_exceptions", "parse_policy"]

# apt_preferences(5): a version with a priority below 100 is installed only where none is installed, with a negative one
# never. The installed versions have 100, so that from 100 on a newer version takes precedence. unattended-upgrade
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
        fields = dict(pair.split("=", 1) for pair in pairs)
        if fields != {"a": "now"}:
            archive = Archive(
                origin=fields.get("o", ""),
                label=fields.get("l", ""),
                archive=fields.get("a", ""),
                codename=fields.get("n", ""),
                component=fields.get("c", ""),
                site=site.group(1).strip() if site else "",
            )
            found.append((archive, priority))
    return found


def blocked(
    pattern: str, ranked: t.Iterable[tuple[Archive, int]], distribution: AptDistribution
) -> list[tuple[Archive, int]]:
    """Return the archives that ``pattern`` allows if the priority of each prevents upgrades; else nothing."""
    found = [(archive, priority) for archive, priority in ranked if matches(pattern, archive, distribution)]
    return [] if any(priority >= _UPGRADES for _archive, priority in found) else found


def has_exceptions(text: str) -> bool:
    """Say whether preferences give packages by name a priority that upgrades them, unlike their archive's."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*?)[ \t]*$", stanza.lower(), re.MULTILINE))
        priority = re.match(r"-?\d+", fields.get("pin-priority", ""))
        if fields.get("package") != "*" and priority and int(priority.group()) >= _UPGRADES:
            return True
    return False
