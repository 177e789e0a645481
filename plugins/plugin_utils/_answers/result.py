# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the answer of a module on a host safe for the controller: known fields, bounded, printable. Pure.

The host may be hostile: a user who has root there decides every byte of the answer.
"""

from __future__ import annotations

import json
import math
import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import one_line, printable, printable_lines

from .table import Fields, Shape

__all__ = ["InvalidField", "checked_result", "parse_result"]

Result = t.Dict[str, t.Any]

_DEEPEST, _LONGEST_TEXT, _LONGEST_DIFF, _MOST_ENTRIES = 12, 20_000, 200_000, 100_000
_LONGEST_ANSWER, _LONGEST_NAME, _LARGEST = 16_000_000, 200, 2**63
_LONGEST_WARNING, _MOST_WARNINGS = 4000, 1000
# Fields that AnsibleModule itself adds, and those of a file if the module returns a ``path``.
_COMMON: Fields = {"changed": bool, "failed": bool, "skipped": bool, "rc": int, "invocation": {str: object}}
_OF_A_PATH: Fields = {
    **{name: str for name in ("owner", "group", "mode", "state", "secontext")},
    **{name: int for name in ("uid", "gid", "size")},
}
_SIDES = ("before", "after", "before_header", "after_header")
_WHERE = "the answer of the host"
_STATE = "what the module did on the host is not known"
_HINT = "find out what has replaced or changed Python on the host"


def parse_result(text: str, fields: Fields) -> Result:
    """Read the answer from the output of the host's Python, and check it as :func:`checked_result` does.

    Lines before the answer (of a profile, of a banner) and after it are ignored.
    """
    if len(text) > _LONGEST_ANSWER:
        problem = f"it has {len(text)} characters, more than that of any module"
        raise BaselineError(problem, where=_WHERE, state=_STATE, hint=_HINT)
    start = re.search(r"^[ \t]*\{", text, re.MULTILINE)
    if start is None:
        raise _not_an_answer(text)
    try:
        found, _end = _DECODER.raw_decode(text, start.end() - 1)
    except (ValueError, RecursionError):
        # Not JSON, or nested too deeply, or with invalid numbers.
        raise _not_an_answer(text) from None
    return checked_result(found, fields=fields)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(name)


# ``strict``: no raw control characters in texts; neither NaN nor Infinity is JSON.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _not_an_answer(text: str) -> BaselineError:
    """Return the error for other output of the host's Python than an answer."""
    output = printable(" ".join(text.split()), longest=300) or "nothing"
    problem = f"the host's Python printed no answer of a module, but: {output}"
    return BaselineError(problem, state=_STATE, hint=_HINT)


def checked_result(result: t.Mapping[str, t.Any], *, fields: Fields) -> Result:
    """Return ``result`` with every text printable.

    Fields that are not in ``fields`` are dropped, with a warning that names them. ``InvalidField`` is raised if a value
    does not have the shape that ``fields`` gives, or is larger or deeper than any module of the collection returns.
    """
    known = {**_COMMON, **(_OF_A_PATH if "path" in fields else {}), **fields}
    dropped: list[str] = []
    found: Result = {}
    for name, value in result.items():
        if name in _SPECIAL:
            found.update(_SPECIAL[name](value))
        elif name == "ansible_facts":
            if not isinstance(value, (t.Mapping, type(None))):
                raise InvalidField((name,))
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
        error = BaselineError(f"the module ended with an exception: {broke_off}", state=_STATE, hint=_HINT)
        found.setdefault("msg", str(error))
    warnings = [*found.pop("_deprecated", []), *found.get("warnings", [])]
    if dropped:
        names = printable(", ".join(sorted(dropped)), longest=_LONGEST_NAME)
        warnings.append(
            f"the answer of the host had fields that this module does not return; they were dropped: {names}"
        )
    return {**found, **({"warnings": warnings} if warnings else {})}


