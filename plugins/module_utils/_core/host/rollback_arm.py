# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arm the host's own rollback before a change.

When ``arm_rollback`` returns, everything that rolls the change back is on the disk and its clock runs: before the first
changed byte. A folder is on the disk when the folder above it has been flushed, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import typing as t
import uuid

from ..errors import BaselineError
from ..rollback import (
    PendingRollback,
    RollbackPaths,
    RollbackPlan,
    RollbackRequest,
    SavedFile,
    armed_text,
)
from ..rollback_boot import boot_unit, cron_line, rc_script
from ..rollback_sandbox import INSIDE, once_more_outside, sandbox
from ..rollback_script import rollback_script

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["arm_rollback", "disarm"]


def arm_rollback(host: Host, request: RollbackRequest, paths: RollbackPaths) -> PendingRollback:
    """Save the files of ``request``; the host restores them by itself, after the seconds or at its next boot."""
    try:
        host.make_directory(paths.base, mode=0o700)
        os.mkdir(paths.folder, 0o700)
    except FileExistsError as error:
        raise BaselineError(
            f"another run has changed the {paths.subject} and has not confirmed it yet",
            where=paths.folder,
            hint="run again when it has ended",
        ) from error
    except OSError as error:
        raise _cannot_arm(error, paths) from error
    token = uuid.uuid4().hex
    try:
        # Its own entry; and that of the base, which a run that was killed may have left without.
        host.sync(paths.base, os.path.dirname(paths.base))
        saved = _save_all(host, request.files, paths, slots="")
        last_saved = _save_all(host, request.last_files, paths, slots="last")
        plan = RollbackPlan(paths, token, request.seconds, saved, request.steps, last_saved)
        host.write(paths.script, rollback_script(plan), mode=0o700)
        # From here on a boot would roll back; what it would restore is what there is.
        host.write(paths.armed, armed_text(token, time.time() + request.seconds), mode=0o600)
        boot = _cover_boot(host, plan)
        _start_clock(host, plan)
    except OSError as error:
        disarm(host, paths)
        raise _cannot_arm(error, paths) from error
    except BaseException:
        disarm(host, paths)
        raise
    return PendingRollback(token, request.seconds, boot, paths.base)


def _cannot_arm(error: OSError, paths: RollbackPaths) -> BaselineError:
    return BaselineError(f"the rollback of the change cannot be armed: {error.strerror or error}", where=paths.folder)


def disarm(host: Host, paths: RollbackPaths) -> None:
    """Remove a rollback that has nothing to restore."""
    for path in (paths.armed, paths.boot_link, paths.boot_unit, paths.crontab, paths.rc_script):
        host.remove(path)
    if host.platform.has_systemd:
        host.run(["systemctl", "stop", f"{paths.unit}.timer"])
    shutil.rmtree(paths.folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir(paths.base)


def _save_all(host: Host, files: t.Iterable[str], paths: RollbackPaths, *, slots: str) -> tuple[SavedFile, ...]:
    return tuple(_save(host, path, f"{slots}{number}", paths) for number, path in enumerate(sorted(set(files))))


def _save(host: Host, path: str, slot: str, paths: RollbackPaths) -> SavedFile:
    path = os.path.realpath(path)
    text = host.read(path)
    if text is None:
        return SavedFile(path, new_directories=_absent_directories(path))
    host.write(f"{paths.folder}/{slot}", text, mode=0o600)
    entry = os.stat(path)
    return SavedFile(path, slot, f"{entry.st_uid}:{entry.st_gid}", entry.st_mode & 0o7777, _context(path))


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


def _cover_boot(host: Host, plan: RollbackPlan) -> str:
    """Make the next boot roll back. The running systemd need not know: units are read anew at boot."""
    paths = plan.paths
    if host.platform.has_systemd:
        host.write(paths.boot_unit, boot_unit(paths, plan.all_saved))
        host.make_directory(os.path.dirname(paths.boot_link))
        os.symlink(paths.boot_unit, paths.boot_link)
        host.sync(os.path.dirname(paths.boot_link))
        return "systemd"
    if host.platform.is_freebsd:
        host.make_directory(paths.rc_scripts)
        host.write(paths.rc_script, rc_script(paths), mode=0o555)
        return "rc"
    if os.path.isdir(paths.crontabs) and (host.find("cron") or host.find("crond")):
        host.write(paths.crontab, cron_line(paths))
        return "cron"
    return "none"


def _start_clock(host: Host, plan: RollbackPlan) -> None:
    paths = plan.paths
    if not host.platform.has_systemd:
        # A session of its own, without our pipes: it outlives the run and nobody waits for it.
        subprocess.Popen(
            ["/bin/sh", paths.script, "watch"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            cwd="/",
        )
        return
    properties = _sandbox_properties(plan)
    ran = host.run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={paths.unit}",
            f"--on-active={plan.seconds}",
            # Without it systemd may be up to a minute late.
            "--timer-property=AccuracySec=1s",
            f"--description=Roll back an unconfirmed change of the {paths.subject}",
            *(f"--property={one}" for one in properties),
            "/bin/sh",
            paths.script,
            "timeout",
            *([INSIDE] if properties else []),
        ]
    )
    if not ran.ok:
        raise BaselineError(
            f"the rollback of the change cannot be armed: systemd-run fails with: {ran.message()}",
            hint="set confirm to false to do without",
        )


def _sandbox_properties(plan: RollbackPlan) -> list[str]:
    """Return the sandbox of the transient service; none where the script starts a daemon, which would inherit it."""
    if not plan.steps.is_sandboxed:
        return []
    return [*sandbox(plan.paths, plan.all_saved), once_more_outside(plan.paths, "timeout")]
