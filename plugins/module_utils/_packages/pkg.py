# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of FreeBSD's pkg(8): its database, its plan of a transaction, its catalogue, its errors. Pure.

Written from pkg's manuals and sources (1.20 to 2.8).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

__all__ = [
    "LOCAL",
    "REMOTE",
    "PkgDatabase",
    "PkgOffer",
    "PkgPackage",
    "PkgPlan",
    "candidates",
    "default_flavour",
    "find_newer_system",
    "holder_of",
    "is_absent",
    "is_locked",
    "is_outdated",
    "is_planned",
    "is_updated",
    "last_errors",
    "parse_offers",
    "parse_plan",
    "parse_query",
]

# The formats of pkg-query(8) and pkg-rquery(8): no value of them has a blank.
LOCAL = "%n %v %o %k"
REMOTE = "%n %v %o"

_SECTION = re.compile(r"^(?:New|Installed) packages (?:to be )?([A-Z]+):$")
_ITEM = re.compile(r"^\t([^\s:]+): (\S+)(?: -> (\S+))?")
_LOCKED_ITEM = re.compile(r"^\tPackage (\S+)-\S+ is locked and may not be")
_FLAVOURED = re.compile(r"py3\d+-")
_NOISE = re.compile(r"Updating \S+ repository|\S+ repository is up to date|All repositories are up to date|\s*$")


@dataclass(frozen=True)
class PkgPackage:
    """An installed package; one that is ``locked`` by pkg-lock(8) keeps its version."""

    version: str
    origin: str = ""
    locked: bool = False


@dataclass(frozen=True)
class PkgDatabase:
    """The installed packages by their names."""

    packages: t.Mapping[str, PkgPackage] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        return {name: package.version for name, package in self.packages.items()}

    @property
    def locked(self) -> set[str]:
        return {name for name, package in self.packages.items() if package.locked}

    def names(self, requested: str, default: str = "") -> list[str]:
        """Return the packages that ``requested`` denotes: by its name, or all that come from the origin.

        A flavour (``devel/py-pip@py311``) selects the packages of the origin whose names start with it. ``default`` is
        the flavour of the default Python, which counts where no flavour is named.
        """
        if requested in self.packages:
            return [requested]
        origin, _at, flavour_asked = requested.partition("@")
        found = [name for name, package in self.packages.items() if "/" in origin and package.origin == origin]
        flavour = flavour_asked or (default if any(_FLAVOURED.match(name) for name in found) else "")
        return [name for name in found if name.startswith(f"{flavour}-" if flavour else "")]


@dataclass(frozen=True)
class PkgOffer:
    """A package that a repository offers."""

    name: str
    version: str
    origin: str


@dataclass(frozen=True)
class PkgPlan:
    """The plan that a dry run prints, name to version.

    ``locked`` are the packages that keep their version, ``vulnerable`` those that pkg marks as such.
    """

    installed: t.Mapping[str, str] = field(default_factory=dict)
    removed: t.Mapping[str, str] = field(default_factory=dict)
    locked: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.installed or self.removed)

    def applied_to(self, versions: t.Mapping[str, str]) -> dict[str, str]:
        after = {name: version for name, version in versions.items() if name not in self.removed}
        return {**after, **self.installed}


def default_flavour(python3: str) -> str:
    """Return the flavour of the default Python (``py311``) by the target of /usr/local/bin/python3."""
    found = re.search(r"/python(\d+)\.(\d+)$", python3)
    return f"py{found.group(1)}{found.group(2)}" if found else ""


def parse_query(text: str) -> PkgDatabase:
    """Read ``pkg query -a`` in the format ``LOCAL``."""
    found = {}
    for line in text.splitlines():
        columns = line.split()
        if len(columns) == 4:
            name, version, origin, locked = columns
            found[name] = PkgPackage(version, origin, locked == "1")
    return PkgDatabase(found)


def parse_offers(text: str) -> list[PkgOffer]:
    """Read ``pkg rquery`` in the format ``REMOTE``; two repositories may have the same package."""
    rows = (line.split() for line in text.splitlines())
    return list({row[0]: PkgOffer(*row) for row in rows if len(row) == 3}.values())


