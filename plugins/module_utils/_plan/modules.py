# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that a plan can contain. Pure."""

from __future__ import annotations

import typing as t

__all__ = ["MODULES"]


class PlannableModule(t.NamedTuple):
    """``package`` has the module's ``host/NAME_module.py``.

    ``evidence`` are parts of commands or paths: those that show best whether the module's request is in force.
    """

    package: str
    evidence: tuple[str, ...] = ()


MODULES: t.Mapping[str, PlannableModule] = {
    "packages": PlannableModule("_packages", ("/var/lib/dpkg/status", "rpm ", "pkg query")),
    "admin_user": PlannableModule("_accounts", ("getent passwd", "/etc/sudoers.d/", "/usr/local/etc/sudoers.d/")),
    "python_venv": PlannableModule("_python"),
    "unattended_upgrades": PlannableModule(
        "_updates", ("apt-config dump", "apt-get indextargets", "systemctl show apt-daily-upgrade.timer")
    ),
    "dnf_automatic": PlannableModule("_updates", ("/etc/dnf/automatic.conf", "systemctl show dnf")),
    "freebsd_updates": PlannableModule("_updates", ("crontab ", "/etc/crontab")),
    "pf_anchor": PlannableModule("_firewall", ("pfctl ",)),
    "firewall": PlannableModule("_firewall", ("nft -j", "firewall-cmd", "ufw status", "/etc/pyhost.baseline/")),
    "fail2ban_jails": PlannableModule(
        "_fail2ban", ("nft list", "fail2ban-client -d", "iptables", "firewall-cmd", "pfctl")
    ),
    "sshd_config": PlannableModule("_sshd", (" -C user=", "sshd -T", "systemctl show ssh")),
}
