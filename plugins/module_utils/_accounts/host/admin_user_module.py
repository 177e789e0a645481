# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module admin_user, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.module_result import ModuleResult
from ..._core.text import printable_lines
from ..._inputs.admin_user import SUDO, checked_request
from ..request import AccountRequest
from .ensure import ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ARGUMENTS", "ensure_options"]

_LONGEST_DIFF = 1 << 20
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "authorized_keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
    "exclusive_keys": {"type": "bool", "default": False, "no_log": False},
    "sudo": {"type": "str", "choices": list(SUDO), "default": "nopasswd"},
    "password": {"type": "str", "default": "", "no_log": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "shell": {"type": "str", "default": ""},
    "allow_system_account": {"type": "bool", "default": False},
}


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the account of ``options`` into the requested state."""
    request: AccountRequest = checked_request(options)
    with host.lock("admin_user"):
        found = ensure(host, request)
    # The account may have written any text to a key file.
    diff = [{name: printable_lines(text, longest=_LONGEST_DIFF) for name, text in one.items()} for one in found.diff]
    return ModuleResult(found.changed, diff, found.warnings, found.result)
