# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which system a host runs, from os-release(5). Pure."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

__all__ = ["ENTERPRISE_LINUX", "System", "parse_os_release"]

# Red Hat Enterprise Linux and its rebuilds: the same packages with the same names.
ENTERPRISE_LINUX = ("rhel", "centos", "rocky", "almalinux")
# The package manager of each family.
_PACKAGE_MANAGERS: t.Mapping[str, str] = {"debian": "apt", "redhat": "dnf", "freebsd": "pkg"}


@dataclass(frozen=True)
class System:
    """A distribution: its ``ID``, ``VERSION_ID`` (empty on rolling releases), ``ID_LIKE`` and ``PRETTY_NAME``."""

    id: str
    version: str = ""
    like: tuple[str, ...] = ()
    title: str = "an unnamed system"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the system in a table, the most specific first: ``ubuntu24.04``, ``ubuntu``, ``debian``.

        In the Red Hat family: ``rocky9.4``, ``rocky``, ``el9``, ``el``, ``redhat``, or ``fedora43``, ``fedora``,
        ``redhat``. ``ID_LIKE`` is not used there: it names Fedora for Rocky Linux, which has other packages.
        """
        major = self.version.partition(".")[0]
        own = [self.id + self.version, self.id] if self.version else [self.id]
        if self.id in ENTERPRISE_LINUX:
            return (*own, *([f"el{major}"] if major else []), "el", "redhat")
        if self.id == "fedora":
            return (*own, "redhat")
        if self.id == "freebsd":
            return tuple(dict.fromkeys([own[0], f"freebsd{major}", "freebsd"]))
        # Where only ID and VERSION_ID are known (ssh_reach), Ubuntu is of Debian's family too.
        return tuple(dict.fromkeys([*own, *self.like, *(["debian"] if self.id == "ubuntu" else [])]))

    @property
    def family(self) -> str:
        """``debian``, ``redhat`` or ``freebsd``; empty for an unknown family."""
        return next((key for key in self.keys if key in _PACKAGE_MANAGERS), "")

    @property
    def package_manager(self) -> str:
        """``apt``, ``dnf`` or ``pkg``; empty for an unknown family."""
        return _PACKAGE_MANAGERS.get(self.family, "")

    def as_fact(self) -> dict[str, str]:
        """Return the fact ``pyhost_system``, by which roles choose."""
        return {
            "id": self.id,
            "version": self.version,
            "family": self.family,
            "package_manager": self.package_manager,
            "title": self.title,
        }


def parse_os_release(text: str) -> System:
    """Read the text of ``/etc/os-release``; lines that are not assignments are ignored, as os-release(5) requires."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key] = _unquoted(value)
    system_id = values.get("ID", "linux")
    return System(
        id=system_id,
        version=values.get("VERSION_ID", ""),
        like=tuple(values.get("ID_LIKE", "").split()),
        title=values.get("PRETTY_NAME") or values.get("NAME") or system_id,
    )


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value
