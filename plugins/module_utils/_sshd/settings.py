# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish: settings and Match blocks as a user writes them, checked and put into the words of sshd_config(5)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .._core.errors import BaselineError
from .keywords import (
    COMMAS,
    CUMULATIVE,
    FLAGS,
    NUMBERS,
    canonical,
)
from .match import Criteria, read_criteria
from .parse import quote, split
from .releases import INVALID_USER, Release

__all__ = ["MatchBlock", "SshdSettings", "build_settings", "render_settings", "require_supported"]

HEADER = "# Written by pyhost.baseline.sshd_config: a change made here by hand is lost at its next run.\n"
_UNCHANGED = "nothing was changed"
_SPELLED = {
    "user": "User",
    "group": "Group",
    "host": "Host",
    "address": "Address",
    "localaddress": "LocalAddress",
    "localport": "LocalPort",
    "rdomain": "RDomain",
    "all": "All",
    "invalid-user": "Invalid-User",
}

Settings = t.Dict[str, t.Tuple[str, ...]]


@dataclass(frozen=True)
class MatchBlock:
    """The settings of one ``Match`` block; keyword as the manual spells it -> one raw value for each line."""

    criteria: Criteria
    settings: Settings


@dataclass(frozen=True)
class SshdSettings:
    """All that shall be in force: the global settings and the blocks, in the order of their precedence."""

    settings: Settings
    blocks: tuple[MatchBlock, ...] = ()

    def only(self, names: t.Collection[str]) -> SshdSettings:
        """Return the global settings of ``names`` (lower case) alone."""
        return SshdSettings({name: lines for name, lines in self.settings.items() if name.lower() in names})

    def without(self, names: t.Collection[str]) -> SshdSettings:
        """Return the wish without the global settings of ``names`` (lower case)."""
        kept = {name: lines for name, lines in self.settings.items() if name.lower() not in names}
        return replace(self, settings=kept)

    @property
    def keywords(self) -> frozenset[str]:
        """Every keyword that is asked somewhere, as ``sshd -T`` prints it."""
        return frozenset(name.lower() for part in (self.settings, *(b.settings for b in self.blocks)) for name in part)

    def __bool__(self) -> bool:
        return bool(self.settings or self.blocks)


def build_settings(
    settings: t.Mapping[str, t.Any],
    match: t.Sequence[t.Mapping[str, t.Any]] = (),
    *,
    defaults: t.Mapping[str, t.Any] | None = None,
) -> SshdSettings:
    """Check what the user wrote. ``defaults`` hold for keywords that ``settings`` lack; ``None`` leaves one out."""
    own = _named(settings, "settings")
    merged = {**_named(defaults or {}, "defaults"), **own}
    blocks = []
    for number, entry in enumerate(match, 1):
        where = f"match block {number}"
        criteria = _criteria(entry["criteria"], where)
        part = _values(_named(entry["settings"], where), where)
        if not part:
            raise BaselineError(f"{where} ({criteria}) has no settings; {_UNCHANGED}")
        blocks.append(MatchBlock(criteria, part))
    return SshdSettings(_values(merged, "settings"), tuple(blocks))


def require_supported(desired: SshdSettings, release: Release) -> None:
    """Raise for what the sshd at hand does not know yet and would refuse in words that do not say so."""
    if release >= INVALID_USER:
        return
    for number, block in enumerate(desired.blocks, 1):
        if ("invalid-user", "") in block.criteria.pairs:
            raise BaselineError(
                f"match block {number} ({block.criteria}): Invalid-User needs OpenSSH 9.9 or later and this host has "
                f"{release.major}.{release.minor}; {_UNCHANGED}; leave the block out on this host"
            )


def render_settings(desired: SshdSettings, notes: t.Iterable[str] = ()) -> str:
    """Return the wish as the text of a file; ``notes`` become comments."""
    lines = [f"# {note}\n" for note in notes]
    lines += [f"{name} {value}\n" for name, values in desired.settings.items() for value in values]
    for block in desired.blocks:
        pairs = " ".join(
            f"{_SPELLED[name]} {quote(value) if value else ''}".strip() for name, value in block.criteria.pairs
        )
        lines.append(f"\nMatch {pairs}\n")
        lines.extend(f"    {name} {value}\n" for name, values in block.settings.items() for value in values)
    return HEADER + "".join(lines)


