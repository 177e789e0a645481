# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible module that takes its code from the cache of the host."""

from __future__ import annotations

import importlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..code import CODE_ARGUMENT, CODE_MISSING, read_code
from ..errors import BaselineError
from .code_cache import load_code

__all__ = ["CodeModule"]


class CodeModule(AnsibleModule):
    """The argument of the controller's half is taken out before the options are checked.

    It is no option: it is in neither the documentation nor the invocation.
    """

    code_argument: t.Any = None

    def _load_params(self) -> None:
        super()._load_params()
        self.code_argument = self.params.pop(CODE_ARGUMENT, None)

    def ensure(self, name: str, *more: t.Any) -> None:
        """End with the result of the module ``name`` for the options; ``more``: what it takes beside them."""
        self.load_source("_plan.host.modules").run_planned_module(self, name, *more)

    def load_source(self, name: str) -> t.Any:
        """Import the source ``name`` of the collection (dotted, below module_utils).

        The module ends with the field ``CODE_MISSING`` where the host does not have it.
        """
        try:
            package = load_code(read_code(self.code_argument), spare=self.tmpdir)
            if package is None:
                self.exit_json(changed=False, **{CODE_MISSING: True})
            return _import_source(f"{package}.{name}")
        except BaselineError as error:
            self.fail_json(**error.as_result())


def _import_source(name: str) -> t.Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BaselineError(
            f"the code of the collection that is kept on this host is damaged: {error}",
            hint="remove the folder /run/pyhost.baseline/code (on FreeBSD /var/run/pyhost.baseline/code) and run again",
        ) from error
