"""The line that the model names, put to the test by sshd alone.

Give the named line another value: sshd must then say that value. Give a line that loses by the model another value:
sshd must say what it said before. Neither asks the model about the changed files.
"""

from __future__ import annotations

import random
import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import deciding_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Directive, compose
from tests.differential.compare import Disagreement, Speller, Tally, group_of, plain_text, same
from tests.differential.trees import Case
from tests.differential.values import VALUES

__all__ = ["prove"]

# Several lines or keywords decide together what these print, so that another value does more than take the place.
_NOT_ASKED = {
    *("addressfamily", "listenaddress", "port", "hostkey", "hostcertificate", "persourcepenalties", "subsystem"),
    *("authorizedkeyscommand", "authorizedkeyscommanduser"),
    *("authorizedprincipalscommand", "authorizedprincipalscommanduser"),
    *("rekeylimit", "unusedconnectiontimeout"),
}


@dataclass(frozen=True)
class Claim:
    """By the model ``line`` decides ``keyword`` (``wins``) or says it in vain; ``after`` is what must then be said."""

    case: Case
    changed: Case
    line: Directive
    wins: bool
    before: str
    after: str


def prove(speller: Speller, cases: t.Sequence[Case], tally: Tally, *, seed: int) -> list[Disagreement]:
    """Put one named line of each case that was just compared to the test and return those that do not decide."""
    dice = random.Random(seed)
    known = speller.latest
    taken = [case for case in cases if case in known and not known[case].refusal]
    claims = list(filter(None, (_claim(case, speller.oracle.release, dice) for case in taken)))
    answers = zip(claims, speller.oracle.answers(one.changed for one in claims), strict=True)
    good = [(one, known[one.case], now) for one, now in answers if not now.refusal]
    speller.learn((group_of(one.line.keyword), text) for one, _was, _now in good for text in (one.before, one.after))
    found = []
    for one, was, now in good:
        keyword = one.line.keyword
        want = speller.known[group_of(keyword), one.after]
        old = speller.known[group_of(keyword), one.before]
        if isinstance(want, str) or isinstance(old, str) or (one.wins and _said(want, keyword) == _said(old, keyword)):
            continue
        expected = _said(want if one.wins else was.effective, keyword)
        if not same(keyword, _said(now.effective, keyword), expected):
            role = "decides" if one.wins else "says in vain"
            found.append(
                Disagreement(
                    one.changed,
                    f"{speller.oracle.version}: by the model {one.line.where} {role} {keyword}; that line changed, "
                    f"sshd says {_said(now.effective, keyword)} and not {expected}",
                )
            )
        tally.counts["lines proven to decide"] += 1
    return found


def _said(effective: Effective, keyword: str) -> tuple[str, ...]:
    return effective.get(keyword, ())


def _claim(case: Case, release: Release, dice: random.Random) -> Claim | None:
    """Choose a line that wins, or one that loses, and another value for it."""
    try:
        directives = compose(case.tree, release)
    except BaselineError:
        return None
    keywords = sorted({one.keyword for one in directives} & VALUES.keys() - _NOT_ASKED)
    dice.shuffle(keywords)
    for keyword in keywords:
        deciding, shadowed = deciding_directives(directives, keyword, case.connection, release)
        named = [(one, True) for one in deciding] + [(one, False) for one in shadowed]
        if named:
            line, wins = dice.choice(named)
            value = dice.choice(VALUES[keyword])
            changed = _changed(case, line, value)
            after = "".join(
                f"{keyword} {value}\n" if one.where == line.where else plain_text([one]) for one in deciding
            )
            return Claim(case, changed, line, wins, plain_text(deciding), after) if changed else None
    return None


def _changed(case: Case, line: Directive, value: str) -> Case | None:
    text = dict(case.files)[line.file]
    lines = text.split("\n")
    if re.match(r"\s*=", lines[line.number - 1]):
        return None
    lines[line.number - 1] = f"{line.keyword} {value}"
    files = tuple((path, "\n".join(lines) if path == line.file else old) for path, old in case.files)
    return replace(case, files=files)
