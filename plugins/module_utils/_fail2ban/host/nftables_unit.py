# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drop-in of nftables.service with which bans are in force again after it has loaded its rules.

The nftables.conf of distributions begins with ``flush ruleset``, so that each start and reload of the unit removes the
rules and sets of fail2ban, too. Our ban action creates its table again then, with all bans. With the stock action
fail2ban is restarted, and restores its bans from its database.
"""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..packet_filters import OWN_ACTION, tool_of

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream

__all__ = ["DROP_IN", "drop_in", "load_drop_in", "requested_drop_in"]

DROP_IN = "/etc/systemd/system/nftables.service.d/pyhost-baseline-fail2ban.conf"
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# PartOf= would also stop fail2ban when nftables.service is stopped, and not start it again. systemd finds the program:
# its path would differ between a login as root and sudo.
_HEADER = """\
# Managed by the module pyhost.baseline.fail2ban_jails. After "flush ruleset" fail2ban restores its bans.
[Service]
"""
_RESTART = "systemctl --no-block try-restart fail2ban.service"


def drop_in(host: Host) -> str | None:
    """Return the text of the drop-in, ``None`` if there is none."""
    return host.read(DROP_IN)


def requested_drop_in(host: Host, jails: t.Iterable[JailStream]) -> str | None:
    """Return the text that the drop-in has to have, ``None`` if no jail bans with nft or there is no such unit."""
    is_there = host.platform.has_systemd and any(host.stat(f"{folder}/nftables.service") for folder in _UNITS)
    commands = _commands(jails) if is_there else []
    if not commands:
        return None
    return _HEADER + "".join(
        f"{setting}=-+{command}\n" for setting in ("ExecStartPost", "ExecReload") for command in commands
    )


def _commands(jails: t.Iterable[JailStream]) -> list[str]:
    """Return the commands with which the bans of ``jails`` are in force again, none if no jail bans with nft."""
    by_nft = [
        (jail.name, action)
        for jail in jails
        for action in jail.actions
        for tool in [tool_of(action)]
        if tool and tool.program == "nft"
    ]
    if any(action != OWN_ACTION for _jail, action in by_nft):
        return [_RESTART]
    return [f"fail2ban-client set {jail} action {OWN_ACTION} consistencyCheck" for jail, _action in by_nft]


def load_drop_in(host: Host, text: str | None) -> None:
    """Write the drop-in, or remove it for ``None``, and have systemd read it."""
    host.put(DROP_IN, text)
    ran = host.run(["systemctl", "daemon-reload"])
    if not ran.ok:
        raise BaselineError(f"systemctl daemon-reload failed: {ran.message()}", where=DROP_IN)
