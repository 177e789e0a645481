# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module on a host answered, made safe for the controller: known fields, bounded, printable. Pure.

The host may be hostile: whoever has root there decides every byte of the answer.
"""

from __future__ import annotations

import json
import math
import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import one_line, printable, printable_lines

from .table import Fields, Shape

__all__ = ["UnfitField", "checked_result", "not_an_answer", "parse_result"]

Result = t.Dict[str, t.Any]

_DEEPEST, _LONGEST_TEXT, _LONGEST_DIFF, _MOST_ENTRIES = 12, 20_000, 200_000, 100_000
_LONGEST_ANSWER, _LONGEST_NAME, _LARGEST = 16_000_000, 200, 2**63
_LONGEST_WARNING, _MOST_WARNINGS = 4000, 1000
# What AnsibleModule itself adds to the fields of a module; those of a file where the module returns a ``path``.
_COMMON: Fields = {"changed": bool, "failed": bool, "skipped": bool, "rc": int, "invocation": {str: object}}
_OF_A_PATH: Fields = {
    **{name: str for name in ("owner", "group", "mode", "state", "secontext")},
    **{name: int for name in ("uid", "gid", "size")},
}
_SIDES = ("before", "after", "before_header", "after_header")
_WAY_OUT = "what the module did on the host is not known; look for what has replaced or changed Python there"


def parse_result(text: str, fields: Fields) -> Result:
    """Read the answer out of what the host's Python printed, and check it as :func:`checked_result` does.

    Lines before the answer (a profile's, a banner's) are passed over, and so are those after it.
    """
    if len(text) > _LONGEST_ANSWER:
        raise BaselineError(f"the answer of the host has {len(text)} characters, more than any module's; {_WAY_OUT}")
    start = re.search(r"^[ \t]*\{", text, re.MULTILINE)
    if start is None:
        raise not_an_answer(text)
    try:
        found, _end = _DECODER.raw_decode(text, start.end() - 1)
    except (ValueError, RecursionError):
        # Not JSON, or nested or with numbers as no module does it.
        raise not_an_answer(text) from None
    return checked_result(found, fields=fields)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(name)


# ``strict``: no raw control characters in texts; neither NaN nor Infinity is JSON.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def not_an_answer(text: str) -> BaselineError:
    """Return the sentence for what a host's Python printed instead of an answer."""
    words = printable(" ".join(text.split()), longest=300) or "nothing"
    return BaselineError(f"the host's Python gave no answer of a module, but: {words}; {_WAY_OUT}")


def checked_result(
    result: t.Mapping[str, t.Any], *, facts: t.Collection[str] = (), fields: Fields | None = None
) -> Result:
    """Return ``result`` with every text printable.

    With ``fields`` what the module does not return is dropped, with a warning that names it, and of the rest each value
    must be what ``fields`` says; without, any value is taken, and of ``ansible_facts`` only those named in ``facts``.

    Raises ``BaselineError`` where a value is another, or larger or deeper than any module of the collection makes it.
    """
    if fields is None:
        fields = {str(name): object for name in result if not str(name).startswith("_ansible_")}
        fields = {**fields, "ansible_facts": dict.fromkeys(facts, object)}
    known = {**_COMMON, **(_OF_A_PATH if "path" in fields else {}), **fields}
    dropped: list[str] = []
    found: Result = {}
    for name, value in result.items():
        if name in _SPECIAL:
            found.update(_SPECIAL[name](value))
        elif name == "ansible_facts":
            if not isinstance(value, (t.Mapping, type(None))):
                raise UnfitField((name,))
            given, wanted = value or {}, known.get(name, {})
            dropped += [f"{name}.{fact}" for fact in given if fact not in wanted]
            kept = {fact: _checked(given[fact], wanted[fact], (name, fact)) for fact in wanted if fact in given}
            found.update({name: kept} if kept else {})
        elif name in known:
            found[printable(name, longest=_LONGEST_NAME)] = _checked(value, known[name], (name,))
        elif not name.startswith("_ansible_"):
            dropped.append(name)
    broke_off = found.pop("_broke_off", "")
    if broke_off:
        found.setdefault("msg", f"the module broke off: {broke_off}; {_WAY_OUT}")
    warnings = [*found.pop("_deprecated", []), *found.get("warnings", [])]
    if dropped:
        names = printable(", ".join(sorted(dropped)), longest=_LONGEST_NAME)
        warnings.append(f"the answer of the host had what this module does not return, which was dropped: {names}")
    return {**found, **({"warnings": warnings} if warnings else {})}


def _checked(value: t.Any, shape: Shape, where: tuple[str, ...]) -> t.Any:
    """Return ``value``, which must have ``shape`` (see ``table.py``)."""
    if value is None or shape is object:
        return _anything(value, where)
    if isinstance(shape, tuple):
        for one in shape:
            if _fits(value, one):
                return _checked(value, one, where)
        raise UnfitField(where)
    if not _fits(value, shape):
        raise UnfitField(where)
    if isinstance(shape, list):
        return [_checked(entry, shape[0], (*where, "[]")) for entry in _bounded(value, where)]
    if isinstance(shape, dict):
        return {
            printable(name, longest=_LONGEST_NAME): _checked(entry, _of(shape, name, where), (*where, name))
            for name, entry in _bounded(value, where).items()
        }
    return printable(value, longest=_LONGEST_TEXT) if isinstance(value, str) else value


