# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes text from other programs and users safe for a terminal, a log or a file of one entry a line. Pure."""

from __future__ import annotations

import unicodedata

__all__ = ["forbidden_character", "is_number", "one_line", "printable", "printable_lines"]

_LONGEST, _MOST_DIGITS = 4000, 18


def printable(text: str, *, longest: int = _LONGEST) -> str:
    r"""Return ``text`` on one line, every character that is not printable as a Python escape (``\x1b``, ``\u202e``).

    That covers characters that move a terminal's cursor, end a line or change the direction of writing (UAX 9), and
    bytes that are not UTF-8. A text of more than ``longest`` characters is cut and says so.
    """
    rest = len(text) - longest
    shown = text[:longest]
    quoted = shown if shown.isprintable() else "".join(map(_quoted, shown))
    return f"{quoted}… ({rest} more characters)" if rest > 0 else quoted


def one_line(text: str, *, longest: int = _LONGEST) -> str:
    """Return ``text`` as :func:`printable` does, its lines joined by semicolons, for use within a sentence."""
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
    """Return whether ``text`` is a number that ``int`` accepts: ASCII digits, and not thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def forbidden_character(text: str) -> str:
    """Return the name of the first character of ``text`` that a value of one line may not contain, else an empty text.

    Those are control, format and separator characters (categories Cc, Cf, Cs, Zl, Zp and all spaces but U+0020):
    programs disagree on which of them end a line, and a person who reads the value does not see them.
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
