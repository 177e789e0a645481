# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module, documented in plugins/modules/baseline_plan.py."""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.become import DEFAULT_BECOME
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PhaseRequest
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import CachedModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import become_method


class ActionModule(CachedModule):
    """Checks what the host answers, and hands over by which method the play becomes root, as for sshd_config itself."""

    def _module_args(self) -> dict[str, t.Any] | None:
        become, requests = become_method(self._connection), self._task.args.get("requests")
        if become == DEFAULT_BECOME or not isinstance(requests, list):
            return None
        argument = PhaseRequest(become=become).as_argument()
        return {**self._task.args, "requests": [_with(one, argument) for one in requests]}


def _with(request: t.Any, argument: dict[str, t.Any]) -> t.Any:
    if not isinstance(request, dict) or request.get("module") != "sshd_config":
        return request
    return {**request, "options": {**(request.get("options") or {}), **argument}}
