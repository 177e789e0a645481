# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's logins after a change: one that confirms it, else those that ask what became of it.

The host needs none of them to come back: its rollback is armed. They make it faster and say why.
"""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

from .._ssh.client import Reply, SshTarget, login_error, reply_message
from .._ssh.login import run
from .._ssh.sudo import as_root, is_root, needs_password, sudo_error
from .record import (
    ChangeOutcome,
    OutcomeState,
    ask_command,
    confirm_command,
    forget_command,
    read_outcome,
    roll_back_command,
)
from .request import LIMITS, LoginLimits

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback

    from .login import VerifiedLogin

__all__ = ["Proof", "RecordLogin", "RollbackOutcome", "confirm_by_login", "lost_answer_warning", "roll_back"]

_PAUSE = 2
# ssh's own exit status. After the mark of a login it says that the connection was lost, not that a command failed.
_LOST = 255
# The client, or run(), gave up on a host that had been there; the command may have been carried out.
_SILENT = r"did not answer within|Timeout, server .* not responding"

# What a rollback has restored, by its topic.
_AS_BEFORE = {
    "sshd": "its files are as they were and sshd runs with them",
    "firewall": "its files and its rules are as they were",
}


@dataclass(frozen=True)
class Proof:
    """What came of the login that should confirm: ``error`` says what is wrong, ``None`` on success.

    ``lost`` is the message about an answer that was lost after the command may have run: without another answer the
    change may be confirmed.
    """

    error: BaselineError | None = None
    lost: str = ""


@dataclass(frozen=True)
class RollbackOutcome:
    """What became of a change that this run did not see confirmed, and a message about it.

    ``rolled_back`` is true or false where the host's record says so, else ``None``.
    """

    rolled_back: bool | None
    message: str
    is_confirmed: bool = False


@dataclass(frozen=True)
class RecordLogin:
    """A login that asks for the record: ``password`` is for sudo, ``master`` a control master that may be open."""

    target: SshTarget
    password: str | None = None
    master: str | None = None

    def run(self, command: str, limits: LoginLimits) -> Reply:
        """Run ``command`` as root."""
        script, data = as_root(command, password=self.password, become=self.target.become)
        return run(self.target, script, seconds=limits.connect, data=data, master=self.master)


def confirm_by_login(
    verified: VerifiedLogin, *, armed: ArmedRollback | None, until: float, limits: LoginLimits = LIMITS
) -> Proof:
    """Log in anew as ``verified`` and confirm the change in that login.

    A login that is refused, or runs another command, is final. A connection that is not made, or is lost before the
    answer, is tried again: the way there may take a moment, and a second confirmation of the same change does no harm.
    """
    confirms = armed is not None and verified.sudo
    command = confirm_command(armed) if armed and confirms else "true"
    script, data = as_root(command, password=verified.password, become=verified.target.become)
    lost = ""
    while True:
        reply = run(verified.target, script, seconds=limits.connect, data=data)
        error = _proof_error(verified, reply, armed if confirms else None)
        is_cut = _is_cut(reply)
        if confirms and is_cut:
            lost = reply_message(reply)
        if error is None or not (is_cut or _may_yet_connect(reply)) or time.monotonic() + _PAUSE > until:
            return Proof(error, lost)
        time.sleep(_PAUSE)


def _is_cut(reply: Reply) -> bool:
    """Return whether the connection was made and then lost, so that its command may have run."""
    return reply.rc == _LOST and (reply.logged_in or bool(re.search(_SILENT, reply.err)))


def _may_yet_connect(reply: Reply) -> bool:
    return reply.rc == _LOST and not reply.logged_in and "Permission denied" not in reply.err


def _proof_error(verified: VerifiedLogin, reply: Reply, armed: ArmedRollback | None) -> BaselineError | None:
    """Return why ``reply`` is no proof, ``None`` where it is one; with ``armed``, the host's record must say so."""
    outcome = _outcome(reply, armed) if armed and is_root(reply) else None
    if outcome and outcome.state is OutcomeState.CONFIRMED:
        return None
    error = login_error(verified.target, reply)
    if error or (not verified.sudo and needs_password(reply)):
        return error
    if _is_cut(reply):
        return BaselineError(
            f"the connection of a new login as {verified.target} was lost before its answer: {reply_message(reply)}",
            hint="run the play again",
        )
    error = sudo_error(verified.target, reply, tried="password" if verified.password else "nopasswd")
    return error or (_unconfirmed(verified.target, reply, outcome) if outcome else None)


