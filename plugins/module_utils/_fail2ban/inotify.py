# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process watches by inotify(7), as /proc/PID/fdinfo/FD shows it (proc(5)), and why it may watch nothing."""

from __future__ import annotations

import re
import typing as t

__all__ = ["LIMIT", "is_inotify", "used_up", "watched_inodes"]

# The number of instances that a user may have, of all processes together.
LIMIT = "fs.inotify.max_user_instances"


def is_inotify(target: str) -> bool:
    """Return whether ``target`` is that of the link /proc/PID/fd/FD of an inotify instance."""
    return target.rsplit("/", 1)[-1] in ("anon_inode:inotify", "inotify")


def watched_inodes(fdinfo: str) -> frozenset[int]:
    """Return the inodes that an inotify instance watches, given its ``fdinfo``."""
    return frozenset(int(inode, 16) for inode in re.findall(r"^inotify .*?\bino:([0-9a-f]+)", fdinfo, re.MULTILINE))


def used_up(log: t.Iterable[str]) -> bool:
    """Return whether the ``log`` of fail2ban says that the kernel refused the server an instance (EMFILE)."""
    return any("Too many open files" in line for line in log)
