# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm for sshd: plan, verify a login, apply under a rollback, log in anew and confirm; else roll back.

Documented in plugins/modules/sshd_config.py. A run that changes nothing stays one process on the host.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.path import unfrackpath

from ansible_collections.pyhost.baseline.plugins.module_utils._core.become import DEFAULT_BECOME
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import (
    UNCHANGED,
    BaselineError,
    state_of_errors,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import (
    PHASE_ARGUMENT,
    ArmedRollback,
    Confirmation,
    PhaseRequest,
    invalid_answer,
    parse_confirmation,
    read_ports,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import CachedAnswers, quoted_errors
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.answer import module_answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import (
    VerifiedLogin,
    find_working_login,
    new_port,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.proof import (
    Proof,
    RecordLogin,
    RollbackOutcome,
    confirm_by_login,
    lost_answer_warning,
    roll_back,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.record import (
    OutcomeState,
    confirm_command,
    read_outcome,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import ProofRequest, proof_request
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.known_hosts import move_error
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import (
    become_method,
    become_password,
    client_settings,
    is_ssh,
    target_of,
)

# The second is that of FreeBSD's port openssh-portable, which takes the place of the base system's.
_MAINS = ("/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config")
_OTHER_CLIENTS = ("paramiko", "paramiko_ssh", "libssh", "ansible.netcommon.libssh")
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


@dataclass(frozen=True)
class PlannedChange:
    """A change before it is made: what the task asks, what the host answered, and the login that works now."""

    request: ProofRequest
    confirmation: Confirmation
    login: VerifiedLogin
    result: Result


class ActionModule(CachedAnswers):
    """Runs the module in the phases ``plan`` and ``apply`` where a login can confirm the change, else at once."""

    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        try:
            with quoted_errors():
                return {**result, **self._change()}
        except BaselineError as error:
            return {**result, "changed": False, "failed": True, **error.as_result()}

    def _change(self) -> Result:
        if PHASE_ARGUMENT in self._task.args:
            raise BaselineError("this argument is not for tasks", option=PHASE_ARGUMENT, hint="remove it")
        unconfirmed = self._without_login()
        if unconfirmed:
            return self._change_without_login(unconfirmed)
        run = self._run_module("plan")
        if not run.is_change:
            return run.result
        planned = self._plan(run)
        done = self._apply_and_confirm(planned)
        warnings = dict.fromkeys([*planned.result.get("warnings", []), *done.get("warnings", [])])
        return {**done, **({"warnings": list(warnings)} if warnings else {})}

    # without a login

    def _without_login(self) -> dict[str, str] | None:
        """Return why no login is to confirm the change, ``None`` where one is."""
        arguments = self._task.args
        if self._task.check_mode:
            return {"method": "none", "reason": "check mode changes nothing"}
        if not boolean(arguments.get("confirm", True), strict=False):
            return {"method": "none", "reason": "confirm is false"}
        if not boolean(arguments.get("reload", True), strict=False):
            return {"method": "none", "reason": "reload is false, so sshd does not use the new files yet"}
        if arguments.get("path") not in (None, *_MAINS):
            return {"method": "checks", "reason": f"{arguments['path']} is not of the sshd that Ansible comes in by"}
        if not is_ssh(self._connection):
            reason = f"the connection is {self._connection.transport}: sshd was asked on the host, no login was made"
            return {"method": "checks", "reason": reason}
        return None

    def _change_without_login(self, unconfirmed: dict[str, str]) -> Result:
        if self._connection.transport in _OTHER_CLIENTS:
            self._require_algorithms_of_another_client()
        run = self._run_module("")
        if run.result.get("changed") and not self._task.check_mode:
            return {**run.result, "confirmed_by": unconfirmed}
        return run.result

    def _require_algorithms_of_another_client(self) -> None:
        """Stop where a client with algorithms of its own, which ssh cannot try for it, would lose any."""
        if self._task.check_mode or not boolean(self._task.args.get("confirm", True), strict=False):
            return
        run = self._run_module("plan")
        if not run.is_change:
            return
        seconds = proof_request(self._task.args).seconds
        preflight = parse_confirmation(run.confirmation, seconds=seconds).preflight
        if preflight and preflight.without:
            lost = ", ".join(name for names in preflight.without.values() for name in names)
            options = ", ".join(preflight.without)
            raise BaselineError(
                f"the connection is {self._connection.transport}, and this controller cannot try whether that client "
                f"logs in without the algorithms that this change removes ({options}: {lost})",
                hint="use the connection ssh, leave the algorithms alone (crypto: system), or set confirm to false",
            )

    # with a login

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
        return ModuleRun(module_answer(done), confirmation)

    def _plan(self, run: ModuleRun) -> PlannedChange:
        """Verify a login that works now and may work after the change; nothing is changed without one."""
        request = proof_request(self._task.args)
        with state_of_errors(UNCHANGED):
            confirmation = parse_confirmation(run.confirmation, seconds=request.seconds)
            own = target_of(self._connection)
            self._require_known_key(own, self._port_after(request, confirmation, run))
            login = find_working_login(
                own,
                request.users,
                password=become_password(self, self._vars),
                confirmation=confirmation,
                limits=request.limits,
            )
        return PlannedChange(request, confirmation, login, run.result)

    def _port_after(self, request: ProofRequest, confirmation: Confirmation, run: ModuleRun) -> int | None:
        """Return the port to log in on after the change that ``run`` reports."""
        return new_port(
            target_of(self._connection).port,
            server=confirmation.server_port,
            ports=read_ports(run.result.get("ports")),
            requested=request.ports,
        )

    def _require_known_key(self, own: SshTarget, port: int | None) -> None:
        """Stop a move to a ``port`` for which known_hosts has no line: this login and all later ones would fail."""
        if own.check_host_key and port and own.port and port != own.port:
            error = move_error(client_settings(self._connection), old=own.port, new=port)
            if error:
                raise error

    def _apply_and_confirm(self, planned: PlannedChange) -> Result:
        started = time.monotonic()
        seconds = planned.request.seconds
        with state_of_errors(
            f"unless it was applied and confirmed, the host rolls the change back by itself within {seconds} seconds, "
            "or at its next boot"
        ):
            run = self._run_apply()
            if not run.is_change:
                return run.result
            armed = parse_confirmation(run.confirmation, seconds=seconds).armed
            login = self._login_after(planned, run)
        # The host's clock has started meanwhile: no later than now.
        deadline = time.monotonic() + seconds
        proof = self._confirm(planned, login, armed, until=started + seconds / 2)
        if proof.error:
            self._require_confirmed(planned, login, armed, proof, deadline=deadline)
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
            raise BaselineError(f"the connection was lost while sshd was changed ({message})") from error

    def _login_after(self, planned: PlannedChange, run: ModuleRun) -> VerifiedLogin:
        """Return the verified login on the port that sshd has now.

        It is another port than planned where a local user took or left the desired one meanwhile.
        """
        try:
            port = self._port_after(planned.request, planned.confirmation, run)
        except BaselineError as error:
            raise invalid_answer(f"ports: {error.problem}") from error
        target = target_of(self._connection, user=planned.login.target.user, port=port)
        return replace(planned.login, target=target)

    def _confirm(
        self, planned: PlannedChange, login: VerifiedLogin, armed: ArmedRollback | None, *, until: float
    ) -> Proof:
        """Confirm the change by a new login."""
        proof = confirm_by_login(login, armed=armed, until=until, limits=planned.request.limits)
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
        planned: PlannedChange,
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
                f"sshd was made to read its files, which had been there before, and now {error.problem}",
                state="there is no earlier configuration to go back to",
                hint=error.hint,
            )
        limits = planned.request.limits
        logins = [
            RecordLogin(target_of(self._connection), become_password(self, self._vars), master=self._control_master())
        ]
        if proof.lost and login.sudo:
            # If the change is confirmed, the connection's own user and port may be shut by now.
            logins.insert(0, RecordLogin(login.target, login.password))
        outcome = roll_back(
            logins,
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
