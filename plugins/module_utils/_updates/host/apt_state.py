# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt on the host, read only: its composed configuration, its archives, and the origins that its preferences block."""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from .. import apt_conf, origins
from .. import apt_preferences as preferences

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = [
    "MAIN",
    "PARTS",
    "PinnedOrigins",
    "find_pinned_origins",
    "gather_archives",
    "gather_config",
    "gather_distribution",
    "gather_files",
    "gather_missing_indexes",
    "redirect_path",
    "require_apt",
]

MAIN = "/etc/apt/apt.conf"
PARTS = "/etc/apt/apt.conf.d"
_PREFERENCES = "/etc/apt/preferences"
_LISTS = "/var/lib/apt/lists"


def require_apt(host: Host) -> None:
    """Raise where the host has no apt."""
    if host.find("apt-config") is None:
        raise BaselineError(
            "unattended-upgrades needs apt, and this host has no apt-config",
            hint="use another module on other systems, such as dnf_automatic",
        )


def gather_distribution(host: Host) -> origins.AptDistribution:
    """Return the values of ``${distro_id}`` and ``${distro_codename}`` on the host."""
    text = host.read("/etc/os-release") or ""
    values = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)", text, re.MULTILINE))
    return origins.AptDistribution(values.get("ID", "linux"), values.get("VERSION_CODENAME", ""))


def gather_config(host: Host, *, parts: str = PARTS) -> apt_conf.AptConfig:
    """Return the configuration that apt composes, with the staged directory ``parts`` in the place of its own."""
    env = {} if parts == PARTS else {"APT_CONFIG": redirect_path(parts)}
    ran = host.run(["apt-config", "dump"], env=env)
    if not ran.ok:
        output = ran.message().replace(parts, PARTS)
        raise BaselineError(f"apt rejects its configuration: {output}", hint="correct that file first")
    return apt_conf.parse_dump(ran.out)


def redirect_path(parts: str) -> str:
    """Return the file that APT_CONFIG names to make apt read the staged directory ``parts`` instead of its own."""
    return os.path.join(os.path.dirname(parts), "apt.conf")


def gather_files(host: Host) -> list[tuple[str, apt_conf.AptConfigFile]]:
    """Return the configuration files in the order in which apt reads them: the parts, then the main file."""
    names = apt_conf.order(os.path.basename(path) for path in host.glob(f"{PARTS}/*"))
    texts = [(path, host.read(path)) for path in [*(f"{PARTS}/{name}" for name in names), MAIN]]
    return [(path, apt_conf.parse_file(text)) for path, text in texts if text is not None]


def gather_archives(host: Host) -> list[origins.Archive]:
    """Return the configured archives whose index is on the host."""
    ran = host.run(["apt-get", "indextargets"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot read its sources: {ran.message()}")
    return origins.parse_targets(ran.out)


def gather_missing_indexes(host: Host) -> list[str]:
    """Return the archives that apt is configured for and has no index of."""
    ran = host.run(["apt-get", "--print-uris", "update"])
    names = [os.path.basename(path) for path in host.glob(f"{_LISTS}/*Release")]
    return origins.missing_indexes(ran.out, names) if ran.ok else []


@dataclass(frozen=True)
class PinnedOrigins:
    """A sentence for each origin whose archives all have a priority at which apt upgrades nothing, and the ``files``.

    ``has_exceptions``: packages that are pinned by name may be upgraded nevertheless.
    """

    sentences: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    has_exceptions: bool = False

    @property
    def hint(self) -> str:
        return f"see the pins in {', '.join(self.files)} and apt_preferences(5)"

    @property
    def problems(self) -> list[str]:
        """The sentences, each with the hint."""
        return [f"{sentence}; {self.hint}" for sentence in self.sentences]


def find_pinned_origins(host: Host, config: apt_conf.AptConfig, distribution: origins.AptDistribution) -> PinnedOrigins:
    """Return the origins of ``config`` from which the preferences let apt upgrade nothing.

    An allowlist changes nothing about such a pin (tried with unattended-upgrade on Debian 13). A host without
    preferences runs no command.
    """
    texts = _gather_preferences(host)
    if not texts:
        return PinnedOrigins()
    ran = host.run(["apt-cache", "policy"])
    if not ran.ok:
        raise BaselineError(f"apt rejects its preferences: {ran.message()}", hint="correct that file first")
    ranked = preferences.parse_policy(ran.out)
    blocked = {pattern: preferences.blocked(pattern, ranked, distribution) for pattern in origins.allowed(config)}
    has_exceptions = any(preferences.has_exceptions(text) for text in texts.values())
    sentences = [
        "every archive that {} matches has a priority below 100, so apt upgrades no installed package from there "
        "({}){}".format(
            origins.substitute(pattern, distribution),
            ", ".join(f"{archive} has {priority}" for archive, priority in archives),
            ", except perhaps packages that are pinned by name" if has_exceptions else "",
        )
        for pattern, archives in blocked.items()
        if archives
    ]
    return PinnedOrigins(tuple(sentences), tuple(texts), has_exceptions)


def _gather_preferences(host: Host) -> dict[str, str]:
    """Return the text of each file of apt_preferences(5)."""
    names = apt_conf.order((os.path.basename(path) for path in host.glob(f"{_PREFERENCES}.d/*")), suffix=".pref")
    found = {}
    for path in [_PREFERENCES, *(f"{_PREFERENCES}.d/{name}" for name in names)]:
        info = host.stat(path)
        if info is not None and stat.S_ISREG(info.st_mode):
            found[path] = host.read(path) or ""
    return found
