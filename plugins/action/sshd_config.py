# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm for sshd: plan, verify a login, apply under a rollback, log in anew and confirm; else roll back.

Documented in plugins/modules/sshd_config.py. A run that changes nothing stays one process on the host.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyhost.baseline.plugins.module_utils._core.answer_fields import invalid_answer
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import (
    UNCHANGED,
    BaselineError,
    state_of_errors,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import (
    ArmedRollback,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import (
    Confirmation,
    parse_confirmation,
    read_ports,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.commit import CommitConfirm, ModuleRun
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import (
    VerifiedLogin,
    find_working_login,
    new_port,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import ProofRequest, proof_request
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.known_hosts import move_error
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import (
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
class PlannedChange:
    """A change before it is made: what the task asks, what the host answered, and the login that works now."""

    request: ProofRequest
    confirmation: Confirmation
    login: VerifiedLogin
    result: Result


class ActionModule(CommitConfirm):
    """Runs the module in the phases ``plan`` and ``apply`` where a login can confirm the change, else at once."""

    topic = "sshd"
    _without_rollback = "sshd was made to read its files, which had been there before"

    def _change(self) -> Result:
        unconfirmed = self._without_login()
        if unconfirmed:
            return self._change_without_login(unconfirmed)
        run = self._run_module("plan")
        if not run.is_change:
            return run.result
        planned = self._plan(run)
        done = self._apply_and_confirm(planned.request, lambda run: self._login_after(planned, run))
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

    def _armed(self, run: ModuleRun, *, seconds: int) -> ArmedRollback | None:
        return parse_confirmation(run.confirmation, seconds=seconds).armed

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
