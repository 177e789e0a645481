# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of sshd_config(5): keyword and arguments, split and quoted as OpenSSH's ``strdelim`` and ``argv_split`` do."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import BaselineError
from .keywords import folded

__all__ = ["Line", "parse", "quote", "split", "split_criteria"]

_BLANK = " \t\r\n"


@dataclass(frozen=True)
class Line:
    """One directive: the keyword as ``sshd -T`` prints it, its arguments, its line and the raw rest of that line."""

    keyword: str
    arguments: tuple[str, ...]
    number: int
    rest: str


def parse(text: str, *, path: str) -> list[Line]:
    """Return the directives of ``text``; blank lines and comments are left out. ``path`` is for messages."""
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        keyword, rest = _keyword(raw.rstrip(_BLANK + "\f"))
        if not keyword:
            continue
        try:
            arguments = split(rest)
        except ValueError as error:
            raise BaselineError(f"{path}:{number}: {error}; nothing was changed; correct that line") from error
        lines.append(Line(folded(keyword), tuple(arguments), number, rest))
    return lines


def split(rest: str) -> list[str]:
    """Split what follows a keyword into arguments; a ``#`` before a word ends the line. Open quotes: ValueError."""
    arguments: list[str] = []
    at = 0
    while at < len(rest):
        if rest[at] in " \t":
            at += 1
        elif rest[at] == "#":
            break
        else:
            argument, at = _argument(rest, at)
            arguments.append(argument)
    return arguments


def split_criteria(rest: str) -> list[str]:
    """Split the criteria of a ``Match`` line as OpenSSH before 9.9 does: at ``=`` too, and only ``"`` quotes."""
    found: list[str] = []
    while rest:
        word, rest = _cut(rest)
        if not word or word.startswith("#"):
            break
        found.append(word)
    return found


def quote(argument: str) -> str:
    """Return ``argument`` written so that :func:`split` gives it back as one argument."""
    if argument and not argument.startswith("#") and not any(sign in argument for sign in " \t\"'\\"):
        return argument
    return '"{}"'.format(argument.replace("\\", "\\\\").replace('"', '\\"'))


def _keyword(line: str) -> tuple[str, str]:
    """Cut ``line`` after its keyword; before it sshd passes over blanks or one ``=``."""
    keyword, rest = _cut(line)
    if not keyword:
        keyword, rest = _cut(rest)
    return ("", "") if keyword.startswith("#") else (keyword, rest)


def _cut(text: str) -> tuple[str, str]:
    """Cut off the first word (``strdelim``): blanks with one ``=`` among them end it, and so does a closing quote."""
    end = next((at for at, sign in enumerate(text) if sign in _BLANK + '="'), len(text))
    word, rest = text[:end], text[end + 1 :]
    if text[end : end + 1] == '"':
        quoted, closed, rest = rest.partition('"')
        return (word + quoted, rest.lstrip(_BLANK)) if closed else ("", "")
    rest = rest.lstrip(_BLANK)
    if text[end : end + 1] != "=" and rest.startswith("="):
        rest = rest[1:].lstrip(_BLANK)
    return word, rest


def _argument(rest: str, at: int) -> tuple[str, int]:
    """Return the argument that starts at ``at`` and the place after it."""
    word: list[str] = []
    quoted = ""
    while at < len(rest):
        sign = rest[at]
        following = rest[at + 1 : at + 2]
        if sign == "\\" and following and (following in "'\"\\" or (following == " " and not quoted)):
            word.append(following)
            at += 1
        elif not quoted and sign in " \t":
            break
        elif not quoted and sign in "\"'":
            quoted = sign
        elif quoted and sign == quoted:
            quoted = ""
        else:
            word.append(sign)
        at += 1
    if quoted:
        raise ValueError("invalid quotes")
    return "".join(word), at
