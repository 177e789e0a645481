# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs Python on a host without Python; documented in plugins/modules/python_bootstrap.py."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import quoted_errors
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.bootstrap import installation_error, is_locked
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.own_connection import over_own_ssh

_SECONDS_BETWEEN = 10


class ActionModule(ActionBase):
    """Runs on the controller, because a module would need the Python that it installs."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        if own := over_own_ssh(self, ActionModule):
            return own.run(tmp, task_vars)
        options = self.validate_argument_spec(
            argument_spec={
                "command": {"type": "str", "required": True},
                "lock_timeout": {"type": "int", "default": 300},
            }
        )[1]
        if self._task.check_mode:
            return {**result, "changed": True}
        rc, output = self._install(options["command"], until=time.monotonic() + options["lock_timeout"])
        failure = {"failed": True, "rc": rc, **installation_error(output).as_result()} if rc else {}
        return {**result, "changed": True, **failure}

    def _install(self, command: str, *, until: float) -> tuple[int, str]:
        while True:
            with quoted_errors():
                ran = self._low_level_execute_command(command, executable="/bin/sh")
            output = f"{ran['stdout']}\n{ran['stderr']}"
            if not ran["rc"] or not is_locked(output) or time.monotonic() >= until:
                return ran["rc"], output
            time.sleep(_SECONDS_BETWEEN)
