# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that a plan can contain, each imported where it is needed.

A host needs one package manager, one updater and not always all roles.
"""

from __future__ import annotations

import importlib
import typing as t

from ..modules import MODULES

if t.TYPE_CHECKING:
    from ..._core.module_result import ModuleResult

__all__ = ["PlannedModule", "load_module"]


class PlannedModule(t.NamedTuple):
    """The argument spec of a module, and the function that ensures its options; it plans where the host is planned."""

    arguments: t.Mapping[str, t.Any]
    ensure_options: t.Callable[..., ModuleResult]


def load_module(name: str) -> PlannedModule:
    """Import the module ``name``, one of ``MODULES``."""
    above = __name__.rsplit(".", 3)[0]
    found = importlib.import_module(f"{above}.{MODULES[name].package}.host.{name}_module")
    return PlannedModule(found.ARGUMENTS, found.ensure_options)
