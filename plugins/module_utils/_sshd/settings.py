# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired settings: keywords and Match blocks as the user writes them, validated and rendered."""

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
    """The settings of one ``Match`` block: keyword in the manual's spelling -> one raw value for each line."""

    criteria: Criteria
    settings: Settings


@dataclass(frozen=True)
class SshdSettings:
    """The desired global settings and ``Match`` blocks, in the order of their precedence."""

    settings: Settings
    blocks: tuple[MatchBlock, ...] = ()

    def only(self, names: t.Collection[str]) -> SshdSettings:
        """Return only the global settings of ``names`` (lower case)."""
        return SshdSettings({name: lines for name, lines in self.settings.items() if name.lower() in names})

    def without(self, names: t.Collection[str]) -> SshdSettings:
        """Return the settings without the global settings of ``names`` (lower case)."""
        kept = {name: lines for name, lines in self.settings.items() if name.lower() not in names}
        return replace(self, settings=kept)

    @property
    def keywords(self) -> frozenset[str]:
        """Every requested keyword, of the global settings and of the blocks, as ``sshd -T`` prints it."""
        return frozenset(name.lower() for part in (self.settings, *(b.settings for b in self.blocks)) for name in part)

    def __bool__(self) -> bool:
        return bool(self.settings or self.blocks)


@dataclass(frozen=True)
class _Source:
    """The place of a setting in the module's arguments: the option and, in a list, the entry."""

    option: str
    where: str = ""

    def error(self, problem: str, hint: str = "") -> BaselineError:
        return BaselineError(problem, option=self.option, where=self.where, hint=hint)


def build_settings(
    settings: t.Mapping[str, t.Any],
    match: t.Sequence[t.Mapping[str, t.Any]] = (),
    *,
    defaults: t.Mapping[str, t.Any] | None = None,
) -> SshdSettings:
    """Validate the user's input. ``defaults`` apply to keywords that ``settings`` lacks; ``None`` omits a keyword."""
    source = _Source("settings")
    merged = {**_named(defaults or {}, _Source("defaults")), **_named(settings, source)}
    blocks = [_block(entry, _Source("match", f"match block {number}")) for number, entry in enumerate(match, 1)]
    return SshdSettings(_values(merged, source), tuple(blocks))


def require_supported(desired: SshdSettings, release: Release) -> None:
    """Raise for what this sshd does not support yet and would reject with an unclear message."""
    if release >= INVALID_USER:
        return
    for number, block in enumerate(desired.blocks, 1):
        if ("invalid-user", "") in block.criteria.pairs:
            raise _Source("match", f"match block {number} ({block.criteria})").error(
                f"Invalid-User needs OpenSSH 9.9 or later and this host has {release.major}.{release.minor}",
                "remove the block for this host",
            )


def render_settings(desired: SshdSettings, notes: t.Iterable[str] = ()) -> str:
    """Return the text of the file that holds ``desired``; ``notes`` become comments."""
    lines = [f"# {note}\n" for note in notes]
    lines += [f"{name} {value}\n" for name, values in desired.settings.items() for value in values]
    for block in desired.blocks:
        pairs = " ".join(
            f"{_SPELLED[name]} {quote(value) if value else ''}".strip() for name, value in block.criteria.pairs
        )
        lines.append(f"\nMatch {pairs}\n")
        lines.extend(f"    {name} {value}\n" for name, values in block.settings.items() for value in values)
    return HEADER + "".join(lines)


def _block(entry: t.Mapping[str, t.Any], source: _Source) -> MatchBlock:
    criteria = _criteria(entry["criteria"], source)
    settings = _values(_named(entry["settings"], source), source)
    if not settings:
        raise _Source(source.option, f"{source.where} ({criteria})").error("the block has no settings")
    return MatchBlock(criteria, settings)


def _named(settings: t.Mapping[str, t.Any], source: _Source) -> dict[str, t.Any]:
    """Return ``settings`` by the manual's spelling; the same keyword in two spellings is an error."""
    named: dict[str, t.Any] = {}
    for keyword, value in settings.items():
        try:
            name = canonical(str(keyword))
        except BaselineError as error:
            raise source.error(error.problem, error.hint) from error
        if name == "Match":
            raise source.error("Match cannot be set here", "write a block in 'match'")
        if name == "Include":
            raise source.error("Include cannot be set here", "give the settings themselves")
        if name in named:
            raise source.error(f"{name} is given twice (as {keyword!r} and another spelling)")
        named[name] = value
    return named


def _values(named: t.Mapping[str, t.Any], source: _Source) -> Settings:
    return {name: _lines(name, value, source) for name, value in sorted(named.items()) if value is not None}


def _lines(name: str, value: t.Any, source: _Source) -> tuple[str, ...]:
    """Return one raw value for each line that ``name`` takes in the file."""
    keyword = name.lower()
    if not isinstance(value, list):
        return (_scalar(name, value, source),)
    members = [_scalar(name, member, source) for member in value]
    if not members:
        raise source.error(f"{name} has an empty list", "give values, or null to omit the keyword")
    if keyword in CUMULATIVE:
        return tuple(members)
    if keyword in COMMAS:
        return (",".join(members),)
    return (" ".join(member if len(split(member)) == 1 else quote(member) for member in members),)


def _scalar(name: str, value: t.Any, source: _Source) -> str:
    """Return one value in the syntax of sshd_config(5); a value that sshd could only misread is an error."""
    text = _text(name, value, source)
    try:
        arguments = split(text)
    except ValueError as error:
        raise source.error(f"{name} has {error}: {text!r}") from error
    if not arguments:
        raise source.error(f"{name} has no value", "give one, or null to omit the keyword")
    keyword = name.lower()
    if keyword in NUMBERS:
        _check_number(name, text, NUMBERS[keyword], source)
    if keyword not in FLAGS:
        return text
    if text.lower() not in ("yes", "no"):
        raise source.error(f"{name} takes yes or no, not {text!r}")
    return text.lower()


def _text(name: str, value: t.Any, source: _Source) -> str:
    if not isinstance(value, (str, int)):
        raise source.error(f"{name} takes a text, a number or a list, not {value!r}")
    if name == "StreamLocalBindMask" and not isinstance(value, str):
        raise source.error(f"{name} is octal", "write it as a text in quotes, such as '0177'")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value).strip()
    if "\n" in text or "\r" in text or "\0" in text:
        raise source.error(f"{name} contains a line break")
    return text


def _check_number(name: str, text: str, bounds: tuple[int, int], source: _Source) -> None:
    low, high = bounds
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise source.error(f"{name} takes a whole number from {low} to {high}, not {text!r}")


def _criteria(given: t.Any, source: _Source) -> Criteria:
    """Read ``criteria``: a mapping (criterion -> pattern or list of patterns) or the text that follows ``Match``."""
    if isinstance(given, str):
        try:
            arguments = split(given)
        except ValueError as error:
            raise source.error(f"criteria have {error}: {given!r}") from error
    elif isinstance(given, dict):
        arguments = []
        for name, patterns in given.items():
            if patterns in (None, "", True):
                # 'all' and 'invalid-user' have no pattern.
                arguments.append(str(name))
                continue
            members = patterns if isinstance(patterns, list) else [patterns]
            arguments.extend([str(name), ",".join(str(member) for member in members)])
    else:
        raise source.error(f"criteria take a mapping or a text, not {given!r}")
    try:
        return read_criteria(arguments, where=source.where)
    except BaselineError as error:
        error.option = source.option
        raise
