# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""automatic.conf of dnf 4 (dnf-automatic(8)) and dnf 5 (dnf5-automatic(8)): its grammar, and the desired keys.

The grammar is that of libdnf's ConfigParser, in both generations: the last value of a key counts, sections of the same
name are merged, unknown keys and invalid values are ignored without an error.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError, unknown

__all__ = [
    "CHOICES",
    "CONF",
    "DISTRIBUTION",
    "KNOWN_TO_DNF5",
    "UPGRADE_TYPE",
    "VENDOR",
    "Key",
    "base_repositories",
    "composed",
    "desired_keys",
    "differences",
    "edited",
    "entries",
    "excludes",
    "supported_keys",
    "without_advisories",
]

CONF = "/etc/dnf/automatic.conf"
# dnf 5 reads this file first; it does not need /etc/dnf/automatic.conf.
VENDOR = "/usr/share/dnf5/dnf5-plugins/automatic.conf"
HEADER = "# pyhost.baseline.dnf_automatic sets the keys below; others that are added here stay.\n"

Key = t.Tuple[str, str]

CHOICES: dict[str, tuple[str, ...]] = {
    "upgrade_type": ("security", "default", "distro-sync"),
    "reboot": ("never", "when-changed", "when-needed"),
    "emit_via": ("stdio", "motd", "email", "command_email", "command"),
}
# The value of upgrade_type that becomes security where the distribution publishes advisories, and default elsewhere.
DISTRIBUTION = "distribution"
UPGRADE_TYPE: Key = ("commands", "upgrade_type")
# The repositories of the distribution that get updates, by their ids on RHEL (rhel-9-for-x86_64-baseos-rpms), its
# rebuilds (baseos, ol9_appstream) and Fedora (updates; the repository fedora never changes and has no advisories).
_BASE = re.compile(r"(?:.*[-_.])?(?:baseos|appstream)(?:[-_.].*)?|updates", re.IGNORECASE)
_NOT_BASE = re.compile(r"source|debug|testing|staging", re.IGNORECASE)
# By option: every key that it sets.
_KEYS: dict[str, tuple[Key, ...]] = {
    "upgrade_type": (("commands", "upgrade_type"),),
    "download_updates": (("commands", "download_updates"),),
    "apply_updates": (("commands", "apply_updates"),),
    "reboot": (("commands", "reboot"),),
    "reboot_command": (("commands", "reboot_command"),),
    "emit_via": (("emitters", "emit_via"),),
    "email_to": (("email", "email_to"), ("command_email", "email_to")),
    "email_from": (("email", "email_from"), ("command_email", "email_from")),
    "email_host": (("email", "email_host"),),
    "exclude": (("base", "excludepkgs"),),
}
# dnf 5 does not list its keys: these are of dnf5-automatic(8), the same from 5.2 (Fedora 42) to 5.4.
KNOWN_TO_DNF5 = frozenset(key for keys in _KEYS.values() for key in keys)
# What a program does that does not know the key: a request for just that needs no key.
_WITHOUT: dict[Key, str] = {("commands", "reboot"): "never"}
# The part of regular expressions that wildcards can express: a name, any characters, and the end of the name.
_PATTERN = re.compile(r"\^?(?P<name>([\w+.-]|\\[+.-]|\.\*)+)(?P<end>\$?)", re.ASCII)
_TRUE = ("1", "yes", "true", "on", "enabled")
_BOOLEANS = ("download_updates", "apply_updates")
_LISTS = ("emit_via", "email_to", "excludepkgs")


@dataclass(frozen=True)
class ConfEntry:
    """One ``key = value`` with its lines (from 0; ``end`` is the first line after it)."""

    section: str
    key: str
    value: str
    start: int
    end: int

    @property
    def name(self) -> Key:
        return (self.section, self.key)


def entries(text: str, *, path: str) -> list[ConfEntry]:
    """Parse automatic.conf; a line that dnf rejects raises, because dnf then does nothing at all."""
    found: list[ConfEntry] = []
    section, open_key = "", False
    for number, line in enumerate(text.splitlines()):
        if line.startswith(("#", ";")):
            continue
        if not line.strip():
            open_key = False
        elif line.startswith("["):
            if "]" not in line:
                raise _rejected(path, number, "missing ']'")
            section, open_key = line[1 : line.index("]")], False
        elif not section:
            raise _rejected(path, number, "missing section header")
        elif line[0] in " \t":
            if not open_key:
                raise _rejected(path, number, "illegal continuation line")
            last = found.pop()
            found.append(ConfEntry(*last.name, f"{last.value}\n{line.strip()}", last.start, number + 1))
        else:
            key, equals, value = line.partition("=")
            if not equals or not key.strip():
                raise _rejected(path, number, "missing key" if equals else "missing '='")
            found.append(ConfEntry(section, key.strip(), _unquoted(value.strip()), number, number + 1))
            open_key = True
    return found


def _rejected(path: str, number: int, what: str) -> BaselineError:
    return BaselineError(
        f"dnf rejects this line: {what}",
        where=f"{path}:{number + 1}",
        hint="correct it; until then dnf installs nothing",
    )


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def composed(*texts: tuple[str, str | None]) -> dict[Key, str]:
    """Return the keys that the files ``(path, text)`` set together; the last one takes precedence."""
    return {entry.name: entry.value for path, text in texts for entry in entries(text or "", path=path)}


