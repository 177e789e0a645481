# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Origins of unattended-upgrade(8): presets and patterns, and the configured archives that each of them allows."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from .._core.errors import UNCHANGED, BaselineError, unknown
from .apt_conf import AptConfig
from .unattended_upgrades import LISTS

__all__ = [
    "DISTRIBUTION",
    "PRESETS",
    "AptDistribution",
    "Archive",
    "allowed",
    "check",
    "expand",
    "is_optional",
    "legacy",
    "matches",
    "may_be_absent",
    "missing_indexes",
    "parse_targets",
    "substitute",
    "table",
    "unmatched",
]

# The keys of a pattern, and the field of an archive that each compares.
_KEYS = {
    "origin": "origin",
    "o": "origin",
    "label": "label",
    "l": "label",
    "archive": "archive",
    "suite": "archive",
    "a": "archive",
    "codename": "codename",
    "n": "codename",
    "component": "component",
    "c": "component",
    "site": "site",
}

# By os-release's ID. Debian's suites differ by codename; Ubuntu's share one and differ by archive.
PRESETS: dict[str, dict[str, str]] = {
    "debian": {
        "security": "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        "stable": "origin=Debian,codename=${distro_codename},label=Debian",
        "updates": "origin=Debian,codename=${distro_codename}-updates,label=Debian",
        "proposed": "origin=Debian,codename=${distro_codename}-proposed-updates,label=Debian",
        "backports": "origin=Debian Backports,codename=${distro_codename}-backports",
        "all": "origin=*",
    },
    "ubuntu": {
        "security": "origin=Ubuntu,archive=${distro_codename}-security",
        "stable": "origin=Ubuntu,archive=${distro_codename}",
        "updates": "origin=Ubuntu,archive=${distro_codename}-updates",
        "proposed": "origin=Ubuntu,archive=${distro_codename}-proposed",
        "backports": "origin=Ubuntu,archive=${distro_codename}-backports",
        "esm-apps": "origin=UbuntuESMApps,archive=${distro_codename}-apps-security",
        "esm-infra": "origin=UbuntuESM,archive=${distro_codename}-infra-security",
        "all": "origin=*",
    },
}
# What the distribution's own 50unattended-upgrades allows, by os-release's ID. A security update may need a new
# dependency from the release itself, and Ubuntu's ESM is there once the host is attached to a subscription.
DISTRIBUTION = "distribution"
_OWN: dict[str, tuple[str, ...]] = {
    "debian": ("security", "stable"),
    "ubuntu": ("security", "stable", "esm-apps", "esm-infra"),
}
# Patterns of the distribution's own file that may match nothing: Debian's is for releases before 11, and Ubuntu's need
# a subscription.
_OPTIONAL = (
    "origin=Debian,codename=${distro_codename},label=Debian-Security",
    PRESETS["ubuntu"]["esm-apps"],
    PRESETS["ubuntu"]["esm-infra"],
)
_ALIASES = {"stable-updates": "updates", "stable-security": "security"}


@dataclass(frozen=True)
class AptDistribution:
    """The distribution, for the two macros of a pattern and the table of presets."""

    id: str
    codename: str

    @property
    def macros(self) -> dict[str, str]:
        return {"distro_id": self.id.capitalize(), "distro_codename": self.codename}


@dataclass(frozen=True)
class Archive:
    """One archive that apt is configured for, by the fields of its Release file."""

    origin: str
    label: str
    archive: str
    codename: str
    component: str
    site: str

    def __str__(self) -> str:
        fields = {
            "origin": self.origin,
            "codename": self.codename,
            "archive": self.archive,
            "label": self.label,
            "component": self.component,
            "site": self.site,
        }
        return ",".join("{}={}".format(key, value.replace(",", "\\,")) for key, value in fields.items() if value)


def expand(origins: t.Sequence[str], distribution: AptDistribution) -> tuple[str, ...]:
    """Return the patterns of ``origins`` (presets or patterns), each once; an invalid one raises."""
    return tuple(
        dict.fromkeys(
            _expand(name, distribution) for origin in origins for name in _names(origin.strip(), distribution)
        )
    )


def _names(origin: str, distribution: AptDistribution) -> tuple[str, ...]:
    """Return the presets that ``origin`` stands for; another distribution than these has its error later."""
    return _OWN.get(distribution.id, (origin,)) if origin == DISTRIBUTION else (origin,)


def may_be_absent(origins: t.Sequence[str], distribution: AptDistribution) -> frozenset[str]:
    """Return the patterns of ``origins`` that may match no archive: those that nobody has asked for by name."""
    named = expand([origin for origin in origins if origin.strip() != DISTRIBUTION], distribution)
    return frozenset(pattern for pattern in expand(origins, distribution) if is_optional(pattern)) - set(named)


def is_optional(pattern: str) -> bool:
    """Say whether the distribution's own file has ``pattern`` although it matches no archive of most hosts."""
    return any(_normal(pattern) == _normal(own) for own in _OPTIONAL)


def _normal(pattern: str) -> frozenset[tuple[str, ...]]:
    pairs = (tuple(part.strip() for part in token.partition("=")[::2]) for token in _tokens(pattern))
    return frozenset((_KEYS.get(key, key), value) for key, value in pairs)


