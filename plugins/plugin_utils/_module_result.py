# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module on a host answered, made safe for the controller: bounded, and printable on a terminal. Pure.

The host may be hostile: whoever has root there decides every byte of the answer.
"""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._text import printable, printable_lines

__all__ = ["checked_result"]

_DEEPEST, _LONGEST_TEXT, _LONGEST_DIFF, _MOST_ENTRIES = 12, 20_000, 200_000, 10_000


def checked_result(result: t.Mapping[str, t.Any], *, facts: t.Collection[str] = ()) -> dict[str, t.Any]:
    """Return ``result`` with every text printable; of ``ansible_facts`` only those named in ``facts`` stay.

    Raises ``BaselineError`` where the answer is larger or deeper than any module of the collection makes it.
    """
    found = {str(name): _value(value, (str(name),)) for name, value in result.items()}
    if "ansible_facts" in found:
        given = found["ansible_facts"] if isinstance(found["ansible_facts"], dict) else {}
        found["ansible_facts"] = {name: value for name, value in given.items() if name in facts}
    return found


def _value(value: t.Any, where: tuple[str, ...]) -> t.Any:
    if len(where) > _DEEPEST:
        raise _too_much(where, "deeper")
    if isinstance(value, str):
        is_diff = where[0] == "diff"
        return printable_lines(value, longest=_LONGEST_DIFF) if is_diff else printable(value, longest=_LONGEST_TEXT)
    if isinstance(value, t.Mapping):
        if len(value) > _MOST_ENTRIES:
            raise _too_much(where, "longer")
        return {printable(str(key)): _value(entry, (*where, str(key))) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > _MOST_ENTRIES:
            raise _too_much(where, "longer")
        return [_value(entry, (*where, "[]")) for entry in value]
    return value


def _too_much(where: tuple[str, ...], word: str) -> BaselineError:
    name = printable(".".join(where[:3]), longest=100)
    return BaselineError(
        f"the answer of the host is not one of this module: {name} is {word} than it can be; what the module did on "
        "the host is not known; look for what has replaced or changed Python there"
    )