def candidates(requested: str, offers: t.Sequence[PkgOffer], flavour: str) -> list[str]:
    """Return the names among ``offers`` that ``requested`` can mean; of several flavours, the default Python's.

    ``flavour`` is the prefix of the repository's default Python, such as ``py311``.
    """
    origin, _at, flavour_asked = requested.partition("@")
    found = [one.name for one in offers if requested == one.name]
    if found or "/" not in origin:
        return found
    found = [one.name for one in offers if one.origin == origin]
    prefix = flavour_asked or flavour
    flavoured = [name for name in found if prefix and name.startswith(f"{prefix}-")]
    return flavoured or ([] if flavour_asked else found)


def parse_plan(text: str) -> PkgPlan:
    """Read the summary that pkg-install(8), pkg-upgrade(8) and pkg-delete(8) print before they act."""
    section, installed, removed, locked, vulnerable = "", {}, {}, [], []
    for line in text.splitlines():
        headline = _SECTION.fullmatch(line)
        if headline:
            section = headline.group(1)
            continue
        kept, item = _LOCKED_ITEM.match(line), _ITEM.match(line)
        if section == "LOCKED" and kept:
            locked.append(kept.group(1))
        elif section == "REMOVED" and item:
            removed[item.group(1)] = item.group(2)
        elif section in ("INSTALLED", "UPGRADED", "DOWNGRADED") and item:
            installed[item.group(1)] = item.group(3) or item.group(2)
        if item and line.endswith("(vulnerable!)"):
            vulnerable.append(item.group(1))
    return PkgPlan(installed, removed, tuple(locked), tuple(vulnerable))


def is_planned(text: str) -> bool:
    """Say whether pkg made a plan; the exit status of a dry run differs between its releases."""
    planned = r"package\(s\) will be affected|^Deinstallation has been requested|are already installed$"
    return re.search(planned, text, re.MULTILINE) is not None


def is_updated(text: str) -> bool:
    """Say whether ``pkg update`` found something new in a repository."""
    return " repository update completed" in text


def is_locked(text: str) -> bool:
    """Say whether another pkg has locked the database."""
    return re.search(r"lock on (?:a|the) database|database is locked", text) is not None


def holder_of(text: str) -> int:
    """Return the id of the process that pkg names as the lock's holder, 0 where it names none."""
    found = re.search(r"process with pid (\d+) still holds the lock", text)
    return int(found.group(1)) if found else 0


def is_absent(text: str) -> bool:
    """Say whether the bootstrapper pkg(7) answered, because pkg(8) itself is not installed."""
    return "package management tool is not yet installed" in text or "pkg is not installed" in text


def is_outdated(text: str) -> bool:
    """Say whether the catalogue names files that the repository has replaced by newer ones."""
    return re.search(r"^pkg: .*(?:Not Found|size mismatch|is missing from repo)", text, re.MULTILINE) is not None


def find_newer_system(text: str) -> str:
    """Return the sentence about packages that were built for a newer FreeBSD than the host's, else an empty text."""
    if "Newer FreeBSD version for package" not in text:
        return ""
    built, own = (re.search(rf"^- {what}: (\d+)", text, re.MULTILINE) for what in ("package", r"running \w+"))
    versions = f" (built on {_release(built.group(1))}, this is {_release(own.group(1))})" if built and own else ""
    return f"the repository's packages are for a newer FreeBSD than the host runs{versions}"


def last_errors(text: str) -> str:
    """Return pkg's errors, else its last lines, on one line and without the progress of its repositories."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.match(line)]
    errors = [line for line in lines if line.startswith("pkg: ")]
    return "; ".join(errors or lines[-3:]) or "it reported no error"


def _release(osversion: str) -> str:
    """Return the release of a number such as 1403000 (param.h's __FreeBSD_version)."""
    return f"{int(osversion) // 100000}.{int(osversion) // 1000 % 100}"
