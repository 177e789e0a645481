# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from elsewhere: what of it may reach a terminal, a log or a file of one entry a line. Pure; Unicode (UAX 9)."""

from __future__ import annotations

import unicodedata

__all__ = ["forbidden_character", "is_number", "one_line", "printable", "printable_lines"]

_LONGEST, _MOST_DIGITS = 4000, 18


def printable(text: str, *, longest: int = _LONGEST) -> str:
    r"""Return ``text`` on one line, every character that is not printable as a Python escape (``\x1b``, ``\u202e``).

    That covers what moves a terminal's cursor, ends a line or turns the direction of writing, and bytes that are not
    UTF-8. What is longer than ``longest`` characters is cut, and the text says so.
    """
    rest = len(text) - longest
    shown = text[:longest]
    quoted = shown if shown.isprintable() else "".join(map(_quoted, shown))
    return f"{quoted}… ({rest} more characters)" if rest > 0 else quoted


def one_line(text: str, *, longest: int = _LONGEST) -> str:
    """Return ``text`` as :func:`printable` does, its lines joined by semicolons: what a program said, in a sentence."""
    lines = [line.strip() for line in text[:longest].split("\n")]
    *firsts, last = [line for line in lines if line] or [""]
    joined = "".join(line + (" " if line.endswith(":") else "; ") for line in firsts) + last
    rest = len(text) - longest
    return printable(joined, longest=longest) + (f"… ({rest} more characters)" if rest > 0 else "")


def printable_lines(text: str, *, longest: int = _LONGEST) -> str:
    r"""Return ``text`` as :func:`printable` does, but keep ``\n`` and ``\t``, as in a diff."""
    rest = len(text) - longest
    quoted = "".join(one if one in "\n\t" else _quoted(one) for one in text[:longest])
    return f"{quoted}… ({rest} more characters)" if rest > 0 else quoted


def is_number(text: str) -> bool:
    """Say whether ``text`` is a number that ``int`` takes: ASCII digits, and not thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def forbidden_character(text: str) -> str:
    """Return the first character of ``text`` that no value of one line may hold, named for people; else an empty text.

    Control, format and separator characters are (categories Cc, Cf, Cs, Zl, Zp and all spaces but U+0020): programs
    disagree on which of them end a line, and a person who reads the value does not see them.
    """
    for number, character in enumerate(text, start=1):
        if not character.isprintable():
            name = unicodedata.name(character, "control character")
            return f"U+{ord(character):04X} ({name}) at character {number}"
    return ""


def _quoted(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
