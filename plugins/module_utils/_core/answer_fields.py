# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of what a host answers to the controller, each with a type, a length and a pattern. Pure.

The host may be hostile: its root decides every byte of the answer. An answer with anything else in it is refused by the
name of that field.
"""

from __future__ import annotations

import re
import typing as t

from .errors import BaselineError
from .text import forbidden_character, printable

__all__ = [
    "InvalidConfirmation",
    "choice_field",
    "invalid_answer",
    "list_field",
    "mapping_field",
    "number_field",
    "text_field",
]


class InvalidConfirmation(Exception):
    """One field of an answer that is not what it has to be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{printable(field, longest=100)} {problem}")


def invalid_answer(reason: object) -> BaselineError:
    """Return the error for an answer that no honest module gives; the caller knows what was changed on the host."""
    return BaselineError(
        f"the answer of the host is not one of this module: {reason}, so nothing of it was used on this controller",
        hint="find out what has changed Python or this module's files on that host",
    )


def mapping_field(value: t.Any, field: str, known: t.Sequence[str], *, required: bool = True) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a mapping")
    for name in value:
        if name not in known:
            raise InvalidConfirmation(f"{field}.{name}", f"is no field that it has ({', '.join(known)})")
    missing = [name for name in known if required and name not in value]
    if missing:
        raise InvalidConfirmation(f"{field}.{missing[0]}", "is missing")
    return value


def list_field(value: t.Any, field: str, most: int) -> list[t.Any]:
    if not isinstance(value, list):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a list")
    if len(value) > most:
        raise InvalidConfirmation(field, f"has {len(value)} entries, more than {most}")
    return value


def text_field(value: t.Any, field: str, *, longest: int, pattern: str = ".*") -> str:
    if not isinstance(value, str):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a text")
    if len(value) > longest:
        raise InvalidConfirmation(field, f"has {len(value)} characters, more than {longest}")
    forbidden = forbidden_character(value)
    if forbidden:
        raise InvalidConfirmation(field, f"holds {forbidden}")
    if not re.fullmatch(pattern, value):
        raise InvalidConfirmation(field, f"is {printable(value, longest=80)!r}, which it cannot be")
    return value


def number_field(value: t.Any, field: str, least: int, most: int) -> int:
    # A bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a whole number")
    if not least <= value <= most:
        bounds = str(least) if least == most else f"from {least} to {most}"
        raise InvalidConfirmation(field, f"is {value if abs(value) < 10**9 else 'out of bounds'} and must be {bounds}")
    return value


def choice_field(value: t.Any, field: str, known: t.Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidConfirmation(field, f"is none of {', '.join(known)}")
    return value


def _kind(value: t.Any) -> str:
    """Name the JSON type of ``value``."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), "of an unknown type")