def check(origin: str) -> None:
    """Raise where ``origin`` is valid on no distribution: neither a pattern nor a preset of any of them."""
    if origin.strip() != DISTRIBUTION and all(_preset(origin.strip(), name) is None for name in PRESETS):
        _expand(origin.strip(), AptDistribution(min(PRESETS), ""))


def _preset(origin: str, distribution: str) -> str | None:
    return PRESETS[distribution].get(_ALIASES.get(origin, origin))


def _expand(origin: str, distribution: AptDistribution) -> str:
    if "=" in origin:
        _check(origin)
        return origin
    presets = PRESETS.get(distribution.id)
    if presets is None:
        raise BaselineError(
            f"the preset {origin!r} is known on {' and '.join(sorted(PRESETS))}, not on {distribution.id!r}",
            option="origins",
            hint="give a pattern such as origin=NAME,codename=NAME (`apt-cache policy` prints them)",
        )
    name = _ALIASES.get(origin, origin)
    if name not in presets:
        known = (DISTRIBUTION, *presets)
        raise BaselineError(
            unknown("preset", origin, (*known, *_ALIASES)),
            option="origins",
            state=UNCHANGED,
            hint=f"the presets are {', '.join(known)}; a pattern is origin=NAME,codename=NAME and so on",
        )
    return presets[name]


def _check(pattern: str) -> None:
    for token in _tokens(pattern):
        key, equals, value = (part.strip() for part in token.partition("="))
        if key not in _KEYS:
            raise BaselineError(
                unknown("key", key, [name for name in _KEYS if len(name) > 1]),
                option="origins",
                where=repr(pattern),
                state=UNCHANGED,
                hint="the keys are origin, label, archive, codename, component and site",
            )
        if not equals or not value or "=" in value:
            raise BaselineError(f"{token!r} in {pattern!r} is not key=value", option="origins")
    macro = re.search(r"\$(?!\{distro_(?:id|codename)\})", pattern)
    if macro or not pattern.isprintable():
        raise BaselineError(
            f"{pattern!r} holds a macro or a character that unattended-upgrade does not know",
            option="origins",
            hint="the macros are ${distro_id} and ${distro_codename}",
        )


def _tokens(pattern: str) -> list[str]:
    return re.split(r"(?<!\\),", pattern)


def substitute(pattern: str, distribution: AptDistribution) -> str:
    for name, value in distribution.macros.items():
        pattern = pattern.replace(f"${{{name}}}", value)
    return pattern


def matches(pattern: str, archive: Archive, distribution: AptDistribution) -> bool:
    """Say whether ``pattern`` allows ``archive`` as unattended-upgrade reads it: every key=value, with wildcards."""
    for token in _tokens(pattern):
        key, equals, value = (part.strip().replace("\\,", ",") for part in token.partition("="))
        if not equals or key not in _KEYS:
            return False
        if not fnmatchcase(getattr(archive, _KEYS[key]), substitute(value, distribution)):
            return False
    return True


def legacy(item: str) -> str:
    """Return the pattern of an item of ``Allowed-Origins`` (``ID:ARCHIVE`` or ``ID ARCHIVE``)."""
    parts = re.split(r"(?<!\\):", item) if re.search(r"(?<!\\):", item) else item.split()
    parts = [re.sub(r"(?<!\\),", r"\\,", part.replace("\\:", ":")) for part in parts]
    return "o={},a={}".format(*parts) if len(parts) == 2 else item


def allowed(config: AptConfig) -> list[str]:
    """Return every pattern in force, as unattended-upgrade reads them."""
    old = [legacy(item) for item in config.items(LISTS["allowed_origins"])]
    return old + list(config.items(LISTS["origins"]))


def parse_targets(text: str) -> list[Archive]:
    """Parse ``apt-get indextargets``: the archives whose Release file is on the host, without repetitions."""
    found: dict[Archive, None] = {}
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if fields.get("Created-By") == "Packages":
            archive = Archive(
                origin=fields.get("Origin", ""),
                label=fields.get("Label", ""),
                archive=fields.get("Suite", ""),
                codename=fields.get("Codename", ""),
                component=fields.get("Component", ""),
                site=urlsplit(fields.get("Site", "")).hostname or "",
            )
            found[archive] = None
    return list(found)


def missing_indexes(uris: str, lists: t.Collection[str]) -> list[str]:
    """Return the sources of ``apt-get --print-uris update`` whose Release file is not among the names in ``lists``."""
    missing = []
    for line in uris.splitlines():
        match = re.match(r"'(\S+)/(?:In)?Release' (\S+)_(?:In)?Release ", line)
        if match and not {match.group(2) + "_InRelease", match.group(2) + "_Release"} & set(lists):
            missing.append(match.group(1))
    return missing


def unmatched(patterns: t.Iterable[str], archives: t.Sequence[Archive], distribution: AptDistribution) -> list[str]:
    """Return the patterns that allow none of ``archives``."""
    return [pattern for pattern in patterns if not any(matches(pattern, one, distribution) for one in archives)]


def table(
    patterns: t.Iterable[str], archives: t.Sequence[Archive], distribution: AptDistribution
) -> list[dict[str, t.Any]]:
    """Return each pattern with the archives that it allows, as the modules return it."""
    return [
        {"pattern": pattern, "archives": [str(one) for one in archives if matches(pattern, one, distribution)]}
        for pattern in patterns
    ]
