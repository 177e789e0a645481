# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jails can ban the controller, by the ``ignoreip`` that fail2ban reads and the ports that actions refuse."""

from __future__ import annotations

import ipaddress
import typing as t

from .filter_rules import requested_rules
from .packet_filters import normal_address, tool_of

if t.TYPE_CHECKING:
    from .filter_rules import ServicePort
    from .stream import JailStream

__all__ = ["controller_findings", "ignores"]


def ignores(jail: JailStream, address: str) -> bool:
    """Return whether ``jail`` ignores ``address``: an address or network of its ``ignoreip`` contains it."""
    if normal_address(address) is None:
        # The header of our file was changed by hand: there is no controller to look for.
        return True
    wanted = ipaddress.ip_address(address)
    for entry in _ignored(jail):
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            # The name of a host. fail2ban asks DNS at each failure.
            continue
        if wanted.version == network.version and wanted in network:
            return True
    return False


def _ignored(jail: JailStream) -> list[str]:
    return [str(entry) for arguments in jail.values("addignoreip") for entry in arguments]


def controller_findings(
    jails: t.Mapping[str, JailStream],
    requested: t.Collection[str],
    controller: str,
    *,
    port: int | None,
    service_port: ServicePort,
) -> tuple[list[str], list[str]]:
    """Return errors of the ``requested`` jails, and warnings about jails of other files, that can ban ``controller``.

    ``port``: the port of this host by which the controller comes, ``None`` if it is not known.
    """
    errors, warnings = [], []
    for name, jail in jails.items():
        if ignores(jail, controller) or not _refuses(jail, port, service_port):
            continue
        listed = " ".join(_ignored(jail)) or "empty"
        if name in requested:
            errors.append(
                f"the jail {name} can ban the controller: its ignoreip, as fail2ban reads it, is {listed} and does not "
                f"contain {controller}"
            )
        else:
            warnings.append(
                f"the jail {name}, which another file defines, can ban the controller: its ignoreip is {listed}; add "
                f"{controller} to it, or request the jail"
            )
    return errors, warnings


def _refuses(jail: JailStream, port: int | None, service_port: ServicePort) -> bool:
    """Return whether bans of ``jail`` refuse ``port``; True where that is not known."""
    filters = [action for action in jail.actions if tool_of(action)]
    rules = requested_rules(jail, service_port)
    if port is None or len(rules) < len(filters):
        return bool(filters)
    ranges = [ports for one in rules for rule in one.ipv4 | one.ipv6 for ports in rule.ports]
    return any(low <= port <= high for low, high in ranges)
