# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module firewall, and what it returns for them."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from ..._core.confirm_timeout import check_seconds
from ..._core.errors import BaselineError, combined
from ..._core.host.armed import CommitRequest
from ..._core.host.rollback import host_rollback_paths, resolve_pending_rollback
from ..._core.module_result import ModuleResult
from ..._core.phase import ArmedRollback, read_phase_request
from ..._core.policy_result import PolicyResult
from ..confirmation import FirewallConfirmation
from ..input_policies import surprising_cuts
from ..plan import FirewallPlan, plan_firewall
from ..request import FirewallRequest, parse_request
from .apply import apply_change
from .gather import gather, named, read_services, require_systemd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options", "plan_request"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any], phase_argument: t.Any = None) -> ModuleResult:
    """Ensure the firewall of ``options``, in the phase that the controller's half asks for."""
    require_systemd(host)
    if os.geteuid():
        raise BaselineError("the firewall can only be managed by root", hint="run the task with become: true")
    options = dict(options)
    seconds = options.pop("confirm_timeout")
    # It is for the controller's half alone.
    options.pop("confirm")
    check_seconds(seconds)
    phase = read_phase_request(phase_argument).phase
    commit = CommitRequest(host_rollback_paths("firewall"), phase, seconds)
    request = parse_request(options, read_services(host))
    with host.lock("firewall"):
        ended = resolve_pending_rollback(host, commit.paths)
        plan = plan_request(host, request)
        if plan is None:
            host.known_after_apply.append("the rules of the firewall: nft is not installed yet")
            return ModuleResult(True, warnings=ended)
        confirmation = FirewallConfirmation(probes=plan.probes)
        if not (plan.in_force or host.check_mode or commit.only_plans):
            confirmation = replace(confirmation, armed=_apply(host, request, plan, commit))
    result = _result(plan, ended)
    if phase:
        result.result["confirmation"] = confirmation.as_json()
    return result.as_module_result()


def _apply(host: Host, request: FirewallRequest, plan: FirewallPlan, commit: CommitRequest) -> ArmedRollback | None:
    def missing() -> str:
        after = plan_firewall(request, gather(host)).change
        return ", ".join(place for place, text in after.after.items() if after.before[place] != text)

    armed = apply_change(host, plan.change, commit, missing)
    return ArmedRollback(armed.seconds, armed.boot, armed.base, armed.token, "firewall") if armed else None


def plan_request(host: Host, request: FirewallRequest) -> FirewallPlan | None:
    """Return the plan for ``request``, ``None`` if nft is upcoming; all that forbids it is one error."""
    state = gather(host)
    if state.backend == "nftables" and state.ruleset is None:
        if host.upcoming.has_package("nftables"):
            return None
        raise BaselineError("nft is not installed on this host", hint="install the package nftables")
    coming = sorted(host.upcoming.ssh_ports.difference(state.ssh_ports))
    if coming:
        # sshd moves before this plan is applied.
        state = replace(state, ssh_ports=tuple(sorted({*state.ssh_ports, *coming})))
        ports = ", ".join(map(str, coming))
        host.known_after_apply.append(f"the rules of the firewall for sshd, which is about to listen on port {ports}")
    plan = plan_firewall(request, state, named(host, surprising_cuts(request, state)))
    if plan.errors:
        raise combined(plan.errors)
    if plan.change.text and not plan.in_force:
        _require_valid(host, plan.change.text)
    return plan


def _require_valid(host: Host, text: str) -> None:
    """Raise where nft or the kernel does not take the table, without loading it."""
    ran = host.run(["nft", "-c", "-f", "-"], data=text)
    if not ran.ok:
        raise BaselineError(f"nft rejects the rules: {ran.message()}")


def _result(plan: FirewallPlan, ended: t.Sequence[str]) -> PolicyResult:
    fields = {
        "backend": plan.change.backend,
        "ssh_ports": list(plan.ssh_ports),
        "exposed": [str(one) for one in plan.exposed],
    }
    return PolicyResult(dict(plan.change.before), dict(plan.change.after), fields, [*ended, *plan.warnings])
