# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd says is in force (``sshd -T -C …``), held against the wish, and the directives that decide."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .keywords import CUMULATIVE, KEYWORDS, folded
from .match import Connection, matches
from .precedence import standing
from .releases import NEWEST, Release, last_wins
from .tree import Directive
from .wish import Wish

__all__ = [
    "Difference",
    "asked",
    "differences",
    "exceptions",
    "foreign",
    "idle_ports",
    "listens",
    "parse_effective",
    "refusal",
    "shadowed",
    "value",
]

Effective = t.Dict[str, t.Tuple[str, ...]]

# Others may add to these without weakening the wish: distributions accept LANG, name sftp.
_MAY_HOLD_MORE = ("acceptenv", "subsystem")


@dataclass(frozen=True)
class Difference:
    """``keyword`` is not in force for ``connection``; ``culprit`` is the directive that wins, if one can be named.

    ``last``: it wins because it stands later, not because it stands before.
    """

    keyword: str
    connection: Connection
    wished: tuple[str, ...]
    actual: tuple[str, ...]
    culprit: Directive | None
    last: bool = False

    @property
    def way_out(self) -> str:
        """What a person can do about it."""
        if self.culprit is None:
            return "see sshd_config(5) for what else decides it"
        if self.last:
            return (
                f"remove {self.culprit.where}: this OpenSSH takes the last {KEYWORDS[self.keyword]}, "
                "so it cannot be overridden from a file that is read earlier"
            )
        if self.culprit.criteria:
            return (
                f"remove {self.culprit.where}, or ask for {KEYWORDS[self.keyword]} under 'match' too: "
                "a block wins over what stands outside of blocks"
            )
        if self.keyword in CUMULATIVE:
            return f"remove {self.culprit.where}: all lines of {KEYWORDS[self.keyword]} add up"
        return f"remove {self.culprit.where}, or let it stand in a file that sorts later"

    def __str__(self) -> str:
        name = KEYWORDS[self.keyword]
        because = f"because of {self.culprit.where}" if self.culprit else "although no other directive stands before"
        return (
            f"{name} is {value(self.actual)} (asked: {value(self.wished)}) "
            f"for {self.connection.specification()} {because}"
        )


