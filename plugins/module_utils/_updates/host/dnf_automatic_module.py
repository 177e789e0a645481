# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module dnf_automatic, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.timers import drop_in
from ..dnf_automatic import (
    CHOICES,
    DISTRIBUTION,
    desired_keys,
)
from .dnf_automatic import (
    DnfAutomaticRequest,
    ensure,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ARGUMENTS", "ensure_options"]

ARGUMENTS = {
    "enabled": {"type": "bool", "default": True},
    "upgrade_type": {"type": "str", "choices": [DISTRIBUTION, *CHOICES["upgrade_type"]], "default": DISTRIBUTION},
    "apply_updates": {"type": "bool", "default": True},
    "download_updates": {"type": "bool", "default": True},
    "reboot": {"type": "str", "choices": list(CHOICES["reboot"]), "default": "never"},
    "reboot_command": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "blocklist": {"type": "list", "elements": "str", "default": []},
    "emit_via": {"type": "list", "elements": "str", "choices": list(CHOICES["emit_via"]), "default": ["stdio"]},
    "email_to": {"type": "list", "elements": "str"},
    "email_from": {"type": "str"},
    "email_host": {"type": "str"},
    "calendar": {"type": "str"},
    "random_delay": {"type": "str"},
}


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the policy of ``options`` into force."""
    request = DnfAutomaticRequest(
        keys=desired_keys(options),
        drop_in=drop_in("dnf_automatic", options["calendar"], options["random_delay"]),
        enabled=options["enabled"],
    )
    with host.lock("dnf_automatic"):
        found = ensure(host, request)
    return found.as_module_result()
