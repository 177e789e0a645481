# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What FreeBSD's pkg(8) says: its database, its plan of a transaction, what its repositories have, its refusals. Pure.

Written from pkg's manuals and sources (1.20 to 2.8), run nowhere.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

__all__ = [
    "LOCAL",
    "REMOTE",
    "Database",
    "Offer",
    "Package",
    "Plan",
    "chosen",
    "default_flavour",
    "holder_of",
    "is_absent",
    "is_gone",
    "is_locked",
    "is_planned",
    "is_updated",
    "last_words",
    "newer_system",
    "parse_offers",
    "parse_plan",
    "parse_query",
]

# The formats of pkg-query(8) and pkg-rquery(8): no value of them has a blank.
LOCAL = "%n %v %o %k"
REMOTE = "%n %v %o"

_SECTION = re.compile(r"^(?:New|Installed) packages (?:to be )?([A-Z]+):$")
_ITEM = re.compile(r"^\t([^\s:]+): (\S+)(?: -> (\S+))?")
_HELD = re.compile(r"^\tPackage (\S+)-\S+ is locked and may not be")
_FLAVOURED = re.compile(r"py3\d+-")
_NOISE = re.compile(r"Updating \S+ repository|\S+ repository is up to date|All repositories are up to date|\s*$")


@dataclass(frozen=True)
class Package:
    """An installed package. ``locked`` ones are kept by pkg-lock(8)."""

    version: str
    origin: str = ""
    locked: bool = False


@dataclass(frozen=True)
class Database:
    """The installed packages by their names."""

    packages: t.Mapping[str, Package] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        return {name: package.version for name, package in self.packages.items()}

    @property
    def locked(self) -> set[str]:
        return {name for name, package in self.packages.items() if package.locked}

    def names(self, wished: str, default: str = "") -> list[str]:
        """Return the packages that ``wished`` denotes: by its name, or all that come from the origin.

        A flavour (``devel/py-pip@py311``) chooses among those of its origin, whose names start with it. ``default`` is
        the flavour of the default Python: its modules for another one are not what is meant.
        """
        if wished in self.packages:
            return [wished]
        origin, _at, asked = wished.partition("@")
        found = [name for name, package in self.packages.items() if "/" in origin and package.origin == origin]
        flavour = asked or (default if any(_FLAVOURED.match(name) for name in found) else "")
        return [name for name in found if name.startswith(f"{flavour}-" if flavour else "")]


@dataclass(frozen=True)
class Offer:
    """A package as a repository has it."""

    name: str
    version: str
    origin: str


@dataclass(frozen=True)
class Plan:
    """What ``-n`` says, name to version; ``held`` is what locks keep, ``vulnerable`` what pkg marks."""

    installed: t.Mapping[str, str] = field(default_factory=dict)
    removed: t.Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.installed or self.removed)

    def applied_to(self, versions: t.Mapping[str, str]) -> dict[str, str]:
        after = {name: version for name, version in versions.items() if name not in self.removed}
        return {**after, **self.installed}


def default_flavour(python3: str) -> str:
    """Return the flavour of the default Python (``py311``) by what /usr/local/bin/python3 leads to."""
    found = re.search(r"/python(\d+)\.(\d+)$", python3)
    return f"py{found.group(1)}{found.group(2)}" if found else ""


