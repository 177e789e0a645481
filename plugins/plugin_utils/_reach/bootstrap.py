# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that put the system's own Python on a host that has none, and what its package manager says. Pure.

They go through any login shell, csh(1) too: one line, no single quote, no exclamation mark. Nobody is there to answer
a question, and a run that was cut off is taken up by the next.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = ["failure", "install_python", "is_locked"]

_KEEP = "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
# An index that cannot be read whole need not lack Python: only the last command decides, and all say why.
_APT = (
    "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l; "
    "dpkg --force-confdef --force-confold --configure -a; "
    "apt-get -q update; "
    f"apt-get -q --yes --no-install-recommends {_KEEP} install python3"
)
_DNF = "dnf -y --setopt=install_weak_deps=False install"

_COMMANDS: t.Mapping[str, str] = {
    "debian": _APT,
    "ubuntu": _APT,
    # dnf 4 is a Python program of the system's own Python: where it runs, only the name in the path can be missing.
    "el": f"{_DNF} python3",
    # dnf 5 needs no Python, and Ansible's module for it needs its bindings.
    "fedora": f"{_DNF} python3 python3-libdnf5",
    # pkg has to install itself first. It also asks whether to ignore that its packages are for a newer FreeBSD, which
    # would be answered with yes too: so the catalogue is read without that answer.
    "freebsd": (
        "pkg -N >/dev/null 2>&1 || env ASSUME_ALWAYS_YES=yes pkg bootstrap -y; "
        "pkg update && env ASSUME_ALWAYS_YES=yes pkg install -y -U python3"
    ),
}


def install_python(system: System) -> str | None:
    """Return the command that installs Python on ``system``, ``None`` where none is known."""
    return next((f"{{ {_COMMANDS[key]}; }} </dev/null" for key in system.keys if key in _COMMANDS), None)


# What apt-get, dpkg and pkg say while another process, a first boot's own update for one, holds their locks.
_LOCKED = re.compile(r"could not get lock|locked by another process", re.IGNORECASE)
_TELLING = re.compile(r"^[ew]: |error|fail|cannot|could not|not found|no such|unable", re.IGNORECASE)
_LONGEST_OUTPUT, _LONGEST_LINE = 200_000, 300


def is_locked(output: str) -> bool:
    """Say whether the package manager only has to wait for another process."""
    return _LOCKED.search(output) is not None


def failure(output: str) -> str:
    """Return the sentence for an installation that failed, out of what the package manager said."""
    lines = dict.fromkeys(line.strip() for line in output[-_LONGEST_OUTPUT:].splitlines() if line.strip())
    told = [line for line in lines if _TELLING.search(line)] or list(lines)
    # The first one has the cause, the last ones what came of it.
    chosen = dict.fromkeys(printable(line, longest=_LONGEST_LINE) for line in [*told[:1], *told[-2:]])
    return (
        f"Python cannot be installed: {'; '.join(chosen) or 'no reason given'}; correct that on the host or in its "
        "package sources and run this again"
    )
