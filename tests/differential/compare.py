"""The model's answer against sshd's.

The model says which directives decide for a connection. A file of those alone, written plainly one below the other,
must make sshd say the same as the whole tree did: so sshd itself spells every value, and nothing here knows a format.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.parse import quote
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import deciding_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Directive, compose
from tests.differential.oracle import Answer, Oracle
from tests.differential.trees import MAIN, Case

__all__ = ["Disagreement", "Speller", "Tally", "compare", "group_of", "model", "plain_text", "same"]

# What sshd prints for one of these, or whether it takes it, depends on the others.
_TOGETHER = {
    **dict.fromkeys(("addressfamily", "listenaddress", "port"), "listenaddress"),
    **dict.fromkeys(("authorizedkeyscommand", "authorizedkeyscommanduser"), "authorizedkeyscommand"),
    **dict.fromkeys(("authorizedprincipalscommand", "authorizedprincipalscommanduser"), "authorizedprincipalscommand"),
    **dict.fromkeys(("hostcertificate", "hostkey"), "hostkey"),
}
# sshd wants a command and its user outside of blocks; in a block it does not look.
_IN_A_BLOCK = ("authorizedkeyscommand", "authorizedprincipalscommand")
# sshd takes the rest of the line as it stands.
_RAW = ("authorizedkeyscommand", "authorizedprincipalscommand", "forcecommand", "versionaddendum")
# One version or another prints `none` where it stands in a Match block, and nothing where it stands outside.
_NONE_IS_NOTHING = ("authorizedkeysfile", "channeltimeout", "logverbose", "revokedkeys")
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
        names = ("compared", "refused by both", "refused by sshd alone", "lines proven to decide")
        return ", ".join(f"{self.counts[name]} {name}" for name in names)


@dataclass
class Speller:
    """How sshd spells plain lines of one group of keywords. What it was asked once it is not asked again.

    ``latest``: what sshd said about the cases that were compared last.
    """

    oracle: Oracle
    known: dict[tuple[str, str], Effective | str] = field(default_factory=dict)
    base: Effective = field(default_factory=dict)
    latest: dict[Case, Answer] = field(default_factory=dict)

    def learn(self, wanted: t.Iterable[tuple[str, str]]) -> None:
        """Ask for what is not known: one file holds lines of many groups, since groups do not touch each other."""
        if not self.base:
            (nothing,) = self.oracle.answers([_plain({})])
            self.base = nothing.effective
        files: list[dict[str, str]] = []
        for group, text in dict.fromkeys(wanted):
            if text and (group, text) not in self.known:
                place = next((file for file in files if group not in file), None)
                if place is None:
                    files.append({})
                    place = files[-1]
                place[group] = text
        self._ask(files)

    def _ask(self, files: list[dict[str, str]]) -> None:
        refused: list[dict[str, str]] = []
        answers = self.oracle.answers(_plain(file) for file in files)
        for file, answer in zip(files, answers, strict=True):
            for group, text in file.items():
                if answer.refusal and len(file) > 1:
                    refused.append({group: text})
                else:
                    self.known[group, text] = answer.refusal or _part(group, answer.effective)
        if refused:
            self._ask(refused)

    def alone(self, pairs: t.Iterable[tuple[str, str]]) -> None:
        """Ask again, each in a file of its own."""
        self._ask([{group: text} for group, text in pairs if text])


def compare(
    oracle: Oracle, cases: t.Sequence[Case], tally: Tally, speller: Speller | None = None
) -> list[Disagreement]:
    """Ask ``oracle`` about every case and return where the model says otherwise."""
    speller = speller or Speller(oracle)
    models = [model(case, oracle.release) for case in cases]
    # What the model cannot read it cannot stage.
    asked = [
        case if isinstance(claims, dict) else replace(case, staged=False)
        for case, claims in zip(cases, models, strict=True)
    ]
    answers = oracle.answers(asked)
    speller.latest = dict(zip(asked, answers, strict=True))
    speller.learn(
        pair
        for claims, answer in zip(models, answers, strict=True)
        if isinstance(claims, dict) and not answer.refusal
        for pair in claims.items()
    )
    found = []
    for case, claims, answer in zip(cases, models, answers, strict=True):
        what = _held(claims, answer, speller)
        if what and isinstance(claims, dict):
            speller.alone(claims.items())
            what = _held(claims, answer, speller)
        if what:
            found.append(Disagreement(case, f"{oracle.version}: {what}"))
        refused = "refused by sshd alone" if isinstance(claims, dict) else "refused by both"
        tally.counts[refused if answer.refusal else "compared"] += 1
    return found


def model(case: Case, release: Release) -> dict[str, str] | str:
    """Return what decides, as the text of a plain file for each group of keywords, or the model's refusal."""
    try:
        directives = compose(case.tree, release)
    except BaselineError as error:
        return str(error)
    claims: dict[str, list[Directive]] = {}
    for keyword in dict.fromkeys(directive.keyword for directive in directives):
        deciding = deciding_directives(directives, keyword, case.connection, release)[0]
        claims.setdefault(group_of(keyword), []).extend(deciding)
    return {group: plain_text(deciding) for group, deciding in claims.items()}


def group_of(keyword: str) -> str:
    return _TOGETHER.get(keyword, keyword)


def plain_text(directives: t.Iterable[Directive]) -> str:
    return "".join(f"{one.keyword} {_arguments(one)}\n" for one in directives)


def same(name: str, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Say whether two answers about a keyword mean the same."""
    if name in _NONE_IS_NOTHING:
        return (() if one == ("none",) else one) == (() if other == ("none",) else other)
    return one == other


def _arguments(directive: Directive) -> str:
    return directive.rest if directive.keyword in _RAW else " ".join(map(quote, directive.arguments))


def _plain(texts: t.Mapping[str, str]) -> Case:
    """Write one file of all; sshd before 9.4 passes over an AuthorizedPrincipalsCommand below the other one."""
    outside = "".join(text for group, text in texts.items() if group not in _IN_A_BLOCK)
    inside = "".join(texts.get(group, "") for group in reversed(_IN_A_BLOCK))
    return Case(((MAIN, outside + ("Match User *\n" + inside if inside else "")),), _NOBODY, staged=False)


def _part(group: str, effective: Effective) -> Effective:
    return {name: effective.get(name, ()) for name in ([k for k in _TOGETHER if _TOGETHER[k] == group] or [group])}


def _held(claims: dict[str, str] | str, answer: Answer, speller: Speller) -> str:
    """Return what the model says otherwise than sshd; nothing where they agree."""
    if isinstance(claims, str):
        return "" if answer.refusal else f"sshd takes what the model refuses: {claims}"
    if answer.refusal:
        return ""
    expected = dict(speller.base)
    for group, text in claims.items():
        spelled = speller.known[group, text] if text else {}
        if isinstance(spelled, str):
            return f"sshd refuses what decides by the model ({text.strip()!r}): {spelled}"
        expected.update(spelled)
    said = answer.effective
    return "; ".join(
        f"sshd says {name} is {said.get(name, ())}, the model {expected.get(name, ())}"
        for name in sorted({*expected, *said})
        if not same(name, said.get(name, ()), expected.get(name, ()))
    )
