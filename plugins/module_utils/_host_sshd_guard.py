# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what the guard judges: the account, its key files and their owners, its rights by sudo."""

from __future__ import annotations

import os
import pwd
import stat
import time
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._host_sshd import Sshd, account
from ansible_collections.pyhost.baseline.plugins.module_utils._ssh_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_guard import (
    Account,
    KeyFile,
    key_paths,
    refusals,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host

__all__ = ["guard"]

_DAY = 86400


def guard(sshd: Sshd, root: str, base: Connection, users: t.Iterable[str]) -> list[str]:
    """Stop unless each of ``users`` gets in by key, and on to root, under the configuration staged below ``root``.

    In check mode, what earlier tasks would have made (the account, its keys, sudo) may be missing: that is returned as
    warnings.
    """
    warnings: list[str] = []
    errors: list[str] = []
    for user in users:
        connection = account(base, user)
        effective = sshd.effective(connection, root=root)
        known = _account(sshd.host, user)
        files = _key_files(sshd.host, known, effective)
        for refusal in refusals(known, connection, effective, files, today=int(time.time() // _DAY)):
            pending = refusal.pending and sshd.host.check_mode
            (warnings if pending else errors).append(f"{user} from {connection.address}: {refusal.text}")
    if errors:
        raise BaselineError(
            "this configuration could lock you out, so nothing was changed. " + ". ".join(errors), refused=errors
        )
    return [f"not there yet, and needed before sshd is closed: {text}" for text in warnings]


def _account(host: Host, user: str) -> Account:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Account(user, "", "", False, "", None, None, None)
    shell = entry.pw_shell or "/bin/sh"
    fields = host.run(["getent", "shadow", user]).out.strip().split(":")
    shadow = fields if len(fields) == 9 else [user, "", "", "", "", "", "", "", ""]
    return Account(
        name=user,
        home=entry.pw_dir or "/",
        shell=shell,
        shell_runs=os.path.isfile(shell) and os.access(shell, os.X_OK),
        password=shadow[1],
        password_changed=_days(shadow[2]),
        expires=_days(shadow[7]),
        sudo=_sudo(host, user),
    )


def _days(field: str) -> int | None:
    return int(field) if field.isdigit() else None


def _sudo(host: Host, user: str) -> str | None:
    """Return the rules of ``user``; ``None`` without sudo. Root asks, so no password is asked for."""
    if host.find("sudo") is None:
        return None
    return host.run(["sudo", "-n", "-l", "-U", user]).out


def _key_files(host: Host, known: Account, effective: Effective) -> list[KeyFile]:
    if not known.home:
        return []
    uid = pwd.getpwnam(known.name).pw_uid
    patterns = key_paths(effective, user=known.name, home=known.home, uid=uid)
    # Since OpenSSH 10.0 these are patterns of glob(3).
    paths = [path for pattern in patterns for path in (host.glob(pattern) or [pattern])]
    return [_key_file(path, uid, known.home) for path in paths]


def _key_file(path: str, uid: int, home: str) -> KeyFile:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            keys = tuple(parse_authorized_keys(file.read()))
    except (FileNotFoundError, NotADirectoryError):
        return KeyFile(path, exists=False)
    except OSError as error:
        return KeyFile(path, exists=True, distrusted=error.strerror or str(error))
    return KeyFile(path, exists=True, distrusted=_distrusted(path, uid, home), keys=keys)


def _distrusted(path: str, uid: int, home: str) -> str:
    """Walk from the file up to the home (or to / where it lies elsewhere), as sshd's ``safe_path`` does."""
    here, top = os.path.realpath(path), os.path.realpath(home)
    while True:
        entry = os.stat(here)
        if entry.st_uid not in (0, uid):
            return f"{here} belongs to uid {entry.st_uid}; `chown` it to its user"
        if entry.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{here} (mode {stat.S_IMODE(entry.st_mode):04o}) can be written by others; `chmod go-w {here}`"
        if here in (top, "/"):
            return ""
        here = os.path.dirname(here)
