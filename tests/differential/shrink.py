"""Make a disagreement small: take away files, lines and words as long as sshd and the model still disagree."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from tests.differential.compare import Disagreement, Speller, Tally, compare
from tests.differential.trees import MAIN, Case

__all__ = ["shrunk"]

_SECONDS = 60.0
_ROUND = 120


def shrunk(speller: Speller, found: t.Sequence[Disagreement], *, seconds: float = _SECONDS) -> Disagreement:
    """Return the smallest that ``seconds`` are enough for. All that can be left out is asked about in one call."""
    smallest = min(found, key=_size)
    end = time.monotonic() + seconds
    again = True
    while again and time.monotonic() < end:
        again = False
        for steps in (_without_files, _without_halves, _without_lines, _plainer):
            smaller = list(dict.fromkeys(steps(smallest.case)))[:_ROUND]
            left = compare(speller.oracle, smaller, Tally(), speller) if smaller else []
            if left:
                smallest = min(left, key=_size)
                again = True
                break
    return smallest


def _size(one: Disagreement) -> tuple[int, int, int]:
    texts = [text for _path, text in one.case.files]
    return len(texts), sum(text.count("\n") for text in texts), sum(map(len, texts)) + one.case.staged


def _without_files(case: Case) -> t.Iterator[Case]:
    for path, _text in case.files:
        if path != MAIN:
            yield replace(case, files=tuple(one for one in case.files if one[0] != path))


def _without_halves(case: Case) -> t.Iterator[Case]:
    for path, text in case.files:
        lines = text.splitlines(keepends=True)
        if len(lines) > 3:
            middle = len(lines) // 2
            yield _with(case, path, "".join(lines[:middle]))
            yield _with(case, path, "".join(lines[middle:]))


def _without_lines(case: Case) -> t.Iterator[Case]:
    for path, text in case.files:
        lines = text.split("\n")
        for at in range(len(lines)):
            if len(lines) > 1:
                yield _with(case, path, "\n".join([*lines[:at], *lines[at + 1 :]]))


def _plainer(case: Case) -> t.Iterator[Case]:
    if case.staged:
        yield replace(case, staged=False)
    bare = Connection(case.connection.user, groups=case.connection.groups, exists=case.connection.exists)
    if case.connection != bare:
        yield replace(case, connection=bare)
    for path, text in case.files:
        lines = text.split("\n")
        for at, line in enumerate(lines):
            words = line.split()
            for plain in (" ".join(words), " ".join(words[:-1]) if len(words) > 2 else line):
                if len(plain) < len(line):
                    yield _with(case, path, "\n".join([*lines[:at], plain, *lines[at + 1 :]]))


def _with(case: Case, path: str, text: str) -> Case:
    return replace(case, files=tuple((name, text if name == path else old) for name, old in case.files))
