# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rpm's database on the host, read by rpm(8): a query by name takes a hundredth of a second, a full list a few more."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from .. import rpm

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host

__all__ = ["NATIVE", "find_missing", "find_providers", "find_real", "list_installed", "read_lock_path"]

# rpm's name of the architecture is the kernel's on all that the RHEL family and Fedora run on.
NATIVE = os.uname().machine


def find_missing(host: Host, names: t.Sequence[str]) -> list[str]:
    """Return those of ``names`` that no installed package is named, provides or owns as a file."""
    found = _query(host, ["--whatprovides"], names)
    # name.architecture denotes a package and is no capability that the package provides.
    return _query(host, [], found) if found else []


def find_real(host: Host, names: t.Sequence[str]) -> list[str]:
    """Return the installed packages that ``names`` denote by themselves, or by a file that they own."""
    missing = _query(host, [], names)
    owners = [owner for name in missing if name.startswith("/") for owner in find_providers(host, name)]
    return list(dict.fromkeys([*(name for name in names if name not in missing), *owners]))


def find_providers(host: Host, name: str) -> list[str]:
    """Return the installed packages that provide ``name``."""
    ran = host.run(["rpm", "-q", "--whatprovides", "--qf", r"%{NAME}\n", name])
    return sorted(set(ran.out.split())) if ran.ok else []


def list_installed(host: Host) -> tuple[dict[str, str], list[str]]:
    """Return all packages (name to version), and those that an interrupted transaction left in two versions."""
    ran = host.run(["rpm", "-qa", "--qf", rpm.ALL])
    if rpm.damaged(ran.err) or not ran.ok:
        raise _unreadable(ran)
    return rpm.parse_all(ran.out, NATIVE), rpm.duplicates(ran.out)


def read_lock_path(host: Host) -> str:
    """Return the file that rpm locks while it changes its database."""
    return host.run(["rpm", "-E", "%{_rpmlock_path}"]).out.strip()


def _query(host: Host, options: t.Sequence[str], names: t.Sequence[str]) -> list[str]:
    if not names:
        return []
    ran = host.run(["rpm", "-q", *options, "--qf", "", *names])
    missing = rpm.parse_missing(ran.out, ran.err)
    if rpm.damaged(ran.err) or not (ran.ok or missing):
        raise _unreadable(ran)
    return missing


def _unreadable(ran: CommandResult) -> BaselineError:
    output = "\n".join(rpm.damaged(ran.err)[:3]) or ran.message()
    return BaselineError(
        f"rpm cannot read its database: {output}",
        hint="if it is damaged, save a copy of it and run 'rpm --rebuilddb' on the host",
    )
