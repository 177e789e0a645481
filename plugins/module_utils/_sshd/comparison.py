# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective configuration compared with the desired settings, and the directives that decide it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .effective import Effective, display_value, listen_addresses
from .keywords import CUMULATIVE, KEYWORDS
from .match import Connection, matches
from .precedence import deciding_directives
from .releases import NEWEST, Release, last_wins
from .settings import SshdSettings
from .tree import Directive

__all__ = [
    "Difference",
    "differences",
    "foreign_directives",
    "not_in_effect",
    "requested_keywords",
    "shadowed_directives",
    "unused_ports",
    "with_criteria",
]

# Other files may add to these without weakening the desired settings: distributions accept LANG and define sftp.
_MAY_HOLD_MORE = ("acceptenv", "subsystem")


@dataclass(frozen=True)
class Difference:
    """``keyword`` is not in effect for ``connection``; ``overridden_by`` is the directive that wins, if it is known.

    ``last``: it wins because it is read later, not because it is read first.
    """

    keyword: str
    connection: Connection
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    overridden_by: Directive | None
    last: bool = False

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.overridden_by is None:
            return "see sshd_config(5) for what else decides it"
        if self.last:
            return (
                f"remove {self.overridden_by.where}: this OpenSSH takes the last {KEYWORDS[self.keyword]}, "
                "so it cannot be overridden from a file that is read earlier"
            )
        if self.keyword in CUMULATIVE:
            return f"remove {self.overridden_by.where}: all lines of {KEYWORDS[self.keyword]} add up"
        return f"remove {self.overridden_by.where}, or move it to a file that sorts later"

    def __str__(self) -> str:
        name = KEYWORDS[self.keyword]
        because = (
            f"because of {self.overridden_by.where}"
            if self.overridden_by
            else "although no other directive takes precedence"
        )
        return (
            f"{name} is {display_value(self.actual)} (requested: {display_value(self.expected)}) "
            f"for {self.connection.specification()} {because}"
        )


def requested_keywords(desired: SshdSettings, connection: Connection) -> list[str]:
    """Return the keywords that ``desired`` sets for ``connection``."""
    names = set(desired.settings)
    for block in desired.blocks:
        if matches(block.criteria, connection):
            names.update(block.settings)
    return sorted(name.lower() for name in names)


def foreign_directives(
    directives: t.Iterable[Directive], desired: SshdSettings, own: t.Collection[str]
) -> list[Directive]:
    """Return the directives of other files for requested keywords, whether they take effect or not."""
    settings = {name.lower() for name in desired.settings}
    return [
        directive
        for directive in directives
        if directive.file not in own and directive.keyword in (desired.keywords if directive.criteria else settings)
    ]


def differences(
    directives: t.Sequence[Directive],
    desired: SshdSettings,
    own: t.Collection[str],
    answers: t.Iterable[tuple[Connection, Effective, Effective]],
    release: Release = NEWEST,
) -> list[Difference]:
    """Compare sshd's answers (``actual``) with its answers without the directives of other files (``expected``)."""
    found = []
    for connection, expected, actual in answers:
        for keyword in requested_keywords(desired, connection):
            want, have = expected.get(keyword, ()), actual.get(keyword, ())
            if keyword == "port" and set(listen_addresses(expected)) == set(listen_addresses(actual)):
                # sshd does not listen on a port that no address has.
                continue
            deciding, shadowed = deciding_directives(directives, keyword, connection, release)
            wins = next((directive for directive in deciding if directive.file not in own), None)
            unanswered = not want and not have
            if not _agrees(keyword, want, have) or (unanswered and wins):
                # Where a distribution has changed which line wins, it is one that our model calls shadowed.
                loses = next((directive for directive in reversed(shadowed) if directive.file not in own), None)
                last = last_wins(keyword, release) or (wins is None and loses is not None)
                found.append(Difference(keyword, connection, want, have, wins or loses, last))
    return found


def not_in_effect(found: t.Sequence[Difference]) -> BaselineError:
    """Return the error for settings that are not in effect: what overrides them, and what to do."""
    first = {difference.keyword: difference for difference in reversed(found)}
    reported = list(reversed(list(first.values())))
    return BaselineError(
        "not in effect: " + ", and ".join(map(str, reported)),
        hint="; ".join(dict.fromkeys(difference.hint for difference in reported)),
        culprits=sorted({difference.overridden_by.where for difference in found if difference.overridden_by}),
    )


def shadowed_directives(
    directives: t.Iterable[Directive], desired: SshdSettings, own: t.Collection[str]
) -> list[dict[str, t.Any]]:
    """Return the global directives of other files that ``desired`` overrides."""
    names = {values[0].split()[0].lower() for name, values in desired.settings.items() if name == "Subsystem"}
    return [
        _place(directive)
        for directive in foreign_directives(directives, desired, own)
        if not directive.criteria and (_loses(directive, names) or _has_no_address(directive, desired))
    ]


def unused_ports(directives: t.Iterable[Directive], effective: Effective) -> list[Directive]:
    """Return each ``Port`` on which sshd does not listen: it only applies to addresses without a port."""
    listening = {str(port) for _address, port in listen_addresses(effective)}
    return [one for one in directives if one.keyword == "port" and not listening & set(one.arguments)]


def _agrees(keyword: str, want: tuple[str, ...], have: tuple[str, ...]) -> bool:
    if keyword in _MAY_HOLD_MORE:
        return set(want) <= set(have)
    return set(want) == set(have) if keyword in CUMULATIVE else want == have


def _loses(directive: Directive, subsystems: t.Collection[str]) -> bool:
    if directive.keyword == "subsystem":
        return bool(directive.arguments) and directive.arguments[0].lower() in subsystems
    return directive.keyword not in CUMULATIVE


def _has_no_address(directive: Directive, desired: SshdSettings) -> bool:
    """Say whether it is a ``Port`` without effect because every desired address has a port."""
    ports = desired.settings.get("Port", ())
    addresses = desired.settings.get("ListenAddress", ())
    return directive.keyword == "port" and bool(addresses) and " ".join(directive.arguments) not in ports


def _place(directive: Directive) -> dict[str, t.Any]:
    """Return ``directive`` and where it is located, as the modules' results have it."""
    return {
        "keyword": KEYWORDS.get(directive.keyword, directive.keyword),
        "value": " ".join(directive.arguments),
        "file": directive.file,
        "line": directive.number,
    }


def with_criteria(directive: Directive) -> dict[str, t.Any]:
    """Return ``directive``, where it is located, and the criteria of its block, as the modules' results have it."""
    return {**_place(directive), "criteria": " and ".join(str(criteria) for criteria in directive.criteria)}
