# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard: reads an account, its key files and its sudo rules, and stops a change that would lock it out."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import time
import typing as t
from dataclasses import replace

from ..._accounts.sudoers import unread_rules
from ..._core.become import DEFAULT_BECOME
from ..._core.errors import UNCHANGED, BaselineError
from ..._core.freebsd import parse_master_passwd
from ..._core.text import is_number
from ..guard import (
    Account,
    LockoutFinding,
    ShadowEntry,
    lockout_findings,
    out_of_reach,
)
from ..match import Connection
from .authorized import read_key_files, read_revoked_keys
from .sshd import Sshd, connection_as

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["guard"]

_SUDOERS, _SUDOERS_FREEBSD = "/etc/sudoers", "/usr/local/etc/sudoers"


def guard(
    sshd: Sshd, root: str, base: Connection, users: t.Iterable[str], *, become: str = DEFAULT_BECOME
) -> list[str]:
    """Stop unless each of ``users`` can log in by key and become root, under the configuration staged below ``root``.

    ``become`` is the method by which the play becomes root. Only of sudo the rules can be asked.

    What is upcoming (the account, its keys, sudo) is no error. The returned warnings are about what only the new login
    can decide.
    """
    warnings: list[str] = []
    errors: list[str] = []
    for user in users:
        for finding in _judge(sshd, root, connection_as(base, user), become):
            text = f"{user} from {base.address}: {finding.text}"
            if finding.is_undecided:
                warnings.append(f"not judged before the change, the new login decides: {text}")
            elif finding.is_pending and _is_upcoming(sshd.host, user, finding):
                sshd.host.known_after_apply.append(f"not there yet, and needed before sshd is closed: {text}")
            else:
                errors.append(text)
    if errors:
        raise BaselineError(
            f"this configuration could lock you out: {'. '.join(errors)}",
            option="guard_users",
            state=UNCHANGED,
            refused=errors,
        )
    return warnings


def _is_upcoming(host: Host, user: str, finding: LockoutFinding) -> bool:
    if finding.key_files:
        return any(host.upcoming.has_key_file(path) for path in finding.key_files)
    return host.upcoming.has_account(user) or host.upcoming.has_package("sudo")


def _judge(sshd: Sshd, root: str, connection: Connection, become: str = DEFAULT_BECOME) -> list[LockoutFinding]:
    effective = sshd.effective(connection, root=root)
    known = replace(_account(sshd.host, connection.user), become=become)
    far = out_of_reach(connection, effective)
    found = [LockoutFinding(far)] if far else []
    files = read_key_files(sshd, pwd.getpwnam(known.name), effective) if known.home else []
    lists = read_revoked_keys(sshd, effective.get("revokedkeys", ("none",))[0], files)
    return found + lockout_findings(known, connection, effective, files, now=time.time(), revoked=lists)


def _account(host: Host, user: str) -> Account:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Account(user)
    shell = entry.pw_shell or "/bin/sh"
    return Account(
        name=user,
        home=entry.pw_dir or "/",
        shell=shell,
        shell_runs=os.path.isfile(shell) and os.access(shell, os.X_OK),
        shell_listed=shell in (host.read("/etc/shells") or shell).split(),
        sudo=_sudo(host, user),
        sudo_broken=_sudo_broken(host),
        sudo_unread=_sudo_unread(host, user),
        root_groups=_root_groups(),
        **_password(host, user),
    )


def _password(host: Host, user: str) -> dict[str, t.Any]:
    """Return what the system's own database of passwords says of ``user``."""
    if not host.platform.is_freebsd:
        return {"shadow": _shadow(host.run(["getent", "shadow", user]).out.strip().split(":"))}
    entry = parse_master_passwd(host.read("/etc/master.passwd") or "", user)
    return {"shadow": ShadowEntry(entry.password if entry else ""), "master": entry}


def _shadow(fields: list[str]) -> ShadowEntry:
    if len(fields) != 9:
        return ShadowEntry()
    changed, maximum, inactive, expires = (_days(fields[place]) for place in (2, 4, 6, 7))
    return ShadowEntry(fields[1], changed, maximum, inactive, expires)


def _days(field: str) -> int | None:
    return int(field) if is_number(field) else None


def _sudo(host: Host, user: str) -> str | None:
    """Return the rules of ``user``; ``None`` without sudo. Root asks, so no password is asked for."""
    if host.find("sudo") is None:
        return None
    return host.run(["sudo", "-n", "-l", "-U", user]).out


def _sudo_unread(host: Host, user: str) -> tuple[str, str]:
    """Return why sudo does not read a rule of ``user`` that the role admin_user (or somebody else) has written."""
    main = _SUDOERS_FREEBSD if host.platform.is_freebsd else _SUDOERS
    text, directory = host.read(main), f"{main}.d"
    if text is None:
        return "", ""
    files = {path: host.read(path) or "" for path in host.glob(f"{directory}/*") if _is_file(host, path)}
    return unread_rules(text, directory, files, user)


def _is_file(host: Host, path: str) -> bool:
    entry = host.stat(path)
    return entry is not None and stat.S_ISREG(entry.st_mode)


def _sudo_broken(host: Host) -> str:
    """Say why sudo makes nobody root. Root, who asks for the rules here, does not notice it."""
    program = host.find("sudo")
    path = host.target(program) if program else ""
    entry = host.stat(path)
    if entry is None:
        return ""
    if entry.st_uid != 0 or not entry.st_mode & stat.S_ISUID:
        mode = stat.S_IMODE(entry.st_mode)
        return (
            f"{path} has the owner {entry.st_uid} and the mode {mode:04o}, without root's setuid bit; "
            f"`chown root {path} && chmod 4755 {path}` gives it back"
        )
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        return f"{path} is on a file system that is mounted with nosuid; mount it without"
    return ""


def _root_groups() -> tuple[str, ...]:
    """Return the groups of root, by name and as ``#gid``: a rule may name those whom sudo runs commands as."""
    entry = pwd.getpwuid(0)
    found: list[str] = []
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        found.append(f"#{gid}")
        with contextlib.suppress(KeyError):
            found.append(grp.getgrgid(gid).gr_name)
    return tuple(found)
