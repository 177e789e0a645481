# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades that wait, and those among them that automatic updates will not install, with the reason."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

__all__ = ["LEAVE_OUT_PINS", "UpgradeViews", "kept_back", "kept_back_problems", "pending", "with_policy"]

Row = t.Dict[str, t.Any]

_INSTALL = re.compile(r"Inst (\S+) (?:\[([^\]]*)\] )?\((\S+) (.*?)(?: \[[^\]]*\])?\).*")
# Options with which apt-get's simulation shows what the archives have, without the host's own preferences.
LEAVE_OUT_PINS = (
    *("-o", "APT::Default-Release="),
    *("-o", "Dir::Etc::preferences=/dev/null"),
    *("-o", "Dir::Etc::preferencesparts=/dev/null"),
)
_MOST = 10


@dataclass(frozen=True)
class UpgradeViews:
    """The output of three simulations of apt-get: ``host`` as an admin sees it, ``policy`` with the archives that the
    policy allows, and ``archives`` without preferences and holds. ``held`` are the packages that are held, and
    ``allowed`` the archives of allowed origins as the simulation names them.
    """

    host: str
    policy: str
    archives: str
    held: t.Collection[str]
    allowed: t.Collection[str]


def pending(text: str) -> list[Row]:
    """Return the upgrades that ``apt-get --simulate upgrade`` names, and whether each comes from a security archive."""
    found = filter(None, map(_INSTALL.fullmatch, text.splitlines()))
    return [
        {
            "name": match.group(1),
            "from": match.group(2),
            "to": match.group(3),
            "archives": match.group(4).split(", "),
            "security": "security" in match.group(4).lower(),
        }
        for match in found
    ]


def with_policy(views: UpgradeViews, policy: t.Mapping[str, t.Any]) -> list[Row]:
    """Return the pending upgrades as the host sees them, each with whether it is installed automatically."""
    names = {row["name"] for row in pending(views.policy)}
    return [{**row, "automatic": row["name"] in names and _is_listed(row, policy)} for row in pending(views.host)]


def _is_listed(row: Row, policy: t.Mapping[str, t.Any]) -> bool:
    """Say whether blocklist and allowlist let the package be upgraded."""
    if any(re.match(regex, row["name"]) for regex in policy["blocklist"]):
        return False
    return not policy["allowlist"] or any(re.match(regex, row["name"]) for regex in policy["allowlist"])


def kept_back(views: UpgradeViews, policy: t.Mapping[str, t.Any]) -> list[Row]:
    """Return the upgrades that the policy should or could install and does not, each with its ``reason``.

    An upgrade that is no security update and whose origin nobody allows is not among them, nor one of the blocklist.
    """
    automatic = {row["name"] for row in pending(views.policy)}
    seen = {row["name"] for row in pending(views.host)}
    found = []
    for row in pending(views.archives):
        if row["from"] is None or row["name"] in automatic or not _is_listed(row, policy):
            continue
        is_allowed = bool(set(row["archives"]) & set(views.allowed))
        if row["security"] or (is_allowed and row["name"] not in views.held):
            found.append({**row, "reason": _reason(row, views, seen, is_allowed=is_allowed)})
    return found


def _reason(row: Row, views: UpgradeViews, seen: t.Collection[str], *, is_allowed: bool) -> str:
    if row["name"] in views.held:
        return "held"
    if not is_allowed:
        return "origin"
    return "dependencies" if row["name"] in seen else "preferences"


_SENTENCES = {
    "held": "security updates of held packages are not installed: {}; run `apt-mark unhold NAME` to allow them",
    "origin": "security updates that no allowed origin installs: {}; add their origin",
    "dependencies": "updates from allowed origins are kept back: {}; they need packages{} that no allowed origin has",
    "preferences": (
        "updates from allowed origins are kept back by apt's preferences, or because they would remove a package: {}; "
        "see `apt-cache policy NAME`"
    ),
}


def kept_back_problems(rows: t.Sequence[Row], views: UpgradeViews) -> list[str]:
    """Return a sentence for each reason among the rows of :func:`kept_back`."""
    sentences = []
    for reason, sentence in _SENTENCES.items():
        named = [f"{row['name']} {row['to']} ({', '.join(row['archives'])})" for row in rows if row["reason"] == reason]
        if named:
            new = _listed(_new_packages(views))
            sentences.append(sentence.format(_listed(named), f" ({new})" if new else ""))
    return sentences


def _new_packages(views: UpgradeViews) -> list[str]:
    """Return the new dependencies of pending upgrades that come from no allowed archive."""
    return [
        f"{row['name']} from {', '.join(row['archives'])}"
        for row in pending(views.host)
        if row["from"] is None and not set(row["archives"]) & set(views.allowed)
    ]


def _listed(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
