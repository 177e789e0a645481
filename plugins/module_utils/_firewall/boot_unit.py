# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that load our table of nftables at boot, and again after nftables.service has flushed it. Pure.

The nftables.conf of distributions begins with ``flush ruleset``, and their unit flushes all rules when it stops. So our
unit comes after it at boot, and a drop-in of nftables.service loads our table again after each start, reload and stop.
"""

from __future__ import annotations

from .nft_table import FAMILY, TABLE

__all__ = ["DROP_IN", "RULES_FILE", "UNIT", "UNIT_FILE", "UNIT_LINK", "render_drop_in", "render_unit"]

RULES_FILE = "/etc/pyhost.baseline/firewall.nft"
UNIT = "pyhost-baseline-firewall.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
# What `systemctl enable` makes.
UNIT_LINK = f"/etc/systemd/system/sysinit.target.wants/{UNIT}"
DROP_IN = "/etc/systemd/system/nftables.service.d/pyhost-baseline-firewall.conf"
_HEADER = "# Made by the module pyhost.baseline.firewall: changes are overwritten.\n"
# systemd finds the program: its path would differ between a login as root and sudo.
_LOAD = f"nft -f {RULES_FILE}"


def render_unit() -> str:
    """Return the unit that loads the rules before the network is there.

    It has no sandbox, which could keep it from loading the rules. A shutdown does not stop it (``Conflicts=``), so that
    the host is not open while services end.
    """
    return f"""\
{_HEADER}\
[Unit]
Description=Firewall rules of pyhost.baseline
Documentation=man:nft(8)
DefaultDependencies=no
After=nftables.service
# A rollback at boot may have removed the first rules that there were.
ConditionPathExists={RULES_FILE}
Wants=network-pre.target
Before=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={_LOAD}
ExecReload={_LOAD}
# "systemctl stop" opens the host, for somebody at the console.
ExecStop=-nft delete table {FAMILY} {TABLE}

[Install]
WantedBy=sysinit.target
"""


def render_drop_in() -> str:
    """Return the drop-in of nftables.service with which our table is there again after ``flush ruleset``."""
    settings = ("ExecStartPost", "ExecReload", "ExecStopPost")
    return f"{_HEADER}[Service]\n" + "".join(f"{setting}=-+{_LOAD}\n" for setting in settings)