def desired_keys(options: t.Mapping[str, t.Any]) -> dict[Key, str | None]:
    """Return the desired value of each key, ``None`` if the key must not be in the file; invalid values raise.

    An option that is ``None`` leaves its keys as they are.
    """
    desired: dict[Key, str | None] = {}
    given = {**options, "exclude": [*(options.get("exclude") or []), *excludes(options.get("blocklist") or [])]}
    for name, keys in _KEYS.items():
        value = given.get(name)
        if value is not None:
            desired.update(dict.fromkeys(keys, _text(name, value)))
    return desired


def excludes(blocklist: t.Iterable[str]) -> list[str]:
    """Return dnf's wildcards for regular expressions that match from the start of the name."""
    found = []
    for pattern in blocklist:
        match = _PATTERN.fullmatch(pattern)
        # A repeated letter is an expression, not a name.
        if match is None or re.search(r"(?<!\\)\+", match["name"]):
            raise BaselineError(
                f"{pattern!r} is neither a name, nor the start of names, nor a name with .* in it",
                option="blocklist",
                hint="dnf can exclude only these",
            )
        name = match["name"].replace(".*", "*").replace("\\", "")
        found.append(name if match["end"] else name.rstrip("*") + "*")
    return found


def _text(name: str, value: t.Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    items = [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
    for item in items:
        if not item.isprintable() or (isinstance(value, (list, tuple)) and re.search(r"[\s,]", item)) or not item:
            raise BaselineError(f"{item!r} is not one word in one line", option=name)
        if name in CHOICES and item not in CHOICES[name] and (name, item) != ("upgrade_type", DISTRIBUTION):
            raise BaselineError(unknown("value", item, CHOICES[name]), option=name, state=UNCHANGED)
    # An empty list of exclusions would remove those of dnf.conf.
    return ", ".join(items) if items or name != "exclude" else None


def base_repositories(names: t.Iterable[str]) -> list[str]:
    """Return those of the repositories ``names`` that are the distribution's own and get updates."""
    return [name for name in names if _BASE.fullmatch(name) and not _NOT_BASE.search(name)]


def without_advisories(known: t.Mapping[str, bool]) -> list[str]:
    """Return the repositories for which security upgrades would install nothing, of ``known`` ones by their ids.

    Each base repository counts on its own: EPEL's advisories say nothing about the system's packages. Where none has a
    known id (a mirror), one repository with advisories is enough, if it is not EPEL.
    """
    base = base_repositories(known)
    if base:
        return [name for name in base if not known[name]]
    others = [name for name in known if not name.startswith("epel")] or list(known)
    return [] if any(known[name] for name in others) else others


def supported_keys(
    desired: t.Mapping[Key, str | None], known: t.Collection[Key], *, version: str
) -> dict[Key, str | None]:
    """Return ``desired`` without the keys that dnf neither knows nor needs; one that it needs raises."""
    lost = [key for key, value in desired.items() if key[0] != "base" and key not in known]
    for key in lost:
        if desired[key] not in (None, _WITHOUT.get(key)):
            raise BaselineError(
                f"the dnf-automatic of this host ({version}) does not know this setting and would ignore it",
                option=key[1],
                hint=f"leave it out, or set {_WITHOUT[key]}" if key in _WITHOUT else "leave it out",
            )
    return {key: value for key, value in desired.items() if key not in lost}


def edited(text: str | None, desired: t.Mapping[Key, str | None], *, path: str) -> str:
    """Return ``text`` with the desired values, each where its key is; everything else stays as it is."""
    lines = (text or "").splitlines()
    replaced: dict[int, list[str]] = {}
    missing = dict(desired)
    for entry in entries(text or "", path=path):
        if entry.name not in desired:
            continue
        # The first place keeps the value; the key's later ones, which would take precedence, are removed.
        value = missing.pop(entry.name, None)
        same = value is not None and _same(entry.name, entry.value, value)
        new = lines[entry.start : entry.end] if same else [] if value is None else [f"{entry.key} = {value}"]
        replaced[entry.start] = new
        replaced.update({number: [] for number in range(entry.start + 1, entry.end)})
    kept = [(number, replaced.get(number, [line])) for number, line in enumerate(lines)]
    return _with_missing(kept, {key: value for key, value in missing.items() if value is not None}, fresh=text is None)


def _with_missing(kept: t.Sequence[tuple[int, list[str]]], missing: t.Mapping[Key, str], *, fresh: bool) -> str:
    """Put each missing key directly below the header of its section; add a section that is missing."""
    waiting: dict[str, list[str]] = {}
    for (section, key), value in missing.items():
        waiting.setdefault(section, []).append(f"{key} = {value}")
    out = HEADER.splitlines() if fresh else []
    for _number, lines in kept:
        for line in lines:
            out.append(line)
            header = re.match(r"\[([^]]*)\]", line)
            if header:
                out += waiting.pop(header.group(1), [])
    for section, lines in waiting.items():
        out += [*([""] if out else []), f"[{section}]", *lines]
    return "\n".join(out) + "\n"


def differences(desired: t.Mapping[Key, str | None], actual: t.Mapping[Key, str]) -> list[str]:
    """Return a phrase for each desired key that has another value."""
    phrases = []
    for (section, key), value in desired.items():
        there = actual.get((section, key))
        if value is None and there is not None:
            phrases.append(f"[{section}] {key} is {there!r} (requested: not set)")
        elif value is not None and (there is None or not _same((section, key), there, value)):
            phrases.append(f"[{section}] {key} is {there!r} (requested: {value!r})")
    return phrases


def _same(key: Key, one: str, other: str) -> bool:
    return _normal(key[1], one) == _normal(key[1], other)


def _normal(key: str, value: str) -> t.Any:
    if key in _BOOLEANS:
        return value.lower() in _TRUE
    if key in _LISTS:
        return [item for item in re.split(r"[\s,]+", value) if item]
    return value