def parse_effective(text: str) -> Effective:
    """Read the output of ``sshd -T``: keyword in its newest spelling, lower case -> one value a line."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, *rest = line.split(" ", 1)
        said.setdefault(folded(keyword), []).append("".join(rest).strip())
    return {keyword: tuple(values) for keyword, values in said.items()}


def value(values: t.Sequence[str]) -> str:
    """Return the values of a keyword as one text for people."""
    return ", ".join(values) if values else "not set"


def asked(wish: Wish, connection: Connection) -> list[str]:
    """Return the keywords that the wish decides for ``connection``."""
    names = set(wish.settings)
    for block in wish.blocks:
        if matches(block.criteria, connection):
            names.update(block.settings)
    return sorted(name.lower() for name in names)


def foreign(directives: t.Iterable[Directive], wish: Wish, own: t.Collection[str]) -> list[Directive]:
    """Return the directives of other files that speak of what the wish asks, whether they win or lose."""
    settings = {name.lower() for name in wish.settings}
    return [
        directive
        for directive in directives
        if directive.file not in own and directive.keyword in (wish.keywords if directive.criteria else settings)
    ]


def differences(
    directives: t.Sequence[Directive],
    wish: Wish,
    own: t.Collection[str],
    answers: t.Iterable[tuple[Connection, Effective, Effective]],
    release: Release = NEWEST,
) -> list[Difference]:
    """Compare what sshd says (``actual``) with what it would say if nobody else spoke of it (``wished``)."""
    found = []
    for connection, wished, actual in answers:
        for keyword in asked(wish, connection):
            want, have = wished.get(keyword, ()), actual.get(keyword, ())
            if keyword == "port" and set(listens(wished)) == set(listens(actual)):
                # A port that no address has is none.
                continue
            winners, losers = standing(directives, keyword, connection, release)
            wins = next((directive for directive in winners if directive.file not in own), None)
            unanswered = not want and not have
            if not _agrees(keyword, want, have) or (unanswered and wins):
                # A distribution may have changed which one wins: then it is among those that lose by the model.
                loses = next((directive for directive in reversed(losers) if directive.file not in own), None)
                last = last_wins(keyword, release) or (wins is None and loses is not None)
                found.append(Difference(keyword, connection, want, have, wins or loses, last))
    return found


def refusal(found: t.Sequence[Difference], unchanged: str) -> BaselineError:
    """Return the error for a wish that is not in force: who wins in its place, and what to do about that."""
    first = {difference.keyword: difference for difference in reversed(found)}
    told = list(reversed(list(first.values())))
    ways = dict.fromkeys(difference.way_out for difference in told)
    return BaselineError(
        "; ".join(["not in force: " + "; ".join(map(str, told)), unchanged, *ways]),
        culprits=sorted({difference.culprit.where for difference in found if difference.culprit}),
    )


def shadowed(directives: t.Iterable[Directive], wish: Wish, own: t.Collection[str]) -> list[dict[str, t.Any]]:
    """Return the global directives of other files that lose to the wish."""
    names = {values[0].split()[0].lower() for name, values in wish.settings.items() if name == "Subsystem"}
    return [
        _place(directive)
        for directive in foreign(directives, wish, own)
        if not directive.criteria and (_loses(directive, names) or _has_no_address(directive, wish))
    ]


def exceptions(directives: t.Iterable[Directive], wish: Wish, own: t.Collection[str]) -> list[dict[str, t.Any]]:
    """Return the ``Match`` directives of other files that decide otherwise for some connections."""
    settings = {name.lower() for name in wish.settings}
    return [
        {**_place(directive), "criteria": " and ".join(str(criteria) for criteria in directive.criteria)}
        for directive in foreign(directives, wish, own)
        if directive.criteria and directive.keyword in settings
    ]


def listens(effective: Effective) -> list[tuple[str, int]]:
    """Return (address, port) of every ``listenaddress`` that sshd names."""
    found = []
    for text in effective.get("listenaddress", ()):
        address, port = text.split(" ")[0].rsplit(":", 1)
        found.append((address.strip("[]"), int(port)))
    return found


def idle_ports(directives: t.Iterable[Directive], effective: Effective) -> list[Directive]:
    """Return each ``Port`` on which sshd does not listen: it counts for addresses alone that name no port of theirs."""
    listening = {str(port) for _address, port in listens(effective)}
    return [one for one in directives if one.keyword == "port" and not listening & set(one.arguments)]


def _agrees(keyword: str, want: tuple[str, ...], have: tuple[str, ...]) -> bool:
    if keyword in _MAY_HOLD_MORE:
        return set(want) <= set(have)
    return set(want) == set(have) if keyword in CUMULATIVE else want == have


def _loses(directive: Directive, subsystems: t.Collection[str]) -> bool:
    if directive.keyword == "subsystem":
        return bool(directive.arguments) and directive.arguments[0].lower() in subsystems
    return directive.keyword not in CUMULATIVE


def _has_no_address(directive: Directive, wish: Wish) -> bool:
    """Say whether it is a ``Port`` that loses because every address of the wish names its own."""
    ports = wish.settings.get("Port", ())
    addresses = wish.settings.get("ListenAddress", ())
    return directive.keyword == "port" and bool(addresses) and " ".join(directive.arguments) not in ports


def _place(directive: Directive) -> dict[str, t.Any]:
    return {
        "keyword": KEYWORDS.get(directive.keyword, directive.keyword),
        "value": " ".join(directive.arguments),
        "file": directive.file,
        "line": directive.number,
    }