def _unconfirmed(target: SshTarget, reply: Reply, outcome: ChangeOutcome) -> BaselineError:
    """Return why root could not confirm the change."""
    if outcome.state is OutcomeState.ROLLED_BACK or re.search(r"^too late to confirm", reply.err, re.MULTILINE):
        return BaselineError(
            f"a new login as {target} worked, but later than confirm_timeout allows",
            hint="give it more time (confirm_timeout)",
        )
    return BaselineError(
        f"a new login as {target} became root, but could not confirm the change: {reply_message(reply)}"
    )


def lost_answer_warning(message: str) -> str:
    """Return the warning about a confirmation whose answer was lost (``message``) and whose record was read later."""
    return (
        f"the answer to the confirmation was lost ({message}); the record on the host says that the change is confirmed"
    )


def roll_back(
    logins: t.Sequence[RecordLogin], *, armed: ArmedRollback, deadline: float, limits: LoginLimits = LIMITS
) -> RollbackOutcome:
    """Have the host roll back over the connection that is still open, else wait for its record; return what it says.

    The last of ``logins`` is the connection's own. A login that works proves nothing: only the record says what became
    of the change. It is waited for until ``deadline``, when the host rolls back by itself, and a while longer.
    """
    own = logins[-1]
    if own.master:
        reply = own.run(roll_back_command(armed), limits)
        outcome = _outcome(reply, armed)
        if outcome.is_final:
            _forget(own, outcome, armed, limits)
            return _final(outcome, armed, "at once, over the connection that was still open")
    without_record = 0
    while True:
        time.sleep(max(2.0, min(10.0, deadline + 3 - time.monotonic())))
        for login in (replace(one, master=None) for one in logins):
            reply = login.run(ask_command(armed), limits)
            outcome = _outcome(reply, armed)
            if outcome.is_final:
                _forget(login, outcome, armed, limits)
                return _final(outcome, armed, "by itself")
            without_record += is_root(reply) and outcome.state is OutcomeState.UNKNOWN
        # Where nothing is pending, a record that was not about to be written when it was asked for does not come.
        if without_record > 1 or time.monotonic() > deadline + limits.patience:
            return RollbackOutcome(None, _unseen(own.target, reply, armed, outcome))


def _forget(login: RecordLogin, outcome: ChangeOutcome, armed: ArmedRollback, limits: LoginLimits) -> None:
    """Remove the record of a rollback, which this run reports: only now, as the answer that held it has arrived."""
    if outcome.state is OutcomeState.ROLLED_BACK:
        login.run(forget_command(armed), limits)


def _outcome(reply: Reply, armed: ArmedRollback) -> ChangeOutcome:
    """Return what the record says; what anybody but root prints is none."""
    return read_outcome(reply.out, armed) if is_root(reply) else ChangeOutcome(OutcomeState.UNKNOWN)


def _final(outcome: ChangeOutcome, armed: ArmedRollback, how: str) -> RollbackOutcome:
    if outcome.state is OutcomeState.CONFIRMED:
        return RollbackOutcome(False, "the record on the host says that the change is confirmed", is_confirmed=True)
    if outcome.problems:
        message = f"the host tried to roll the change back, but some of it failed: {outcome.problems}"
        return RollbackOutcome(False, message)
    return RollbackOutcome(True, f"the host rolled the change back {how}: {_AS_BEFORE[armed.topic]}")


def _unseen(own: SshTarget, reply: Reply, armed: ArmedRollback, outcome: ChangeOutcome) -> str:
    """Return why the record was not seen, after the last ``reply`` to the question for it."""
    if is_root(reply):
        if outcome.state is OutcomeState.PENDING:
            return f"a new login as {own} works, and the rollback is still armed there"
        return f"a new login as {own} works, but the host has no record of this change ({armed.paths.record})"
    error = login_error(own, reply) or sudo_error(own, reply, tried="nopasswd")
    return error.advice if error else ""
