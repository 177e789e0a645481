# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package manager is asked for and answers: the wish, the outcome, and who is in the way."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

__all__ = ["UNKNOWN_VERSION", "Change", "Holder", "Outcome", "Simulation", "Wish", "difference"]

UNKNOWN_VERSION = "(version not known before the package index is read)"


@dataclass(frozen=True)
class Wish:
    """Packages by their names in the archive, and how to bring them to ``state`` (present, latest or absent).

    ``repositories`` are those that are off at first, with the packages that they have.
    """

    packages: tuple[str, ...]
    state: str = "present"
    recommends: bool = False
    update_cache: bool = True
    cache_valid_time: int = 86400
    lock_timeout: int = 300
    repositories: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)
    enable_repositories: bool = True


@dataclass(frozen=True)
class Outcome:
    """The installed packages before and after (name to version), and the repositories that were enabled for them."""

    before: dict[str, str]
    after: dict[str, str]
    changed: bool
    cache_updated: bool
    warnings: tuple[str, ...]
    repositories_enabled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock."""

    pid: int
    command: str
    path: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) holds {self.path}"


@dataclass(frozen=True)
class Simulation:
    """What a package manager says it would do: packages to install (name to version) and to remove."""

    installs: dict[str, str]
    removes: tuple[str, ...]

    def applied(self, before: t.Mapping[str, str]) -> dict[str, str]:
        """Return the installed packages as they would be afterwards."""
        kept = {name: version for name, version in before.items() if name not in self.removes}
        return {**kept, **self.installs}


@dataclass(frozen=True)
class Change:
    """What differs between two states of the installed packages: name to version, or to both versions."""

    installed: dict[str, str]
    upgraded: dict[str, dict[str, str]]
    removed: dict[str, str]


def difference(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> Change:
    """Compare two states of the installed packages (name to version)."""
    return Change(
        installed={name: after[name] for name in sorted(after) if name not in before},
        upgraded={
            name: {"before": before[name], "after": after[name]}
            for name in sorted(after)
            if name in before and before[name] != after[name]
        },
        removed={name: before[name] for name in sorted(before) if name not in after},
    )
