# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done for an environment: by the request and by what was read of it. Pure.

An environment belongs to one interpreter: its distributions are in ``lib/python3.11``, and its programs name its path.
Another interpreter needs a new environment, which replaces the old one only where the user says so (``recreate``).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError
from .._core.text import printable
from .venv import release_of

if t.TYPE_CHECKING:
    from .venv import Interpreter, VenvReport, VenvRequest

__all__ = [
    "Environment",
    "VenvContent",
    "VenvPlan",
    "is_interpreter",
    "known_interpreters",
    "missing_interpreter",
    "parse_config",
    "plan_venv",
    "unsuitable_interpreter",
]

_OLDEST = (3, 8)
_RECREATE = "set recreate: true in its entry of venvs, so that a new environment takes its place"


@dataclass(frozen=True)
class VenvContent:
    """What the files of an environment show: folders that belong to others, and entries that the group cannot read."""

    foreign: tuple[str, ...] = ()
    foreign_owner: str = ""
    foreign_count: int = 0
    unreadable: int = 0


@dataclass(frozen=True)
class Environment:
    """An environment as it was found; ``made_with`` is the version in its pyvenv.cfg.

    ``is_made``: "python -m venv" or uv was completed. ``gone`` is the interpreter that bin/python leads to, where that
    does not exist any more, ``leads_to`` the version in the name of one that exists. ``belongs_to`` is the owner of its
    folder, where that is not the requested one. ``report`` is what its Python says, ``failure`` why it does not.
    """

    is_made: bool = False
    made_with: str = ""
    gone: str = ""
    leads_to: str = ""
    belongs_to: str = ""
    report: VenvReport | None = None
    failure: BaselineError | None = None
    content: VenvContent = VenvContent()


@dataclass(frozen=True)
class VenvPlan:
    """``action`` is ``keep``, ``make`` (a new one, or one that is incomplete) or ``recreate`` for ``reason``."""

    action: str
    reason: str = ""


def parse_config(text: str) -> str:
    """Return the version in a pyvenv.cfg, as "python -m venv" or as virtualenv and uv write it."""
    pairs = [line.partition("=")[::2] for line in text.splitlines()]
    found = {name.strip().lower(): value.strip() for name, value in pairs}
    version = found.get("version") or found.get("version_info") or ""
    return version if re.fullmatch(r"[0-9][0-9a-z.+]{0,30}", version) else ""


def plan_venv(request: VenvRequest, found: Environment, wanted: Interpreter | None) -> VenvPlan:
    """Return what to do; ``wanted`` is the requested interpreter, ``None`` where it was not asked.

    Raises where only a new environment helps and the request does not allow one.
    """
    reason = _foreign(request, found) or _other_python(request, found, wanted)
    if not reason:
        return VenvPlan("keep" if found.is_made and found.report and _has_installer(request, found.report) else "make")
    if not request.recreate:
        if found.failure and reason == found.failure.problem:
            raise found.failure
        raise BaselineError(reason, where=request.path, state=UNCHANGED, hint=_RECREATE)
    return VenvPlan("recreate", reason)


def _has_installer(request: VenvRequest, report: VenvReport) -> bool:
    return bool(report.pip) or (request.installer == "uv" and report.can_compare)


def _foreign(request: VenvRequest, found: Environment) -> str:
    if found.belongs_to and found.belongs_to != request.owner:
        return f"it belongs to {found.belongs_to} and not to {request.owner}, who could not change it"
    content = found.content
    if content.foreign_count:
        more = f" and {content.foreign_count - 1} more folders" if content.foreign_count > 1 else ""
        verb, example = "belong" if more else "belongs", printable(content.foreign[0], longest=300)
        return (
            f"{example}{more} in it {verb} to {content.foreign_owner}, so {request.owner} can change only a part of it"
        )
    return ""


def _other_python(request: VenvRequest, found: Environment, wanted: Interpreter | None) -> str:
    made, own = release_of(found.made_with), found.report.own if found.report else None
    if found.gone:
        to = f" ({made} -> {wanted.release})" if wanted and made not in ("", wanted.release) else ""
        return (
            f"the Python {made or 'of another system'} that it was made with is gone{to}: no {found.gone} on this host"
        )
    if found.failure:
        return found.failure.problem
    if not found.is_made and made and wanted and made != wanted.release:
        return f"it is incomplete, and was begun with Python {made} ({made} -> {wanted.release})"
    if not own and made and found.leads_to not in ("", made):
        return f"it was made with Python {made}, and its Python is {found.leads_to} now ({made} -> {found.leads_to})"
    if own and made and own.release != made:
        return f"it was made with Python {made}, and its Python is {own.version} now ({made} -> {own.release})"
    if own and request.python_is_explicit and wanted and _differs(request, own, wanted):
        here, there = (f" of {printable(one.prefix, longest=200)}" if one.prefix else "" for one in (own, wanted))
        change = f"{own.release} -> {wanted.release}"
        return f"it has Python {own.version}{here}, and python asks for {wanted.version}{there} ({change})"
    return ""


def _differs(request: VenvRequest, own: Interpreter, wanted: Interpreter) -> bool:
    if own.release != wanted.release or own.implementation != wanted.implementation:
        return True
    # A version that was asked for is that version wherever it is installed.
    return not request.release and own.prefix != wanted.prefix


def is_interpreter(name: str) -> bool:
    return bool(re.fullmatch(r"python3(?:\.[0-9]+)?", name))


def known_interpreters(paths: t.Sequence[str]) -> str:
    return f"the host has {', '.join(paths)}" if paths else "the host has no Python where it was looked for"


def missing_interpreter(request: VenvRequest, others: t.Sequence[str], *, is_there: bool) -> BaselineError:
    """Return the error for an interpreter that the owner cannot run; ``is_there``: root can. ``others`` can run."""
    if is_there:
        return BaselineError(
            f"{request.owner} cannot reach its Python {request.python}",
            where=request.path,
            hint=f"let the owner into its folders, or name another one in python; {known_interpreters(others)}",
        )
    downloads = ", or set installer: uv and python_downloads: true" if request.release else ""
    return BaselineError(
        f"its Python {request.python} is not on this host",
        where=request.path,
        hint=f"{known_interpreters(others)}; install the package of it, name another one in python{downloads}",
    )


def unsuitable_interpreter(request: VenvRequest, interpreter: Interpreter) -> BaselineError | None:
    """Return the error for an interpreter that is too old for an environment."""
    numbers = tuple(int(one) for one in interpreter.release.split(".") if one.isdigit())
    if numbers >= _OLDEST:
        return None
    return BaselineError(
        f"{request.python} is Python {interpreter.version}, and environments need {_OLDEST[0]}.{_OLDEST[1]} or later",
        where=request.path,
        hint="name a later one in python",
    )
