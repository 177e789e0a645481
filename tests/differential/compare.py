"""The model's answer against sshd's.

The model says which directives decide for a connection. A file of those alone, written plainly one below the other,
must make sshd say the same as the whole tree did: so sshd itself spells every value, and nothing here knows a format.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_parse import quote
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_tree import Directive, compose, standing
from tests.differential.oracle import Answer, Oracle
from tests.differential.trees import MAIN, Case

__all__ = ["Disagreement", "Tally", "compare"]

# What sshd prints for one of these depends on the others.
_TOGETHER = {
    **dict.fromkeys(("addressfamily", "listenaddress", "port"), "listenaddress"),
    **dict.fromkeys(("authorizedkeyscommand", "authorizedkeyscommanduser"), "authorizedkeyscommand"),
}
# sshd takes the rest of the line as it stands.
_RAW = ("authorizedkeyscommand", "authorizedprincipalscommand", "forcecommand", "versionaddendum")
_NOBODY = Connection("root", address="192.0.2.7", host="h")


@dataclass(frozen=True)
class Disagreement:
    case: Case
    what: str

    def __str__(self) -> str:
        return f"{self.what}\n{self.case}"


@dataclass
class Tally:
    """How many cases were compared, and how many sshd refused: those the model refused too, or left to sshd."""

    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        names = ("compared", "refused by both", "refused by sshd alone")
        return ", ".join(f"{self.counts[name]} {name}" for name in names)


def compare(oracle: Oracle, cases: t.Sequence[Case], tally: Tally) -> list[Disagreement]:
    """Ask ``oracle`` about every case and return where the model says otherwise."""
    models = [_model(case) for case in cases]
    # What the model cannot read it cannot stage.
    asked = [
        case if isinstance(model, dict) else replace(case, staged=False)
        for case, model in zip(cases, models, strict=True)
    ]
    answers = oracle.answers(asked)
    plain = {""}
    for model, answer in zip(models, answers, strict=True):
        if isinstance(model, dict) and not answer.refusal:
            plain.update(model.values())
    texts = sorted(plain)
    spelled = dict(zip(texts, oracle.answers(_plain(text) for text in texts), strict=True))
    found = []
    for case, model, answer in zip(cases, models, answers, strict=True):
        what = _held(model, answer, spelled, tally)
        if what:
            found.append(Disagreement(case, f"{oracle.version}: {what}"))
    oracle.forget(asked)
    return found


def _model(case: Case) -> dict[str, str] | str:
    """Return what decides, as the text of a plain file for each group of keywords, or the model's refusal."""
    try:
        directives = compose(case.tree)
    except BaselineError as error:
        return str(error)
    claims: dict[str, list[str]] = {}
    for keyword in dict.fromkeys(directive.keyword for directive in directives):
        for directive in standing(directives, keyword, case.connection)[0]:
            claims.setdefault(_TOGETHER.get(keyword, keyword), []).append(_written(directive))
    return {group: "".join(lines) for group, lines in claims.items()}


def _written(directive: Directive) -> str:
    words = directive.rest if directive.keyword in _RAW else " ".join(map(quote, directive.arguments))
    return f"{directive.keyword} {words}\n"


def _plain(text: str) -> Case:
    return Case(((MAIN, text),), _NOBODY, staged=False)


def _held(model: dict[str, str] | str, answer: Answer, spelled: t.Mapping[str, Answer], tally: Tally) -> str:
    """Return what the model says otherwise than sshd; nothing where they agree."""
    if isinstance(model, str):
        tally.counts["refused by both" if answer.refusal else "compared"] += 1
        return "" if answer.refusal else f"sshd takes what the model refuses: {model}"
    if answer.refusal:
        tally.counts["refused by sshd alone"] += 1
        return ""
    tally.counts["compared"] += 1
    expected: Effective = dict(spelled[""].effective)
    for group, text in model.items():
        if spelled[text].refusal:
            return f"sshd refuses what decides by the model ({text.strip()!r}): {spelled[text].refusal}"
        keys = [key for key in _TOGETHER if _TOGETHER[key] == group] or [group]
        expected.update({key: spelled[text].effective.get(key, ()) for key in keys})
    said = answer.effective
    return "; ".join(
        f"{name} is {said.get(name, ())}, by the model {expected.get(name, ())}"
        for name in sorted({*expected, *said})
        if expected.get(name, ()) != said.get(name, ())
    )
