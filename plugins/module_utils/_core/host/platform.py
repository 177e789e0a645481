# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform of the managed host: detected once by ``Host`` and read as ``host.platform``."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["FREEBSD", "LINUX", "LINUX_WITHOUT_SYSTEMD", "Platform", "detect_platform"]


@dataclass(frozen=True)
class Platform:
    """The kernel, as uname(1) names it, and whether systemd is the running service manager.

    FreeBSD always has rc(8). A Linux host without systemd (a container, another init) has no service manager that the
    collection uses.
    """

    kernel: str
    has_systemd: bool

    @property
    def is_freebsd(self) -> bool:
        return self.kernel == "FreeBSD"


LINUX = Platform("Linux", has_systemd=True)
LINUX_WITHOUT_SYSTEMD = Platform("Linux", has_systemd=False)
FREEBSD = Platform("FreeBSD", has_systemd=False)


def detect_platform() -> Platform:
    """Return the platform of this host; systemd is found as sd_booted(3) does."""
    return Platform(os.uname().sysname, has_systemd=os.path.isdir("/run/systemd/system"))
