# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row of the package tables says: names of packages, or the reason why a system has none."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

__all__ = ["Included", "Row", "Rows", "Table", "Unavailable"]


@dataclass(frozen=True)
class Included:
    """There is nothing to install: the system has it already, and ``where`` says by what."""

    where: str


@dataclass(frozen=True)
class Unavailable:
    """The system cannot give it, and ``why`` says why and what to use."""

    why: str


Row = t.Union[t.Tuple[str, ...], Included, Unavailable]
Rows = t.Mapping[str, Row]


@dataclass(frozen=True)
class Table:
    """The rows of one family, what differs on some of its systems, and what is in a repository that is off at first.

    ``exceptions`` and ``repositories`` are keyed by ``System.keys``; the more specific key wins.
    """

    rows: Rows
    exceptions: t.Mapping[str, Rows]
    repositories: t.Mapping[str, t.Mapping[str, tuple[str, ...]]]
