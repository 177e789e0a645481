# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""automatic.conf of dnf 4 (dnf-automatic(8)) and dnf 5 (dnf5-automatic(8)): its grammar, the wish, what is in force.

The grammar is that of libdnf's ConfigParser, in both generations: the last value of a key counts, sections that stand
twice are one, unknown keys and senseless values are passed over in silence.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, unknown

__all__ = [
    "CHOICES",
    "CONF",
    "KNOWN_TO_DNF5",
    "VENDOR",
    "Key",
    "composed",
    "defeated",
    "edited",
    "entries",
    "excludes",
    "settled",
    "wish",
]

CONF = "/etc/dnf/automatic.conf"
# What dnf 5 reads first; /etc/dnf/automatic.conf need not exist there.
VENDOR = "/usr/share/dnf5/dnf5-plugins/automatic.conf"
HEADER = "# pyhost.baseline.dnf_automatic sets the keys below; others that are added here stay.\n"

Key = t.Tuple[str, str]

CHOICES: dict[str, tuple[str, ...]] = {
    "upgrade_type": ("security", "default", "distro-sync"),
    "reboot": ("never", "when-changed", "when-needed"),
    "emit_via": ("stdio", "motd", "email", "command_email", "command"),
}
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
# dnf5 does not say what it knows: dnf5-automatic(8), the same from 5.2 (Fedora 42) to 5.4.
KNOWN_TO_DNF5 = frozenset(key for keys in _KEYS.values() for key in keys)
# What a program does that does not know the key: there the wish for just that is in force without a word.
_WITHOUT: dict[Key, str] = {("commands", "reboot"): "never"}
# What of a regular expression a wildcard says as well: a name, any characters, and where the name ends.
_PATTERN = re.compile(r"\^?(?P<name>([\w+.-]|\\[+.-]|\.\*)+)(?P<end>\$?)", re.ASCII)
_TRUE = ("1", "yes", "true", "on", "enabled")
_BOOLEANS = ("download_updates", "apply_updates")
_LISTS = ("emit_via", "email_to", "excludepkgs")


@dataclass(frozen=True)
class Entry:
    """One ``key = value`` with its lines (from 0, ``end`` is the first that no longer belongs to it)."""

    section: str
    key: str
    value: str
    start: int
    end: int

    @property
    def name(self) -> Key:
        return (self.section, self.key)


def entries(text: str, *, path: str) -> list[Entry]:
    """Parse automatic.conf; a line that dnf rejects raises, for dnf then does nothing at all."""
    found: list[Entry] = []
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
            found.append(Entry(*last.name, f"{last.value}\n{line.strip()}", last.start, number + 1))
        else:
            key, equals, value = line.partition("=")
            if not equals or not key.strip():
                raise _rejected(path, number, "missing key" if equals else "missing '='")
            found.append(Entry(section, key.strip(), _unquoted(value.strip()), number, number + 1))
            open_key = True
    return found


def _rejected(path: str, number: int, what: str) -> BaselineError:
    return BaselineError(
        f"dnf rejects {path}:{number + 1}: {what}, and installs nothing until that is corrected; nothing was changed"
    )


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def composed(*texts: tuple[str, str | None]) -> dict[Key, str]:
    """Return what the files ``(path, text)`` come to, the last one winning."""
    return {entry.name: entry.value for path, text in texts for entry in entries(text or "", path=path)}


def wish(options: t.Mapping[str, t.Any]) -> dict[Key, str | None]:
    """Return the wished value of each key, ``None`` where the key must not stand in the file; bad values raise.

    An option that is ``None`` leaves its keys as they are.
    """
    wished: dict[Key, str | None] = {}
    given = {**options, "exclude": [*(options.get("exclude") or []), *excludes(options.get("blocklist") or [])]}
    for name, keys in _KEYS.items():
        value = given.get(name)
        if value is not None:
            wished.update(dict.fromkeys(keys, _text(name, value)))
    return wished


def excludes(blocklist: t.Iterable[str]) -> list[str]:
    """Return dnf's wildcards for regular expressions from the start of the name, which apt's updater has."""
    found = []
    for pattern in blocklist:
        match = _PATTERN.fullmatch(pattern)
        # A letter that may be repeated is an expression, not a name.
        if match is None or re.search(r"(?<!\\)\+", match["name"]):
            raise BaselineError(
                f"blocklist: {pattern!r} is not a name, a beginning of names or a name with .* in it, which is all "
                "that dnf can exclude; nothing was changed"
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
            raise BaselineError(f"{name}: {item!r} is not one word in one line; nothing was changed")
        if name in CHOICES and item not in CHOICES[name]:
            raise BaselineError(f"{name}: {unknown('value', item, CHOICES[name])}; nothing was changed")
    # An empty list of exclusions would lift those of dnf.conf.
    return ", ".join(items) if items or name != "exclude" else None


def settled(wished: t.Mapping[Key, str | None], known: t.Collection[Key], *, version: str) -> dict[Key, str | None]:
    """Return ``wished`` without the keys that this dnf does not know and need not; one that it would need raises."""
    lost = [key for key, value in wished.items() if key[0] != "base" and key not in known]
    for key in lost:
        if wished[key] not in (None, _WITHOUT.get(key)):
            raise BaselineError(
                f"{key[1]}: the dnf-automatic of this host ({version}) does not know this setting and would pass over "
                f"it in silence; leave it out{_way_out(key)}; nothing was changed"
            )
    return {key: value for key, value in wished.items() if key not in lost}


def _way_out(key: Key) -> str:
    return f", or wish {_WITHOUT[key]}" if key in _WITHOUT else ""


def edited(text: str | None, wished: t.Mapping[Key, str | None], *, path: str) -> str:
    """Return ``text`` with the wished values, each in the place that its key has; all else stays as it is."""
    lines = (text or "").splitlines()
    replaced: dict[int, list[str]] = {}
    missing = dict(wished)
    for entry in entries(text or "", path=path):
        if entry.name not in wished:
            continue
        # The first place keeps the value; the key's later ones, which would win, go.
        value = missing.pop(entry.name, None)
        same = value is not None and _same(entry.name, entry.value, value)
        new = lines[entry.start : entry.end] if same else [] if value is None else [f"{entry.key} = {value}"]
        replaced[entry.start] = new
        replaced.update({number: [] for number in range(entry.start + 1, entry.end)})
    kept = [(number, replaced.get(number, [line])) for number, line in enumerate(lines)]
    return _with_missing(kept, {key: value for key, value in missing.items() if value is not None}, fresh=text is None)


def _with_missing(kept: t.Sequence[tuple[int, list[str]]], missing: t.Mapping[Key, str], *, fresh: bool) -> str:
    """Put each missing key right below the header of its section, which is made where there is none."""
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


def defeated(wished: t.Mapping[Key, str | None], actual: t.Mapping[Key, str]) -> list[str]:
    """Return in words which wished keys are not in force."""
    told = []
    for (section, key), value in wished.items():
        there = actual.get((section, key))
        if value is None and there is not None:
            told.append(f"[{section}] {key} is {there!r} (wished: not set)")
        elif value is not None and (there is None or not _same((section, key), there, value)):
            told.append(f"[{section}] {key} is {there!r} (wished: {value!r})")
    return told


def _same(key: Key, one: str, other: str) -> bool:
    return _normal(key[1], one) == _normal(key[1], other)


def _normal(key: str, value: str) -> t.Any:
    if key in _BOOLEANS:
        return value.lower() in _TRUE
    if key in _LISTS:
        return [item for item in re.split(r"[\s,]+", value) if item]
    return value
