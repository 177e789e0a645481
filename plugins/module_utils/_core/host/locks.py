# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the locks of a package manager, and waiting until they are free."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import time
import typing as t

from ..._packages.model import Holder
from ..errors import BaselineError
from ..text import printable
from .paths import trusted

if t.TYPE_CHECKING:
    from .host import CommandResult

__all__ = ["Look", "lock_holder", "patiently", "pid_file_holder", "still_held", "wait"]

_LONGEST = 1000
# Says who is in the way now, if anybody is.
Look = t.Callable[[], t.Optional[Holder]]


def lock_holder(paths: t.Sequence[str]) -> Holder | None:
    """Return who holds the first of the fcntl(2) locks that is taken; the kernel is asked, nothing is locked."""
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
            return Holder(pid, _command_of(pid), path)
    return None


def pid_file_holder(paths: t.Sequence[str]) -> Holder | None:
    """Return the first process that lives and whose number stands in one of the files ``paths``."""
    for path in paths:
        try:
            pid = _written_pid(path)
            os.kill(pid, 0)
        except (OSError, ValueError):
            continue
        return Holder(pid, _command_of(pid), path)
    return None


def _written_pid(path: str) -> int:
    """Return the number in ``path``: one process, of a file that only root can have written."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="ascii") as file:
        state = os.fstat(file.fileno())
        if (
            not stat.S_ISREG(state.st_mode)
            or state.st_uid not in trusted()
            or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise ValueError(f"{path} is not root's alone")
        pid = int(file.read(20))
    if pid <= 0:
        # To kill(2) these are groups of processes, which there always are.
        raise ValueError(f"{path} holds {pid}")
    return pid


def wait(holder: Look, deadline: float, seconds: float) -> None:
    """Wait until nobody holds the locks; at ``deadline``, ``seconds`` after the begin, raise and name who does."""
    found = holder()
    while found is not None:
        if time.monotonic() >= deadline:
            raise still_held(found, seconds)
        time.sleep(0.5)
        found = holder()


def still_held(found: Holder | None, seconds: float, *, unnamed: str = "") -> BaselineError:
    """Return the error of a wait that was in vain; ``unnamed`` says who holds the lock where nobody could be named."""
    return BaselineError(
        f"{found or unnamed}, still after {seconds} seconds; nothing was changed; "
        "run again when it has ended or raise lock_timeout",
        holder={"pid": found.pid, "command": found.command, "path": found.path} if found else None,
    )


def patiently(
    run: t.Callable[[], CommandResult], *, holder: Look, busy: t.Callable[[CommandResult], bool], seconds: float
) -> CommandResult:
    """Run a command that locks; wait for whoever holds the locks, up to ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        wait(holder, deadline, seconds)
        ran = run()
        # Somebody may have been quicker between the look and the command.
        if ran.ok or not busy(ran) or time.monotonic() >= deadline:
            return ran
        time.sleep(1)


def _command_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_LONGEST).replace(b"\0", b" ").decode(errors="replace").strip()
            return printable(words) or "no command line"
    except OSError:
        return "of another container"
