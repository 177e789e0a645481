# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm for sshd: plan, prove a door, arm the undo and apply, log in anew, confirm; else it is taken back.

Documented in plugins/modules/sshd_config.py. A run that changes nothing stays one process on the host.
"""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.path import unfrackpath

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._undo import Place
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_login import become_password, is_ssh, target_of
from ansible_collections.pyhost.baseline.plugins.plugin_utils._sshd_confirm import (
    Door,
    find_door,
    new_port,
    prove,
    take_back,
)

# The second is that of FreeBSD's port openssh-portable, which takes the place of the base system's.
_MAINS = ("/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config")
_OTHER_CLIENTS = ("paramiko", "paramiko_ssh", "libssh", "ansible.netcommon.libssh")
Result = t.Dict[str, t.Any]


class ActionModule(ActionBase):
    """Runs the module in the phases ``plan`` and ``apply`` where a login can prove the change, else at once."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        without = self._without_login()
        refusal = self._refusal_of_another_client() if without and self._connection.transport in _OTHER_CLIENTS else ""
        if refusal:
            return {**result, "changed": False, "failed": True, "msg": refusal}
        if without:
            module = self._module("")[0]
            if module.get("changed") and not self._task.check_mode:
                module["confirmed_by"] = without
            return {**result, **module}
        planned, facts = self._module("plan")
        if planned.get("failed") or planned.get("unreachable") or not planned.get("changed"):
            return {**result, **planned}
        try:
            done = self._commit(facts)
            told = dict.fromkeys([*planned.get("warnings", []), *done.get("warnings", [])])
            return {**result, **done, **({"warnings": list(told)} if told else {})}
        except BaselineError as error:
            return {**result, "changed": False, "failed": True, "msg": str(error), **error.details}

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

    def _refusal_of_another_client(self) -> str:
        """Say why a client with algorithms of its own, which ssh cannot try for it, must not lose any."""
        if self._task.check_mode or not boolean(self._task.args.get("confirm", True), strict=False):
            return ""
        without = self._module("plan")[1].get("rehearsal", {}).get("without", {})
        lost = "; ".join(f"{option} {', '.join(names)}" for option, names in without.items())
        return lost and (
            f"the connection is {self._connection.transport}, and whether that client gets in without what this change "
            f"takes away cannot be tried ({lost}); nothing was changed; use the connection ssh, leave the algorithms "
            "alone (crypto: system), or set confirm to false"
        )

    def _module(self, phase: str) -> tuple[Result, dict[str, t.Any]]:
        """Run the module and return its result, and apart from it what only the controller's half needs."""
        internal = {"_phase": phase, "_login_user": self._connection.get_option("remote_user")} if phase else {}
        done = self._execute_module(module_args={**self._task.args, **internal}, task_vars=self._vars)
        invoked = done.get("invocation", {}).get("module_args", {})
        for name in ("_phase", "_login_user"):
            invoked.pop(name, None)
        return done, done.pop("confirmation", {})

    def _commit(self, planned: dict[str, t.Any]) -> Result:
        own = target_of(self._connection)
        password = become_password(self, self._vars)
        door = find_door(
            own,
            planned["users"],
            password=password,
            own_refusal=planned["refusal"],
            rehearsal=planned.get("rehearsal"),
        )
        started = time.monotonic()
        seconds = planned["seconds"]
        try:
            done, facts = self._module("apply")
        except AnsibleConnectionFailure as error:
            raise BaselineError(
                f"the connection was lost while sshd was changed ({error}); unless it was done and confirmed, the host "
                f"takes the change back by itself within {seconds} seconds, or at its next boot"
            ) from error
        if done.get("failed") or done.get("unreachable") or not done.get("changed"):
            return done
        armed = bool(facts["armed"])
        place = _place(facts)
        port = new_port(own.port, server=facts["server_port"], ports=done["ports"])
        door = Door(target_of(self._connection, user=door.target.user, port=port), door.sudo, door.password)
        complaint = prove(door, armed=armed, until=started + seconds / 2, place=place)
        if not complaint and armed and not door.sudo:
            complaint = self._confirm_over_connection(place)
        if complaint:
            self._give_up(complaint, facts, deadline=started + seconds)
        done["confirmed_by"] = {
            "method": "login",
            "user": door.target.user,
            "port": door.target.port or 22,
            "sudo": door.sudo,
            "seconds": round(time.monotonic() - started, 1),
        }
        return done

    def _confirm_over_connection(self, place: Place) -> str:
        """Confirm by the connection of the play, where the user who logged in has no sudo from here."""
        try:
            ran = self._low_level_execute_command(f"sh {place.script} confirm")
        except AnsibleConnectionFailure as error:
            return (
                f"a new login works, but the connection of the play, which should confirm the change, does not: {error}"
            )
        return "" if ran["rc"] == 0 else f"the change could not be confirmed: {ran['stderr'].strip()}"

    def _give_up(self, complaint: str, facts: dict[str, t.Any], *, deadline: float) -> t.NoReturn:
        if not facts["armed"]:
            raise BaselineError(
                f"sshd was made to read its files, which had been there before, and now {complaint}; "
                "there is no earlier configuration to go back to"
            )
        outcome = take_back(
            target_of(self._connection),
            password=become_password(self, self._vars),
            master=self._control_master(),
            deadline=deadline,
            place=_place(facts),
        )
        if outcome.rolled_back is None:
            armed = facts["armed"]
            boot = ", or at its next boot" if armed["boot"] != "none" else ""
            end = (
                f"the host takes the change back by itself, {armed['seconds']} seconds after it was made{boot}, "
                f"which could not be seen from here: {outcome.words}"
            )
        else:
            end = outcome.words
        raise BaselineError(
            f"the new configuration was applied, but {complaint}; {end}", rolled_back=outcome.rolled_back
        )

    def _control_master(self) -> str | None:
        """Return the socket of the connection's control master, which lives through what shuts new logins out."""
        path = getattr(self._connection, "control_path", None)
        folder = getattr(self._connection, "control_path_dir", None)
        return path % {"directory": unfrackpath(folder)} if path and folder else None


def _place(facts: t.Mapping[str, t.Any]) -> Place:
    """Return where on the host the undo lies that counts, if one does."""
    return Place("sshd", base=facts["armed"]["base"]) if facts["armed"] else Place("sshd")
