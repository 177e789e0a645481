# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of dnf's repositories (``*.repo``): which are off, under which ids, and how each is enabled."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

__all__ = ["EPEL_RELEASE", "Repository", "composed", "enabled_text", "matching", "off", "parse", "release_package"]

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
class Repository:
    """A repository that is configured: its id, the file, whether it is on, and whether the file says so."""

    id: str
    path: str
    enabled: bool
    said: bool


def parse(path: str, text: str) -> list[Repository]:
    """Return the repositories of one file; without a word a repository is on."""
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
    return [Repository(name, path, value not in _FALSE, bool(value)) for name, value in found.items()]


def composed(files: t.Mapping[str, str], overrides: t.Mapping[str, str]) -> list[Repository]:
    """Return the repositories of the ``files`` (path to text), with what the ``overrides`` of dnf 5 say of them."""
    over = {one.id: one.enabled for path, text in overrides.items() for one in parse(path, text) if one.said}
    found = [one for path, text in files.items() for one in parse(path, text)]
    return [replace(one, enabled=over.get(one.id, one.enabled)) for one in found]


def matching(name: str, configured: t.Iterable[Repository]) -> list[Repository]:
    """Return the repositories that are ``name`` (``crb`` or ``epel``) under whichever id the system gives it."""
    return [one for one in configured if _IDS[name].fullmatch(one.id)]


def off(
    held: t.Mapping[str, t.Collection[str]], missing: t.Collection[str], configured: t.Sequence[Repository]
) -> list[str]:
    """Return which of the repositories that ``held`` says have some of the ``missing`` packages are off, in order.

    EPEL's packages may need some of CRB, so its guide enables both. CRB counts only where it is configured: a mirror of
    the admin's own may have it under another name.
    """
    needed = [name for name in ("crb", "epel") if any(one in held.get(name, ()) for one in missing)]
    if needed == ["epel"]:
        needed = ["crb", "epel"]
    there = {name: matching(name, configured) for name in needed}
    return [name for name in needed if not any(one.enabled for one in there[name]) and (there[name] or name == "epel")]


def enabled_text(text: str, name: str) -> str:
    """Return the text of a file with the repository ``name`` turned on, all else as it is."""
    lines = text.splitlines(keepends=True)
    current, header, said = "", -1, []
    for number, line in enumerate(lines):
        section = _SECTION.fullmatch(line.rstrip("\n"))
        if section:
            current = section["id"]
            header = number if current == name else header
        elif current == name and _ENABLED.fullmatch(line.rstrip("\n")):
            said.append(number)
    if said:
        lines[said[-1]] = "enabled=1\n"
    elif header >= 0:
        lines[header] = lines[header].rstrip("\n") + "\nenabled=1\n"
    return "".join(lines)


def release_package(system_id: str, major: str) -> str:
    """Return what dnf is asked to install to have EPEL configured."""
    return EPEL_RELEASE.format(major=major) if system_id == "rhel" else "epel-release"
