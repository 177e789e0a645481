# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module and controller hand to each other around a change that a login confirms: its phase, its rollback. Pure.

What the controller knows by itself (whom to log in as, how long to wait) does not come from the host at all.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .answer_fields import InvalidConfirmation, choice_field, mapping_field, number_field, text_field
from .become import DEFAULT_BECOME
from .errors import BaselineError
from .rollback import BASES, RollbackPaths

__all__ = ["PHASE_ARGUMENT", "ArmedRollback", "PhaseRequest", "parse_armed_rollback", "read_phase_request"]

_BOOTS = ("systemd", "rc", "cron", "none")

# The name of the argument of ``PhaseRequest``. It is in no argument_spec: the module takes it out of its parameters.
PHASE_ARGUMENT = "_pyhost_phase"
_PHASES = ("", "plan", "apply")


@dataclass(frozen=True)
class PhaseRequest:
    """What the controller's half hands to the module beside the task's options; without it the module applies at once.

    ``phase`` is ``plan`` (write nothing) or ``apply`` (under a rollback), ``login_user`` the connection's user,
    ``become`` the method by which the play becomes root.
    """

    phase: str = ""
    login_user: str = ""
    become: str = DEFAULT_BECOME

    def as_argument(self) -> dict[str, t.Any]:
        """Return it as an argument of the module; :func:`read_phase_request` reads it."""
        return {PHASE_ARGUMENT: asdict(self)}


@dataclass(frozen=True)
class ArmedRollback:
    """The rollback that counts on the host. ``boot`` says what covers a restart, ``base`` where it is located.

    ``token`` is the change's own: what became of this change is in the record that has it, and in no other one.
    ``topic`` is one of ``SUBJECTS``.
    """

    seconds: int
    boot: str
    base: str
    token: str
    topic: str

    @property
    def paths(self) -> RollbackPaths:
        return RollbackPaths(self.topic, base=self.base)


def read_phase_request(value: t.Any) -> PhaseRequest:
    """Read the argument that the controller's half adds, ``None`` where it adds none."""
    if value is None:
        return PhaseRequest()
    try:
        fields = mapping_field(value, PHASE_ARGUMENT, ("phase", "login_user", "become"))
        return PhaseRequest(
            phase=choice_field(fields["phase"], f"{PHASE_ARGUMENT}.phase", _PHASES),
            login_user=text_field(fields["login_user"], f"{PHASE_ARGUMENT}.login_user", longest=256),
            become=text_field(fields["become"], f"{PHASE_ARGUMENT}.become", longest=64, pattern=r"[A-Za-z0-9_-]+"),
        )
    except InvalidConfirmation as error:
        raise BaselineError(str(error)) from error


def parse_armed_rollback(value: t.Any, *, topic: str, seconds: int) -> ArmedRollback | None:
    """Read the field ``armed`` of a confirmation; ``seconds``: confirm_timeout of the task.

    Raises ``InvalidConfirmation``.
    """
    field = "confirmation.armed"
    if value is None:
        return None
    fields = mapping_field(value, field, ("seconds", "boot", "base", "token", "topic"))
    return ArmedRollback(
        seconds=number_field(fields["seconds"], f"{field}.seconds", seconds, seconds),
        boot=choice_field(fields["boot"], f"{field}.boot", _BOOTS),
        base=choice_field(fields["base"], f"{field}.base", BASES),
        token=text_field(fields["token"], f"{field}.token", longest=32, pattern="[0-9a-f]{32}"),
        topic=choice_field(fields["topic"], f"{field}.topic", (topic,)),
    )
