# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a planned change before it is applied: is it needed, who would be locked out, what does a new port need."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.errors import collected, combined
from ..confirmation import Confirmation
from .confirm import gather_confirmation
from .guard import guard
from .move import is_outdated
from .port_access import PortAccess, find_port_access

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .change_plan import ChangePlan

__all__ = ["CheckedChange", "check_change"]


@dataclass(frozen=True)
class CheckedChange:
    """A plan that may be applied. ``is_outdated``: the daemon does not run with the files that the host has."""

    plan: ChangePlan
    is_outdated: bool
    port_access: PortAccess
    warnings: tuple[str, ...]
    confirmation: Confirmation

    @property
    def is_needed(self) -> bool:
        return self.plan.is_pending or self.is_outdated


def check_change(host: Host, plan: ChangePlan) -> CheckedChange:
    """Stop where the plan has errors or one of the guarded users would be locked out, with all errors at once.

    Nobody is locked out by a change that is not needed.
    """
    request, answers, move = plan.request, plan.answers, plan.move
    loaded = plan.crypto.loaded_with(plan.state.tree)
    outdated = request.reload and is_outdated(host, plan.daemon, loaded, move)
    is_needed = plan.is_pending or outdated
    warnings: list[str] = []
    errors = list(plan.errors)
    if is_needed:
        become = request.confirm.become
        with collected(errors):
            warnings = guard(plan.state.sshd, answers.root, answers.incoming, request.users, become=become)
    if errors:
        raise combined(errors)
    port_access = find_port_access(host, move.old_ports, move.ports)
    confirmation = gather_confirmation(plan, is_outdated=outdated)
    return CheckedChange(plan, outdated, port_access, tuple(warnings), confirmation)
