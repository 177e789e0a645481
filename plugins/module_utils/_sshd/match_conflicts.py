# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Match`` blocks of other files that decide otherwise than requested, and the block of ours that overrides them.

The lines of a matching block override those outside of blocks, in whichever file they are, and of several matching
blocks the first one wins. So what was requested for everybody is in effect for everybody only if no block sets it, or
if a block for everybody, which is read first, repeats it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .._core.errors import BaselineError
from .comparison import Difference, with_criteria
from .effective import display_value
from .keywords import CUMULATIVE, FLAGS, KEYWORDS
from .match import Connection, Criteria, implies
from .parse import split
from .precedence import deciding_directives, is_first_wins, is_global_only
from .releases import NEWEST, Release, last_wins
from .settings import MatchBlock, Settings, SshdSettings
from .tree import Directive

__all__ = [
    "KEEP",
    "OVERRIDE",
    "POLICIES",
    "REFUSE",
    "BlocksOfOthers",
    "MatchConflict",
    "conflict_error",
    "is_of_block",
    "overriding_settings",
    "with_override",
]

REFUSE, KEEP, OVERRIDE = "refuse", "keep", "override"
POLICIES = (REFUSE, KEEP, OVERRIDE)

Examples = t.Mapping[Directive, t.Optional[Connection]]


@dataclass(frozen=True)
class MatchConflict:
    """``directive``, in a ``Match`` block of another file, gives a requested keyword another value.

    ``obstacle`` is why a block of ours cannot override it, empty where it can.
    """

    directive: Directive
    requested: tuple[str, ...]
    obstacle: str = ""

    def result(self) -> dict[str, t.Any]:
        """Return it as the module's result has it."""
        return with_criteria(self.directive)

    def __str__(self) -> str:
        found = self.result()
        return (
            f"{self.directive.where} sets {found['keyword']} {found['value']} (requested: "
            f"{display_value(self.requested)}) for connections that match {found['criteria']}"
        )


@dataclass(frozen=True)
class BlocksOfOthers:
    """The ``Match`` blocks of other files than ``own`` in the composed configuration, beside ``desired``."""

    directives: tuple[Directive, ...]
    desired: SshdSettings
    own: t.Collection[str]
    release: Release = NEWEST

    def differing(self) -> list[Directive]:
        """Return the lines that give a requested keyword another value as it is written, for anybody."""
        requested = {
            name.lower(): _as_written(name.lower(), [word for line in lines for word in split(line)])
            for name, lines in self.desired.settings.items()
        }
        return [
            one
            for one in self.directives
            if one.criteria
            and one.file not in self.own
            and one.keyword in requested
            and requested[one.keyword] != _as_written(one.keyword, one.arguments)
            and not is_global_only(one.keyword, self.release)
            and not any(criteria.never for criteria in one.criteria)
        ]

    def conflicts(self, examples: Examples, found: t.Sequence[Difference]) -> list[MatchConflict]:
        """Return what decides otherwise than requested, in the order in which sshd reads it.

        ``examples`` has a connection for each of the lines that differ, ``None`` where none could be derived from its
        criteria. ``found`` are the differences by sshd's answers about these and other connections.
        """
        expected = {
            one.overridden_by: one.expected for one in found if one.overridden_by and is_of_block(one, self.release)
        }
        different = {(one.keyword, one.connection) for one in found}
        for directive, example in examples.items():
            # Of two that differ the second decides once the first is removed: both are named.
            if directive in expected or self._is_overridden(directive, but_by=examples):
                continue
            if not example or (directive.keyword, example) in different or not self._decides(directive, example):
                expected[directive] = self.desired.settings[KEYWORDS[directive.keyword]]
        return [
            MatchConflict(one, expected[one], self._obstacle(one))
            for one in dict.fromkeys(self.directives)
            if one in expected
        ]

    def overridden(self, conflicts: t.Iterable[MatchConflict]) -> list[Directive]:
        """Return the lines that differ and that a block which is read earlier overrides for everybody."""
        left = {one.directive for one in conflicts}
        return [one for one in self.differing() if one not in left and self._is_overridden(one)]

    def _is_overridden(self, directive: Directive, *, but_by: t.Collection[Directive] = ()) -> bool:
        """Say whether a block that is read earlier decides for each connection that ``directive`` is for."""
        if not is_first_wins(directive.keyword, self.release):
            return False
        earlier = self.directives[: self.directives.index(directive)]
        return any(
            one.keyword == directive.keyword and one.criteria and implies(directive.criteria, one.criteria)
            for one in earlier
            if one not in but_by
        )

    def _decides(self, directive: Directive, connection: Connection) -> bool:
        return directive in deciding_directives(self.directives, directive.keyword, connection, self.release)[0]

    def _obstacle(self, directive: Directive) -> str:
        name = KEYWORDS[directive.keyword]
        if directive.keyword in CUMULATIVE:
            return f"all lines of {name} add up"
        if last_wins(directive.keyword, self.release):
            return f"this OpenSSH takes the last {name}"
        if directive.keyword == "unusedconnectiontimeout" and directive.arguments[:1] == ("none",):
            return "sshd takes none from wherever it is"
        ours = next((one for one in self.directives if one.file in self.own), None)
        if ours and self.directives.index(directive) < self.directives.index(ours):
            return "it is read before the requested settings"
        return ""


def overriding_settings(desired: SshdSettings, release: Release) -> Settings:
    """Return the requested settings that override those of other blocks where they are in a block that is read first.

    Lines that add up with those of others, and a keyword of which the last line wins, are of no use there.
    """
    return {
        name: lines
        for name, lines in desired.settings.items()
        if is_first_wins(name.lower(), release) and not is_global_only(name.lower(), release)
    }


def with_override(desired: SshdSettings, release: Release) -> SshdSettings:
    """Return ``desired`` with a last block, for everybody, that overrides the blocks of files that are read later."""
    settings = overriding_settings(desired, release)
    if not settings:
        return desired
    return replace(desired, blocks=(*desired.blocks, MatchBlock(Criteria((("all", ""),)), settings)))


def is_of_block(difference: Difference, release: Release) -> bool:
    """Say whether it is a line in a ``Match`` block of another file that makes the difference."""
    directive = difference.overridden_by
    if directive is None or not directive.criteria or is_global_only(directive.keyword, release):
        return False
    return not difference.last or last_wins(directive.keyword, release)


def conflict_error(conflicts: t.Sequence[MatchConflict], *, overrides: bool) -> BaselineError:
    """Return the error about ``conflicts``; with ``overrides`` they are what could not be overridden."""
    lines = [f"{one} ({one.obstacle})" if one.obstacle else str(one) for one in conflicts]
    what = "cannot be overridden" if overrides else "decide otherwise than requested"
    choices = ["remove these lines"]
    if not overrides and not all(one.obstacle for one in conflicts):
        choices.append(f"to {OVERRIDE!r}, so that the requested settings win")
    choices.append(f"to {KEEP!r}, so that the blocks stay in effect")
    choices[1] = f"set match_conflicts (sshd_match_conflicts of the role) {choices[1]}"
    return BaselineError(
        f"Match blocks of other files {what}: {', and '.join(lines)}",
        option="match_conflicts",
        hint=", or ".join(choices),
        culprits=[one.directive.where for one in conflicts],
    )


def _as_written(keyword: str, arguments: t.Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in arguments) if keyword in FLAGS else tuple(arguments)
