# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which system a host is, from os-release(5)."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

__all__ = ["ENTERPRISE_LINUX", "System", "parse_os_release"]

# Red Hat Enterprise Linux and what is built from its sources: the same packages by the same names.
ENTERPRISE_LINUX = ("rhel", "centos", "rocky", "almalinux")
# By family, the package manager that is at home there.
_PACKAGE_MANAGERS: t.Mapping[str, str] = {"debian": "apt", "redhat": "dnf", "freebsd": "pkg"}


@dataclass(frozen=True)
class System:
    """A distribution by its own words: ``ID``, ``VERSION_ID`` (empty on rolling ones), ``ID_LIKE``, ``PRETTY_NAME``."""

    id: str
    version: str = ""
    like: tuple[str, ...] = ()
    title: str = "an unnamed system"

    @property
    def keys(self) -> tuple[str, ...]:
        """What to look the system up by, the most specific first: ``ubuntu24.04``, ``ubuntu``, ``debian``.

        The Red Hat family is ``rocky9.4``, ``rocky``, ``el9``, ``el``, ``redhat``, or ``fedora43``, ``fedora``,
        ``redhat``. Its own ``ID_LIKE`` calls Rocky Linux a Fedora, whose packages it does not have.
        """
        major = self.version.partition(".")[0]
        own = [self.id + self.version, self.id] if self.version else [self.id]
        if self.id in ENTERPRISE_LINUX:
            return (*own, *([f"el{major}"] if major else []), "el", "redhat")
        if self.id == "fedora":
            return (*own, "redhat")
        if self.id == "freebsd":
            return tuple(dict.fromkeys([own[0], f"freebsd{major}", "freebsd"]))
        return tuple(dict.fromkeys([*own, *self.like]))

    @property
    def family(self) -> str:
        """``debian``, ``redhat`` or ``freebsd``; empty where the collection knows nothing of the system's relations."""
        return next((key for key in self.keys if key in _PACKAGE_MANAGERS), "")

    @property
    def package_manager(self) -> str:
        """``apt``, ``dnf`` or ``pkg``; empty where the family is."""
        return _PACKAGE_MANAGERS.get(self.family, "")

    def as_fact(self) -> dict[str, str]:
        """Return what roles choose by, as the fact ``pyhost_system``."""
        return {
            "id": self.id,
            "version": self.version,
            "family": self.family,
            "package_manager": self.package_manager,
            "title": self.title,
        }

    def is_family(self, family: str) -> bool:
        """Say whether the system is ``family`` or is made from it (``ubuntu`` is of the family ``debian``)."""
        return family in self.keys


def parse_os_release(text: str) -> System:
    """Read the text of ``/etc/os-release``; lines that are no assignments are passed over, as os-release(5) asks."""
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
