# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Priorities of apt's archives, see apt_preferences(5): those that keep an origin from upgrading, and what set them."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .origins import AptDistribution, Archive, matches

__all__ = [
    "DEFAULT_RELEASE",
    "Pin",
    "RankedArchive",
    "blocked",
    "cause",
    "has_exceptions",
    "outranked",
    "parse_pins",
    "parse_policy",
    "pins_against",
]

DEFAULT_RELEASE = "APT::Default-Release"
# apt_preferences(5): a version with a priority below 100 is installed only where none is installed, with a negative one
# never. The installed versions have 100, so that from 100 on a newer version takes precedence. unattended-upgrade
# leaves the priorities of allowed archives as they are (pinning_from_config in its source).
_UPGRADES = 100
_OF_DEFAULT_RELEASE = 990
# The keys of `Pin: release`, and the field of an archive that each compares.
_PIN_KEYS = {"a": "archive", "n": "codename", "o": "origin", "l": "label", "c": "component"}
_NEVER = -32768


@dataclass(frozen=True)
class RankedArchive:
    """An archive with the priority that apt gives it; ``version`` is that of its Release file."""

    archive: Archive
    priority: int
    version: str = ""

    @property
    def name(self) -> str:
        """The archive as apt-get's simulation names it: ``Debian-Security:13/stable-security``."""
        return f"{self.archive.label}:{self.version}/{self.archive.archive}"

    def __str__(self) -> str:
        return str(self.archive)


@dataclass(frozen=True)
class Pin:
    """A stanza of apt_preferences(5); ``line`` is that of its priority."""

    packages: str
    kind: str
    value: str
    priority: int
    line: int

    @property
    def is_general(self) -> bool:
        return self.packages == "*"

    def matches(self, ranked: RankedArchive) -> bool:
        """Say whether the pin is one of a whole archive, and of this one."""
        if not self.is_general or self.kind not in ("release", "origin"):
            return False
        if self.kind == "origin":
            return _fits(self.value.strip('"'), ranked.archive.site)
        return all(_token_fits(token.strip(), ranked) for token in self.value.split(","))


def _token_fits(token: str, ranked: RankedArchive) -> bool:
    key, equals, value = token.partition("=")
    if equals and key == "v":
        return _fits(value, ranked.version)
    if equals:
        # `b` is the architecture, which an archive has several of.
        return key == "b" or (key in _PIN_KEYS and _fits(value, getattr(ranked.archive, _PIN_KEYS[key])))
    if token[:1].isdigit():
        return _fits(token, ranked.version)
    return _fits(token, ranked.archive.archive) or _fits(token, ranked.archive.codename)


def _fits(expression: str, value: str) -> bool:
    """Compare as apt does: a text, wildcards, or an extended regular expression between slashes."""
    if len(expression) > 1 and expression[0] == expression[-1] == "/":
        try:
            return re.search(expression[1:-1], value, re.IGNORECASE) is not None
        except re.error:
            return False
    return fnmatchcase(value.lower(), expression.lower())


def parse_policy(text: str) -> list[RankedArchive]:
    """Parse ``apt-cache policy`` without package names: each archive with its priority, without the installed ones."""
    found = []
    for entry in re.split(r"^(?= *-?\d+ \S)", text.partition("\nPinned packages:")[0], flags=re.MULTILINE)[1:]:
        priority = int(entry.split()[0])
        release = re.search(r"^ +release (.*)$", entry, re.MULTILINE)
        site = re.search(r"^ +origin (.*)$", entry, re.MULTILINE)
        # A value may hold commas itself, and apt does not quote them.
        pairs = re.split(r",(?=[a-z]=)", release.group(1)) if release else []
        fields = dict(pair.split("=", 1) for pair in pairs)
        if fields != {"a": "now"}:
            archive = Archive(
                origin=fields.get("o", ""),
                label=fields.get("l", ""),
                archive=fields.get("a", ""),
                codename=fields.get("n", ""),
                component=fields.get("c", ""),
                site=site.group(1).strip() if site else "",
            )
            found.append(RankedArchive(archive, priority, fields.get("v", "")))
    return found


