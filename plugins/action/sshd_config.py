# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm for sshd: plan, prove a door, arm the undo and apply, log in anew, confirm; else it is taken back.

Documented in plugins/modules/sshd_config.py. A run that changes nothing stays one process on the host.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.path import unfrackpath

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import (
    ArmedRollback,
    invalid_answer,
    parse_confirmation,
    read_ports,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import CheckedAnswers, quoted_errors
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.answer import module_answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import (
    confirm_by_login,
    find_working_login,
    new_port,
    roll_back,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import proof_request
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import become_password, is_ssh, target_of

# The second is that of FreeBSD's port openssh-portable, which takes the place of the base system's.
_MAINS = ("/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config")
_OTHER_CLIENTS = ("paramiko", "paramiko_ssh", "libssh", "ansible.netcommon.libssh")
_UNCHANGED = "nothing was changed"
Result = t.Dict[str, t.Any]


class ActionModule(CheckedAnswers):
    """Runs the module in the phases ``plan`` and ``apply`` where a login can prove the change, else at once."""

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
        without = self._without_login()
        if without and self._connection.transport in _OTHER_CLIENTS:
            self._require_algorithms_of_another_client()
        if without:
            module = self._module("")[0]
            if module.get("changed") and not self._task.check_mode:
                module["confirmed_by"] = without
            return module
        planned, answer = self._module("plan")
        if not _changes(planned):
            return planned
        done = self._commit(planned, answer)
        warnings = dict.fromkeys([*planned.get("warnings", []), *done.get("warnings", [])])
        return {**done, **({"warnings": list(warnings)} if warnings else {})}

    def _without_login(self) -> dict[str, str] | None:
        """Say why a login is not to prove the change, ``None`` where it is."""
        arguments = self._task.args
        if self._task.check_mode:
            return {"method": "none", "reason": "check mode changes nothing"}
        if not boolean(arguments.get("confirm", True), strict=False):
            return {"method": "none", "reason": "confirm is false"}
        if not boolean(arguments.get("reload", True), strict=False):
            return {"method": "none", "reason": "reload is false, so sshd does not use the new files yet"}
        if arguments.get("path", _MAINS[0]) not in _MAINS:
            return {"method": "checks", "reason": f"{arguments['path']} is not of the sshd that Ansible comes in by"}
        if not is_ssh(self._connection):
            reason = f"the connection is {self._connection.transport}: sshd was asked on the host, no login was made"
            return {"method": "checks", "reason": reason}
        return None

    def _require_algorithms_of_another_client(self) -> None:
        """Stop where a client with algorithms of its own, which ssh cannot try for it, would lose any."""
        if self._task.check_mode or not boolean(self._task.args.get("confirm", True), strict=False):
            return
        planned, answer = self._module("plan")
        if not _changes(planned):
            return
        seconds = proof_request(self._task.args).seconds
        preflight = parse_confirmation(answer, seconds=seconds, state=_UNCHANGED).preflight
        lost = (
            "; ".join(f"{option} {', '.join(names)}" for option, names in preflight.without.items())
            if preflight
            else ""
        )
        if lost:
            raise BaselineError(
                f"the connection is {self._connection.transport}, and whether that client gets in without what this "
                f"change takes away cannot be tried ({lost}); nothing was changed; use the connection ssh, leave the "
                "algorithms alone (crypto: system), or set confirm to false"
            )

    def _module(self, phase: str, *, state: str = _UNCHANGED) -> tuple[Result, t.Any]:
        """Run the module; return its result, and apart from it what only the controller's half needs, unread.

        ``state`` says what was or was not changed on the host where the answer is none.
        """
        internal = {"_phase": phase, "_login_user": self._connection.get_option("remote_user")} if phase else {}
        try:
            done = self._execute_module(module_args={**self._task.args, **internal}, task_vars=self._vars)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            # ansible-core reads an answer before anybody else can, and trips over types that no module sends.
            raise invalid_answer("ansible-core cannot read it", state) from error
        answer = done.pop("confirmation", None) if isinstance(done, dict) else None
        return module_answer(done, state=state), answer

    def _commit(self, planned: Result, answer: t.Any) -> Result:
        request = proof_request(self._task.args)
        facts = parse_confirmation(answer, seconds=request.seconds, state=_UNCHANGED)
        own = target_of(self._connection)
        password = become_password(self, self._vars)
        ports = read_ports(planned.get("ports"), state=_UNCHANGED)
        try:
            port = new_port(own.port, server=facts.server_port, ports=ports, requested=request.ports)
        except BaselineError as error:
            raise BaselineError(
                f"{error}; {_UNCHANGED}; name the port in settings (Port), or set confirm to false"
            ) from error
        verified = find_working_login(
            own, request.users, password=password, own_refusal=facts.refusal, preflight=facts.preflight
        )
        started = time.monotonic()
        seconds = request.seconds
        later = (
            f"unless it was done and confirmed, the host takes the change back by itself within {seconds} seconds, or "
            "at its next boot"
        )
        try:
            done, answer = self._module("apply", state=later)
        except AnsibleConnectionFailure as error:
            message = printable(str(error))
            raise BaselineError(f"the connection was lost while sshd was changed ({message}); {later}") from error
        if not _changes(done):
            return done
        armed = parse_confirmation(answer, seconds=seconds, state=later).armed
        try:
            # Others than planned where a local user took or left the desired port meanwhile.
            port = new_port(
                own.port,
                server=facts.server_port,
                ports=read_ports(done.get("ports"), state=later),
                requested=request.ports,
            )
        except BaselineError as error:
            raise invalid_answer(f"ports: {error}", later) from error
        verified = replace(verified, target=target_of(self._connection, user=verified.target.user, port=port))
        problem = confirm_by_login(
            verified,
            armed=bool(armed),
            until=started + seconds / 2,
            place=armed.paths if armed else RollbackPaths("sshd"),
        )
        if not problem and armed and not verified.sudo:
            problem = self._confirm_over_connection(armed.paths)
        if problem:
            self._give_up(problem, armed, deadline=started + seconds)
        done["confirmed_by"] = {
            "method": "login",
            "user": verified.target.user,
            "port": verified.target.port or 22,
            "sudo": verified.sudo,
            "seconds": round(time.monotonic() - started, 1),
        }
        if verified.warning:
            done["warnings"] = [*done.get("warnings", []), verified.warning]
        return done

    def _confirm_over_connection(self, place: RollbackPaths) -> str:
        """Confirm by the connection of the play, where the user who logged in has no sudo from here."""
        try:
            ran = self._low_level_execute_command(f"sh {place.script} confirm")
        except AnsibleConnectionFailure as error:
            return (
                "a new login works, but the connection of the play, which should confirm the change, does not: "
                f"{printable(str(error))}"
            )
        return "" if ran["rc"] == 0 else f"the change could not be confirmed: {printable(ran['stderr'].strip())}"

    def _give_up(self, problem: str, armed: ArmedRollback | None, *, deadline: float) -> t.NoReturn:
        if not armed:
            raise BaselineError(
                f"sshd was made to read its files, which had been there before, and now {problem}; "
                "there is no earlier configuration to go back to"
            )
        outcome = roll_back(
            target_of(self._connection),
            password=become_password(self, self._vars),
            master=self._control_master(),
            deadline=deadline,
            place=armed.paths,
        )
        if outcome.rolled_back is None:
            boot = ", or at its next boot" if armed.boot != "none" else ""
            end = (
                f"the host takes the change back by itself, {armed.seconds} seconds after it was made{boot}, "
                f"which could not be seen from here: {outcome.message}"
            )
        else:
            end = outcome.message
        raise BaselineError(f"the new configuration was applied, but {problem}; {end}", rolled_back=outcome.rolled_back)

    def _control_master(self) -> str | None:
        """Return the socket of the connection's control master, which lives through what shuts new logins out."""
        path = getattr(self._connection, "control_path", None)
        folder = getattr(self._connection, "control_path_dir", None)
        return path % {"directory": unfrackpath(folder)} if path and folder else None


def _changes(result: Result) -> bool:
    """Say whether the module has changed something, or would, and goes on."""
    return bool(result.get("changed")) and not result.get("failed") and not result.get("unreachable")
