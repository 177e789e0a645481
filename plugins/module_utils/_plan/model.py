# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host: what each role requests of its module, and what was found for it. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass, field, replace

from .._core.errors import BaselineError
from .._core.module_result import ModuleResult
from .._core.text import printable
from .._core.upcoming import ANYTHING, Upcoming
from .modules import MODULES

__all__ = [
    "PartRequest",
    "PlanPart",
    "failed_part",
    "part_of",
    "plan_error",
    "plan_result",
    "upcoming_after",
]

# A copy of configuration files with the desired ones, which is checked before anything is written.
_STAGED = re.compile(r"(?:/var)?/run/pyhost\.baseline/tmp[A-Za-z0-9_]+")
_MOST_EVIDENCE = 40
_LONGEST_EVIDENCE = 300

Json = t.Dict[str, t.Any]


@dataclass(frozen=True)
class PartRequest:
    """What ``role`` requests: ``options`` of ``module``."""

    role: str
    module: str
    options: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class PlanPart:
    """What was found for one request.

    ``differences`` are as in Ansible's diff. ``errors`` would stop the module. ``unproven`` is in force and has not
    been proven yet. ``known_after_apply`` depends on an earlier part. ``evidence`` are the commands and files asked.
    """

    role: str
    module: str
    in_force: bool = False
    differences: t.Sequence[Json] = ()
    errors: t.Sequence[str] = ()
    warnings: t.Sequence[str] = ()
    known_after_apply: t.Sequence[str] = ()
    unproven: t.Sequence[str] = ()
    evidence: t.Sequence[str] = ()
    facts: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def part_of(
    request: PartRequest, result: ModuleResult, *, known_after_apply: t.Sequence[str], evidence: t.Iterable[str]
) -> PlanPart:
    """Return the part of the plan for the ``result`` of the planned module."""
    found: t.Any = result.diff or []
    diff: list[Json] = [found] if isinstance(found, dict) else found
    return PlanPart(
        role=request.role,
        module=request.module,
        in_force=not result.changed and not result.unproven,
        differences=[dict(one) for one in diff if one.get("before") != one.get("after")] if result.changed else [],
        warnings=list(result.warnings),
        known_after_apply=list(known_after_apply),
        unproven=list(result.unproven),
        evidence=shown_evidence(request.module, evidence),
        facts=dict(result.fields.get("ansible_facts", {})),
    )


def failed_part(request: PartRequest, error: BaselineError, evidence: t.Iterable[str] = ()) -> PlanPart:
    """Return the part of the plan for a request that its module refuses."""
    errors = [one.advice for one in error.parts or [error]]
    shown = shown_evidence(request.module, evidence)
    return PlanPart(request.role, request.module, errors=errors, evidence=shown)


def shown_evidence(module: str, asked: t.Iterable[str]) -> list[str]:
    """Return what was asked, as texts for people: first what shows best whether the request is in force."""
    best = MODULES[module].evidence
    texts = [printable(_STAGED.sub("[staged]", text), longest=_LONGEST_EVIDENCE) for text in asked]
    first = [text for part in best for text in texts if part in text]
    return list(dict.fromkeys([*first, *texts]))[:_MOST_EVIDENCE]


def upcoming_after(upcoming: Upcoming, request: PartRequest, result: ModuleResult | None) -> Upcoming:
    """Return what will be there after ``request``, whose planned ``result`` is ``None`` where it was refused."""
    if request.module == "packages":
        if result is None:
            return replace(upcoming, packages=ANYTHING.packages)
        names = {*result.fields.get("installed", {}), *result.fields.get("upgraded", {})}
        return replace(upcoming, packages=(upcoming.packages or frozenset()) | names)
    if request.module == "admin_user" and (result is None or result.changed):
        name = str(request.options.get("name"))
        return replace(upcoming, accounts=(upcoming.accounts or frozenset()) | {name})
    if request.module == "sshd_config" and result is not None and result.changed:
        return replace(upcoming, ssh_ports=upcoming.ssh_ports | {int(port) for port in result.fields.get("ports", ())})
    return upcoming


def plan_result(parts: t.Sequence[PlanPart]) -> Json:
    """Return the module's result."""
    facts: Json = {}
    for part in parts:
        facts.update(part.facts)
    return {
        "in_force": all(part.in_force for part in parts),
        "roles": {
            role: all(part.in_force for part in parts if part.role == role)
            for role in dict.fromkeys(part.role for part in parts)
        },
        "errors": [f"{part.role}: {error}" for part in parts for error in part.errors],
        "parts": [part.as_json() for part in parts],
        "diff": [_of_role(part.role, one) for part in parts for one in part.differences],
        **({"ansible_facts": facts} if facts else {}),
    }


def plan_error(parts: t.Sequence[PlanPart]) -> BaselineError:
    """Return the error that holds the errors of all ``parts``."""
    texts = [f"{part.role}: {error}" for part in parts for error in part.errors]
    count = f"{len(texts)} errors" if len(texts) > 1 else "an error"
    return BaselineError(f"the plan has {count}: {'; '.join(texts)}", state="no role has changed anything")


def _of_role(role: str, difference: t.Mapping[str, str]) -> Json:
    """Return the difference with its role in the headers."""
    headers = {
        name: f"{role}: {difference[name]}" if difference.get(name) else role
        for name in ("before_header", "after_header")
    }
    return {**difference, **headers}
