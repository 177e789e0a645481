# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master processes of sshd by proc(5), for a host where neither a known unit nor a pid file names the right one."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ..._core.host.process import title
from ..options import ends_by_itself, parse_options, split_title

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["SshdMaster", "find_masters", "main_of"]


@dataclass(frozen=True)
class SshdMaster:
    """A listening sshd of root's: its program, the main file of ``-f`` (empty without) and the unit that it runs in."""

    pid: int
    program: str
    main: str
    unit: str


def find_masters(host: Host) -> list[SshdMaster]:
    """Return every master of sshd in this process's own namespace of pids: those of containers are not the host's.

    The title of a process proves nothing, so that only those of root count.
    """
    pids = sorted(int(name) for name in map(os.path.basename, host.glob("/proc/[0-9]*")) if name.isdigit())
    return [found for found in (_master(host, pid) for pid in pids) if found]


def main_of(host: Host, pid: int) -> str:
    """Return the main file of the option ``-f`` of the sshd ``pid``; empty where it reads the file of its build."""
    return parse_options(split_title(title(host, pid))).main


def _master(host: Host, pid: int) -> SshdMaster | None:
    entry = host.stat(f"/proc/{pid}")
    cmdline = title(host, pid) if entry and entry.st_uid == 0 and _is_ours(host, pid) else ""
    words = split_title(cmdline)
    if not words or not words[0].startswith("/") or os.path.basename(words[0]) != "sshd":
        return None
    if "[listener]" not in cmdline and ends_by_itself(words):
        return None
    return SshdMaster(pid, words[0], parse_options(words).main, _unit_of(host.read(f"/proc/{pid}/cgroup") or ""))


def _is_ours(host: Host, pid: int) -> bool:
    own, other = (os.path.basename(host.target(f"/proc/{one}/ns/pid")) for one in ("self", pid))
    return own == other


def _unit_of(cgroup: str) -> str:
    """Return the service in /proc/PID/cgroup, empty where the process is in a session or in no unit."""
    for line in cgroup.splitlines():
        _number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers not in ("", "name=systemd"):
            continue
        for name in reversed(path.split("/")):
            if name.endswith(".scope"):
                return ""
            if name.endswith(".service"):
                return name
    return ""
