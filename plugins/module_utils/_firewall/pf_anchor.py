# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An anchor in pf's main ruleset: where it goes in pf.conf(5), and when loading that can shut nobody out.

Written from pf.conf(5) and pfctl(8), run nowhere.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError

__all__ = ["HEADER", "Pf", "Plan", "check_anchor", "filter_rules", "has_anchor", "plan", "require_same", "with_anchor"]

HEADER = "# Made by the module pyhost.baseline.pf_anchor: everything passes but what the anchor refuses.\n"
# A kernel may drop what no rule passes (PF_DEFAULT_TO_DROP). Without states the connections of now pass too, and a ban
# cuts those that are established (fail2ban#1924).
_PASS = "pass all no state"
_UNTOUCHED = "nothing was changed"
# What belongs to the last part of pf.conf(5), the filter: the anchor goes before all of it.
_FILTER = r"[ \t]*(?:block|pass|match|antispoof|anchor|load[ \t]+anchor)\b"


@dataclass(frozen=True)
class Pf:
    """pf on the host: ``loaded`` and ``parsed`` are the rules of the kernel and of the file at ``path``."""

    path: str
    text: str | None
    enabled: bool
    at_boot: bool
    loaded: str
    parsed: str


@dataclass(frozen=True)
class Plan:
    """The file that is to be, and whether the kernel has to load it and pf has to be switched on, now or at boot."""

    text: str
    load: bool = False
    start: bool = False
    enable: bool = False


def check_anchor(name: str) -> str:
    """Return ``name`` where it is one that a line of pf.conf(5) can hold."""
    if not re.fullmatch(r"[\w.-]+(?:/(?:[\w.-]+|\*))*", name):
        raise BaselineError(f"anchor: {name!r} is no name of an anchor such as f2b/*; {_UNTOUCHED}")
    return name


def filter_rules(text: str) -> list[str]:
    """Return the rules of ``pfctl -s rules`` or ``pfctl -nvf FILE``, without macros, options and tables."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if re.match(r"(?:block|pass|match|anchor|scrub)\b", line)]


def has_anchor(rules: str, name: str) -> bool:
    """Say whether the main ruleset asks the anchor ``name``, as pfctl(8) prints rules."""
    return any(line.startswith(f'anchor "{name}" ') or line == f'anchor "{name}"' for line in filter_rules(rules))


def with_anchor(text: str | None, name: str) -> str:
    """Return pf.conf with the anchor in front of its filter rules; one that has it comes back as it is.

    Where there are no filter rules, one that lets everything pass comes with it.
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


def plan(pf: Pf, name: str) -> Plan:
    """Return what has ``pf`` ask the anchor, now and after the next boot; refuse what could shut somebody out."""
    text = with_anchor(pf.text, name)
    if not pf.enabled:
        _refuse_blocks(pf)
        return Plan(text, start=True, enable=not pf.at_boot)
    load = not has_anchor(pf.loaded, name)
    if load and filter_rules(pf.loaded) != filter_rules(pf.parsed):
        raise BaselineError(
            f"the rules that pf has loaded are not those of {pf.path}: loading that file would change more than the "
            f'anchor; {_UNTOUCHED}; add `anchor "{name}"` in front of its first filter rule and load it yourself '
            "(`service pf reload`)"
        )
    return Plan(text, load=load, enable=not pf.at_boot)


def _refuse_blocks(pf: Pf) -> None:
    rules = [rule for rule in filter_rules(pf.parsed) if not rule.startswith(("scrub", "anchor"))]
    blocks = [rule for rule in rules if rule.startswith("block")]
    if rules and not any(rule.startswith("pass") for rule in rules):
        blocks = blocks or rules
    if blocks:
        raise BaselineError(
            f"pf is off, and {pf.path} has rules that may keep packets out ({blocks[0]!r}, for one): to switch it on "
            f"could shut you out; {_UNTOUCHED}; see to it that SSH may pass, then `service pf enable` and "
            "`service pf start`"
        )


def require_same(pf: Pf, candidate: str, name: str) -> None:
    """Raise where the file with the anchor (``candidate``: its rules by pfctl) says anything else than before."""
    ours = re.compile(rf'anchor "{re.escape(name)}"(?: |$)')
    before, after = ([rule for rule in filter_rules(text) if not ours.match(rule)] for text in (pf.parsed, candidate))
    passing = [rule for rule in after if rule.startswith("pass")] if not before else []
    if after != [*before, *passing] or not has_anchor(candidate, name):
        raise BaselineError(
            f'the line `anchor "{name}"` cannot be put into {pf.path} without changing what its rules say; '
            f"{_UNTOUCHED}; put it in front of the first filter rule yourself"
        )
