# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host's firewall: what differs from a request, what brings it into force, and what forbids it. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, collected, did_you_mean
from .boot_unit import RULES_FILE, UNIT
from .foreign import ForeignFindings, chain_findings, file_findings, manager_findings
from .host_state import MANAGERS, FirewallState
from .listeners import Listener, refuse_to_cut
from .networks import parse_network, shown
from .nft_table import FAMILY, TABLE
from .plan_backends import BackendPlan, plan_firewalld, plan_nftables, plan_ufw
from .probes import Probes, choose_probes
from .published import PublishedPort, exposed_ports
from .request import FirewallRequest, outgoing_warnings, ssh_warnings
from .verdict import Packet, verdict

__all__ = ["FirewallPlan", "plan_firewall"]

_BACKENDS: t.Mapping[str, t.Callable[[FirewallRequest, FirewallState], BackendPlan]] = {
    "nftables": plan_nftables,
    "firewalld": plan_firewalld,
    "ufw": plan_ufw,
}
_OF_IPTABLES = ("iptables", "ip6tables", "netfilter-persistent")
_MOST_SHOWN = 10


@dataclass(frozen=True)
class FirewallPlan:
    """What is planned for a request.

    ``change`` is what the backend gets. ``errors`` forbid any change of the host. ``exposed`` are ports of containers
    that others reach in spite of the policy, ``probes`` the ports that the controller tries after the change.
    """

    change: BackendPlan
    errors: tuple[BaselineError, ...] = ()
    warnings: tuple[str, ...] = ()
    ssh_ports: tuple[int, ...] = ()
    exposed: tuple[PublishedPort, ...] = ()
    probes: Probes = Probes()

    @property
    def in_force(self) -> bool:
        return self.change.before == self.change.after


def plan_firewall(request: FirewallRequest, state: FirewallState, cut: t.Sequence[Listener] = ()) -> FirewallPlan:
    """Return the plan for ``request``. ``cut`` is what :func:`surprising_cuts` returns.

    It is given apart, with the processes, which only the host knows.
    """
    change = _BACKENDS[state.backend](request, state)
    errors: list[BaselineError] = []
    foreign = _foreign(request, state)
    errors += _interface_errors(request, state.interfaces)
    with collected(errors):
        _require_own_access(request, state)
    with collected(errors):
        refuse_to_cut(cut)
    exposed = exposed_ports(request, state.published)
    warnings = [
        *foreign.warnings,
        *change.warnings,
        *ssh_warnings(request, state.ssh_ports),
        *outgoing_warnings(request),
        *([_exposed_warning(exposed, state.backend)] if exposed else []),
    ]
    return FirewallPlan(
        change,
        (*foreign.errors, *change.errors, *errors),
        tuple(dict.fromkeys(warnings)),
        state.ssh_ports,
        tuple(exposed),
        choose_probes(request, state),
    )


def _foreign(request: FirewallRequest, state: FirewallState) -> ForeignFindings:
    findings = manager_findings(state.active_managers) + _dormant_findings(state)
    findings += file_findings(state.nftables_files, state.nftables_main, is_followed=state.backend == "nftables")
    others = [name for name in state.active_managers if name in _OF_IPTABLES]
    if state.backend != "nftables":
        findings += _former_findings(state)
    elif others:
        findings += ForeignFindings(
            warnings=(f"{others[0]}.service loads rules of iptables: both firewalls must open each port",)
        )
    if state.ruleset is not None:
        findings += chain_findings(state.ruleset, request, state.ssh_ports)
    return findings


def _former_findings(state: FirewallState) -> ForeignFindings:
    """Return that our own table is still there, on a host whose rules have another backend since."""
    if not (state.own_table is not None or state.unit(UNIT[: -len(".service")]).is_enabled):
        return ForeignFindings()
    error = BaselineError(
        f"the table {FAMILY} {TABLE} of an earlier run closes ports beside {state.backend}, which manages the rules",
        hint=f"remove it (`systemctl disable --now {UNIT}; rm {RULES_FILE}`), or disable {state.backend}",
    )
    return ForeignFindings(errors=(error,))


def _dormant_findings(state: FirewallState) -> ForeignFindings:
    """Return which managers do not run now, and will manage the rules too after the next boot."""
    errors = [
        BaselineError(
            f"{name}.service does not run now, but starts at the next boot: it would manage the packet filter beside "
            f"{state.backend}",
            hint=f"start it, and this module uses it (`systemctl start {name}`), or disable it "
            f"(`systemctl disable {name}`)",
        )
        for name in MANAGERS
        # The service of ufw does nothing on a host where ufw is off, and nftables.service is judged by its files.
        if name not in ("ufw", "nftables") and state.unit(name).is_enabled and not state.unit(name).is_active
    ]
    return ForeignFindings(errors=tuple(errors))


def _interface_errors(request: FirewallRequest, known: t.Collection[str]) -> list[BaselineError]:
    """Return an error for each interface of a rule that the host does not have: it would never let anything in."""
    rules = [("allow", rule) for rule in request.allow] + [("outgoing", rule) for rule in request.outgoing_rules]
    missing = dict.fromkeys((option, rule.interface) for option, rule in rules if rule.interface not in ("", *known))
    return [
        BaselineError(
            f"the host has no interface {name!r}",
            option=f"{option}.interface",
            hint=did_you_mean(name, known) or f"its interfaces are: {', '.join(sorted(known))}",
        )
        for option, name in missing
    ]


def _require_own_access(request: FirewallRequest, state: FirewallState) -> None:
    """Raise where the rules do not let in the connection by which this run came in."""
    own = state.connection
    if not own.address or verdict(
        request, state.ssh_ports, Packet(own.address, port=own.port, interface=own.interface)
    ):
        return
    place = f" by {own.interface}" if own.interface else ""
    problem = f"these rules would shut out this run, which comes from {own.address} to port {own.port}/tcp{place}"
    if own.port in state.ssh_ports:
        address = shown(parse_network(own.address.partition("%")[0], ""))
        raise BaselineError(problem, option="ssh_from", hint=f"add {address} to ssh_from")
    ports = ", ".join(map(str, state.ssh_ports)) or "none"
    raise BaselineError(
        f"{problem}; the ports of sshd are: {ports}", option="allow", hint=f"add {{port: {own.port}}} to allow"
    )


def _exposed_warning(exposed: t.Sequence[PublishedPort], backend: str) -> str:
    ports = ", ".join(map(str, exposed[:_MOST_SHOWN])) + (" …" if len(exposed) > _MOST_SHOWN else "")
    # Other backends cannot filter them.
    ways = ["add them to allow", "publish them on 127.0.0.1", *(["set containers to filter"] * (backend == "nftables"))]
    return (
        f"published ports of containers are reachable from outside in spite of the policy: {ports}; "
        f"{', '.join(ways[:-1])} or {ways[-1]}"
    )
