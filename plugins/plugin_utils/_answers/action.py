# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half that every module has: of what the host answers only what the module returns gets past it.

Without it ansible-core takes the answer as it is: it prints its texts on the terminal, makes facts and variables of it,
and tells what it cannot read by a traceback.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible.errors import AnsibleAction, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable, printable_lines

from .result import parse_result
from .table import ANSWERS, JOB

__all__ = ["CheckedAnswers", "CheckedModule", "quoted_errors"]

Result = t.Dict[str, t.Any]
_LONGEST_OUTPUT = 4000


@contextlib.contextmanager
def quoted_errors() -> t.Iterator[None]:
    """Quote what ssh, sudo or the host's shell said where ansible-core raises it, a banner for one."""
    try:
        yield
    except AnsibleConnectionFailure as error:
        raise AnsibleConnectionFailure(printable(to_text(error.message))) from None
    except AnsibleAction:
        raise
    except AnsibleError as error:
        raise AnsibleError(printable(to_text(error.message))) from None


class CheckedAnswers(ActionBase):
    """An action that checks what the module of its name answers before ansible-core reads it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def _in_background(self) -> bool:
        return bool(self._task.async_val and not self._connection.has_native_async)

    def _parse_returned_data(self, res: t.Mapping[str, t.Any], *profile: t.Any) -> t.Any:
        """Let ansible-core parse what is left of the answer; ``profile`` came with 2.19."""
        checked = {**res, "stdout": json.dumps(self._read(res)), "stderr": printable_lines(res.get("stderr") or "")}
        return super()._parse_returned_data(checked, *profile)

    def _read(self, ran: t.Mapping[str, t.Any]) -> Result:
        output = ran.get("stdout") or ""
        fields = JOB if self._in_background() else ANSWERS[self._task.action.rpartition(".")[2]]
        try:
            return parse_result(output, fields)
        except BaselineError as error:
            return {
                "failed": True,
                **error.as_result(),
                "module_stdout": printable_lines(output, longest=_LONGEST_OUTPUT),
                "module_stderr": printable_lines(ran.get("stderr") or "", longest=_LONGEST_OUTPUT),
                "rc": ran.get("rc"),
            }


class CheckedModule(CheckedAnswers):
    """Runs the module of the action's name, as ansible-core's own action does."""

    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        in_background = self._in_background()
        with quoted_errors():
            done = self._execute_module(task_vars=task_vars, wrap_async=in_background)
            if not in_background:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        return {**result, **done}
