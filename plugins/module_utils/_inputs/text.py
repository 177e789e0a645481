# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters that the inputs of modules and roles may hold: printable ones, and a line break where a list is. Pure.

Each input ends up in a file of one entry a line, in a command or in a unit. A character that one program takes for the
end of a line and another one does not see would make two entries of one, so all of them are refused in one place.
"""

from __future__ import annotations

import typing as t

from .._core.errors import BaselineError
from .._core.text import forbidden_character, printable

__all__ = ["HOLDS_LINES", "PARSED_ELSEWHERE", "input_errors", "require_plain"]

# jail.conf(5): options that take several values, one a line; also written as one text of several lines.
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
# Option of a module or input of a role, as a path with `*` for any name -> texts there may hold "\n", nothing else.
HOLDS_LINES = frozenset(
    place
    for prefix in ("", "fail2ban_")
    for option in _LISTS_OF_JAILS
    for place in ((f"{prefix}defaults", option), (f"{prefix}jails", "*", option))
)
# Inputs whose own parser refuses these characters by the number of the entry.
PARSED_ELSEWHERE = frozenset(["admin_user_authorized_keys", "authorized_keys"])

_HINT = "is not allowed there; write it as one line of printable characters"
Place = t.Tuple[str, ...]


def input_errors(inputs: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each text in ``inputs``, at any depth, with a character that it may not hold.

    The sentence names the option, the entry and the character, and never repeats the value, which may be a secret.
    """
    given = {name: value for name, value in inputs.items() if name not in PARSED_ELSEWHERE}
    found = ((place, _forbidden(place, text)) for place, text in _texts(given, ()))
    return [f"{_path(place)}: {character} {_HINT}" for place, character in found if character]


def require_plain(options: t.Mapping[str, t.Any]) -> None:
    """Raise for the ``options`` of a module where :func:`input_errors` finds anything."""
    errors = input_errors(options)
    if errors:
        raise BaselineError(f"{'; '.join(errors)}; nothing was changed")


def _texts(value: t.Any, place: Place) -> t.Iterator[tuple[Place, str]]:
    """Yield every text of ``value`` with its place; a name in a mapping is a text too."""
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
    # A blank in its place keeps the number of the character right.
    return forbidden_character(text.replace("\n", " ") if _holds_lines(place) else text)


def _holds_lines(place: Place) -> bool:
    return any(
        len(known) == len(place) and all(name in ("*", own) for name, own in zip(known, place)) for known in HOLDS_LINES
    )


def _path(place: Place) -> str:
    return printable(".".join(place), longest=200).replace(".[", "[")
