# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of the host's own package manager."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..._core.os_release import parse_os_release

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.os_release import System
    from ..model import PackageManager

__all__ = ["gather_system", "open_package_manager"]


def gather_system(host: Host) -> System:
    """Return the host's system, as /etc/os-release describes it."""
    return parse_os_release(host.read("/etc/os-release") or "")


def open_package_manager(host: Host, system: System) -> PackageManager:
    """Return the package manager of ``system``; a system that is not supported raises.

    Only that manager's code is imported.
    """
    if system.package_manager == "apt":
        from .apt import Apt

        return Apt(host)
    if system.package_manager == "dnf":
        from .dnf import Dnf

        return Dnf(host, system)
    if system.package_manager == "pkg":
        from .pkg import Pkg

        return Pkg(host)
    raise BaselineError(
        f"{system.title} is not supported: pyhost.baseline.packages manages the Debian family "
        "(Debian 12 and 13, Ubuntu 22.04 and later), the RHEL family (9 and 10), Fedora and FreeBSD (14 and 15)"
    )
