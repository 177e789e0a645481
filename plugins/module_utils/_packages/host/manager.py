# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by whichever package manager is at home on the host."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..._core.os_release import parse_os_release
from . import apt as host_apt
from . import dnf as host_dnf
from . import pkg as host_pkg

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.os_release import System
    from ..model import Outcome, Wish

__all__ = ["fulfil", "own_system"]

_MANAGERS: t.Mapping[str, t.Callable[[Host, System, Wish], Outcome]] = {
    "apt": lambda host, _system, wish: host_apt.fulfil(host, wish),
    "dnf": host_dnf.fulfil,
    "pkg": lambda host, _system, wish: host_pkg.fulfil(host, wish),
}


def own_system(host: Host) -> System:
    """Return the host's system by its own words."""
    return parse_os_release(host.read("/etc/os-release") or "")


def fulfil(host: Host, system: System, wish: Wish) -> Outcome:
    """Bring ``wish`` about on ``system`` and prove it; a system without a package manager of ours raises."""
    manager = _MANAGERS.get(system.package_manager)
    if manager is None:
        raise BaselineError(
            f"{system.title} is not supported: pyhost.baseline.packages manages the Debian family "
            "(Debian 12 and 13, Ubuntu 22.04 and later), the RHEL family (9 and 10), Fedora and FreeBSD (14 and 15); "
            "nothing was changed"
        )
    return manager(host, system, wish)
