# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves from the controller that a new key login works; documented in plugins/modules/ssh_login.py."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import (
    become_password,
    is_ssh,
    log_in,
    target_of,
)

_NOT_TRIED = "no login was tried"
_OPTIONS: dict[str, dict[str, t.Any]] = {
    "user": {"type": "str"},
    "port": {"type": "int"},
    "timeout": {"type": "int", "default": 10},
    "sudo": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Runs on the controller alone, because only a login from there proves that the host can be reached."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(argument_spec=_OPTIONS)[1]
        try:
            return {**result, **self._prove(options, task_vars or {})}
        except BaselineError as error:
            return {**result, "changed": False, "login": False, "failed": True, **error.as_result()}

    def _prove(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if not is_ssh(self._connection):
            raise BaselineError(
                f"the connection of this host is {self._connection.transport!r}, so a login by ssh cannot be proven",
                state=_NOT_TRIED,
                hint="use the connection ssh",
            )
        _check(options)
        target = target_of(self._connection, user=options["user"], port=options["port"])
        password = become_password(self, task_vars)
        login = log_in(target, seconds=options["timeout"], sudo=options["sudo"], password=password)
        return {
            "changed": False,
            "login": True,
            "host": target.host,
            "user": target.user,
            "port": target.port or 22,
            "seconds": login.seconds,
            "sudo": login.sudo,
        }


def _check(options: dict[str, t.Any]) -> None:
    port, timeout = options["port"], options["timeout"]
    if port is not None and not 1 <= port <= 65535:
        raise BaselineError(f"{port} is not from 1 to 65535", option="port", state=_NOT_TRIED)
    if timeout < 1:
        raise BaselineError(f"{timeout} is not 1 second or more", option="timeout", state=_NOT_TRIED)
