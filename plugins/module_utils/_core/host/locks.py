# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that hold the locks of a package manager, and waiting until the locks are free."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import time
import typing as t
from dataclasses import dataclass

from ..errors import BaselineError
from ..text import printable
from .paths import trusted

if t.TYPE_CHECKING:
    from .host import CommandResult

__all__ = [
    "FindHolder",
    "LockHolder",
    "find_lock_holder",
    "find_pid_file_holder",
    "lock_timeout_error",
    "run_when_unlocked",
    "wait_for_locks",
]

_LONGEST = 1000


@dataclass(frozen=True)
class LockHolder:
    """The process that holds a lock."""

    pid: int
    command: str
    path: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) holds {self.path}"


# Returns the process that holds one of the locks now, None where they are free.
FindHolder = t.Callable[[], t.Optional[LockHolder]]


def find_lock_holder(paths: t.Sequence[str]) -> LockHolder | None:
    """Return the process that holds the first taken fcntl(2) lock of ``paths``; the kernel is asked, nothing locked."""
    # struct flock of fcntl(2): type, whence, start, length, pid.
    form = "hhqqi"
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            answer = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(form, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        finally:
            os.close(fd)
        kind, _whence, _start, _length, pid = struct.unpack(form, answer)
        if kind != fcntl.F_UNLCK:
            return LockHolder(pid, _command_of(pid), path)
    return None


def find_pid_file_holder(paths: t.Sequence[str]) -> LockHolder | None:
    """Return the first running process whose number is in one of the files ``paths``."""
    for path in paths:
        try:
            pid = _read_pid(path)
            os.kill(pid, 0)
        except (OSError, ValueError):
            continue
        return LockHolder(pid, _command_of(pid), path)
    return None


def _read_pid(path: str) -> int:
    """Return the number in ``path``: that of one process, in a file that only root can have written."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="ascii") as file:
        state = os.fstat(file.fileno())
        if (
            not stat.S_ISREG(state.st_mode)
            or state.st_uid not in trusted()
            or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise ValueError(f"{path} can be written by others than root")
        pid = int(file.read(20))
    if pid <= 0:
        # kill(2) takes these for groups of processes, which always exist.
        raise ValueError(f"{path} holds {pid}")
    return pid


def wait_for_locks(find_holder: FindHolder, deadline: float, seconds: float) -> None:
    """Wait until nobody holds the locks; at ``deadline``, ``seconds`` after the start, raise and name the holder."""
    found = find_holder()
    while found is not None:
        if time.monotonic() >= deadline:
            raise lock_timeout_error(found, seconds)
        time.sleep(0.5)
        found = find_holder()


def lock_timeout_error(found: LockHolder | None, seconds: float, *, unnamed: str = "") -> BaselineError:
    """Return the error of a wait that timed out; ``unnamed`` describes the holder where it could not be found."""
    return BaselineError(
        f"{found or unnamed}, still after {seconds} seconds",
        hint="run again when it has ended or raise lock_timeout",
        holder={"pid": found.pid, "command": found.command, "path": found.path} if found else None,
    )


def run_when_unlocked(
    run: t.Callable[[], CommandResult],
    *,
    find_holder: FindHolder,
    is_busy: t.Callable[[CommandResult], bool],
    seconds: float,
) -> CommandResult:
    """Run a command that takes the locks; wait up to ``seconds`` for the process that holds them."""
    deadline = time.monotonic() + seconds
    while True:
        wait_for_locks(find_holder, deadline, seconds)
        ran = run()
        # Another process may have taken the lock between the check and the command.
        if ran.ok or not is_busy(ran) or time.monotonic() >= deadline:
            return ran
        time.sleep(1)


def _command_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read(_LONGEST).replace(b"\0", b" ").decode(errors="replace").strip()
            return printable(line) or "no command line"
    except OSError:
        return "of another container"
