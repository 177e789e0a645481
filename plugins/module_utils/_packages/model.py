# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package manager takes and returns: the request, the result, and the record of what a run has changed."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field

from .._core.errors import UNCHANGED, BaselineError

__all__ = [
    "UNKNOWN_VERSION",
    "PackageManager",
    "PackagesDifference",
    "PackagesRequest",
    "PackagesResult",
    "Progress",
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


class Progress:
    """What a run has changed so far, in the order of its steps: the ``state`` of an error that comes afterwards."""

    def __init__(self) -> None:
        self._steps: list[str] = []

    def record(self, step: str) -> None:
        """Note a ``step`` in the past tense, such as "updated the package index"."""
        if step not in self._steps:
            self._steps.append(step)

    @contextlib.contextmanager
    def in_errors(self) -> t.Iterator[None]:
        """Let errors from inside that name no ``state`` of their own say what has been changed when they come."""
        try:
            yield
        except BaselineError as error:
            if error.state is None:
                error.state = self.describe()
            raise

    def describe(self) -> str:
        """Return the sentence about all steps."""
        if not self._steps:
            return UNCHANGED
        return f"this task {', '.join(self._steps)}, and changed nothing else"


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
