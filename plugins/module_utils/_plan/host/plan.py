# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a host: each module reads and plans its request, and none of them writes.

What later parts depend on (packages and accounts that are missing) is planned first, one after the other. The rest
waits for other programs most of the time, so it is planned side by side, but for the firewall: it lets in the ports
that sshd will have.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._core.errors import BaselineError
from ..._core.host.host import Host
from ..._core.host.side_by_side import run_side_by_side
from ..._core.phase import PHASE_ARGUMENT
from ..._core.upcoming import NOTHING
from ..._inputs.arguments import ARGUMENTS
from ..._inputs.text import require_plain
from ..model import PlanPart, failed_part, part_of, upcoming_after
from .modules import load_module

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ..._core.module_result import ModuleResult
    from ..._core.upcoming import Upcoming
    from ..model import PartRequest

__all__ = ["plan_host"]

# Others depend on what these would change.
_FIRST = ("packages", "admin_user")
# Each is planned right after the other one.
_AFTER = {"firewall": "sshd_config"}


class _Planned(t.NamedTuple):
    part: PlanPart
    result: ModuleResult | None
    secrets: frozenset[str]


def plan_host(module: AnsibleModule, requests: t.Sequence[PartRequest]) -> list[PlanPart]:
    """Return the part of the plan for each of ``requests``, in their order."""
    upcoming = NOTHING
    parts: dict[int, PlanPart] = {}
    later: list[list[int]] = []
    for place, request in enumerate(requests):
        if request.module not in _FIRST:
            before = [places for places in later if requests[places[-1]].module == _AFTER.get(request.module)]
            if before:
                before[-1].append(place)
            else:
                later.append([place])
            continue
        planned = _plan_part(module, request, upcoming)
        module.no_log_values.update(planned.secrets)
        upcoming = upcoming_after(upcoming, request, planned.result)
        parts[place] = planned.part
    answers = run_side_by_side([_function(module, [requests[place] for place in places], upcoming) for places in later])
    for places, answer in zip(later, answers):
        module.no_log_values.update(answer["secrets"])
        parts.update((place, PlanPart(**part)) for place, part in zip(places, answer["parts"]))
    return [parts[place] for place in range(len(requests))]


def _function(
    module: AnsibleModule, requests: t.Sequence[PartRequest], upcoming: Upcoming
) -> t.Callable[[], dict[str, t.Any]]:
    def function() -> dict[str, t.Any]:
        expected, parts, secrets = upcoming, [], set()
        for request in requests:
            planned = _plan_part(module, request, expected)
            expected = upcoming_after(expected, request, planned.result)
            parts.append(planned.part.as_json())
            secrets |= planned.secrets
        return {"parts": parts, "secrets": sorted(secrets)}

    return function


def _plan_part(module: AnsibleModule, request: PartRequest, upcoming: Upcoming) -> _Planned:
    host = Host(module, upcoming=upcoming)
    try:
        ensure_options = load_module(request.module)
        given = dict(request.options)
        extra = [given.pop(PHASE_ARGUMENT)] if PHASE_ARGUMENT in given else []
        options, secrets = _checked(ARGUMENTS[request.module], given)
        # Before an error quotes one of them.
        module.no_log_values.update(secrets)
        result = ensure_options(host, options, *extra)
    except BaselineError as error:
        return _Planned(failed_part(request, error, host.evidence), None, frozenset(module.no_log_values))
    part = part_of(request, result, known_after_apply=host.known_after_apply, evidence=host.evidence)
    return _Planned(part, result, frozenset(module.no_log_values))


def _checked(arguments: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], set[str]]:
    """Return ``options`` as their module gets them, and the secrets among them."""
    found = ArgumentSpecValidator(dict(arguments)).validate(options)
    if found.error_messages:
        raise BaselineError("; ".join(found.error_messages))
    require_plain(found.validated_parameters)
    return found.validated_parameters, set(found._no_log_values)
