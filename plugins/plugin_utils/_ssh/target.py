# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the names of hosts and users before they reach the command line of the ssh client. Pure; ssh(1).

An inventory may come from another system (a cloud, a register of hosts), and ssh reads a host named
``-oProxyCommand=…`` as an option that runs a command on the controller.
"""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import forbidden_character, printable

__all__ = ["target_error"]

_STATE = "no connection was made"


def target_error(host: str | None, users: t.Iterable[str | None]) -> BaselineError | None:
    """Return why ssh must not be started for ``host`` and ``users``, ``None`` if it may."""
    if host is not None and (wrong := _wrong(host)):
        return BaselineError(
            f"the address of this host is '{printable(host, longest=200)}', {wrong}",
            state=_STATE,
            hint="correct its name in the inventory or its ansible_host",
        )
    for user in users:
        if user and (wrong := _wrong(user)):
            problem = f"the user is '{printable(user, longest=200)}', {wrong}"
            return BaselineError(problem, state=_STATE, hint="correct the user's name")
    return None


def _wrong(name: str) -> str:
    if not name:
        return "which is empty"
    if name.startswith("-"):
        return "which ssh would read as an option"
    if '"' in name:
        return "which contains a quotation mark"
    found = forbidden_character(name)
    return f"which contains {found}" if found else ""
