# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names of hosts and users may reach the command line of the ssh client. Pure; ssh(1).

An inventory may come from elsewhere (a cloud, a register of hosts), and to ssh a host named ``-oProxyCommand=…`` is an
option that runs a command on the controller.
"""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import forbidden_character, printable

__all__ = ["target_error"]


def target_error(host: str | None, users: t.Iterable[str | None]) -> str:
    """Say why ssh must not be started for ``host`` and ``users``; an empty text where it may."""
    if host is not None and (wrong := _wrong(host)):
        return (
            f"the address of this host is '{printable(host, longest=200)}', {wrong}; no connection was made; correct "
            "its name in the inventory or its ansible_host"
        )
    for user in users:
        if user and (wrong := _wrong(user)):
            return f"the user is '{printable(user, longest=200)}', {wrong}; no connection was made; correct its name"
    return ""


def _wrong(name: str) -> str:
    if not name:
        return "which is empty"
    if name.startswith("-"):
        return "which ssh would take for an option"
    if '"' in name:
        return "which holds a quotation mark"
    found = forbidden_character(name)
    return f"which holds {found}" if found else ""
