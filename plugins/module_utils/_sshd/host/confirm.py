# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's half of commit-confirm: what the controller must know before a change, and the rollback around it."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.become import DEFAULT_BECOME
from ..._core.errors import BaselineError
from ..._core.host.armed import CommitRequest
from ..._core.host.rollback import host_rollback_paths
from ..._core.phase import ArmedRollback
from ..._core.rollback import PendingRollback, RollbackPaths, RollbackRequest
from ..._core.text import printable
from ..confirmation import Confirmation
from ..rollback_steps import RollbackDaemon, sshd_steps
from .check_effective import effective_now
from .crypto import plan_preflight
from .guard import guard

if t.TYPE_CHECKING:
    from .change_plan import ChangePlan
    from .port_access import PortAccess

__all__ = ["ConfirmRequest", "gather_confirmation", "rollback_request", "with_armed"]


@dataclass(frozen=True)
class ConfirmRequest(CommitRequest):
    """What the controller's half asks for, with what the guard has to know.

    ``login_user`` is the connection's user as Ansible knows it, empty where ssh's configuration chooses. ``become`` is
    the method by which the play becomes root.
    """

    paths: RollbackPaths = field(default_factory=lambda: host_rollback_paths("sshd"))
    login_user: str = ""
    become: str = DEFAULT_BECOME


def gather_confirmation(plan: ChangePlan, *, is_outdated: bool) -> Confirmation:
    """Return what the controller decides by: whether its own user gets in after the change, and where it came in.

    Only a change that is still to be made is asked about. A daemon that is outdated does not show what the files say,
    so nothing can be compared with them.
    """
    confirm, answers = plan.request.confirm, plan.answers
    port = int(answers.incoming.local_port or 22)
    if not confirm.only_plans or not (plan.is_pending or is_outdated):
        return Confirmation("", port)
    confirmation = Confirmation(_refusal(plan), port)
    if is_outdated:
        return confirmation
    now = effective_now(plan.state.sshd, answers.incoming)
    preflight = plan_preflight(plan.state.sshd, now, answers.first, plan.crypto)
    return replace(confirmation, preflight=preflight, opened=tuple(_opened(plan)))


def _opened(plan: ChangePlan) -> t.Iterator[str]:
    """Yield the guarded users whom the present configuration refuses: a login of theirs can only follow the change.

    That the candidate lets them in has been judged before (``check_change``).
    """
    for user in plan.request.users:
        try:
            guard(plan.state.sshd, "", plan.answers.incoming, [user])
        except BaselineError as error:
            if "refused" in error.details:
                yield user


def with_armed(confirmation: Confirmation, armed: PendingRollback | None) -> Confirmation:
    """Return what the controller needs to confirm a change, or to have it rolled back."""
    if armed is None:
        return confirmation
    return replace(confirmation, armed=ArmedRollback(armed.seconds, armed.boot, armed.base, armed.token, "sshd"))


def rollback_request(plan: ChangePlan, port_access: PortAccess) -> RollbackRequest | None:
    """Return what a rollback of ``plan`` restores, ``None`` where nobody would confirm it, or no file changes."""
    if not plan.request.confirm.arms_rollback or not plan.written.changes:
        return None
    daemon = RollbackDaemon(
        program=plan.state.sshd.program,
        service=plan.daemon.unit,
        socket=plan.daemon.socket,
        pid_file=plan.answers.pid_file,
        rc=plan.daemon.rc,
    )
    return RollbackRequest(
        files=tuple(plan.written.changes),
        seconds=plan.request.confirm.seconds,
        steps=sshd_steps(daemon, (one.take for one in port_access.openings)),
        last_files=tuple(port_access.files),
    )


def _refusal(plan: ChangePlan) -> str:
    """Return why the connection's user would not get in under the candidate, an empty text where it would."""
    user = plan.request.confirm.login_user or os.environ.get("SUDO_USER") or "root"
    try:
        become = plan.request.confirm.become
        guard(plan.state.sshd, plan.answers.root, plan.answers.incoming, [user], become=become)
    except BaselineError as error:
        if "refused" not in error.details:
            raise
        return printable(". ".join(error.details["refused"]))
    return ""
