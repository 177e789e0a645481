# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arm the host's own undo before a change, confirm it after, and deal with one that an earlier run left (_undo's glue).

Everything that takes the change back is on the disk and counts when ``arm`` returns: before the first changed byte.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import typing as t
import uuid
from dataclasses import dataclass

from ..errors import BaselineError
from ..rollback import (
    Daemon,
    Doors,
    Place,
    Record,
    Saved,
    Undo,
    armed_text,
    boot_unit,
    cron_line,
    own_place,
    parse_armed,
    parse_record,
    rc_script,
)
from ..rollback_sandbox import INSIDE, once_more_outside, sandbox
from ..rollback_script import script
from .platform import detect_platform

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["PLACE", "Armed", "State", "arm", "counts", "drop", "inspect", "settle", "tell"]

PLACE = own_place(detect_platform().kernel)
# What the undo itself may take past its time: sshd's restart and the timer's accuracy.
_GRACE = 10.0
_UNCHANGED = "nothing was changed"


@dataclass(frozen=True)
class Armed:
    """An undo that counts. ``boot`` says what covers a restart of the host: ``systemd``, ``rc``, ``cron`` or ``none``.

    ``base`` is the folder of its place, which the controller has to know.
    """

    token: str
    seconds: int
    boot: str
    base: str


@dataclass(frozen=True)
class State:
    """``state``: ``none``, ``armed`` (until ``deadline``), ``undoing`` or ``stale``; ``record`` is of the last undo."""

    state: str
    token: str = ""
    deadline: float = 0.0
    record: Record | None = None


def inspect(host: Host, place: Place = PLACE) -> State:
    """Return what of an undo is on the host."""
    text = host.read(place.record)
    record = parse_record(text) if text else None
    armed = host.read(place.armed)
    if armed is not None:
        token, deadline = parse_armed(armed)
        return State("armed", token, deadline, record)
    if host.stat(place.undoing):
        return State("undoing", record=record)
    return State("stale" if host.stat(place.folder) else "none", record=record)


def arm(
    host: Host,
    paths: t.Iterable[str],
    *,
    seconds: int,
    daemon: Daemon,
    firewall: t.Iterable[str] = (),
    shut: t.Iterable[tuple[str, ...]] = (),
    place: Place = PLACE,
) -> Armed:
    """Keep ``paths`` as they are and make the host put them back after ``seconds``, or at its next boot, by itself.

    The files of the ``firewall`` go back last, after the commands that ``shut`` what it has let in.
    """
    try:
        host.make_directory(place.base, mode=0o700)
        os.mkdir(place.folder, 0o700)
    except FileExistsError as error:
        raise BaselineError(
            f"{place.folder} is there: another run has changed sshd's configuration and not confirmed it yet; "
            f"{_UNCHANGED}; run again when it has ended"
        ) from error
    token = uuid.uuid4().hex
    try:
        saved = tuple(_save(host, path, str(number), place) for number, path in enumerate(sorted(set(paths))))
        kept = tuple(_save(host, path, f"f{number}", place) for number, path in enumerate(sorted(set(firewall))))
        undo = Undo(place, token, seconds, saved, daemon, Doors(tuple(shut), kept))
        host.write(place.script, script(undo), mode=0o700)
        # From here on the undo would be carried out by a boot; what it would put back is what there is.
        host.write(place.armed, armed_text(token, time.time() + seconds), mode=0o600)
        boot = _cover_boot(host, undo)
        _start_clock(host, undo)
    except BaseException:
        _disarm(host, place)
        raise
    return Armed(token, seconds, boot, place.base)


def counts(host: Host, token: str, place: Place = PLACE) -> bool:
    """Say whether the undo ``token`` has not begun: what is changed now will be taken back, unless it is confirmed."""
    state = inspect(host, place)
    return state.state == "armed" and state.token == token


def drop(host: Host, place: Place = PLACE) -> None:
    """Forget the undo of a change that the run itself has taken back."""
    host.run(["/bin/sh", place.script, "drop"])


def settle(host: Host, place: Place = PLACE) -> list[str]:
    """End what an earlier run left unconfirmed and return the warnings about it. Check mode only tells.

    An undo whose time has not come may belong to a run that is still at work: it is waited for. One past its time,
    which something must have stopped, is carried out here.
    """
    state = inspect(host, place)
    if host.check_mode:
        pending = "a change of an earlier run is not confirmed yet, and may be taken back"
        return ([pending] if state.state in ("armed", "undoing") else []) + tell(host, place)
    if state.state == "stale":
        # Its run ended before the change or after the confirmation: there is nothing to take back.
        _disarm(host, place)
    elif state.state != "none":
        _wait_for_end(host, state, place)
        if inspect(host, place).state != "none":
            host.run(["/bin/sh", place.script, "asked"])
    return tell(host, place)


