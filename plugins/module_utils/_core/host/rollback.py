# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the host's own rollback, its confirmation, and what an earlier run left of one.

``rollback_arm.py`` arms it.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from dataclasses import dataclass

from ..confirm_timeout import MOST_SECONDS
from ..rollback import (
    RollbackPaths,
    RollbackRecord,
    parse_armed,
    parse_record,
    rollback_paths,
)
from .platform import detect_platform
from .rollback_arm import disarm

if t.TYPE_CHECKING:
    from .host import Host

__all__ = [
    "RollbackState",
    "discard_rollback",
    "host_rollback_paths",
    "is_armed",
    "read_rollback_state",
    "report_last_rollback",
    "resolve_pending_rollback",
]

# What the rollback itself may take past its time: the restart of a service and the timer's accuracy.
_GRACE = 10.0
_PENDING = ("armed", "started")


def host_rollback_paths(topic: str) -> RollbackPaths:
    """Return the paths of the rollback of ``topic`` on this host."""
    return rollback_paths(detect_platform().kernel, topic)


@dataclass(frozen=True)
class RollbackState:
    """``state`` is ``none``, ``armed`` (until ``deadline``), ``started`` or ``stale``; ``record`` is the last one's."""

    state: str
    token: str = ""
    deadline: float = 0.0
    record: RollbackRecord | None = None

    @property
    def is_pending(self) -> bool:
        return self.state in _PENDING


def read_rollback_state(host: Host, paths: RollbackPaths) -> RollbackState:
    """Return what of a rollback is on the host."""
    text = host.read(paths.record)
    record = parse_record(text) if text else None
    armed = host.read(paths.armed)
    if armed is not None:
        token, deadline = parse_armed(armed)
        return RollbackState("armed", token, deadline, record)
    if host.stat(paths.started):
        return RollbackState("started", record=record)
    return RollbackState("stale" if host.stat(paths.folder) else "none", record=record)


def is_armed(host: Host, token: str, paths: RollbackPaths) -> bool:
    """Say whether the rollback ``token`` has not started: a change made now will be rolled back unless confirmed."""
    state = read_rollback_state(host, paths)
    return state.state == "armed" and state.token == token


def discard_rollback(host: Host, paths: RollbackPaths) -> None:
    """Remove the rollback of a change that the run itself has reverted."""
    host.run(["/bin/sh", paths.script, "discard"])


def resolve_pending_rollback(host: Host, paths: RollbackPaths) -> list[str]:
    """End what an earlier run left unconfirmed and return the warnings about it. Check mode only reports.

    A rollback whose time has not come may belong to a run that is still at work: this run waits for it. One that is
    past its time was stopped by something: it is carried out here.
    """
    state = read_rollback_state(host, paths)
    if host.check_mode:
        pending = "a change of an earlier run is not confirmed yet and may be rolled back"
        return ([pending] if state.is_pending else []) + report_last_rollback(host, paths)
    if state.state == "stale":
        # Its run ended before the change or after the confirmation: there is nothing to restore.
        disarm(host, paths)
    elif state.is_pending:
        _wait_for_end(host, state, paths)
        if read_rollback_state(host, paths).state != "none":
            host.run(["/bin/sh", paths.script, "asked"])
    return report_last_rollback(host, paths)


def report_last_rollback(host: Host, paths: RollbackPaths) -> list[str]:
    """Return the sentence about the last rollback, if there is one, and remove its record: it is reported once.

    The record of a confirmation is removed without one: the run that made the change has reported it.
    """
    record = read_rollback_state(host, paths).record
    if record is None:
        return []
    if not host.check_mode:
        host.remove(paths.record)
        with contextlib.suppress(OSError):
            os.rmdir(paths.base)
    return [] if record.is_confirmed else [record.sentence(paths.subject)]


def _wait_for_end(host: Host, state: RollbackState, paths: RollbackPaths) -> None:
    """Wait for the end of a rollback, no longer than one can be armed: the clock may have been set back since."""
    left = min(max(0.0, state.deadline - time.time()), MOST_SECONDS)
    wait = left + _GRACE if state.state == "armed" else _GRACE
    end = time.monotonic() + wait
    while read_rollback_state(host, paths).is_pending and time.monotonic() < end:
        time.sleep(0.5)
