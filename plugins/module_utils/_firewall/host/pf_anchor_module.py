# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module pf_anchor, and what it returns for them."""

from __future__ import annotations

import typing as t

from .pf import ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Ensure that the main rules of pf evaluate the anchor of ``options``."""
    with host.lock("pf_anchor"):
        found = ensure(host, options["anchor"])
    return found.as_module_result()
