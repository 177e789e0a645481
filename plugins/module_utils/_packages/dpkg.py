# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dpkg's database of packages (``/var/lib/dpkg/status``; deb-control(5), dpkg(1) "INFORMATION ABOUT PACKAGES")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["DpkgDatabase", "parse_status"]

# One scan for the few fields that matter: a server's status file holds two thousand packages in several megabytes.
_FIELD = re.compile(r"^(Package|Status|Architecture|Version|Provides): (.*)", re.MULTILINE)
_UNFINISHED = {"half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}


@dataclass(frozen=True)
class DpkgDatabase:
    """What dpkg knows. Packages of a foreign architecture are named ``name:arch``, all others ``name``, as apt does."""

    installed: dict[str, str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()
    provided: frozenset[str] = frozenset()
    architecture: str = ""

    def real(self, name: str) -> str | None:
        """Return the installed package that ``name`` (or ``name:arch``) denotes by itself, else ``None``."""
        bare, colon, architecture = name.partition(":")
        if colon and architecture in (self.architecture, "all", "any", "native"):
            name = bare
        return name if name in self.installed else None

    def provides(self, name: str) -> bool:
        """Say whether ``name`` is installed, by itself or as a virtual package that an installed one provides."""
        return self.real(name) is not None or name in self.provided


def parse_status(text: str) -> DpkgDatabase:
    """Read the text of dpkg's status file."""
    records: list[dict[str, str]] = []
    for name, value in _FIELD.findall(text):
        if name == "Package":
            records.append({})
        if records:
            records[-1][name] = value.strip()
    architecture = next((r.get("Architecture", "") for r in records if r["Package"] == "dpkg"), "")
    installed, unfinished, held, provided = {}, [], set(), set()
    for record in records:
        arch = record.get("Architecture", "")
        name = record["Package"] if arch in (architecture, "all", "") else f"{record['Package']}:{arch}"
        want, flag, state = [*record.get("Status", "").split(), "", "", ""][:3]
        if state in _UNFINISHED or flag == "reinstreq":
            unfinished.append(name)
        elif state == "installed":
            installed[name] = record.get("Version", "")
            provided.update(_provided(record.get("Provides", "")))
        # A package can be held before it is installed, so that nothing installs it.
        if want == "hold":
            held.add(name)
    return DpkgDatabase(installed, tuple(unfinished), frozenset(held), frozenset(provided), architecture)


def _provided(value: str) -> list[str]:
    return [part.split()[0] for part in value.split(",") if part.strip()]