def _named(settings: t.Mapping[str, t.Any], where: str) -> dict[str, t.Any]:
    """Return ``settings`` under the manual's spelling; the same keyword under two spellings is an error."""
    named: dict[str, t.Any] = {}
    for keyword, value in settings.items():
        try:
            name = canonical(str(keyword))
        except BaselineError as error:
            raise BaselineError(f"{where}: {error}") from error
        if name in ("Match", "Include"):
            way = "write a block under 'match'" if name == "Match" else "give the settings themselves"
            raise BaselineError(f"{where}: {name} cannot be set here; {way}; {_UNCHANGED}")
        if name in named:
            raise BaselineError(f"{where}: {name} is given twice (as {keyword!r} and another spelling); {_UNCHANGED}")
        named[name] = value
    return named


def _values(named: t.Mapping[str, t.Any], where: str) -> Settings:
    return {name: _lines(name, value, where) for name, value in sorted(named.items()) if value is not None}


def _lines(name: str, value: t.Any, where: str) -> tuple[str, ...]:
    """Return one raw value for each line that ``name`` takes in the file."""
    keyword = name.lower()
    if not isinstance(value, list):
        return (_word(name, value, where),)
    words = [_word(name, member, where) for member in value]
    if not words:
        raise BaselineError(f"{where}: {name} has an empty list; give values, or null to leave it out; {_UNCHANGED}")
    if keyword in CUMULATIVE:
        return tuple(words)
    if keyword in COMMAS:
        return (",".join(words),)
    return (" ".join(word if len(split(word)) == 1 else quote(word) for word in words),)


def _word(name: str, value: t.Any, where: str) -> str:
    """Return one scalar as sshd_config(5) writes it; what sshd could only misread is refused here."""
    keyword = name.lower()
    if isinstance(value, bool):
        word = "yes" if value else "no"
    elif isinstance(value, (str, int)):
        word = str(value).strip()
    else:
        raise BaselineError(f"{where}: {name} takes a text, a number or a list, not {value!r}; {_UNCHANGED}")
    if keyword == "streamlocalbindmask" and not isinstance(value, str):
        raise BaselineError(f"{where}: {name} is octal: write it as a text in quotes, such as '0177'; {_UNCHANGED}")
    if "\n" in word or "\r" in word or "\0" in word:
        raise BaselineError(f"{where}: {name} holds a line break; {_UNCHANGED}")
    try:
        arguments = split(word)
    except ValueError as error:
        raise BaselineError(f"{where}: {name} has {error}: {word!r}; {_UNCHANGED}") from error
    if not arguments:
        raise BaselineError(f"{where}: {name} has no value; give one, or null to leave it out; {_UNCHANGED}")
    if keyword in FLAGS and word.lower() not in ("yes", "no"):
        raise BaselineError(f"{where}: {name} takes yes or no, not {word!r}; {_UNCHANGED}")
    if keyword in NUMBERS:
        _check_number(name, word, NUMBERS[keyword], where)
    return word.lower() if keyword in FLAGS else word


def _check_number(name: str, word: str, bounds: tuple[int, int], where: str) -> None:
    low, high = bounds
    if not (word.isascii() and word.isdigit() and low <= int(word) <= high):
        raise BaselineError(f"{where}: {name} takes a whole number from {low} to {high}, not {word!r}; {_UNCHANGED}")


def _criteria(given: t.Any, where: str) -> Criteria:
    """Read ``criteria``: a mapping (criterion -> pattern or list of them) or the text that follows ``Match``."""
    if isinstance(given, str):
        try:
            arguments = split(given)
        except ValueError as error:
            raise BaselineError(f"{where}: criteria have {error}: {given!r}; {_UNCHANGED}") from error
    elif isinstance(given, dict):
        arguments = []
        for name, patterns in given.items():
            if patterns in (None, "", True):
                # 'all' and 'invalid-user' stand alone.
                arguments.append(str(name))
                continue
            members = patterns if isinstance(patterns, list) else [patterns]
            arguments.extend([str(name), ",".join(str(member) for member in members)])
    else:
        raise BaselineError(f"{where}: criteria take a mapping or a text, not {given!r}; {_UNCHANGED}")
    return read_criteria(arguments, where=where)
