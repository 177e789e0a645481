# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module admin_user, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.module_result import ModuleResult
from ..._core.text import printable_lines
from ..._inputs.admin_user import checked_request
from ..request import AccountRequest
from .ensure import ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options"]


_LONGEST_DIFF = 1 << 20


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Bring the account of ``options`` into the requested state."""
    request: AccountRequest = checked_request(options)
    with host.lock("admin_user"):
        found = ensure(host, request)
    # The account may have written any text to a key file.
    diff = [{name: printable_lines(text, longest=_LONGEST_DIFF) for name, text in one.items()} for one in found.diff]
    return ModuleResult(found.changed, diff, found.warnings, found.result)
