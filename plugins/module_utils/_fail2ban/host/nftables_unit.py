# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drop-in of nftables.service with which bans are in force again after it has loaded its rules.

The nftables.conf of distributions begins with ``flush ruleset``, so that each start and reload of the unit removes the
rules and sets of fail2ban, too. fail2ban is restarted then, and restores its bans from its database.
"""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..packet_filters import tool_of

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream

__all__ = ["DROP_IN", "drop_in", "load_drop_in", "requested_drop_in"]

DROP_IN = "/etc/systemd/system/nftables.service.d/pyhost-baseline-fail2ban.conf"
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# PartOf= would also stop fail2ban when nftables.service is stopped, and not start it again. systemd finds the program:
# its path would differ between a login as root and sudo.
_TEXT = """\
# Managed by the module pyhost.baseline.fail2ban_jails. After "flush ruleset" fail2ban restores its bans.
[Service]
ExecStartPost=-+systemctl --no-block try-restart fail2ban.service
ExecReload=-+systemctl --no-block try-restart fail2ban.service
"""


def drop_in(host: Host) -> str | None:
    """Return the text of the drop-in, ``None`` if there is none."""
    return host.read(DROP_IN)


def requested_drop_in(host: Host, jails: t.Iterable[JailStream]) -> str | None:
    """Return the text that the drop-in has to have, ``None`` if no jail bans with nft or there is no such unit."""
    uses_nft = any(tool.program == "nft" for jail in jails for tool in map(tool_of, jail.actions) if tool)
    is_there = host.platform.has_systemd and any(host.stat(f"{folder}/nftables.service") for folder in _UNITS)
    return _TEXT if uses_nft and is_there else None


def load_drop_in(host: Host, text: str | None) -> None:
    """Write the drop-in, or remove it for ``None``, and have systemd read it."""
    host.put(DROP_IN, text)
    ran = host.run(["systemctl", "daemon-reload"])
    if not ran.ok:
        raise BaselineError(f"systemctl daemon-reload failed: {ran.message()}", where=DROP_IN)
