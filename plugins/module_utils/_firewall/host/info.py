# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about the firewall: what is open for whom, and who reaches what listens. Read-only."""

from __future__ import annotations

import typing as t

from ..._core.text import printable
from ..boot_unit import RULES_FILE, UNIT
from ..foreign import file_findings, manager_findings
from ..input_policies import input_policies
from ..open_rules import ANYONE, InputPolicy, forward_policy, reach
from ..table_state import difference, rendered_table
from .gather import gather as gather_state
from .gather import named, require_systemd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..host_state import FirewallState
    from ..listeners import Listener
    from ..published import PublishedPort

__all__ = ["gather"]

Report = t.Dict[str, t.Any]
_MOST_SHOWN = 10


def gather(host: Host) -> Report:
    """Return the whole report."""
    require_systemd(host)
    state = gather_state(host)
    policies = input_policies(state)
    forward = forward_policy(state.ruleset) if state.ruleset else None
    published = [(one, _published_reach(one, forward)) for one in state.published if not one.is_local]
    listeners = [(one, reach(policies, one.protocol, one.address, one.port)) for one in named(host, state.listeners)]
    problem = _problem(state)
    return {
        "backend": state.backend,
        "managers": state.active_managers,
        "own_table": _own_table(state, problem),
        "ssh_ports": list(state.ssh_ports),
        "closed_by": [printable(one.name, longest=200) for one in policies],
        "open": [_open(policy, rule) for policy in policies for rule in policy.rules],
        "listeners": [_listener(one, reached) for one, reached in listeners],
        "published": [_published(one, reached) for one, reached in published],
        "warnings": _warnings(state, policies, published, problem),
    }


def _problem(state: FirewallState) -> str:
    """Return why our table is not in force as its file says, an empty text if it is, or if there is no file."""
    text = state.own_files.get(RULES_FILE)
    if text is None or state.ruleset is None:
        return ""
    return difference(rendered_table(text), state.own_table)


def _own_table(state: FirewallState, problem: str) -> Report:
    unit = state.unit(UNIT[: -len(".service")])
    return {"loaded": state.own_table is not None, "problem": problem, "at_boot": unit.is_enabled}


def _open(policy: InputPolicy, rule: t.Any) -> Report:
    return {
        "protocol": rule.protocol,
        "ports": str(rule.ports),
        "from": list(rule.sources),
        "interface": rule.interface,
        "conditional": rule.is_partial,
        "by": printable(policy.name, longest=200),
    }


def _listener(listener: Listener, reached: str) -> Report:
    return {**listener.result(), "uid": listener.uid, "reachable": reached}


def _published(published: PublishedPort, reached: str) -> Report:
    return {
        "protocol": published.protocol,
        "ports": str(published.ports),
        "host": published.host,
        "target": printable(published.target, longest=200),
        "reachable": reached,
    }


def _published_reach(published: PublishedPort, forward: InputPolicy | None) -> str:
    if forward is None:
        return ANYONE
    return forward.reach(published.protocol, published.ports.first, published.version or 4)


def _warnings(
    state: FirewallState, policies: t.Sequence[InputPolicy], published: t.Iterable[t.Any], problem: str
) -> list[str]:
    findings = manager_findings(state.active_managers)
    findings += file_findings(state.nftables_files, state.nftables_main, is_followed=state.backend == "nftables")
    found = [*(error.advice for error in findings.errors), *findings.warnings]
    if state.ruleset is None:
        found.append("nft is not installed, so rules of the kernel that no manager knows are not in this report")
    elif not policies:
        found.append("no firewall closes this host: each port on which something listens is reachable")
    if state.ufw is not None and not state.ufw_is_loaded:
        found.append("ufw is enabled, and the kernel does not have its rules; run `ufw reload`")
    if problem:
        found.append(f"the rules of {RULES_FILE} are not in force: {problem}; run the module firewall again")
    exposed = [str(one) for one, reached in published if reached == ANYONE] if policies else []
    if exposed:
        shown = ", ".join(printable(one, longest=200) for one in exposed[:_MOST_SHOWN])
        rest = " …" if len(exposed) > _MOST_SHOWN else ""
        found.append(
            f"published ports of containers are reachable from outside in spite of the firewall: {shown}{rest}"
        )
    return found
