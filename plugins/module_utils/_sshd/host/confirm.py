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
from .daemon import Daemon
from .doors import NONE, Doors
from .guard import guard
from .sshd import Sshd

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Confirm", "for_controller", "under_undo"]


@dataclass(frozen=True)
class Confirm:
    """What the controller's half asks for. ``phase``: ``plan`` (writes nothing), ``apply`` (under the undo) or none.

    ``login_user`` is the connection's user as Ansible knows it; the host knows better where ssh's configuration chose.
    """

    phase: str = ""
    seconds: int = 45
    login_user: str = ""


def for_controller(sshd: Sshd, confirm: Confirm, root: str, base: Connection) -> Confirmation:
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
def under_undo(
    host: Host,
    confirm: Confirm,
    paths: t.Collection[str],
    *,
    program: str,
    daemon: Daemon,
    pid_file: str,
    doors: Doors = NONE,
) -> t.Iterator[PendingRollback | None]:
    """Arm the host's undo for ``paths`` around a change; it goes on counting after the change, until it is confirmed.

    A change that fails has been taken back by the one who made it.
    """
    if confirm.phase != "apply" or not paths:
        yield None
        return
    by = RollbackDaemon(program=program, service=daemon.unit, socket=daemon.socket, pid_file=pid_file, rc=daemon.rc)
    shut = tuple(one.take for one in doors.openings)
    request = RollbackRequest(tuple(paths), confirm.seconds, by, tuple(doors.files), shut)
    armed = arm_rollback(host, request, PATHS)
    try:
        yield armed
    except BaselineError:
        discard_rollback(host)
        raise
