# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that install the system's own Python on a host without Python, and their errors. Pure.

They run in any login shell, also in csh(1): one line, no single quote, no exclamation mark. They ask no question, and a
run that was interrupted is continued by the next.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = ["install_python", "installation_error", "is_locked"]

_KEEP = "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
# An index that cannot be read in full may still have Python: only the last command decides, and all print errors.
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
    # dnf 4 is a program of the system's own Python: if it runs, only the name in the path can be missing.
    "el": f"{_DNF} python3",
    # dnf 5 needs no Python, and Ansible's module for it needs its bindings.
    "fedora": f"{_DNF} python3 python3-libdnf5",
    # pkg has to install itself first. It also asks whether to ignore that its packages are for a newer FreeBSD, and
    # the assumed yes would answer that too: therefore the catalogue is read without it.
    "freebsd": (
        "pkg -N >/dev/null 2>&1 || env ASSUME_ALWAYS_YES=yes pkg bootstrap -y; "
        "pkg update && env ASSUME_ALWAYS_YES=yes pkg install -y -U python3"
    ),
}


def install_python(system: System) -> str | None:
    """Return the command that installs Python on ``system``, ``None`` if none is known."""
    return next((f"{{ {_COMMANDS[key]}; }} </dev/null" for key in system.keys if key in _COMMANDS), None)


# The messages of apt-get, dpkg and pkg while another process, such as the update of a first boot, has their locks.
_LOCKED = re.compile(r"could not get lock|locked by another process", re.IGNORECASE)
_ERROR_LINE = re.compile(r"^[ew]: |error|fail|cannot|could not|not found|no such|unable", re.IGNORECASE)
_LONGEST_OUTPUT, _LONGEST_LINE = 200_000, 300


def is_locked(output: str) -> bool:
    """Return whether the package manager only has to wait for another process."""
    return _LOCKED.search(output) is not None


def installation_error(output: str) -> BaselineError:
    """Return the error of a failed installation, from the output of the package manager."""
    lines = dict.fromkeys(line.strip() for line in output[-_LONGEST_OUTPUT:].splitlines() if line.strip())
    errors = [line for line in lines if _ERROR_LINE.search(line)] or list(lines)
    # The first line has the cause, the last ones the consequence.
    chosen = dict.fromkeys(printable(line, longest=_LONGEST_LINE) for line in [*errors[:1], *errors[-2:]])
    return BaselineError(
        f"Python cannot be installed: {'; '.join(chosen) or 'no reason given'}",
        state="packages may have been installed in part",
        hint="correct that on the host or in its package sources, and run this again",
    )
