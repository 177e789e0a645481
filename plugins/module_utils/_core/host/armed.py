# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change under a rollback that the host carries out by itself unless the change is confirmed."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from ..errors import BaselineError
from ..rollback import PendingRollback, RollbackPaths, RollbackRequest
from .rollback import discard_rollback, is_armed
from .rollback_arm import arm_rollback

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["CommitRequest", "NotRestored", "armed_rollback", "require_armed", "rollback_to_come"]


class NotRestored(BaselineError):
    """A change failed and the run could not restore all of the host: its rollback has to do it."""


@dataclass(frozen=True)
class CommitRequest:
    """What the controller's half asks for.

    ``phase`` is ``plan`` (writes nothing), ``apply`` (under a rollback) or empty: apply without a confirmation.
    ``seconds`` is the option ``confirm_timeout``.
    """

    paths: RollbackPaths
    phase: str = ""
    seconds: int = 45

    @property
    def only_plans(self) -> bool:
        return self.phase == "plan"

    @property
    def arms_rollback(self) -> bool:
        return self.phase == "apply"


@contextlib.contextmanager
def armed_rollback(
    host: Host, request: RollbackRequest | None, paths: RollbackPaths
) -> t.Iterator[PendingRollback | None]:
    """Arm the host's rollback around a change. It stays armed after the change until the controller confirms.

    A change that fails was reverted by the run itself; one that could not be reverted is left to the rollback.
    """
    if request is None:
        yield None
        return
    armed = arm_rollback(host, request, paths)
    try:
        yield armed
    except NotRestored:
        raise
    except BaselineError:
        discard_rollback(host, paths)
        raise


def require_armed(host: Host, armed: PendingRollback | None, paths: RollbackPaths) -> None:
    """Stop where the host's rollback has started during this run: it would not restore what is written from now on."""
    if armed and not is_armed(host, armed.token, paths):
        raise BaselineError(
            f"the change took longer than the {armed.seconds} seconds of confirm_timeout, so the host started to roll "
            "it back",
            hint="give it more time",
        )


def rollback_to_come(armed: PendingRollback | None) -> str:
    """Return the end of a sentence about a change that the run could not revert."""
    return f", and the host rolls the change back by itself within {armed.seconds} seconds" if armed else ""
