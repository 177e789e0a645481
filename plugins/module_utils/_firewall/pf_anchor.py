# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An anchor in the main ruleset of pf: its place in pf.conf(5), and when loading the file locks nobody out.

Written from pf.conf(5) and pfctl(8). Not tested on FreeBSD.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError

__all__ = [
    "HEADER",
    "PfPlan",
    "PfState",
    "check_anchor",
    "filter_rules",
    "has_anchor",
    "plan",
    "require_same",
    "with_anchor",
]

HEADER = "# Made by the module pyhost.baseline.pf_anchor: everything passes but what the anchor refuses.\n"
# A kernel may drop packets that no rule passes (PF_DEFAULT_TO_DROP). Without states, present connections pass too, and
# a ban ends established connections (fail2ban#1924).
_PASS = "pass all no state"
# The rules of the last part of pf.conf(5), the filter. The anchor is placed before all of them.
_FILTER = r"[ \t]*(?:block|pass|match|antispoof|anchor|load[ \t]+anchor)\b"


@dataclass(frozen=True)
class PfState:
    """pf on the host: ``loaded`` and ``parsed`` are the rules of the kernel and of the file at ``path``."""

    path: str
    text: str | None
    enabled: bool
    at_boot: bool
    loaded: str
    parsed: str


@dataclass(frozen=True)
class PfPlan:
    """The desired file, and whether the kernel has to load it and pf has to be started or enabled at boot."""

    text: str
    load: bool = False
    start: bool = False
    enable: bool = False


def check_anchor(name: str) -> str:
    """Return ``name`` if it is a valid name of an anchor in pf.conf(5)."""
    if not re.fullmatch(r"[\w.-]+(?:/(?:[\w.-]+|\*))*", name):
        raise BaselineError(f"{name!r} is not a name of an anchor such as f2b/*", option="anchor")
    return name


def filter_rules(text: str) -> list[str]:
    """Return the rules of ``pfctl -s rules`` or ``pfctl -nvf FILE``, without macros, options and tables."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if re.match(r"(?:block|pass|match|anchor|scrub)\b", line)]


def has_anchor(rules: str, name: str) -> bool:
    """Return whether the main ruleset, as pfctl(8) prints it, evaluates the anchor ``name``."""
    return any(line.startswith(f'anchor "{name}" ') or line == f'anchor "{name}"' for line in filter_rules(rules))


def with_anchor(text: str | None, name: str) -> str:
    """Return pf.conf with the anchor before its filter rules. A file that has the anchor is returned unchanged.

    If there are no filter rules, a rule that passes everything is added.
    """
    line = f'anchor "{name}"'
    if text is None:
        return f"{HEADER}{line}\n{_PASS}\n"
    if re.search(rf'^[ \t]*anchor[ \t]+"?{re.escape(name)}"?[ \t]*(?:all[ \t]*)?(?:#.*)?$', text, re.MULTILINE):
        return text
    lines = text.splitlines()
    filters = [number for number, one in enumerate(lines) if _begins_the_filter(lines, number, one)]
    first = filters[0] if filters else len(lines)
    added = [line] if filters else [line, _PASS]
    return "".join(f"{one}\n" for one in [*lines[:first], *added, *lines[first:]])


def _begins_the_filter(lines: t.Sequence[str], number: int, line: str) -> bool:
    continued = number > 0 and lines[number - 1].rstrip().endswith("\\")
    return not continued and re.match(_FILTER, line) is not None


def plan(pf: PfState, name: str) -> PfPlan:
    """Return the changes that make ``pf`` evaluate the anchor, now and at boot. A lockout risk is an error."""
    text = with_anchor(pf.text, name)
    if not pf.enabled:
        _refuse_blocks(pf)
        return PfPlan(text, start=True, enable=not pf.at_boot)
    load = not has_anchor(pf.loaded, name)
    if load and filter_rules(pf.loaded) != filter_rules(pf.parsed):
        raise BaselineError(
            "the rules that pf has loaded differ from this file, so loading it would change more than the anchor",
            where=pf.path,
            hint=f'add `anchor "{name}"` before its first filter rule, and run `service pf reload` yourself',
        )
    return PfPlan(text, load=load, enable=not pf.at_boot)


def _refuse_blocks(pf: PfState) -> None:
    rules = [rule for rule in filter_rules(pf.parsed) if not rule.startswith(("scrub", "anchor"))]
    blocks = [rule for rule in rules if rule.startswith("block")]
    if rules and not any(rule.startswith("pass") for rule in rules):
        blocks = blocks or rules
    if blocks:
        raise BaselineError(
            f"pf is off, and this file has rules that may block packets ({blocks[0]!r}, for example), so starting pf "
            "could lock you out",
            where=pf.path,
            hint="make sure that SSH can pass, then run `service pf enable` and `service pf start`",
        )


def require_same(pf: PfState, candidate: str, name: str) -> None:
    """Raise if the file with the anchor (``candidate``: its rules by pfctl) has other rules than before."""
    ours = re.compile(rf'anchor "{re.escape(name)}"(?: |$)')
    before, after = ([rule for rule in filter_rules(text) if not ours.match(rule)] for text in (pf.parsed, candidate))
    passing = [rule for rule in after if rule.startswith("pass")] if not before else []
    if after != [*before, *passing] or not has_anchor(candidate, name):
        raise BaselineError(
            f'the line `anchor "{name}"` cannot be added to this file without changing its other rules',
            where=pf.path,
            hint="add it before the first filter rule yourself",
        )
