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
    "LISTS",
    "MAIN",
    "PARTS",
    "POLICY",
    "PREFERENCES",
    "AptPriorities",
    "PinnedOrigins",
    "find_pinned_origins",
    "gather_archives",
    "gather_config",
    "gather_distribution",
    "gather_files",
    "gather_missing_indexes",
    "gather_priorities",
    "redirect_path",
    "require_apt",
]

MAIN = "/etc/apt/apt.conf"
PARTS = "/etc/apt/apt.conf.d"
PREFERENCES = "/etc/apt/preferences"
# Our own file, which has the whole policy.
POLICY = f"{PARTS}/90pyhost-unattended-upgrades"
LISTS = "/var/lib/apt/lists"


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
    names = [os.path.basename(path) for path in host.glob(f"{LISTS}/*Release")]
    return origins.missing_indexes(ran.out, names) if ran.ok else []


@dataclass(frozen=True)
class AptPriorities:
    """The archives with their priorities (``apt-cache policy``), and what may have set these.

    ``pins`` are by file, in the order in which apt reads them; ``default_release`` are the places of that option.
    """

    ranked: tuple[preferences.RankedArchive, ...]
    pins: t.Mapping[str, t.Sequence[preferences.Pin]]
    default_release: tuple[str, ...]

    @property
    def all_pins(self) -> list[preferences.Pin]:
        return [pin for stanzas in self.pins.values() for pin in stanzas]

    def cause(self, ranked: preferences.RankedArchive) -> str:
        return preferences.cause(ranked, self.pins, self.default_release)

    def causes(self, ranked: t.Iterable[preferences.RankedArchive]) -> list[str]:
        return list(dict.fromkeys(filter(None, map(self.cause, ranked))))

    def describe(self, ranked: t.Sequence[preferences.RankedArchive]) -> str:
        """Return the archives with their priorities, and where these come from if it is from several places."""
        places = [self.cause(one) for one in ranked] if len(self.causes(ranked)) > 1 else [""] * len(ranked)
        return ", ".join(
            f"{one} has {one.priority}{f' because of {place}' if place else ''}" for one, place in zip(ranked, places)
        )


def gather_priorities(host: Host) -> AptPriorities:
    """Return the priorities of the configured archives, from apt always: an archive may have a low one by itself."""
    ran = host.run(["apt-cache", "policy"])
    statements = [
        f"{path}:{statement.line}"
        for path, file in gather_files(host)
        for statement in file.statements
        if statement.kind == "set" and statement.key.lower() == preferences.DEFAULT_RELEASE.lower()
    ]
    if not ran.ok:
        # A release that no source has any more, for one: every command of apt that installs fails then.
        named = preferences.DEFAULT_RELEASE in ran.err and statements
        raise BaselineError(
            f"apt rejects its preferences: {ran.message()}",
            where=statements[-1] if named else "",
            hint="correct that file first",
        )
    pins = {path: preferences.parse_pins(text) for path, text in _gather_preferences(host).items()}
    return AptPriorities(tuple(preferences.parse_policy(ran.out)), pins, tuple(statements))


@dataclass(frozen=True)
class PinnedOrigins:
    """An error for each origin from which apt's priorities let apt upgrade nothing, or not what another archive has.

    ``warnings`` are those of origins of which only packages that are pinned by name may be upgraded.
    """

    errors: tuple[BaselineError, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """All of them as sentences."""
        return [*(error.advice for error in self.errors), *self.warnings]


def find_pinned_origins(
    patterns: t.Sequence[str], priorities: AptPriorities, distribution: origins.AptDistribution
) -> PinnedOrigins:
    """Return the origins among ``patterns`` that the priorities bar.

    An allowlist changes nothing about a pin (tried with unattended-upgrade on Debian 13).
    """
    errors, warnings = [], []
    for pattern in patterns:
        name = origins.substitute(pattern, distribution)
        barred = preferences.blocked(pattern, priorities.ranked, distribution)
        if barred and preferences.has_exceptions(priorities.all_pins):
            sentence = _blocked_error(name, barred, priorities).sentence
            warnings.append(f"{sentence}, except perhaps packages that are pinned by name")
        elif barred:
            errors.append(_blocked_error(name, barred, priorities))
        above = preferences.outranked(pattern, priorities.ranked, distribution, priorities.all_pins)
        errors += [_outranked_error(low, high, priorities) for low, high in above if low not in barred]
    # Several patterns may allow the same archive.
    return PinnedOrigins(tuple({error.sentence: error for error in errors}.values()), tuple(warnings))


def _blocked_error(
    name: str, barred: t.Sequence[preferences.RankedArchive], priorities: AptPriorities
) -> BaselineError:
    places = priorities.causes(barred)
    hint = "change the pin there, see apt_preferences(5)"
    if not places:
        hint = (
            "its Release file says NotAutomatic; pin it to 500 in a file of /etc/apt/preferences.d, or leave the "
            "origin out"
        )
    where = places[0] if len(places) == 1 else ""
    return BaselineError(
        f"every archive that {name} matches has a priority below 100, so apt upgrades no installed package from there "
        f"({priorities.describe(barred)})",
        option="origins",
        where=where,
        hint=hint,
    )


def _outranked_error(
    low: preferences.RankedArchive, high: preferences.RankedArchive, priorities: AptPriorities
) -> BaselineError:
    places = priorities.causes([high, low])
    hint = "give both the same priority, see apt_preferences(5)"
    if set(places) & set(priorities.default_release):
        release = high.archive.codename.partition("-")[0]
        hint = (
            f"remove {preferences.DEFAULT_RELEASE} there, or let it match all archives of the release: "
            f'"/^{release}(|-security|-updates)$/"'
        )
    return BaselineError(
        "apt prefers another archive to one that is allowed, so it does not upgrade what both have: "
        f"{priorities.describe([high, low])}",
        option="origins",
        where=places[0] if len(places) == 1 else "",
        hint=hint,
    )


def _gather_preferences(host: Host) -> dict[str, str]:
    """Return the text of each file of apt_preferences(5)."""
    names = apt_conf.order((os.path.basename(path) for path in host.glob(f"{PREFERENCES}.d/*")), suffix=".pref")
    found = {}
    for path in [PREFERENCES, *(f"{PREFERENCES}.d/{name}" for name in names)]:
        info = host.stat(path)
        if info is not None and stat.S_ISREG(info.st_mode):
            found[path] = host.read(path) or ""
    return found
