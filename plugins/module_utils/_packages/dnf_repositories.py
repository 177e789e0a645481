# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of dnf's repositories (``*.repo``): which repositories are disabled, their ids, and how to enable them."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

__all__ = [
    "EPEL_RELEASE",
    "DnfRepository",
    "composed",
    "enabled_text",
    "find_disabled",
    "matching",
    "parse",
    "release_package",
]

# Where Red Hat's own systems get EPEL's release package from, as EPEL's guide says; the rebuilds have it in "extras".
EPEL_RELEASE = "https://dl.fedoraproject.org/pub/epel/epel-release-latest-{major}.noarch.rpm"
# Red Hat's ids differ between subscriptions and clouds; those with sources and debugging symbols are others.
_IDS = {
    "crb": re.compile(r"crb|(rhui-)?codeready-builder-(beta-)?for-rhel-\d+-(?!.*(debug|source)).*rpms"),
    "epel": re.compile(r"epel"),
}
_SECTION = re.compile(r"\[(?P<id>[^\]]+)\]\s*")
_ENABLED = re.compile(r"enabled\s*[=:]\s*(?P<value>\S*)\s*", re.IGNORECASE)
_FALSE = ("0", "no", "false", "off")


@dataclass(frozen=True)
class DnfRepository:
    """A configured repository: its id, its file, whether it is enabled, and whether the file sets that explicitly."""

    id: str
    path: str
    enabled: bool
    is_explicit: bool


def parse(path: str, text: str) -> list[DnfRepository]:
    """Return the repositories of one file; a repository without ``enabled`` is enabled."""
    found: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        section = _SECTION.fullmatch(line)
        enabled = _ENABLED.fullmatch(line)
        if section:
            current = section["id"]
            if current != "main":
                found.setdefault(current, "")
        elif enabled and current in found:
            found[current] = enabled["value"].lower()
    return [DnfRepository(name, path, value not in _FALSE, bool(value)) for name, value in found.items()]


def composed(files: t.Mapping[str, str], overrides: t.Mapping[str, str]) -> list[DnfRepository]:
    """Return the repositories of the ``files`` (path to text), with the ``overrides`` of dnf 5 applied."""
    over = {one.id: one.enabled for path, text in overrides.items() for one in parse(path, text) if one.is_explicit}
    found = [one for path, text in files.items() for one in parse(path, text)]
    return [replace(one, enabled=over.get(one.id, one.enabled)) for one in found]


def matching(name: str, configured: t.Iterable[DnfRepository]) -> list[DnfRepository]:
    """Return the repositories that are ``name`` (``crb`` or ``epel``), whatever id the system gives it."""
    return [one for one in configured if _IDS[name].fullmatch(one.id)]


def find_disabled(
    packages: t.Mapping[str, t.Collection[str]], missing: t.Collection[str], configured: t.Sequence[DnfRepository]
) -> list[str]:
    """Return the disabled repositories that have some of the ``missing`` packages, in the order to enable them.

    ``packages`` maps each repository to the packages that it has. EPEL's packages may need packages of CRB, so EPEL's
    guide enables both. CRB counts only where it is configured: an admin's own mirror may have it under another name.
    """
    needed = [name for name in ("crb", "epel") if any(one in packages.get(name, ()) for one in missing)]
    if needed == ["epel"]:
        needed = ["crb", "epel"]
    found = {name: matching(name, configured) for name in needed}
    return [name for name in needed if not any(one.enabled for one in found[name]) and (found[name] or name == "epel")]


def enabled_text(text: str, name: str) -> str:
    """Return the text of a file with the repository ``name`` enabled and everything else as it is."""
    lines = text.splitlines(keepends=True)
    current, header, settings = "", -1, []
    for number, line in enumerate(lines):
        section = _SECTION.fullmatch(line.rstrip("\n"))
        if section:
            current = section["id"]
            header = number if current == name else header
        elif current == name and _ENABLED.fullmatch(line.rstrip("\n")):
            settings.append(number)
    if settings:
        lines[settings[-1]] = "enabled=1\n"
    elif header >= 0:
        lines[header] = lines[header].rstrip("\n") + "\nenabled=1\n"
    return "".join(lines)


def release_package(system_id: str, major: str) -> str:
    """Return the package that configures EPEL, as dnf takes it."""
    return EPEL_RELEASE.format(major=major) if system_id == "rhel" else "epel-release"
