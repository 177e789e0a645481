# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible module whose change the controller confirms by a login."""

from __future__ import annotations

import typing as t

from .code_module import CodeModule

__all__ = ["ConfirmedModule"]

# The same as in phase.py, which a module that takes its code from the cache does not have.
_PHASE_ARGUMENT = "_pyhost_phase"


class ConfirmedModule(CodeModule):
    """The argument of the controller's half is taken out before the options are checked.

    It is no option: it is in neither the documentation nor the invocation, and a task that gives it is refused.
    """

    phase_argument: t.Any = None

    def _load_params(self) -> None:
        super()._load_params()
        self.phase_argument = self.params.pop(_PHASE_ARGUMENT, None)
