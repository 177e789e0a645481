# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a user's key files as sshd does: with the user's rights, through links, checking owners and modes."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from ..._accounts.public_keys import parse_authorized_keys
from ..._core.host.as_user import User, rights_of
from ..effective import Effective
from ..guard_keys import KeyFile, RevokedKeys, key_paths
from ..releases import KEY_PATTERNS
from .sshd import Sshd

__all__ = ["read_key_files", "read_revoked_keys"]

_KRL = "SSHKRL\n"
_MOST = 1 << 20


def read_key_files(sshd: Sshd, entry: pwd.struct_passwd, effective: Effective) -> list[KeyFile]:
    """Return the files of AuthorizedKeysFile for the user ``entry``."""
    patterns = key_paths(effective, user=entry.pw_name, home=entry.pw_dir, uid=entry.pw_uid)
    # sshd drops its rights for this; root could read more. No program runs while the rights are dropped.
    user = User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, _groups(entry))
    lenient, globs = sshd.is_debians(), sshd.release[:2] >= KEY_PATTERNS
    with rights_of(user):
        paths = [path for one in patterns for path in ((globs and sshd.host.glob(one)) or [one])]
        return [_key_file(path, entry, lenient=lenient) for path in paths]


def read_revoked_keys(sshd: Sshd, path: str, files: t.Iterable[KeyFile]) -> RevokedKeys:
    """Return the keys of ``files`` that RevokedKeys (``path``) revokes: a list of keys, or a KRL of ssh-keygen -k."""
    if path in ("", "none"):
        return RevokedKeys()
    text = sshd.host.read(path) if os.path.isfile(path) else None
    if text is None:
        return RevokedKeys(broken=f"RevokedKeys ({path}) is no file that can be read")
    if not text.startswith(_KRL):
        return RevokedKeys(frozenset(key.blob for key in parse_authorized_keys(text)))
    found = set()
    for key in {key for file in files for key in file.keys}:
        line = os.path.join(sshd.host.scratch(), "key")
        sshd.host.lay_out({line: f"{key.kind} {key.blob}\n"})
        if not sshd.host.run(["ssh-keygen", "-Q", "-f", path, line]).ok:
            found.add(key.blob)
    return RevokedKeys(frozenset(found))


def _groups(entry: pwd.struct_passwd) -> tuple[int, ...]:
    return tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _key_file(path: str, entry: pwd.struct_passwd, *, lenient: bool) -> KeyFile:
    try:
        # Opening a pipe would wait for its other end.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                return KeyFile(path, exists=True, unreadable="it is no regular file")
            text = os.read(number, _MOST).decode("utf-8", "replace")
        finally:
            os.close(number)
        # The user may remove the file meanwhile.
        distrusted = _distrusted(path, entry, lenient=lenient)
    except (FileNotFoundError, NotADirectoryError):
        return KeyFile(path, exists=False)
    except OSError as error:
        reason = f"{error.strerror or error} (sshd reads it as {entry.pw_name})"
        return KeyFile(path, exists=True, unreadable=reason)
    keys = tuple(parse_authorized_keys(text))
    return KeyFile(path, exists=True, distrusted=distrusted, keys=keys)


def _distrusted(path: str, entry: pwd.struct_passwd, *, lenient: bool) -> str:
    """Check each folder from the file up to the home (or to /, if it is elsewhere), as sshd's ``safe_path`` does."""
    here, top = os.path.realpath(path), os.path.realpath(entry.pw_dir)
    while True:
        found = os.stat(here)
        mode = f"{here} (mode {stat.S_IMODE(found.st_mode):04o})"
        if found.st_uid not in (0, entry.pw_uid):
            return f"{here} belongs to uid {found.st_uid}; `chown` it to {entry.pw_name}"
        if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not lenient):
            return f"{mode} can be written by others; `chmod go-w {here}`"
        if found.st_mode & stat.S_IWGRP and not _is_private(found, entry.pw_uid):
            return f"{mode} can be written by a group that is not {entry.pw_name}'s alone; `chmod g-w {here}`"
        if here in (top, "/"):
            return ""
        here = os.path.dirname(here)


def _is_private(found: os.stat_result, uid: int) -> bool:
    """Say whether the owner is the group's only member: Debian's sshd lets such a group write (user-group-modes)."""
    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        return False
    first = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == group.gr_gid]
    return all(one == uid for one in first) and group.gr_mem in ([], [owner]) and bool(first or group.gr_mem)
