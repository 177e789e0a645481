# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the output of service(8) (``service NAME onestatus``) and sysrc(8) on FreeBSD. Pure.

Written from rc.subr(8) and service(8), not run on FreeBSD.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

__all__ = ["RcService", "is_absent", "is_refused", "read_state", "read_variables"]


@dataclass(frozen=True)
class RcService:
    """A service of rc(8). ``pids`` are those that its script prints; some scripts print none."""

    name: str
    exists: bool = True
    enabled: bool = False
    running: bool = False
    pids: tuple[int, ...] = ()

    @property
    def pid(self) -> int:
        return self.pids[0] if self.pids else 0


def is_absent(output: str) -> bool:
    """Return whether service(8) found no script of that name."""
    return re.search(r"^\S+ does not exist in /etc/rc\.d or the local startup", output, re.MULTILINE) is not None


def is_refused(output: str) -> bool:
    """Return whether rc.subr(8) did nothing because the service is off in rc.conf(5); it reports that as success."""
    return re.search(r"^Cannot '\w+' \S+\. Set \S+ to YES in /etc/rc\.conf", output, re.MULTILINE) is not None


def read_state(name: str, *, enabled: bool, running: bool, output: str) -> RcService:
    """Return the state from the exit statuses of ``enabled`` and ``onestatus`` and the ``output`` of the latter."""
    if is_absent(output):
        return RcService(name, exists=False)
    found = re.search(r" is running as pid ([0-9 ]+)\.", output)
    pids = tuple(map(int, found.group(1).split())) if found and running else ()
    return RcService(name, enabled=enabled, running=running, pids=pids)


def read_variables(output: str) -> dict[str, str]:
    """Parse the output of ``sysrc -e``: assignments of sh(1), such as ``sshd_flags="-o Port=2222"``."""
    found = {}
    for line in output.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found[name] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip('"')
