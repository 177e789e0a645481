# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters that the inputs of modules and roles may hold: printable ones, and a line break where a list is. Pure.

Each input is written to a file of one entry a line, to a command or to a unit. A character that one program reads as
the end of a line and another program ignores would turn one entry into two, so all of them are refused in one place.
"""

from __future__ import annotations

import typing as t

from .._core.errors import UNCHANGED, BaselineError, combined
from .._core.text import forbidden_character, printable

__all__ = ["HOLDS_LINES", "PARSED_ELSEWHERE", "SAMPLES", "character_errors", "require_plain"]

# jail.conf(5): options that take several values, one a line. Each may also be one text of several lines.
_LISTS_OF_JAILS = (
    "action",
    "action_",
    "action_mw",
    "action_mwl",
    "failregex",
    "ignoreip",
    "ignoreregex",
    "journalmatch",
    "logpath",
)
_LISTS_OF_FILTERS = ("before", "failregex", "ignoreregex", "journalmatch")
# Sample lines of filters, which are tried and written nowhere: lines of a log, also with tabs.
SAMPLES = frozenset(
    (option, "*", kind, *entry)
    for option in ("filters", "fail2ban_filters")
    for kind in ("matches", "ignores")
    for entry in ((), ("*",), ("*", "line"))
)
# Paths of options and role inputs (`*` is any name) whose texts may contain "\n", and no other such character.
HOLDS_LINES = frozenset(
    place
    for prefix in ("", "fail2ban_")
    for option in _LISTS_OF_JAILS
    for place in ((f"{prefix}defaults", option), (f"{prefix}jails", "*", option))
) | frozenset((f"{prefix}filters", "*", option) for prefix in ("", "fail2ban_") for option in _LISTS_OF_FILTERS)
# The parser of these inputs refuses such characters itself and names the entry by its number.
PARSED_ELSEWHERE = frozenset(["admin_user_authorized_keys", "authorized_keys"])

_HINT = "write it as one line of printable characters"
Place = t.Tuple[str, ...]


def character_errors(inputs: t.Mapping[str, t.Any]) -> list[BaselineError]:
    """Return an error for each text in ``inputs``, at any depth, that contains a character it may not contain.

    The error names the option, the entry and the character. It never repeats the value, which may be a secret.
    """
    given = {name: value for name, value in inputs.items() if name not in PARSED_ELSEWHERE}
    found = ((place, _forbidden(place, text)) for place, text in _texts(given, ()))
    return [
        BaselineError(f"{character} is not allowed there", option=_path(place), hint=_HINT)
        for place, character in found
        if character
    ]


def require_plain(options: t.Mapping[str, t.Any]) -> None:
    """Raise what :func:`character_errors` finds in the ``options`` of a module."""
    errors = character_errors(options)
    if errors:
        raise combined(errors, state=UNCHANGED)


def _texts(value: t.Any, place: Place) -> t.Iterator[tuple[Place, str]]:
    """Yield every text of ``value`` with its place. The names in a mapping count as texts."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, t.Mapping):
        for name, entry in value.items():
            yield (*place, f"{name} (the name)"), str(name)
            yield from _texts(entry, (*place, str(name)))
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value, start=1):
            yield from _texts(entry, (*place, f"[{number}]"))


def _forbidden(place: Place, text: str) -> str:
    # A blank instead of the line feed keeps the number of the character right.
    if _is_in(place, SAMPLES):
        text = text.replace("\t", " ").replace("\n", " ")
    return forbidden_character(text.replace("\n", " ") if _is_in(place, HOLDS_LINES) else text)


def _is_in(place: Place, places: t.Iterable[Place]) -> bool:
    return any(
        len(known) == len(place) and all(name in ("*", own) for name, own in zip(known, place)) for known in places
    )


def _path(place: Place) -> str:
    return printable(".".join(place), longest=200).replace(".[", "[")