def parse_query(text: str) -> Database:
    """Read ``pkg query -a`` in the format ``LOCAL``."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4:
            name, version, origin, locked = words
            found[name] = Package(version, origin, locked == "1")
    return Database(found)


def parse_offers(text: str) -> list[Offer]:
    """Read ``pkg rquery`` in the format ``REMOTE``; two repositories may have the same package."""
    rows = (line.split() for line in text.splitlines())
    return list({row[0]: Offer(*row) for row in rows if len(row) == 3}.values())


def chosen(wished: str, offers: t.Sequence[Offer], flavour: str) -> list[str]:
    """Return the names among ``offers`` that ``wished`` can mean; of several flavours of a port, the default's.

    ``flavour`` is the prefix of the repository's default Python, such as ``py311``.
    """
    origin, _at, asked = wished.partition("@")
    found = [one.name for one in offers if wished == one.name]
    if found or "/" not in origin:
        return found
    found = [one.name for one in offers if one.origin == origin]
    prefix = asked or flavour
    flavoured = [name for name in found if prefix and name.startswith(f"{prefix}-")]
    return flavoured or ([] if asked else found)


def parse_plan(text: str) -> Plan:
    """Read the summary that pkg-install(8), pkg-upgrade(8) and pkg-delete(8) print before they act."""
    section, installed, removed, held, vulnerable = "", {}, {}, [], []
    for line in text.splitlines():
        headline = _SECTION.fullmatch(line)
        if headline:
            section = headline.group(1)
            continue
        kept, item = _HELD.match(line), _ITEM.match(line)
        if section == "LOCKED" and kept:
            held.append(kept.group(1))
        elif section == "REMOVED" and item:
            removed[item.group(1)] = item.group(2)
        elif section in ("INSTALLED", "UPGRADED", "DOWNGRADED") and item:
            installed[item.group(1)] = item.group(3) or item.group(2)
        if item and line.endswith("(vulnerable!)"):
            vulnerable.append(item.group(1))
    return Plan(installed, removed, tuple(held), tuple(vulnerable))


def is_planned(text: str) -> bool:
    """Say whether pkg came to a plan; the exit status of a dry run differs between its releases."""
    planned = r"package\(s\) will be affected|^Deinstallation has been requested|are already installed$"
    return re.search(planned, text, re.MULTILINE) is not None


def is_updated(text: str) -> bool:
    """Say whether ``pkg update`` found something new in a repository."""
    return " repository update completed" in text


def is_locked(words: str) -> bool:
    """Say whether another pkg has the database."""
    return re.search(r"lock on (?:a|the) database|database is locked", words) is not None


def holder_of(text: str) -> int:
    """Return the process that pkg names as the one that has the database, 0 where it names none."""
    found = re.search(r"process with pid (\d+) still holds the lock", text)
    return int(found.group(1)) if found else 0


def is_absent(words: str) -> bool:
    """Say whether this is the bootstrapper of pkg(7): pkg(8) itself is not installed."""
    return "package management tool is not yet installed" in words or "pkg is not installed" in words


def is_gone(words: str) -> bool:
    """Say whether the catalogue names files that the repository has replaced by newer ones."""
    return re.search(r"^pkg: .*(?:Not Found|size mismatch|is missing from repo)", words, re.MULTILINE) is not None


def newer_system(words: str) -> str:
    """Return the sentence for packages that were built for a newer FreeBSD than the host's, else nothing."""
    if "Newer FreeBSD version for package" not in words:
        return ""
    built, own = (re.search(rf"^- {what}: (\d+)", words, re.MULTILINE) for what in ("package", r"running \w+"))
    versions = f" (built on {_release(built.group(1))}, this is {_release(own.group(1))})" if built and own else ""
    return (
        f"the repository's packages are for a newer FreeBSD than the host runs{versions}; update the base system first "
        "(`freebsd-update fetch install`, or `pkg upgrade -r FreeBSD-base` where the base is packaged) and boot it"
    )


def last_words(words: str) -> str:
    """Return pkg's own last words, those about its repositories' progress left out, on one line."""
    lines = [line.strip() for line in words.splitlines() if not _NOISE.match(line)]
    errors = [line for line in lines if line.startswith("pkg: ")]
    return "; ".join(errors or lines[-3:]) or "it reported no error"


def _release(osversion: str) -> str:
    """Return the release of a number such as 1403000 (param.h's __FreeBSD_version)."""
    return f"{int(osversion) // 100000}.{int(osversion) // 1000 % 100}"