def _checked(value: t.Any, shape: Shape, where: tuple[str, ...]) -> t.Any:
    """Return ``value`` with every text printable. It must have ``shape`` (see ``table.py``)."""
    if value is None or shape is object:
        return _anything(value, where)
    if isinstance(shape, tuple):
        for one in shape:
            if _fits(value, one):
                return _checked(value, one, where)
        raise InvalidField(where)
    if not _fits(value, shape):
        raise InvalidField(where)
    if isinstance(shape, list):
        return [_checked(entry, shape[0], (*where, "[]")) for entry in _bounded(value, where)]
    if isinstance(shape, dict):
        return {
            printable(name, longest=_LONGEST_NAME): _checked(entry, _of(shape, name, where), (*where, name))
            for name, entry in _bounded(value, where).items()
        }
    return printable(value, longest=_LONGEST_TEXT) if isinstance(value, str) else value


def _fits(value: t.Any, shape: Shape) -> bool:
    """Return whether ``value`` is of the kind of ``shape``; its content is checked later."""
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
        raise InvalidField((*where, name))
    return shape[name]


def _anything(value: t.Any, where: tuple[str, ...]) -> t.Any:
    if isinstance(value, str):
        return printable(value, longest=_LONGEST_TEXT)
    if isinstance(value, t.Mapping):
        found = {}
        for key, entry in _bounded(value, where).items():
            name = str(key)
            if name.startswith("__ansible_"):
                # ansible-core creates objects of its own from these.
                raise InvalidField((*where, name))
            found[printable(name, longest=_LONGEST_NAME)] = _anything(entry, (*where, name))
        return found
    if isinstance(value, (list, tuple)):
        return [_anything(entry, (*where, "[]")) for entry in _bounded(value, where)]
    if isinstance(value, (int, float)) and not _is_sane(value):
        raise InvalidField(where)
    return value


_Collection = t.TypeVar("_Collection", bound=t.Collection[t.Any])


def _bounded(value: _Collection, where: tuple[str, ...]) -> _Collection:
    if len(where) > _DEEPEST or len(value) > _MOST_ENTRIES:
        raise InvalidField(where)
    return value


class InvalidField(BaselineError):
    """A field of an answer with a value that this module never returns."""

    def __init__(self, where: tuple[str, ...]) -> None:
        name = printable(".".join(where[:4]), longest=_LONGEST_NAME)
        super().__init__(f"{name} is not what it can be", where=_WHERE, state=_STATE, hint=_HINT)


# Fields that ansible-core shows by itself. They are texts, from 2.19 on records with their type.


def _message(value: t.Any) -> Result:
    if not isinstance(value, (str, type(None))):
        raise InvalidField(("msg",))
    return {"msg": one_line(value, longest=_LONGEST_TEXT) if value else value}


def _warnings(value: t.Any) -> Result:
    return {"warnings": _sentences(value, "warnings")}


def _deprecations(value: t.Any) -> Result:
    """Return deprecations as warnings: a host must not name a plugin and the release that removes it."""
    return {"_deprecated": [f"deprecated on the host: {text}" for text in _sentences(value, "deprecations")]}


def _sentences(value: t.Any, name: str) -> list[str]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    if len(given) > _MOST_WARNINGS:
        raise InvalidField((name,))
    return [one_line(_sentence(one, name), longest=_LONGEST_WARNING) for one in given]


def _sentence(value: t.Any, name: str) -> str:
    """Return the text of a warning: a text, or a record with ``msg`` in it or in its ``event``."""
    text = value if isinstance(value, str) else _member(_member(value, "event") or value, "msg")
    if not isinstance(text, str):
        raise InvalidField((name,))
    return text


def _member(value: t.Any, name: str) -> t.Any:
    """Return a member of a record: a mapping from JSON, or an object if ansible-core has read it already."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _exception(value: t.Any) -> Result:
    """Return the traceback of a module that ended with an exception and, from a record, its message."""
    if value is None:
        return {}
    event = _member(value, "event")
    traceback = value if isinstance(value, str) else _member(event, "formatted_traceback")
    message = {} if isinstance(value, str) else {"_broke_off": printable(_sentence(value, "exception"))}
    if not isinstance(traceback, (str, type(None))):
        raise InvalidField(("exception",))
    return {**message, **({"exception": printable_lines(traceback, longest=_LONGEST_TEXT)} if traceback else {})}


def _diff(value: t.Any) -> Result:
    parts = value if isinstance(value, list) else [] if value is None else [value]
    for part in _bounded(parts, ("diff",)):
        if (
            not isinstance(part, dict)
            or set(part) - {*_SIDES}
            or not all(isinstance(one, str) for one in part.values())
        ):
            raise InvalidField(("diff",))
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
