# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module freebsd_updates, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..freebsd import CHOICES, policy
from .freebsd import ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ARGUMENTS", "ensure_options"]

ARGUMENTS = {
    "enabled": {"type": "bool", "default": True},
    "base": {"type": "bool", "default": True},
    "packages": {"type": "str", "choices": list(CHOICES["packages"]), "default": "vulnerable"},
    "remove_unused_dependencies": {"type": "bool", "default": False},
    "reboot": {"type": "str", "choices": list(CHOICES["reboot"]), "default": "never"},
    "reboot_time": {"type": "str", "default": "now"},
    "reboot_with_users": {"type": "bool", "default": True},
    "calendar": {"type": "str", "default": "04:00"},
    "days": {"type": "list", "elements": "str", "default": []},
    "random_delay": {"type": "str", "default": "1h"},
    "mail_to": {"type": "str", "default": ""},
    "mail_report": {"type": "str", "choices": list(CHOICES["mail_report"]), "default": "on-change"},
    "security_reports": {"type": "bool"},
}


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the policy of ``options`` into force."""
    desired = policy(options)
    with host.lock("freebsd_updates"):
        found = ensure(host, desired if options["enabled"] else None, security_reports=options["security_reports"])
    return found.as_module_result()
