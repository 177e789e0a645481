# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of every module: it passes on only those fields of an answer that the module returns.

Without it, ansible-core uses the answer as it is: it prints its texts on the terminal, turns it into facts and
variables, and prints a traceback for an answer that it cannot read.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible.errors import AnsibleAction, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import CODE_MISSING
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable, printable_lines

from .code import collection_code
from .result import parse_result
from .table import ANSWERS, JOB

__all__ = ["CachedAnswers", "CachedModule", "CheckedAnswers", "CheckedModule", "quoted_errors"]

Result = t.Dict[str, t.Any]
_LONGEST_OUTPUT = 4000
_HINT = "find out what has changed Python or this module's files on that host"


@contextlib.contextmanager
def quoted_errors() -> t.Iterator[None]:
    """Quote the output of ssh, sudo or the host's shell (such as a banner) in the errors of ansible-core."""
    try:
        yield
    except AnsibleConnectionFailure as error:
        raise AnsibleConnectionFailure(printable(to_text(error.message))) from None
    except AnsibleAction:
        raise
    except AnsibleError as error:
        raise AnsibleError(printable(to_text(error.message))) from None


class CheckedAnswers(ActionBase):
    """An action that checks the answer of the module of its name before ansible-core reads it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def _in_background(self) -> bool:
        return bool(self._task.async_val and not self._connection.has_native_async)

    def _parse_returned_data(self, res: t.Mapping[str, t.Any], *profile: t.Any, **named: t.Any) -> t.Any:
        """Let ansible-core parse the checked answer. ``profile`` exists since 2.19; mitogen gives it by its name."""
        checked = {**res, "stdout": json.dumps(self._read(res)), "stderr": printable_lines(res.get("stderr") or "")}
        return super()._parse_returned_data(checked, *profile, **named)

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
    """Runs the module of the action's name like ansible-core's own action."""

    _supports_async = True

    def _module_args(self) -> Result | None:
        """Return the arguments of the module, ``None`` for those of the task."""
        return None

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result = super().run(tmp, task_vars)
        in_background = self._in_background()
        with quoted_errors():
            done = self._run_module(self._module_args(), task_vars, in_background=in_background)
            if not in_background:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        return {**result, **done}

    def _run_module(self, args: Result | None, task_vars: dict[str, t.Any] | None, *, in_background: bool) -> Result:
        return t.cast(Result, self._execute_module(module_args=args, task_vars=task_vars, wrap_async=in_background))


class CachedAnswers(CheckedAnswers):
    """Runs a module that keeps its code on the host (``code_module.CodeModule``), and sends it where it is missing."""

    def _execute_cached(
        self, args: Result | None, task_vars: dict[str, t.Any] | None, *, in_background: bool
    ) -> Result:
        args = self._task.args if args is None else args
        # A job in the background cannot be asked first.
        for archive in (True,) if in_background else (False, True):
            given = {**args, **collection_code(archive=archive).as_argument()}
            done = self._execute_module(module_args=given, task_vars=task_vars, wrap_async=in_background)
            if not (isinstance(done, dict) and done.pop(CODE_MISSING, False)):
                return t.cast(Result, done)
        error = BaselineError("the host asks for the code of the collection, which it was sent", hint=_HINT)
        return {**done, "failed": True, **error.as_result()}


class CachedModule(CachedAnswers, CheckedModule):
    """Runs such a module like ansible-core's own action."""

    def _run_module(self, args: Result | None, task_vars: dict[str, t.Any] | None, *, in_background: bool) -> Result:
        return self._execute_cached(args, task_vars, in_background=in_background)
