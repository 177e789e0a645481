# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error class of the collection, and the "did you mean" hint that its messages share."""

from __future__ import annotations

import contextlib
import difflib
import typing as t

from .text import one_line

__all__ = [
    "UNCHANGED",
    "BaselineError",
    "collected",
    "combined",
    "did_you_mean",
    "nearest",
    "parsed_entries",
    "state_of_errors",
    "unknown",
]

# The rest of the run may have changed other things: this is true of one module's task alone.
UNCHANGED = "this task changed nothing"
Parsed = t.TypeVar("Parsed")

_LONGEST = 20_000


class BaselineError(Exception):
    """A request that cannot be carried out, as data; ``str(error)`` is the complete sentence for the user.

    ``problem`` says what is wrong. ``option`` names the module's option or the role's variable, ``where`` the file
    (with its line), unit or host. ``state`` says what was changed before the error and what was not (default:
    ``UNCHANGED``); an orchestrator sets it for all that it calls (``state_of_errors``). ``hint`` says what to do next.
    ``details`` (a dict of JSON values) is added to the module's result. ``parts`` are the errors that it stands for.

    The sentence is ``option: where: problem; state; hint``, in one line; what is not printable in it is quoted, for
    programs, processes and other users put texts there.
    """

    def __init__(
        self,
        problem: str,
        *,
        option: str = "",
        where: str = "",
        state: str | None = None,
        hint: str = "",
        **details: t.Any,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.option = option
        self.where = where
        self.state = state
        self.hint = hint
        self.details = details
        self.parts: t.Sequence[BaselineError] = ()

    @property
    def sentence(self) -> str:
        """What is wrong and where, without what was left unchanged and what to do."""
        return one_line(": ".join(filter(None, [self.option, self.where, self.problem])), longest=_LONGEST)

    @property
    def advice(self) -> str:
        """The sentence and the hint, without what was left unchanged: for a list of errors that says it once."""
        return one_line("; ".join(filter(None, [self.sentence, self.hint])), longest=_LONGEST)

    def __str__(self) -> str:
        state = UNCHANGED if self.state is None else self.state
        return one_line("; ".join(filter(None, [self.sentence, state, self.hint])), longest=_LONGEST)

    def as_result(self) -> dict[str, t.Any]:
        """Return what ``fail_json`` takes: the sentence as ``msg``, its parts, and the details."""
        parts = {"option": self.option, "where": self.where, "hint": self.hint}
        named = {name: one_line(text, longest=_LONGEST) for name, text in parts.items() if text}
        return {"msg": str(self), **named, **self.details}


@contextlib.contextmanager
def state_of_errors(state: str | t.Callable[[], str]) -> t.Iterator[None]:
    """Let errors from inside that name no state of their own say ``state``: what has been changed when they come.

    A function is called when the error comes, for a state that grows meanwhile.
    """
    try:
        yield
    except BaselineError as error:
        if error.state is None:
            error.state = state if isinstance(state, str) else state()
        raise


def combined(errors: t.Sequence[BaselineError], *, state: str | None = None) -> BaselineError:
    """Return one error for all of ``errors`` (at least one), each with its hint, and with the details of all."""
    first = errors[0]
    details: dict[str, t.Any] = {}
    for error in errors:
        for name, value in error.details.items():
            details[name] = [*details.get(name, []), *value] if isinstance(value, list) else value
    if len(errors) == 1:
        single = BaselineError(
            first.problem, option=first.option, where=first.where, hint=first.hint, state=state, **details
        )
        single.parts = first.parts
        return single
    whole = BaselineError("; ".join(error.advice for error in errors), state=state, **details)
    whole.parts = tuple(errors)
    return whole


@contextlib.contextmanager
def collected(errors: list[BaselineError]) -> t.Iterator[None]:
    """Append an error from inside to ``errors`` and go on: for checks that do not depend on each other."""
    try:
        yield
    except BaselineError as error:
        errors.append(error)


def nearest(word: str, known: t.Iterable[str], *, count: int = 3) -> list[str]:
    """Return up to ``count`` members of ``known`` that look like ``word`` (case-insensitive), the nearest first."""
    by_folded = {name.lower(): name for name in known}
    return [by_folded[name] for name in difflib.get_close_matches(word.lower(), list(by_folded), n=count, cutoff=0.6)]


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """Return the hint for an unknown name, ``did you mean 'bantime'?``; an empty text where nothing is similar."""
    near = nearest(word, known)
    return "did you mean {}?".format(" or ".join(repr(name) for name in near)) if near else ""


def unknown(kind: str, word: str, known: t.Iterable[str]) -> str:
    """Return the sentence for an unknown name: ``unknown jail option 'bantme'; did you mean 'bantime'?``."""
    return "; ".join(filter(None, [f"unknown {kind} {word!r}", did_you_mean(word, known)]))


def parsed_entries(values: t.Iterable[t.Any], option: str, parse: t.Callable[[t.Any, str], Parsed]) -> list[Parsed]:
    """Return what ``parse`` makes of each entry and its place (``option[1]``); all entries' errors come at once."""
    found: list[Parsed] = []
    errors: list[BaselineError] = []
    for number, value in enumerate(values, start=1):
        with collected(errors):
            found.append(parse(value, f"{option}[{number}]"))
    if errors:
        raise combined(errors)
    return found
