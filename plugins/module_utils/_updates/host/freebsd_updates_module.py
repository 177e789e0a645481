# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module freebsd_updates, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..freebsd import policy
from .freebsd import ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the policy of ``options`` into force."""
    desired = policy(options)
    with host.lock("freebsd_updates"):
        found = ensure(host, desired if options["enabled"] else None, security_reports=options["security_reports"])
    return found.as_module_result()