def blocked(pattern: str, ranked: t.Iterable[RankedArchive], distribution: AptDistribution) -> list[RankedArchive]:
    """Return the archives that ``pattern`` allows if the priority of each prevents upgrades; else nothing."""
    found = [one for one in ranked if matches(pattern, one.archive, distribution)]
    return [] if any(one.priority >= _UPGRADES for one in found) else found


def outranked(
    pattern: str, ranked: t.Sequence[RankedArchive], distribution: AptDistribution, pins: t.Sequence[Pin]
) -> list[tuple[RankedArchive, RankedArchive]]:
    """Return each archive that ``pattern`` allows with one that apt prefers to it: what both have stays as it is.

    Only an archive of the same origin and release has the same packages: trixie and trixie-security. One that ranks low
    by its own Release file (backports) is meant to: it upgrades what was installed from there.
    """
    found = []
    for one in ranked:
        own = one.priority in (1, _UPGRADES) and not any(pin.matches(one) for pin in pins)
        if own or not matches(pattern, one.archive, distribution):
            continue
        above = [other for other in ranked if other.priority > one.priority and _same_release(one, other)]
        if above:
            found.append((one, max(above, key=lambda other: other.priority)))
    return found


def _same_release(one: RankedArchive, other: RankedArchive) -> bool:
    first, second = one.archive, other.archive
    release = first.codename.partition("-")[0]
    return bool(first.origin) and first.origin == second.origin and release == second.codename.partition("-")[0]


def parse_pins(text: str) -> list[Pin]:
    """Parse a file of apt_preferences(5). Stanzas that apt rejects are left out: it reports them."""
    found: list[Pin] = []
    fields: dict[str, tuple[str, int]] = {}
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        match = re.fullmatch(r"([\w-]+):[ \t]*(.*?)[ \t]*", line)
        if match:
            fields[match.group(1).lower()] = (match.group(2), number)
        elif not line.strip():
            found += _pin(fields)
            fields = {}
    return found


def _pin(fields: t.Mapping[str, tuple[str, int]]) -> list[Pin]:
    packages, pin = fields.get("package", ("", 0))[0], fields.get("pin", ("", 0))[0]
    priority, line = fields.get("pin-priority", ("", 0))
    number = re.match(r"-?\d+", priority)
    if not packages or not pin or not (number or priority.lower() == "never"):
        return []
    kind, _blank, value = pin.partition(" ")
    return [Pin(packages, kind.lower(), value.strip(), int(number.group()) if number else _NEVER, line)]


def cause(ranked: RankedArchive, pins: t.Mapping[str, t.Sequence[Pin]], default_release: t.Sequence[str]) -> str:
    """Return ``file:line`` of what gives ``ranked`` its priority; an empty text where its own Release file does.

    ``pins`` are by file in the order in which apt reads them: the first pin of an archive counts. ``default_release``
    are the places that set APT::Default-Release, of which the last one counts.
    """
    for path, stanzas in pins.items():
        for pin in stanzas:
            if pin.matches(ranked):
                return f"{path}:{pin.line}"
    return default_release[-1] if default_release and ranked.priority == _OF_DEFAULT_RELEASE else ""


def has_exceptions(pins: t.Iterable[Pin]) -> bool:
    """Say whether packages have by name a priority that upgrades them, unlike their archive's."""
    return any(not pin.is_general and pin.priority >= _UPGRADES for pin in pins)


def pins_against(archives: t.Iterable[Archive]) -> str:
    """Return preferences that let apt install nothing from ``archives``."""
    stanzas = []
    for archive in archives:
        pairs = [f"{key}={getattr(archive, name)}" for key, name in _PIN_KEYS.items() if getattr(archive, name)]
        pin = f"release {','.join(pairs)}" if pairs else f'origin "{archive.site}"'
        stanzas.append(f"Package: *\nPin: {pin}\nPin-Priority: {_NEVER}\n")
    return "\n".join(dict.fromkeys(stanzas))
