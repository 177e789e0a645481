# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a change, as the host's record says it: the commands that ask, and their answer. Pure.

The answer to a command may be lost after the host has carried it out. So nothing is concluded from an exit status, nor
from a login that works: the record with the change's own token decides, and it may be asked for any number of times.
"""

from __future__ import annotations

import enum
import re
import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import parse_record

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback

__all__ = [
    "ChangeOutcome",
    "OutcomeState",
    "ask_command",
    "confirm_command",
    "forget_command",
    "read_outcome",
    "roll_back_command",
]


class OutcomeState(enum.Enum):
    """``PENDING``: neither confirmed nor rolled back yet; ``UNKNOWN``: the host has no record of this change."""

    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled back"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ChangeOutcome:
    """What the host's record says; ``problems`` of a rollback is empty where all of it succeeded."""

    state: OutcomeState
    problems: str = ""

    @property
    def is_final(self) -> bool:
        return self.state in (OutcomeState.CONFIRMED, OutcomeState.ROLLED_BACK)


def ask_command(armed: ArmedRollback) -> str:
    """Return the command that prints the record and the state of a rollback that is not over. It changes nothing."""
    paths = armed.paths
    states = " ".join(
        f'read -r token 2>/dev/null <{shlex.quote(path)} && echo "{name}=$token";'
        for name, path in (("kept", paths.confirmed), ("pending", paths.armed), ("pending", paths.started))
    )
    return f"cat {shlex.quote(paths.record)} 2>/dev/null; {states} true"


def confirm_command(armed: ArmedRollback) -> str:
    """Return the command that confirms the change and prints what became of it; it may be repeated."""
    return f"{_scripted(armed, 'confirm')}; {ask_command(armed)}"


def roll_back_command(armed: ArmedRollback) -> str:
    """Return the command that has the host roll the change back and prints what became of it; it may be repeated."""
    return f"{_scripted(armed, 'asked')}; {ask_command(armed)}"


def forget_command(armed: ArmedRollback) -> str:
    """Return the command that removes the record of this change, once it has been read."""
    record, base = shlex.quote(armed.paths.record), shlex.quote(armed.paths.base)
    return f"grep -qx token={armed.token} {record} && rm -f {record}; rmdir {base} 2>/dev/null; true"


def read_outcome(text: str, armed: ArmedRollback) -> ChangeOutcome:
    """Read what :func:`ask_command` printed, from a host that may be hostile; another change's record says nothing."""
    record = parse_record(text)
    if record.token == armed.token and record.is_confirmed:
        return ChangeOutcome(OutcomeState.CONFIRMED)
    if record.token == armed.token and record.is_rolled_back:
        return ChangeOutcome(OutcomeState.ROLLED_BACK, record.problems)
    for name, state in (("kept", OutcomeState.CONFIRMED), ("pending", OutcomeState.PENDING)):
        if re.search(rf"^{name}={armed.token}$", text, re.MULTILINE):
            return ChangeOutcome(state)
    return ChangeOutcome(OutcomeState.UNKNOWN)


def _scripted(armed: ArmedRollback, word: str) -> str:
    # The script removes itself: where it is gone, the record says why.
    script = shlex.quote(armed.paths.script)
    return f"[ ! -e {script} ] || sh {script} {word} {armed.token}"
