# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile host may answer, made up by hypothesis, and a watch on what the controller does meanwhile."""

from __future__ import annotations

import contextlib
import sys
import typing as t

from hypothesis import strategies as st

__all__ = ["ANSWERS", "EVIL", "acting", "nothing_touched", "texts_in"]

EVIL = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b2J\rok\u2028\x85\u202e{{ lookup('pipe', 'touch x') }}"
_TEXTS = st.one_of(st.text(st.characters(), max_size=30), st.just(EVIL))
_NAMES = st.one_of(
    _TEXTS,
    st.sampled_from(
        [
            "ansible_facts",
            "changed",
            "confirmation",
            "deprecations",
            "diff",
            "effective",
            "exception",
            "failed",
            "invocation",
            "jails",
            "module_args",
            "msg",
            "origins",
            "path",
            "pyhost_system",
            "results",
            "stdout",
            "timers",
            "unreachable",
            "warnings",
            "_ansible_no_log",
            "__ansible_type",
        ]
    ),
)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_NAMES, inner, max_size=4))
)
ANSWERS: st.SearchStrategy[dict[str, t.Any]] = st.dictionaries(_NAMES, _VALUES, max_size=8)

_EVENTS = ("open", "os.exec", "os.fork", "os.posix_spawn", "os.system", "socket.connect", "subprocess.Popen")
_seen: list[tuple[str, t.Any]] = []
_watching = False


def _watch(event: str, arguments: t.Any) -> None:
    if _watching and event in _EVENTS:
        _seen.append((event, arguments))


sys.addaudithook(_watch)


@contextlib.contextmanager
def nothing_touched() -> t.Iterator[None]:
    """Fail where a file is opened, a process started or a connection made inside."""
    global _watching  # an audit hook cannot be taken away
    _seen.clear()
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert _seen == []


def texts_in(value: t.Any) -> t.Iterator[str]:
    """Yield all texts of ``value``, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield from texts_in(name)
            yield from texts_in(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts_in(entry)


def acting(value: t.Any) -> set[str]:
    """Return the characters of all texts in ``value`` that a terminal or a log takes for more than text."""
    return {one for text in texts_in(value) for one in text if not one.isprintable() and one not in "\n\t"}
