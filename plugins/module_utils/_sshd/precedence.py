# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Precedence: which directives decide a keyword for a connection, and which are shadowed.

sshd reads its files twice. At startup it takes the lines outside of blocks (and in ``Match all``). When somebody
connects, it takes the lines of the matching blocks, which override the former. In each pass the first line of a keyword
wins, except for cumulative keywords and the exceptions below.
"""

from __future__ import annotations

import typing as t

from .keywords import CUMULATIVE, GLOBAL
from .match import Connection
from .releases import (
    NEWEST,
    OWN_PRINCIPALS_COMMAND,
    SUBSYSTEM_IN_BLOCKS,
    Release,
    last_wins,
)
from .tree import Directive

__all__ = ["deciding_directives", "is_first_wins", "is_global_only"]

_Lines = t.List[Directive]


def is_global_only(keyword: str, release: Release = NEWEST) -> bool:
    """Say whether sshd rejects ``keyword`` in a ``Match`` block, other than ``Match all``."""
    return keyword in GLOBAL or (keyword == "subsystem" and release < SUBSYSTEM_IN_BLOCKS)


def is_first_wins(keyword: str, release: Release = NEWEST) -> bool:
    """Say whether the first line of ``keyword`` wins and all others are shadowed."""
    return keyword not in CUMULATIVE and not last_wins(keyword, release)


def deciding_directives(
    directives: t.Iterable[Directive], keyword: str, connection: Connection, release: Release = NEWEST
) -> tuple[list[Directive], list[Directive]]:
    """Return which directives decide ``keyword`` for ``connection`` in ``release``, and which are shadowed."""
    global_only = is_global_only(keyword, release)
    found, at_start, of_blocks = [], [], []
    for one in directives:
        # A bug of old releases (see below) needs this second keyword.
        if one.keyword in (keyword, "authorizedkeyscommand"):
            fits = bool(one.criteria) and not global_only and one.applies(connection)
            at_start += [one] * one.at_startup
            of_blocks += [one] * fits
            found += [one] * (one.keyword == keyword and (one.at_startup or fits))
    deciding = _decide(keyword, of_blocks, release) or _decide(keyword, at_start, release)
    if keyword == "rekeylimit":
        timed = _intervals(of_blocks) or _intervals(at_start)
        deciding += [one for one in timed[:1] if one not in deciding]
    # A line of a file that is included twice may take effect once and be shadowed once.
    decisive = {one.where for one in deciding}
    return deciding, [one for one in found if one.where not in decisive]


def _decide(keyword: str, lines: _Lines, release: Release) -> _Lines:
    """Return the deciding lines of one pass."""
    if keyword == "authorizedprincipalscommand" and release < OWN_PRINCIPALS_COMMAND:
        return _before_keys_command(lines)
    found = [one for one in lines if one.keyword == keyword]
    if keyword == "subsystem":
        return _first_of_each_name(found)
    if keyword in CUMULATIVE:
        return found
    if keyword == "unusedconnectiontimeout":
        found = [one for one in found if one.arguments[:1] and one.arguments[0].lower() == "none"] or found
    return found[-1:] if last_wins(keyword, release) else found[:1]


def _before_keys_command(lines: _Lines) -> _Lines:
    """The last AuthorizedPrincipalsCommand before the first AuthorizedKeysCommand wins."""
    found: _Lines = []
    for one in lines:
        if one.keyword == "authorizedkeyscommand":
            break
        found = [one]
    return found


def _intervals(lines: _Lines) -> _Lines:
    """Return the RekeyLimit lines that contain a time: sshd looks for each of the two arguments separately."""
    return [
        one for one in lines if one.keyword == "rekeylimit" and len(one.arguments) > 1 and one.arguments[1] != "none"
    ]


def _first_of_each_name(lines: _Lines) -> _Lines:
    found: dict[str, Directive] = {}
    for one in lines:
        found.setdefault("".join(one.arguments[:1]), one)
    return list(found.values())
