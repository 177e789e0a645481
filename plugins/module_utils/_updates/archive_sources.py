# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that adds a distribution's archive to apt's sources, for errors. Pure.

Sources: sources.list(5), the release notes of Debian (security.debian.org), and Ubuntu's own ubuntu.sources.
"""

from __future__ import annotations

import typing as t

from .origins import PRESETS, AptDistribution

__all__ = ["adding_command"]

# By distribution: the address of its archive and of its security archive, the components and the keyring.
_DEBIAN = (
    "http://deb.debian.org/debian",
    "http://security.debian.org/debian-security",
    "main",
    "debian-archive-keyring",
)
_UBUNTU = (
    "http://archive.ubuntu.com/ubuntu",
    "http://security.ubuntu.com/ubuntu",
    "main universe restricted multiverse",
    "ubuntu-archive-keyring",
)
_ARCHIVES: t.Mapping[str, tuple[str, str, str, str]] = {"debian": _DEBIAN, "ubuntu": _UBUNTU}
# The suite of each preset, behind the codename.
_SUITES = {"security": "-security", "stable": "", "updates": "-updates", "backports": "-backports"}


def adding_command(pattern: str, distribution: AptDistribution) -> str:
    """Return the command that adds the archive which ``pattern`` matches, empty where it is no distribution's own."""
    presets = PRESETS.get(distribution.id, {})
    name = next((name for name, text in presets.items() if text == pattern), "")
    if name.startswith("esm-"):
        return "pro attach TOKEN"
    if name not in _SUITES or not distribution.codename:
        return ""
    main, security, components, keyring = _ARCHIVES[distribution.id]
    lines = [
        "Types: deb",
        f"URIs: {security if name == 'security' else main}",
        f"Suites: {distribution.codename}{_SUITES[name]}",
        f"Components: {components}",
        f"Signed-By: /usr/share/keyrings/{keyring}.gpg",
    ]
    quoted = " ".join(f"'{line}'" for line in lines)
    return rf"printf '%s\n' {quoted} >/etc/apt/sources.list.d/{distribution.id}-{name}.sources"
