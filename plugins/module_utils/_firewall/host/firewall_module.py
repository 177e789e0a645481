# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module firewall, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError, combined
from ..._core.module_result import ModuleResult
from ..._core.policy_result import PolicyResult
from ..input_policies import surprising_cuts
from ..plan import FirewallPlan, plan_firewall
from ..request import FirewallRequest, parse_request
from .gather import gather, named, read_services, require_systemd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options", "plan_request"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Ensure the firewall of ``options``."""
    require_systemd(host)
    request = parse_request(options, read_services(host))
    with host.lock("firewall"):
        plan = plan_request(host, request)
        if plan is None:
            host.known_after_apply.append("the rules of the firewall: nft is not installed yet")
            return ModuleResult(True)
        if not plan.in_force and not host.check_mode:
            raise BaselineError("this version of the module only plans the firewall", hint="run it with --check")
    return _result(plan).as_module_result()


def plan_request(host: Host, request: FirewallRequest) -> FirewallPlan | None:
    """Return the plan for ``request``, ``None`` if nft is upcoming; all that forbids it is one error."""
    state = gather(host)
    if state.backend == "nftables" and state.ruleset is None:
        if host.upcoming.has_package("nftables"):
            return None
        raise BaselineError("nft is not installed on this host", hint="install the package nftables")
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


def _result(plan: FirewallPlan) -> PolicyResult:
    fields = {
        "backend": plan.change.backend,
        "ssh_ports": list(plan.ssh_ports),
        "exposed": [str(one) for one in plan.exposed],
    }
    return PolicyResult(dict(plan.change.before), dict(plan.change.after), fields, list(plan.warnings))
