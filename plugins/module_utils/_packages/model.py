# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package manager takes and returns: the request, the plan of a simulation, and the result."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

__all__ = [
    "UNKNOWN_VERSION",
    "PackageManager",
    "PackagesDifference",
    "PackagesRequest",
    "PackagesResult",
    "Simulation",
    "compare_packages",
    "describe_changes",
]

UNKNOWN_VERSION = "(version not known before the package index is read)"


@dataclass(frozen=True)
class PackagesRequest:
    """Packages by their names in the archive, and their desired ``state`` (present, latest or absent).

    ``repositories`` maps each repository that is disabled by default to the requested packages that it has.
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
class PackagesResult:
    """The installed packages before and after (name to version), and the repositories that were enabled for them."""

    before: dict[str, str]
    after: dict[str, str]
    changed: bool
    cache_updated: bool
    warnings: tuple[str, ...]
    repositories_enabled: tuple[str, ...] = ()


class PackageManager(t.Protocol):
    """What apt, dnf and pkg have in common: each is one class of ``host/`` with this method."""

    def ensure(self, request: PackagesRequest) -> PackagesResult:
        """Bring ``request`` into force and verify it; check mode predicts the result and writes nothing."""


@dataclass(frozen=True)
class Simulation:
    """The plan of a package manager: packages to install (name to version) and to remove."""

    installs: dict[str, str]
    removes: tuple[str, ...]

    def applied(self, before: t.Mapping[str, str]) -> dict[str, str]:
        """Return the installed packages as they would be afterwards."""
        kept = {name: version for name, version in before.items() if name not in self.removes}
        return {**kept, **self.installs}


@dataclass(frozen=True)
class PackagesDifference:
    """What differs between two states of the installed packages: name to version, or to both versions."""

    installed: dict[str, str]
    upgraded: dict[str, dict[str, str]]
    removed: dict[str, str]

    @property
    def names(self) -> list[str]:
        return [*self.installed, *self.upgraded, *self.removed]


def compare_packages(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> PackagesDifference:
    """Compare two states of the installed packages (name to version)."""
    return PackagesDifference(
        installed={name: after[name] for name in sorted(after) if name not in before},
        upgraded={
            name: {"before": before[name], "after": after[name]}
            for name in sorted(after)
            if name in before and before[name] != after[name]
        },
        removed={name: before[name] for name in sorted(before) if name not in after},
    )


def describe_changes(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> str:
    """Return which packages a transaction changed although it failed: the ``state`` of its error."""
    names = compare_packages(before, after).names
    return f"these packages were changed nevertheless: {', '.join(names)}" if names else "no package was changed"
