# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports on which sshd listens, and those on which it will listen after its next start."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t

from ..._core.errors import BaselineError
from ..._sshd.effective import Effective, first_value, listen_addresses
from ..._sshd.host.daemon import find_daemon
from ..._sshd.host.port_holders import present_listens
from ..._sshd.host.sshd import find_sshd, incoming_connection

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["find_ssh_ports"]

_MAIN = "/etc/ssh/sshd_config"


def find_ssh_ports(host: Host) -> tuple[int, ...]:
    """Return the ports of sshd that others can reach, empty if it is not installed.

    The kernel says where it listens now, or systemd for its socket unit. The ports of its files count too, because it
    has those after a reload or a boot.
    """
    sshd = find_sshd(host, _MAIN)
    if sshd is None:
        return ()
    effective: Effective = {}
    # A running sshd keeps its ports, whatever is in its files.
    with contextlib.suppress(BaselineError):
        effective = sshd.effective(incoming_connection(host))
    daemon = find_daemon(host, first_value(effective, "pidfile") or "none", program=sshd.program, main=_MAIN)
    listens = set(present_listens(host, daemon))
    if not daemon.socket:
        listens |= set(listen_addresses(effective))
    return tuple(sorted({port for address, port in listens if not _is_loopback(address)}))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
