# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask sshd what a configuration comes to for each connection that matters, and stop where a setting has no effect."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.errors import UNCHANGED, BaselineError, state_of_errors
from ..comparison import differences, foreign_directives, not_in_effect
from ..effective import Effective, first_value
from ..match import Connection
from ..plan import ManagedFiles
from ..settings import SshdSettings
from ..tree import Tree, compose
from .connections import connections_to_check
from .sshd import Sshd, incoming_connection, stage

__all__ = ["EffectiveAnswers", "check_candidate", "effective_now", "require_in_effect"]


@dataclass(frozen=True)
class EffectiveAnswers:
    """What sshd reports for each connection: what it should report (``expected``) and, in the composed files, does.

    ``root`` is where the candidate is staged, empty where it is what the host has.
    """

    expected: t.Mapping[Connection, Effective]
    actual: t.Mapping[Connection, Effective]
    root: str = ""
    warnings: tuple[str, ...] = ()

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


def check_candidate(
    sshd: Sshd, desired: SshdSettings, files: ManagedFiles, candidate: Tree, *, users: t.Iterable[str], is_new: bool
) -> EffectiveAnswers:
    """Ask sshd about the candidate, before anything is written. A setting that would have no effect is an error.

    A candidate that ``is_new`` is staged first.
    """
    with state_of_errors(UNCHANGED):
        answers = _ask_about(sshd, desired, files, candidate, users=users, is_new=is_new)
        require_in_effect(sshd, desired, files, candidate, answers)
    return answers


def _ask_about(
    sshd: Sshd, desired: SshdSettings, files: ManagedFiles, candidate: Tree, *, users: t.Iterable[str], is_new: bool
) -> EffectiveAnswers:
    connections, unmatched = connections_to_check(desired, incoming_connection(sshd.host), users)
    foreign = foreign_directives(compose(candidate, sshd.release), desired, files.own)
    root = stage(sshd.host, candidate) if is_new else ""
    actual = {one: sshd.effective(one, root=root) for one in connections}
    expected = actual
    if foreign:
        # What sshd itself reports where no other file sets these keywords: the settings in sshd's own spelling.
        alone = stage(sshd.host, candidate, without={(one.file, one.number) for one in foreign})
        expected = {one: sshd.effective(one, root=alone) for one in connections}
    warnings = tuple(f"no account fits the block 'Match {text}', so sshd was not asked about it" for text in unmatched)
    return EffectiveAnswers(expected, actual, root, warnings)


def require_in_effect(
    sshd: Sshd, desired: SshdSettings, files: ManagedFiles, tree: Tree, answers: EffectiveAnswers
) -> None:
    """Raise where ``answers`` differ from what they should be; the error names the directive that decides instead."""
    compared = [(one, answers.expected[one], actual) for one, actual in answers.actual.items()]
    found = differences(compose(tree, sshd.release), desired, files.own, compared, sshd.release)
    if found:
        raise not_in_effect(found)


def effective_now(sshd: Sshd, connection: Connection) -> Effective:
    """Return what the host's present files come to; nothing where sshd rejects them: the candidate replaces them."""
    try:
        return sshd.effective(connection)
    except BaselineError:
        return {}
