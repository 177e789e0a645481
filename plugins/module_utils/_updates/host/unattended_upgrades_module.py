# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module unattended_upgrades, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.timers import drop_in
from ..freshness import checked_limit
from ..origins import expand, may_be_absent
from ..unattended_upgrades import (
    UpgradePolicy,
    document,
    policy,
)
from .apt_state import (
    gather_distribution,
    require_apt,
)
from .unattended_upgrades import (
    TIMERS,
    UpgradesRequest,
    ensure,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the policy of ``options`` into force."""
    require_apt(host)
    with host.lock("unattended_upgrades"):
        found = ensure(host, _absent() if options["state"] == "absent" else _present(host, options))
    return found.as_module_result()


def _present(host: Host, params: t.Mapping[str, t.Any]) -> UpgradesRequest:
    distribution = gather_distribution(host)
    desired = policy(params, expand(params["origins"], distribution))
    schedule = params["schedule"]
    delay = schedule.get("random_delay")
    drop_ins = {name: drop_in("unattended_upgrades", schedule.get(at), delay) for at, name in TIMERS.items()}
    # An interval of 0 turns the work off; whether the timers fire does not matter then.
    must_fire = params["upgrade_interval"] > 0
    return UpgradesRequest(
        policy=desired,
        text=document(desired),
        drop_ins=drop_ins,
        must_fire=must_fire,
        optional=may_be_absent(params["origins"], distribution),
        max_age=checked_limit(params["max_age"]),
    )


def _absent() -> UpgradesRequest:
    return UpgradesRequest(UpgradePolicy({}, {}), None, {name: None for name in TIMERS.values()}, must_fire=False)
