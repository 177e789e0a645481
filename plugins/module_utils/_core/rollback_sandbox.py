# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rollback may do on a host with systemd: one list for the unit of the next boot and the transient one. Pure.

See systemd.exec(5). The sandbox must never be the reason why a rollback fails: the script keeps its state after a
problem inside, and ``ExecStopPost=`` then runs it once more outside.
"""

from __future__ import annotations

import os.path
import re
import typing as t

if t.TYPE_CHECKING:
    from .rollback import RollbackPaths, SavedFile

__all__ = ["INSIDE", "once_more_outside", "sandbox"]

# The script's second argument inside the sandbox.
INSIDE = "sandboxed"

# What the script's tools need and the sandbox therefore leaves: memory that is written and executed (firewall-cmd's
# Python makes closures), the host's network and AF_NETLINK (iptables for ufw), AF_INET (sshd -t resolves the names in
# ListenAddress), the process tree (systemctl reads /proc/1).
_PROPERTIES = (
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectHostname=yes",
    "ProtectClock=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "NoNewPrivileges=yes",
    "RestrictSUIDSGID=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    # A call that is not in the list fails, and the script goes on to the rest of its work.
    "SystemCallErrorNumber=EPERM",
    # Owner and mode of the restored files; ufw's rules.
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_ADMIN CAP_NET_RAW",
    "UMask=0077",
)
# Configuration and units, sockets and pid files.
_WRITABLE = ("/etc", "/run")


def sandbox(paths: RollbackPaths, saved: t.Iterable[SavedFile] = ()) -> list[str]:
    """Return the properties of a service that restores ``saved``, as systemd.exec(5) names them."""
    folders = [*_WRITABLE, os.path.dirname(paths.base)]
    for one in saved:
        folder = os.path.dirname((one.path, *one.new_directories)[-1])
        if not any(f"{folder}/".startswith(f"{known}/") for known in folders):
            folders.append(folder)
    # A name that needs quoting is left out: the rollback then ends outside the sandbox.
    plain = [folder for folder in folders if re.fullmatch(r"[\w./+@-]+", folder, re.ASCII)]
    return [*_PROPERTIES, f"ReadWritePaths={' '.join(f'-{folder}' for folder in plain)}"]


def once_more_outside(paths: RollbackPaths, trigger: str) -> str:
    """Return the property that runs the script again, without a sandbox, where it is still there at the end."""
    return f"ExecStopPost=-+/bin/sh -c '[ ! -e {paths.script} ] || exec /bin/sh {paths.script} {trigger}'"
