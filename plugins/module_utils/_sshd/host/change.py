# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ensure settings of sshd: read and plan, check, apply, and return what is in effect. Each step has a file."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..._core.errors import BaselineError, state_of_errors
from ..._core.host.rollback import resolve_pending_rollback
from ..comparison import shadowed_directives, with_criteria
from ..plan import ManagedFiles, managed_files
from ..port_holders import PortTaken, deferral_warning
from ..result import (
    SshdResult,
    daemon_diff,
    effective_values,
    files_diff,
    firewall_diff,
)
from ..settings import render_settings
from ..tree import compose
from .apply import AppliedChange, apply_change
from .change_plan import ChangePlan, SshdRequest, plan_change
from .check import CheckedChange, check_change
from .confirm import with_armed
from .crypto import HostCrypto
from .move import unprivileged_port_warnings
from .sshd import find_sshd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["SshdRequest", "ensure"]


def ensure(host: Host, request: SshdRequest) -> dict[str, t.Any]:
    """Ensure that ``request.desired`` is in effect and return the module's result."""
    files = managed_files(request.main, request.dropin)
    sshd = find_sshd(host, request.main)
    if sshd is None:
        return _not_installed(host, request, files).as_result()
    if os.geteuid():
        raise BaselineError("sshd can only be configured by root", hint="run the task with become: true")
    warnings = resolve_pending_rollback(host, request.confirm.paths)
    with _reported_in_errors(warnings), host.lock("sshd"):
        try:
            result = _ensure(host, plan_change(host, sshd, files, request))
        except PortTaken as error:
            # Somebody took the port while sshd moved, so sshd was moved back: all else is ensured without the move.
            with state_of_errors(str(error.state)):
                stay = plan_change(host, sshd, files, request.with_ports(error.listens), holders=error.holders)
                result = _ensure(host, stay)
    return {**result.as_result(), "warnings": [*warnings, *result.warnings]}


def _reported_in_errors(warnings: t.Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """Let errors before the change report what became of an earlier one, which this run has resolved."""
    if not warnings:
        return contextlib.nullcontext()
    return state_of_errors(f"{'; '.join(warnings)}; this task changed nothing else")


def _ensure(host: Host, plan: ChangePlan) -> SshdResult:
    """Check ``plan``, apply it where it is needed and may be, and return the result."""
    change = check_change(host, plan)
    applied = AppliedChange()
    if change.is_needed and not host.check_mode and not plan.request.confirm.only_plans:
        applied = apply_change(host, plan, change.port_access)
    return _result(host, change, applied)


def _result(host: Host, change: CheckedChange, applied: AppliedChange) -> SshdResult:
    plan, port_access = change.plan, change.port_access
    desired, own = plan.request.desired, plan.state.files.own
    directives = compose(plan.candidate, plan.state.sshd.release)
    overridden = map(with_criteria, plan.effect.overridden)
    return SshdResult(
        changed=change.is_needed,
        diff=_diff(change, applied),
        path=plan.written.path,
        crypto=plan.crypto.result(applied.generated),
        effective=effective_values(desired, plan.answers.actual),
        left_out=plan.left_out,
        shadowed=[*shadowed_directives(directives, desired, own), *overridden],
        exceptions=[one.result() for one in plan.effect.conflicts],
        reloaded=applied.is_reloaded,
        ports=plan.move.ports,
        port_held_by=[one.result() for one in plan.holders],
        firewall={"kind": port_access.kind, "opened": port_access.descriptions},
        selinux_ports=port_access.labels,
        version=plan.state.sshd.version(),
        warnings=[
            *([deferral_warning(plan.holders, plan.move.ports)] if plan.holders else []),
            *(unprivileged_port_warnings(host, plan.move) if plan.is_pending else []),
            *plan.answers.warnings,
            *plan.crypto.warnings,
            *change.warnings,
            *map(str, plan.effect.conflicts),
            *(str(one) for one in applied.generated if one.replaces),
        ],
        confirmation=with_armed(change.confirmation, applied.armed).as_json(),
    )


def _diff(change: CheckedChange, applied: AppliedChange) -> list[dict[str, str]]:
    plan, daemon = change.plan, change.plan.daemon
    changed = files_diff(plan.written.before, plan.written.changes)
    if change.is_outdated and not plan.is_pending:
        changed = daemon_diff(daemon.service, daemon.state, is_running=daemon.running, at_boot=daemon.at_boot)
    opened = firewall_diff(change.port_access.kind, change.port_access.descriptions)
    return [*changed, *opened, *plan.crypto.diff(applied.generated)]


def _not_installed(host: Host, request: SshdRequest, files: ManagedFiles) -> SshdResult:
    """Return the planned change where OpenSSH is upcoming."""
    if not host.upcoming.has_package("openssh"):
        raise BaselineError("sshd is not installed", hint="install openssh-server first")
    text = render_settings(request.desired) if request.desired else ""
    host.known_after_apply.append("sshd is not installed yet, so it could not be asked whether it takes these settings")
    return SshdResult(
        changed=bool(text),
        diff=files_diff({files.dropin: ""}, {files.dropin: text}),
        path=files.dropin,
        crypto=HostCrypto(request.profile.name).result(),
    )
