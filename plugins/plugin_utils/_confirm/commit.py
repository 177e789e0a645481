# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm of one module: apply under a rollback of the host, log in anew and confirm; else roll back.

What is particular to a topic (whom to log in as, on which port) is in the action plugin of its module.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.path import unfrackpath

from ansible_collections.pyhost.baseline.plugins.module_utils._core.answer_fields import invalid_answer
from ansible_collections.pyhost.baseline.plugins.module_utils._core.become import DEFAULT_BECOME
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError, state_of_errors
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import (
    PHASE_ARGUMENT,
    ArmedRollback,
    PhaseRequest,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import SUBJECTS
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

from .._answers.action import CachedAnswers, quoted_errors
from .._ssh.login import become_method, become_password, target_of
from .answer import module_answer
from .login import VerifiedLogin
from .proof import Proof, RecordLogin, RollbackOutcome, confirm_by_login, lost_answer_warning, roll_back
from .record import OutcomeState, confirm_command, read_outcome
from .request import ProofRequest

__all__ = ["CommitConfirm", "ModuleRun"]

Result = t.Dict[str, t.Any]


@dataclass(frozen=True)
class ModuleRun:
    """What one run of the module answered: its result and, not read as yet, what is for this half alone."""

    result: Result
    confirmation: t.Any

    @property
    def is_change(self) -> bool:
        """Whether the module has changed something, or would, and goes on."""
        result = self.result
        return bool(result.get("changed")) and not result.get("failed") and not result.get("unreachable")


class CommitConfirm(CachedAnswers):
    """Runs the module of the action's name in its phases. ``topic`` is that of its rollback."""

    _supports_async = False
    topic = ""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        try:
            if PHASE_ARGUMENT in self._task.args:
                raise BaselineError("this argument is not for tasks", option=PHASE_ARGUMENT, hint="remove it")
            with quoted_errors():
                return {**result, **self._change()}
        except BaselineError as error:
            return {**result, "changed": False, "failed": True, **error.as_result()}

    def _change(self) -> Result:
        """Return the result of the task."""
        raise NotImplementedError

    def _armed(self, run: ModuleRun, *, seconds: int) -> ArmedRollback | None:
        """Return the rollback that the module has armed; ``seconds``: confirm_timeout of the task."""
        raise NotImplementedError

    def _run_module(self, phase: str) -> ModuleRun:
        """Run the module on the host in ``phase``; an empty one applies at once."""
        arguments = dict(self._task.args)
        become = become_method(self._connection)
        if phase or become != DEFAULT_BECOME:
            user = (self._connection.get_option("remote_user") or "") if phase else ""
            arguments.update(PhaseRequest(phase, user, become).as_argument())
        try:
            done = self._execute_cached(arguments, self._vars, in_background=False)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            # ansible-core reads an answer before anybody else can, and fails on types that no module sends.
            raise invalid_answer("ansible-core cannot read it") from error
        confirmation = done.pop("confirmation", None) if isinstance(done, dict) else None
        return ModuleRun(module_answer(done, self._task.action), confirmation)

    def _apply_and_confirm(self, request: ProofRequest, login_after: t.Callable[[ModuleRun], VerifiedLogin]) -> Result:
        """Apply the change and confirm it by the login that ``login_after`` returns for what the module answers."""
        started, seconds = time.monotonic(), request.seconds
        with state_of_errors(
            f"unless it was applied and confirmed, the host rolls the change back by itself within {seconds} seconds, "
            "or at its next boot"
        ):
            run = self._run_apply()
            if not run.is_change:
                return run.result
            armed = self._armed(run, seconds=seconds)
            login = login_after(run)
        # The host's clock has started meanwhile: no later than now.
        deadline = time.monotonic() + seconds
        proof = self._confirm(request, login, armed, until=started + seconds / 2)
        if proof.error:
            self._require_confirmed(request, login, armed, proof, deadline=deadline)
        late = proof.lost or (proof.error.problem if proof.error else "")
        lost = [lost_answer_warning(late)] if late else []
        warnings = [*run.result.get("warnings", []), *([login.warning] if login.warning else []), *lost]
        return {
            **run.result,
            **({"warnings": warnings} if warnings else {}),
            "confirmed_by": {
                "method": "login",
                "user": login.target.user,
                "port": login.target.port or 22,
                "sudo": login.sudo,
                "seconds": round(time.monotonic() - started, 1),
            },
        }

    def _run_apply(self) -> ModuleRun:
        try:
            return self._run_module("apply")
        except AnsibleConnectionFailure as error:
            message = printable(str(error))
            raise BaselineError(
                f"the connection was lost while the {SUBJECTS[self.topic]} was changed ({message})"
            ) from error

    def _confirm(
        self, request: ProofRequest, login: VerifiedLogin, armed: ArmedRollback | None, *, until: float
    ) -> Proof:
        """Confirm the change by a new login."""
        proof = confirm_by_login(login, armed=armed, until=until, limits=request.limits)
        if proof.error or armed is None or login.sudo:
            return proof
        return self._confirm_over_connection(armed)

    def _confirm_over_connection(self, armed: ArmedRollback) -> Proof:
        """Confirm by the connection of the play, where the user who logged in has no sudo from here."""
        try:
            ran = self._low_level_execute_command(confirm_command(armed))
        except AnsibleConnectionFailure as error:
            problem = printable(str(error))
            return Proof(
                BaselineError(
                    "a new login works, but the connection of the play, which should confirm the change, does not: "
                    f"{problem}"
                ),
                lost=problem,
            )
        if read_outcome(ran["stdout"], armed).state is OutcomeState.CONFIRMED:
            return Proof()
        reason = printable(ran["stderr"].strip()) or "the host has no record of it"
        return Proof(BaselineError(f"the change could not be confirmed: {reason}"))

    def _require_confirmed(
        self,
        request: ProofRequest,
        login: VerifiedLogin,
        armed: ArmedRollback | None,
        proof: Proof,
        *,
        deadline: float,
    ) -> None:
        """Have the host roll back what was not confirmed, and raise with what became of the change.

        Return where the host's record says that it is confirmed: only the answer was lost.
        """
        error = t.cast(BaselineError, proof.error)
        if armed is None:
            raise BaselineError(
                f"{self._without_rollback}, and now {error.problem}",
                state="there is no earlier configuration to go back to",
                hint=error.hint,
            )
        limits = request.limits
        own = RecordLogin(target_of(self._connection), become_password(self, self._vars), self._control_master())
        # If the change is confirmed, the connection's own user and port may be shut by now.
        confirmed = [RecordLogin(login.target, login.password)] if proof.lost and login.sudo else []
        outcome = roll_back(
            [*confirmed, own],
            armed=armed,
            deadline=deadline,
            limits=limits.after_lost_answer if proof.lost else limits,
        )
        if not outcome.is_confirmed:
            raise BaselineError(
                f"the new configuration was applied, but {error.problem}",
                state=self._state_after(outcome, armed, proof),
                hint=error.hint,
                rolled_back=outcome.rolled_back,
            )

    # What was done where there was nothing to roll back.
    _without_rollback = "the change was applied"

    @staticmethod
    def _state_after(outcome: RollbackOutcome, armed: ArmedRollback, proof: Proof) -> str:
        """Return what became of a change that is not confirmed, or is not known to be."""
        if outcome.rolled_back is not None:
            return outcome.message
        boot = ", or at its next boot" if armed.boot != "none" else ""
        later = f"by itself, {armed.seconds} seconds after it was made{boot}"
        if proof.lost:
            return (
                "the host may have confirmed the change before the connection was lost; if it has not, it rolls the "
                f"change back {later}; its record ({armed.paths.record}) says which, and could not be read from here: "
                f"{outcome.message}"
            )
        return f"the host rolls the change back {later}, which could not be seen from here: {outcome.message}"

    def _control_master(self) -> str | None:
        """Return the socket of the connection's control master, which stays open where new logins are refused."""
        path = getattr(self._connection, "control_path", None)
        folder = getattr(self._connection, "control_path_dir", None)
        return path % {"directory": unfrackpath(folder)} if path and folder else None
