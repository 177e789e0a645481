# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask sshd what a configuration comes to for each connection that matters, and stop where a setting has no effect."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.errors import UNCHANGED, BaselineError, combined, state_of_errors
from ..comparison import differences, foreign_directives, not_in_effect
from ..effective import Effective, first_value
from ..match import Connection
from ..match_conflicts import (
    KEEP,
    OVERRIDE,
    BlocksOfOthers,
    MatchConflict,
    conflict_error,
    is_of_block,
)
from ..plan import ManagedFiles
from ..tree import Directive, Tree, compose
from .connections import connections_to_check, example_connection
from .sshd import Sshd, incoming_connection, stage

if t.TYPE_CHECKING:
    from .change_plan import SshdRequest

__all__ = ["Effect", "EffectiveAnswers", "ask_candidate", "effective_now", "judge_effect", "require_in_effect"]


@dataclass(frozen=True)
class EffectiveAnswers:
    """What sshd reports for each connection: what it should report (``expected``) and, in the composed files, does.

    ``root`` is where the candidate is staged, empty where it is what the host has. ``examples`` has a connection for
    each line in a ``Match`` block of another file that differs from what is requested.
    """

    expected: t.Mapping[Connection, Effective]
    actual: t.Mapping[Connection, Effective]
    root: str = ""
    warnings: tuple[str, ...] = ()
    examples: t.Mapping[Directive, Connection | None] = field(default_factory=dict)

    @property
    def incoming(self) -> Connection:
        """The connection of this run."""
        return next(iter(self.actual))

    @property
    def first(self) -> Effective:
        """What applies to the connection of this run."""
        return self.actual[self.incoming]

    @property
    def pid_file(self) -> str:
        return first_value(self.first, "pidfile") or "none"


@dataclass(frozen=True)
class Effect:
    """What the answers come to: ``errors`` where a setting has no effect, and what the blocks of other files decide.

    ``conflicts`` are kept, or are among the errors; ``overridden`` are lines that differ and decide nothing.
    """

    errors: tuple[BaselineError, ...] = ()
    conflicts: tuple[MatchConflict, ...] = ()
    overridden: tuple[Directive, ...] = ()


def ask_candidate(
    sshd: Sshd, request: SshdRequest, files: ManagedFiles, candidate: Tree, *, is_new: bool
) -> EffectiveAnswers:
    """Ask sshd about the candidate, before anything is written. A candidate that ``is_new`` is staged first."""
    with state_of_errors(UNCHANGED):
        return _ask(sshd, request, files, candidate, is_new=is_new)


def _ask(sshd: Sshd, request: SshdRequest, files: ManagedFiles, candidate: Tree, *, is_new: bool) -> EffectiveAnswers:
    desired, base = request.desired, incoming_connection(sshd.host)
    directives = tuple(compose(candidate, sshd.release))
    connections, unmatched = connections_to_check(desired, base, request.users)
    foreign = foreign_directives(directives, desired, files.own)
    differing = BlocksOfOthers(directives, desired, files.own, sshd.release).differing()
    examples = {one: example_connection(one.criteria, base) for one in differing}
    connections = list(dict.fromkeys([*connections, *filter(None, examples.values())]))
    root = stage(sshd.host, candidate) if is_new else ""
    actual = {one: sshd.effective(one, root=root) for one in connections}
    expected = actual
    if foreign:
        # What sshd itself reports where no other file sets these keywords: the settings in sshd's own spelling.
        alone = stage(sshd.host, candidate, without={(one.file, one.number) for one in foreign})
        expected = {one: sshd.effective(one, root=alone) for one in connections}
    warnings = tuple(f"no account fits the block 'Match {text}', so sshd was not asked about it" for text in unmatched)
    return EffectiveAnswers(expected, actual, root, warnings, examples)


def judge_effect(
    sshd: Sshd, request: SshdRequest, files: ManagedFiles, tree: Tree, answers: EffectiveAnswers
) -> Effect:
    """Compare ``answers`` with what they should be. An error names the directives that decide instead."""
    directives = tuple(compose(tree, sshd.release))
    compared = [(one, answers.expected[one], actual) for one, actual in answers.actual.items()]
    found = differences(directives, request.desired, files.own, compared, sshd.release)
    blocks = BlocksOfOthers(directives, request.desired, files.own, sshd.release)
    examples = {one: answers.examples.get(one) for one in blocks.differing()}
    conflicts = blocks.conflicts(examples, found)
    errors = []
    others = [one for one in found if not is_of_block(one, sshd.release)]
    if others:
        errors.append(not_in_effect(others))
    if conflicts and request.match_conflicts != KEEP:
        errors.append(conflict_error(conflicts, overrides=request.match_conflicts == OVERRIDE))
    return Effect(tuple(errors), tuple(conflicts), tuple(blocks.overridden(conflicts)))


def require_in_effect(
    sshd: Sshd, request: SshdRequest, files: ManagedFiles, tree: Tree, answers: EffectiveAnswers
) -> None:
    """Raise where ``answers`` differ from what they should be."""
    errors = judge_effect(sshd, request, files, tree, answers).errors
    if errors:
        raise combined(errors)


def effective_now(sshd: Sshd, connection: Connection) -> Effective:
    """Return what the host's present files come to; nothing where sshd rejects them: the candidate replaces them."""
    try:
        return sshd.effective(connection)
    except BaselineError:
        return {}