def tell(host: Host, place: Place = PLACE) -> list[str]:
    """Return the sentence about the last undo, if there is one, and forget its record, so that it is told once."""
    record = inspect(host, place).record
    if record is None:
        return []
    if not host.check_mode:
        host.remove(place.record)
        with contextlib.suppress(OSError):
            os.rmdir(place.base)
    return [str(record)]


def _wait_for_end(host: Host, state: State, place: Place) -> None:
    wait = max(0.0, state.deadline - time.time()) + _GRACE if state.state == "armed" else _GRACE
    end = time.monotonic() + wait
    while inspect(host, place).state in ("armed", "undoing") and time.monotonic() < end:
        time.sleep(0.5)


def _save(host: Host, path: str, slot: str, place: Place) -> Saved:
    path = os.path.realpath(path)
    text = host.read(path)
    if text is None:
        return Saved(path, new_directories=_absent_directories(path))
    host.write(f"{place.folder}/{slot}", text, mode=0o600)
    entry = os.stat(path)
    return Saved(path, slot, f"{entry.st_uid}:{entry.st_gid}", entry.st_mode & 0o7777, _context(path))


def _absent_directories(path: str) -> tuple[str, ...]:
    found, folder = [], os.path.dirname(path)
    while not os.path.isdir(folder):
        found.append(folder)
        folder = os.path.dirname(folder)
    return tuple(found)


def _context(path: str) -> str:
    """Return the SELinux context of ``path``, an empty text where there is none (xattr(7))."""
    if not hasattr(os, "getxattr"):
        return ""
    try:
        return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()
    except OSError:
        return ""


def _cover_boot(host: Host, undo: Undo) -> str:
    """Make the next boot carry the undo out. The running systemd need not know: units are read anew at boot."""
    place = undo.place
    if host.platform.has_systemd:
        host.write(place.boot_unit, boot_unit(place, (*undo.saved, *undo.doors.saved)))
        host.make_directory(os.path.dirname(place.boot_link))
        os.symlink(place.boot_unit, place.boot_link)
        return "systemd"
    if host.platform.is_freebsd:
        host.make_directory(place.rc_scripts)
        host.write(place.rc_script, rc_script(place), mode=0o555)
        return "rc"
    if os.path.isdir(place.crontabs) and host.find("cron") or host.find("crond"):
        host.write(place.crontab, cron_line(place))
        return "cron"
    return "none"


def _start_clock(host: Host, undo: Undo) -> None:
    place = undo.place
    if not host.platform.has_systemd:
        # A session of its own, without our pipes: it outlives the run and nobody waits for it.
        subprocess.Popen(
            ["/bin/sh", place.script, "watch"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            cwd="/",
        )
        return
    ran = host.run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={place.unit}",
            f"--on-active={undo.seconds}",
            # Without it systemd may be up to a minute late.
            "--timer-property=AccuracySec=1s",
            "--description=Take back an unconfirmed change of the sshd configuration",
            *(f"--property={one}" for one in _properties(undo)),
            "/bin/sh",
            place.script,
            "timeout",
            *([INSIDE] if _properties(undo) else []),
        ]
    )
    if not ran.ok:
        raise BaselineError(
            f"the undo of the change cannot be armed: systemd-run says {ran.message()}; {_UNCHANGED}; "
            "set confirm to false to do without"
        )


def _properties(undo: Undo) -> list[str]:
    """Return the sandbox of the transient service; none where the script starts sshd itself, which would inherit it."""
    if not (undo.daemon.service or undo.daemon.socket):
        return []
    return [*sandbox(undo.place, (*undo.saved, *undo.doors.saved)), once_more_outside(undo.place, "timeout")]


def _disarm(host: Host, place: Place) -> None:
    """Remove an undo that has nothing to take back."""
    host.remove(place.armed)
    for path in (place.boot_link, place.boot_unit, place.crontab, place.rc_script):
        host.remove(path)
    if host.platform.has_systemd:
        host.run(["systemctl", "stop", f"{place.unit}.timer"])
    shutil.rmtree(place.folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir(place.base)