def _fits(value: t.Any, shape: Shape) -> bool:
    """Say whether ``value`` is of the kind of ``shape``; what is in it is looked at later."""
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, (list, dict)):
        return isinstance(value, type(shape))
    if shape is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and _is_sane(value)
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool) and _is_sane(value)
    return isinstance(value, shape)


def _is_sane(number: float) -> bool:
    return math.isfinite(number) and abs(number) < _LARGEST if isinstance(number, float) else abs(number) < _LARGEST


def _of(shape: dict[t.Any, Shape], name: str, where: tuple[str, ...]) -> Shape:
    if str in shape and not name.startswith("__ansible_"):
        return shape[str]
    if name not in shape:
        raise UnfitField((*where, name))
    return shape[name]


def _anything(value: t.Any, where: tuple[str, ...]) -> t.Any:
    if isinstance(value, str):
        return printable(value, longest=_LONGEST_TEXT)
    if isinstance(value, t.Mapping):
        found = {}
        for key, entry in _bounded(value, where).items():
            name = str(key)
            if name.startswith("__ansible_"):
                # By these ansible-core rebuilds objects of its own.
                raise UnfitField((*where, name))
            found[printable(name, longest=_LONGEST_NAME)] = _anything(entry, (*where, name))
        return found
    if isinstance(value, (list, tuple)):
        return [_anything(entry, (*where, "[]")) for entry in _bounded(value, where)]
    if isinstance(value, (int, float)) and not _is_sane(value):
        raise UnfitField(where)
    return value


_Collection = t.TypeVar("_Collection", bound=t.Collection[t.Any])


def _bounded(value: _Collection, where: tuple[str, ...]) -> _Collection:
    if len(where) > _DEEPEST or len(value) > _MOST_ENTRIES:
        raise UnfitField(where)
    return value


class UnfitField(BaselineError):
    """A field of an answer that no honest module gives; ``reason`` names it."""

    def __init__(self, where: tuple[str, ...]) -> None:
        name = printable(".".join(where[:4]), longest=_LONGEST_NAME)
        self.reason = f"{name} is not what it can be"
        super().__init__(f"the answer of the host is not one of this module: {self.reason}; {_WAY_OUT}")


# What ansible-core shows by itself, and how it has it: as texts, from 2.19 on as records with their type.


def _message(value: t.Any) -> Result:
    if not isinstance(value, (str, type(None))):
        raise UnfitField(("msg",))
    return {"msg": one_line(value, longest=_LONGEST_TEXT) if value else value}


def _warnings(value: t.Any) -> Result:
    return {"warnings": _sentences(value, "warnings")}


def _deprecations(value: t.Any) -> Result:
    """Deprecations name the plugin that is deprecated and the release that drops it: not for a host to say."""
    return {"_deprecated": [f"deprecated on the host: {words}" for words in _sentences(value, "deprecations")]}


def _sentences(value: t.Any, name: str) -> list[str]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    if len(given) > _MOST_WARNINGS:
        raise UnfitField((name,))
    return [one_line(_sentence(one, name), longest=_LONGEST_WARNING) for one in given]


def _sentence(value: t.Any, name: str) -> str:
    """Return the words of a warning: a text, or a record with ``msg`` in it or in its ``event``."""
    words = value if isinstance(value, str) else _member(_member(value, "event") or value, "msg")
    if not isinstance(words, str):
        raise UnfitField((name,))
    return words


def _member(value: t.Any, name: str) -> t.Any:
    """Return a member of a record: from JSON a mapping, where ansible-core has read it already an object."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _exception(value: t.Any) -> Result:
    """Return the traceback of a module that broke off and, of a record, its last words: then there is no ``msg``."""
    if value is None:
        return {}
    event = _member(value, "event")
    traceback = value if isinstance(value, str) else _member(event, "formatted_traceback")
    told = {} if isinstance(value, str) else {"_broke_off": printable(_sentence(value, "exception"))}
    if not isinstance(traceback, (str, type(None))):
        raise UnfitField(("exception",))
    return {**told, **({"exception": printable_lines(traceback, longest=_LONGEST_TEXT)} if traceback else {})}


def _diff(value: t.Any) -> Result:
    parts = value if isinstance(value, list) else [] if value is None else [value]
    for part in _bounded(parts, ("diff",)):
        if (
            not isinstance(part, dict)
            or set(part) - {*_SIDES}
            or not all(isinstance(one, str) for one in part.values())
        ):
            raise UnfitField(("diff",))
    checked = [{side: _side(side, part[side]) for side in _SIDES if side in part} for part in parts]
    return {"diff": checked if isinstance(value, list) else checked[0] if checked else None}


def _side(side: str, text: str) -> str:
    return printable(text) if side.endswith("_header") else printable_lines(text, longest=_LONGEST_DIFF)


_SPECIAL: t.Mapping[str, t.Callable[[t.Any], Result]] = {
    "msg": _message,
    "warnings": _warnings,
    "deprecations": _deprecations,
    "exception": _exception,
    "diff": _diff,
}
