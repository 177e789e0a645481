# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module unattended_upgrades, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.timers import drop_in
from ..freshness import LIMIT, checked_limit
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

__all__ = ["ARGUMENTS", "ensure_options"]

_WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_SCHEDULE = {"update_lists_at": {"type": "str"}, "upgrade_at": {"type": "str"}, "random_delay": {"type": "str"}}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "origins": {"type": "list", "elements": "str", "default": ["distribution"]},
    "blocklist": {"type": "list", "elements": "str", "default": []},
    "allowlist": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "list", "elements": "str", "choices": _WEEK, "default": []},
    "reboot": {"type": "str", "choices": ["never", "when_required"], "default": "never"},
    "reboot_time": {"type": "str", "default": "now"},
    "reboot_with_users": {"type": "bool", "default": True},
    "update_lists_interval": {"type": "int", "default": 1},
    "upgrade_interval": {"type": "int", "default": 1},
    "max_age": {"type": "int", "default": LIMIT},
    "autoclean_interval": {"type": "int"},
    "schedule": {"type": "dict", "default": {}, "options": _SCHEDULE},
    "mail_to": {"type": "str", "default": ""},
    "mail_report": {"type": "str", "choices": ["always", "only-on-error", "on-change"], "default": "on-change"},
    "mail_from": {"type": "str"},
    "remove_unused_kernels": {"type": "bool", "default": True},
    "remove_new_unused_dependencies": {"type": "bool", "default": True},
    "remove_unused_dependencies": {"type": "bool", "default": False},
    "minimal_steps": {"type": "bool", "default": True},
    "fix_interrupted_dpkg": {"type": "bool", "default": True},
    "install_on_shutdown": {"type": "bool", "default": False},
    "only_on_ac_power": {"type": "bool", "default": True},
    "skip_on_metered": {"type": "bool", "default": True},
    "allow_downgrade": {"type": "bool", "default": False},
    "download_limit": {"type": "int"},
    "syslog": {"type": "bool", "default": False},
    "log_facility": {"type": "str", "default": "daemon"},
    "verbose": {"type": "bool", "default": False},
}


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
