# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt on the host, read only: its composed configuration, its archives, and which of them its preferences bar."""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ..._core.errors import BaselineError
from .. import apt_conf, origins
from .. import apt_preferences as preferences

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = [
    "MAIN",
    "PARTS",
    "archives",
    "composed",
    "files",
    "missing_indexes",
    "pinned_down",
    "redirect",
    "require_apt",
    "system",
]

MAIN = "/etc/apt/apt.conf"
PARTS = "/etc/apt/apt.conf.d"
_PREFERENCES = "/etc/apt/preferences"
_LISTS = "/var/lib/apt/lists"
_UNTOUCHED = "nothing was changed"


def require_apt(host: Host) -> None:
    if host.find("apt-config") is None:
        raise BaselineError(
            "unattended-upgrades needs apt, and this host has no apt-config; "
            f"on other systems use another module such as dnf_automatic; {_UNTOUCHED}"
        )


def system(host: Host) -> origins.System:
    """Return what ``${distro_id}`` and ``${distro_codename}`` stand for on the host."""
    text = host.read("/etc/os-release") or ""
    words = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)", text, re.MULTILINE))
    return origins.System(words.get("ID", "linux"), words.get("VERSION_CODENAME", ""))


def composed(host: Host, *, parts: str = PARTS) -> apt_conf.Config:
    """Return the configuration that apt composes, with the (staged) directory ``parts`` in the place of its own."""
    env = {} if parts == PARTS else {"APT_CONFIG": redirect(parts)}
    ran = host.run(["apt-config", "dump"], env=env)
    if not ran.ok:
        words = ran.message().replace(parts, PARTS)
        raise BaselineError(f"apt rejects its configuration: {words}; {_UNTOUCHED}. Correct that file first")
    return apt_conf.parse_dump(ran.out)


def redirect(parts: str) -> str:
    """Return the file that APT_CONFIG names to make apt read the staged directory ``parts`` instead of its own."""
    return os.path.join(os.path.dirname(parts), "apt.conf")


def files(host: Host) -> list[tuple[str, apt_conf.File]]:
    """Return the configuration files in the order in which apt reads them: the parts, then the main file."""
    names = apt_conf.order(os.path.basename(path) for path in host.glob(f"{PARTS}/*"))
    texts = [(path, host.read(path)) for path in [*(f"{PARTS}/{name}" for name in names), MAIN]]
    return [(path, apt_conf.parse_file(text)) for path, text in texts if text is not None]


def archives(host: Host) -> list[origins.Archive]:
    """Return the configured archives whose index is on the host."""
    ran = host.run(["apt-get", "indextargets"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot read its sources: {ran.message()}; {_UNTOUCHED}")
    return origins.parse_targets(ran.out)


def pins(host: Host) -> dict[str, str]:
    """Return the text of each file of apt_preferences(5)."""
    names = apt_conf.order((os.path.basename(path) for path in host.glob(f"{_PREFERENCES}.d/*")), suffix=".pref")
    found = {}
    for path in [_PREFERENCES, *(f"{_PREFERENCES}.d/{name}" for name in names)]:
        info = host.stat(path)
        if info is not None and stat.S_ISREG(info.st_mode):
            found[path] = host.read(path) or ""
    return found


def pinned_down(host: Host, config: apt_conf.Config, where: origins.System) -> tuple[list[str], bool]:
    """Return a sentence for each origin whose archives all have a priority at which apt upgrades nothing.

    The second value says whether packages that are pinned by name may be upgraded all the same. An allowlist lifts
    nothing over such a pin (tried with unattended-upgrade on Debian 13). Without preferences apt is not asked.
    """
    there = pins(host)
    if not there:
        return [], False
    ran = host.run(["apt-cache", "policy"])
    if not ran.ok:
        raise BaselineError(f"apt rejects its preferences: {ran.message()}; {_UNTOUCHED}. Correct that file first")
    ranked = preferences.parse_policy(ran.out)
    barred = {pattern: preferences.barred(pattern, ranked, where) for pattern in origins.allowed(config)}
    lifted = any(preferences.lifts(text) for text in there.values())
    told = [
        "every archive that {} matches has a priority below 100 in apt, which upgrades no installed package to a "
        "version from there ({}){}; see the pins in {} and apt_preferences(5)".format(
            origins.substitute(pattern, where),
            ", ".join(f"{archive} has {priority}" for archive, priority in archives),
            ", except perhaps packages that are pinned by name" if lifted else "",
            ", ".join(there),
        )
        for pattern, archives in barred.items()
        if archives
    ]
    return told, lifted


def missing_indexes(host: Host) -> list[str]:
    """Return the archives that apt is configured for and has no index of."""
    ran = host.run(["apt-get", "--print-uris", "update"])
    names = [os.path.basename(path) for path in host.glob(f"{_LISTS}/*Release")]
    return origins.missing_indexes(ran.out, names) if ran.ok else []
