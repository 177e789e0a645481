# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts as another user where that user decides what is read, written or run: root's rights are dropped first.

``rights_of`` is for system calls of this process (sshd does the same to read a user's keys). ``run_as`` runs a program
that the user may have replaced: it cannot become root again, and cannot block or flood this process.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import selectors
import signal
import subprocess
import tempfile
import time
import typing as t
from dataclasses import dataclass

from ..errors import BaselineError
from .host import CommandResult

__all__ = ["User", "find_user", "private_groups", "rights_of", "run_as"]

_PATH = "/usr/local/bin:/usr/bin:/bin"
_UMASK = 0o022
_MOST = 1 << 20
# How long child processes may continue to print after the program has ended.
_GRACE = 1.0
TIMED_OUT, NOT_STARTED = 124, 127


@dataclass(frozen=True)
class User:
    """An account: its name, numbers, home and all its groups."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[int, ...]


def find_user(name: str) -> User | None:
    """Return the account ``name``, ``None`` if there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir or "/", groups)


def private_groups(user: User) -> frozenset[int]:
    """Return the user's own group if it has no other member, so that only the user has its rights."""
    try:
        members = grp.getgrgid(user.gid).gr_mem
    except KeyError:
        return frozenset()
    others = any(entry.pw_gid == user.gid and entry.pw_uid != user.uid for entry in pwd.getpwall())
    return frozenset() if others or set(members) - {user.name} else frozenset((user.gid,))


@contextlib.contextmanager
def rights_of(user: User) -> t.Iterator[None]:
    """Access files with the rights of ``user`` alone. Run no program meanwhile."""
    if os.geteuid() == user.uid:
        yield
        return
    before = os.getegid(), os.getgroups()
    try:
        os.setgroups(user.groups)
        os.setegid(user.gid)
        os.seteuid(user.uid)
    except PermissionError as error:
        _restore(before)
        raise BaselineError(f"only root can act as {user.name}", hint="set become: true") from error
    try:
        yield
    finally:
        _restore(before)


def _restore(before: tuple[int, list[int]]) -> None:
    if os.getuid() == 0:
        os.seteuid(0)
        os.setegid(before[0])
        os.setgroups(before[1])


def run_as(
    user: User,
    argv: t.Sequence[str],
    *,
    folder: str,
    seconds: float,
    env: t.Mapping[str, str] | None = None,
    data: str = "",
) -> CommandResult:
    """Run ``argv`` as ``user`` in ``folder``, with an environment of its own (and ``env``), for up to ``seconds``.

    ``data`` is its standard input; a program that does not read it cannot block this process. The last megabyte of each
    output stream is returned. It may contain any bytes: quote it before it is shown.
    """
    environment = {
        "HOME": user.home,
        "LC_ALL": "C",
        "LOGNAME": user.name,
        "PATH": _PATH,
        "SHELL": "/bin/sh",
        "USER": user.name,
        **(env or {}),
    }
    if not data:
        return _run(user, argv, folder, seconds, environment, subprocess.DEVNULL)
    # A file without a name: only who has its descriptor can read it.
    with tempfile.TemporaryFile() as given:
        given.write(data.encode("utf-8", "surrogateescape"))
        given.seek(0)
        return _run(user, argv, folder, seconds, environment, given.fileno())


def _run(
    user: User, argv: t.Sequence[str], folder: str, seconds: float, environment: t.Mapping[str, str], stdin: int
) -> CommandResult:
    try:
        # The child is this single-threaded module's own; preexec_fn, because Python 3.8 has no other way to a user.
        process = subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            close_fds=True,
            start_new_session=True,
            preexec_fn=lambda: _become(user, folder),
        )
    except OSError as error:
        return CommandResult(tuple(argv), NOT_STARTED, "", f"{argv[0]} cannot be started: {error.strerror or error}")
    except subprocess.SubprocessError:
        return CommandResult(
            tuple(argv), NOT_STARTED, "", f"{user.name} cannot enter {folder}, or this is not run by root"
        )
    out, err, in_time = _listen(process, seconds)
    if not in_time:
        return CommandResult(tuple(argv), TIMED_OUT, out, f"{err}\nit was ended after {seconds:.0f} seconds".strip())
    return CommandResult(tuple(argv), process.returncode, out, err)


def _become(user: User, folder: str) -> None:
    if os.geteuid() == 0:
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    elif os.geteuid() != user.uid:
        raise PermissionError(user.name)
    os.umask(_UMASK)
    os.chdir(folder)


def _listen(process: subprocess.Popen[bytes], seconds: float) -> tuple[str, str, bool]:
    """Return the output of the process and whether it ended in time, then end all processes of its group."""
    pipes = [t.cast("t.IO[bytes]", pipe) for pipe in (process.stdout, process.stderr)]
    streams = {pipe.fileno(): b"" for pipe in pipes}
    out, err = streams
    try:
        in_time = _collect(process.pid, streams, seconds)
    finally:
        # The process number is not reused before wait().
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in pipes:
            pipe.close()
        process.wait()
    return streams[out].decode("utf-8", "replace"), streams[err].decode("utf-8", "replace"), in_time


def _collect(pid: int, streams: dict[int, bytes], seconds: float) -> bool:
    end, ended = time.monotonic() + seconds, 0.0
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if now >= end:
                return ended > 0
            ready = selector.select(0.05) if selector.get_map() else []
            for key, _events in ready:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fd)
                streams[key.fd] = (streams[key.fd] + data)[-_MOST:]
            if not ended and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                ended = now
            if ended and (not ready or now - ended > _GRACE):
                return True
            if not selector.get_map():
                time.sleep(0.01)
