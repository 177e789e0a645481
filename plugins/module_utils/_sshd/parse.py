# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of sshd_config(5): keyword and arguments, split and quoted like OpenSSH's ``strdelim`` and ``argv_split``."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import BaselineError
from .keywords import folded

__all__ = ["Line", "parse", "quote", "split", "split_criteria"]

_BLANK = " \t\r\n"


@dataclass(frozen=True)
class Line:
    """One directive: the keyword as ``sshd -T`` prints it, the arguments, the line number and the raw rest."""

    keyword: str
    arguments: tuple[str, ...]
    number: int
    rest: str


def parse(text: str, *, path: str) -> list[Line]:
    """Return the directives of ``text`` without blank lines and comments; errors name ``path``."""
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        keyword, rest = _keyword(raw.rstrip(_BLANK + "\f"))
        if not keyword:
            continue
        try:
            arguments = split(rest)
        except ValueError as error:
            raise BaselineError(str(error), where=f"{path}:{number}", hint="correct that line") from error
        lines.append(Line(folded(keyword), tuple(arguments), number, rest))
    return lines


def split(rest: str) -> list[str]:
    """Split what follows a keyword into arguments; ``#`` at the start of one ends the line. Open quotes: ValueError."""
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
    """Split the criteria of a ``Match`` line as OpenSSH before 9.9 does: also at ``=``, and only ``"`` quotes."""
    found: list[str] = []
    while rest:
        word, rest = _cut(rest)
        if not word or word.startswith("#"):
            break
        found.append(word)
    return found


def quote(argument: str) -> str:
    """Return ``argument`` quoted where :func:`split` would not read it as one argument."""
    if argument and not argument.startswith("#") and not any(sign in argument for sign in " \t\"'\\"):
        return argument
    return '"{}"'.format(argument.replace("\\", "\\\\").replace('"', '\\"'))


def _keyword(line: str) -> tuple[str, str]:
    """Split ``line`` after its keyword; sshd skips blanks or one ``=`` before it."""
    keyword, rest = _cut(line)
    if not keyword:
        keyword, rest = _cut(rest)
    return ("", "") if keyword.startswith("#") else (keyword, rest)


def _cut(text: str) -> tuple[str, str]:
    """Split off the first word (``strdelim``); blanks with up to one ``=``, or a closing quote, end it."""
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
    """Return the argument that starts at ``at``, and the position after it."""
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
