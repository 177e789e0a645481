# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the package tables: names of packages, or the reason why a system has none."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

__all__ = ["Included", "PackageTable", "Row", "Rows", "Unavailable"]


@dataclass(frozen=True)
class Included:
    """Nothing has to be installed: the base system includes it, as ``where`` explains."""

    where: str


@dataclass(frozen=True)
class Unavailable:
    """The system has no such package; ``why`` gives the reason and an alternative."""

    why: str


Row = t.Union[t.Tuple[str, ...], Included, Unavailable]
Rows = t.Mapping[str, Row]


@dataclass(frozen=True)
class PackageTable:
    """The rows of one family, the exceptions of some of its systems, and the repositories that are disabled by default.

    ``exceptions`` and ``repositories`` are keyed by ``System.keys``; the more specific key takes precedence.
    """

    rows: Rows
    exceptions: t.Mapping[str, Rows]
    repositories: t.Mapping[str, t.Mapping[str, tuple[str, ...]]]
