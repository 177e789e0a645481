# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that a plan can contain, each imported where it is needed.

A host needs one package manager, one updater and not always all roles.
"""

from __future__ import annotations

import importlib
import typing as t

from ..._core.host.module import run_module
from ..modules import MODULES

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ..._core.module_result import ModuleResult

__all__ = ["EnsureOptions", "load_module", "run_planned_module"]

# Ensures the options of a module; it plans where the host is planned.
EnsureOptions = t.Callable[..., "ModuleResult"]


def run_planned_module(module: AnsibleModule, name: str, *more: t.Any) -> None:
    """Ensure the options of ``module``, which is the module ``name``; ``more``: what it takes beside them."""
    ensure_options = load_module(name)
    run_module(module, lambda host, options: ensure_options(host, options, *more))


def load_module(name: str) -> EnsureOptions:
    """Return the function of the module ``name``, one of ``MODULES``."""
    above = __name__.rsplit(".", 3)[0]
    found = importlib.import_module(f"{above}.{MODULES[name].package}.host.{name}_module")
    return t.cast(EnsureOptions, found.ensure_options)
