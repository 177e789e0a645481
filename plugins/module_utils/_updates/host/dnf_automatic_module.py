# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module dnf_automatic, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.timers import drop_in
from ..dnf_automatic import (
    desired_keys,
)
from ..freshness import checked_limit
from .dnf_automatic import (
    DnfAutomaticRequest,
    ensure,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the policy of ``options`` into force."""
    request = DnfAutomaticRequest(
        keys=desired_keys(options),
        drop_in=drop_in("dnf_automatic", options["calendar"], options["random_delay"]),
        enabled=options["enabled"],
        max_age=checked_limit(options["max_age"]),
    )
    with host.lock("dnf_automatic"):
        found = ensure(host, request)
    return found.as_module_result()
