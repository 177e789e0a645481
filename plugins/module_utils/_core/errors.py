# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error class of the collection, and the "nearest known" hint that its messages share."""

from __future__ import annotations

import difflib
import typing as t

from .text import one_line

__all__ = ["BaselineError", "nearest", "unknown"]


_LONGEST = 20_000


class BaselineError(Exception):
    """A wish that cannot be fulfilled.

    ``str(error)`` is the complete message for the user: what is wrong, where, what was left unchanged, what to do.
    It is one line, and what is not printable is quoted: programs, processes and other users put their words there.
    ``details`` (a dict of JSON values) is added to the module's result.
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(one_line(message, longest=_LONGEST))
        self.details = details


def nearest(word: str, known: t.Iterable[str], *, count: int = 3) -> list[str]:
    """Return up to ``count`` members of ``known`` that look like ``word`` (case-insensitive), the nearest first."""
    by_folded = {name.lower(): name for name in known}
    return [by_folded[name] for name in difflib.get_close_matches(word.lower(), list(by_folded), n=count, cutoff=0.6)]


def unknown(kind: str, word: str, known: t.Iterable[str]) -> str:
    """Return the sentence for an unknown name: ``unknown jail option 'bantme'; did you mean 'bantime'?``."""
    near = nearest(word, known)
    hint = "; did you mean {}?".format(" or ".join(repr(name) for name in near)) if near else ""
    return f"unknown {kind} {word!r}{hint}"
