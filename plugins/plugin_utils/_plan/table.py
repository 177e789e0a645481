# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run as a table for people: what was in force before it, and what is now. Pure."""

from __future__ import annotations

import typing as t

__all__ = ["table_lines"]

_LONGEST = 72
Json = t.Mapping[str, t.Any]


def table_lines(plan: Json, proof: Json) -> list[str]:
    """Return the lines of the table for the plan before the changes, and the one after them (empty: no change)."""
    now = _by_role(proof)
    rows = [("role", "before", "now", "evidence")]
    for role, parts in _by_role(plan).items():
        evidence = [one for part in now.get(role, parts) for one in part.get("evidence", [])[:1]]
        rows.append((role, _state(parts), _now(parts, now.get(role)), _short("; ".join(evidence))))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(text.ljust(width) for text, width in zip(row, widths)), row[3]]).rstrip() for row in rows]


def _by_role(plan: Json) -> dict[str, list[Json]]:
    roles: dict[str, list[Json]] = {}
    for part in plan.get("parts", []):
        roles.setdefault(part["role"], []).append(part)
    return roles


def _state(parts: t.Sequence[Json]) -> str:
    if all(part["in_force"] for part in parts):
        return "in force"
    names = [one.get("after_header") or part["role"] for part in parts for one in part["differences"]]
    unproven = [name for part in parts for name in part["unproven"]]
    if names:
        return _short(f"differs in {_listed(list(dict.fromkeys(names)))}")
    return _short(f"not proven: {_listed(unproven)}") if unproven else "not in force"


def _now(parts: t.Sequence[Json], after: t.Sequence[Json] | None) -> str:
    if after is not None:
        return "in force" if all(part["in_force"] for part in after) else "not in force"
    return "in force" if all(part["in_force"] for part in parts) else "not changed"


def _listed(names: t.Sequence[str]) -> str:
    more = len(names) - 2
    return ", ".join(names[:2]) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
