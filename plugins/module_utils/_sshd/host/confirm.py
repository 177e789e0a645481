# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's half of commit-confirm: what the controller must know before a change, and the undo around the change."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..._core.host.rollback import PATHS, discard_rollback
from ..._core.host.rollback_arm import arm_rollback
from ..._core.rollback import PendingRollback, RollbackDaemon, RollbackRequest
from ..._core.text import printable
from ..confirmation import Confirmation
from ..match import Connection
from .daemon import SshdDaemon
from .guard import guard
from .port_access import NONE, PortAccess
from .sshd import Sshd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ConfirmRequest", "armed_rollback", "gather_confirmation"]


@dataclass(frozen=True)
class ConfirmRequest:
    """What the controller's half asks for. ``phase``: ``plan`` (writes nothing), ``apply`` (under the undo) or none.

    ``login_user`` is the connection's user as Ansible knows it; the host knows better where ssh's configuration chose.
    """

    phase: str = ""
    seconds: int = 45
    login_user: str = ""


def gather_confirmation(sshd: Sshd, confirm: ConfirmRequest, root: str, base: Connection) -> Confirmation:
    """Return what the controller decides by: whether its own user gets in under the candidate, and where it came in."""
    user = confirm.login_user or os.environ.get("SUDO_USER") or "root"
    refusal = ""
    if confirm.phase == "plan":
        try:
            guard(sshd, root, base, [user])
        except BaselineError as error:
            refusal = printable(". ".join(error.details["refused"]))
    return Confirmation(refusal, int(base.local_port or 22))


@contextlib.contextmanager
def armed_rollback(
    host: Host,
    confirm: ConfirmRequest,
    paths: t.Collection[str],
    *,
    program: str,
    daemon: SshdDaemon,
    pid_file: str,
    port_access: PortAccess = NONE,
) -> t.Iterator[PendingRollback | None]:
    """Arm the host's undo for ``paths`` around a change; it goes on counting after the change, until it is confirmed.

    A change that fails has been taken back by the one who made it.
    """
    if confirm.phase != "apply" or not paths:
        yield None
        return
    by = RollbackDaemon(program=program, service=daemon.unit, socket=daemon.socket, pid_file=pid_file, rc=daemon.rc)
    close = tuple(one.take for one in port_access.openings)
    request = RollbackRequest(tuple(paths), confirm.seconds, by, tuple(port_access.files), close)
    armed = arm_rollback(host, request, PATHS)
    try:
        yield armed
    except BaselineError:
        discard_rollback(host)
        raise
