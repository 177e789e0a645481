# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the running server watches what its jails read (inotify(7)), by what /proc shows of its process.

A reader of the journal that gets no inotify instance fails with each wait, reads nothing, and stops for good after a
hundred errors. A log file that was replaced behind a link stays unread, because only the folder of the link is watched.
"""

from __future__ import annotations

import os
import time
import typing as t

from ..._core.text import is_number
from ..inotify import LIMIT, is_inotify, used_up, watched_inodes

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["journal_is_watched", "unwatched_logs", "why_unwatched"]

# A server that has just started reads the entries of findtime first. A rotated file is watched within a second or two.
_START_SECONDS = 15.0
_ROTATION_SECONDS = 3.0
_LIMIT_FILE = "/proc/sys/" + LIMIT.replace(".", "/")


def _watches(host: Host, pid: int) -> list[frozenset[int]]:
    """Return the inodes that each inotify instance of the process ``pid`` watches."""
    numbers = [link.rsplit("/", 1)[1] for link in host.glob(f"/proc/{pid}/fd/*") if is_inotify(host.target(link))]
    texts = [host.read(f"/proc/{pid}/fdinfo/{number}") for number in numbers]
    return [watched_inodes(text) for text in texts if text is not None]


def journal_is_watched(host: Host, pid: int, folder: str, *, readers: int, log: t.Callable[[], list[str]]) -> bool:
    """Return whether ``readers`` of the process ``pid`` watch the ``folder`` of the journal. ``log``: of fail2ban."""
    if not host.glob(f"/proc/{pid}/fdinfo/*"):
        return True
    deadline = time.monotonic() + _START_SECONDS
    while not _is_watched(host, pid, folder, readers):
        if time.monotonic() >= deadline:
            return False
        if used_up(log()):
            return False
        time.sleep(0.5)
    return True


def _is_watched(host: Host, pid: int, folder: str, readers: int) -> bool:
    state, watches = host.stat(folder), _watches(host, pid)
    count = sum(state is not None and state.st_ino in watched for watched in watches)
    # On an overlay of several file systems inotify shows other numbers than stat(2) (xino=off).
    return count >= readers or (count == 0 and len(watches) >= readers)


def unwatched_logs(host: Host, pid: int, logs: t.Mapping[str, t.Sequence[str]]) -> dict[str, str]:
    """Return a log file that is not watched, by jail. ``logs``: the files of each jail that may use inotify.

    A backend that polls watches nothing. The folder of a file shows it, which inotify watches, too.
    """
    deadline = time.monotonic() + _ROTATION_SECONDS
    while True:
        found = _unwatched(host, pid, logs) if pid and logs else {}
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.5)


def _unwatched(host: Host, pid: int, logs: t.Mapping[str, t.Sequence[str]]) -> dict[str, str]:
    watches, found = _watches(host, pid), {}
    for name, paths in logs.items():
        for path in paths:
            folder = os.path.dirname(path)
            file_state, folder_state = host.stat(path), host.stat(folder)
            if file_state is None or folder_state is None:
                continue
            of_folder = [inodes for inodes in watches if folder_state.st_ino in inodes]
            neighbours = sum(any(os.path.dirname(one) == folder for one in others) for others in logs.values())
            readers = sum(path in others for others in logs.values())
            if len(of_folder) >= neighbours and sum(file_state.st_ino in inodes for inodes in of_folder) < readers:
                found[name] = path
    return found


def why_unwatched(host: Host, log: t.Iterable[str]) -> tuple[str, str]:
    """Return why the server does not watch, and what to do, each empty if the ``log`` of fail2ban does not say it."""
    if not used_up(log):
        return "", ""
    limit = (host.read(_LIMIT_FILE) or "").strip()
    more = 2 * int(limit) if is_number(limit) else 1024
    return (
        f"the kernel refuses it an inotify instance (Too many open files; {LIMIT} is {limit or 'unknown'})",
        f"raise the limit (`sysctl -w {LIMIT}={more}`, and a file in /etc/sysctl.d), or LimitNOFILE= of the service if "
        "it has many files open, and run again",
    )
