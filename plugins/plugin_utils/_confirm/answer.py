# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a module as ansible-core has read it, for the controller's half of a change that is confirmed. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.answer_fields import invalid_answer

from .._answers.result import InvalidField, checked_result
from .._answers.table import ANSWERS, Fields

__all__ = ["module_answer"]

Result = t.Dict[str, t.Any]

# What ansible-core itself adds to what the host answered, and what CheckedAnswers says of an answer that is none.
_FIELDS: Fields = {
    "unreachable": bool,
    "module_stdout": str,
    "module_stderr": str,
    "ansible_facts": {"discovered_interpreter_python": re.compile(r"/[A-Za-z0-9._/+-]{1,255}")},
}


def module_answer(answer: t.Any, module: str) -> Result:
    """Return of ``answer`` what ``module`` returns, checked and printable.

    Raises ``BaselineError`` where a field has an invalid value; the caller knows what was changed on the host.
    """
    if not isinstance(answer, dict):
        raise invalid_answer("it is no mapping")
    try:
        return checked_result(answer, fields={**ANSWERS[module.rpartition(".")[2]], **_FIELDS})
    except InvalidField as error:
        raise invalid_answer(error.problem) from error
