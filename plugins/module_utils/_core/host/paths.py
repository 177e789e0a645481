# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks paths by directory descriptors, so that a user who can write to a folder on the way cannot redirect root."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
import typing as t
from dataclasses import dataclass

from ..errors import BaselineError
from .platform import detect_platform

__all__ = [
    "Found",
    "Place",
    "distrust",
    "group_name",
    "make_folders",
    "place",
    "place_in",
    "private_folder",
    "runtime_folder",
    "trusted",
    "user_name",
    "walk",
]

_MOST_LINKS = 40
# O_PATH: a folder that can be entered may not be listable. FreeBSD's Python may not have the flag.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Found:
    """The end of a walk: ``folder`` (a descriptor) is ``path``; ``rest`` are the names that were not entered.

    ``reason`` says why nothing below ``path`` can be trusted; it is empty if it can. Without a reason, ``entry`` is the
    first name of ``rest``, which is not a folder, or is absent (``None``).
    """

    folder: int
    path: str
    rest: tuple[str, ...]
    reason: str = ""
    entry: os.stat_result | None = None


@dataclass(frozen=True)
class Place:
    """A file, which may be absent: ``name`` in the open ``folder``; ``path`` is its real path."""

    folder: int
    name: str
    path: str

    def stat(self) -> os.stat_result | None:
        """Return the status of the entry, without following a link; ``None`` if it is absent."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def sync(self) -> None:
        """Flush the folder itself to the disk."""
        _sync_folder(self.folder)


def _sync_folder(folder: int) -> None:
    # A descriptor of O_PATH cannot be flushed.
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def trusted() -> frozenset[int]:
    """Return the users whose folders this process trusts: root and its own user."""
    return frozenset((0, os.geteuid()))


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"


def distrust(folder: os.stat_result, owners: t.Collection[int], groups: t.Collection[int] = ()) -> str:
    """Return why users other than ``owners`` (and the members of ``groups``) could replace entries of ``folder``.

    In a folder with the sticky bit only the owner of an entry (or of the folder) can, so the entry decides.
    """
    mode = stat.S_IMODE(folder.st_mode)
    if folder.st_uid not in owners:
        return f"belongs to {user_name(folder.st_uid)}"
    if mode & stat.S_ISVTX:
        return ""
    if mode & stat.S_IWOTH:
        return f"can be written by everybody (mode {mode:04o})"
    if mode & stat.S_IWGRP and folder.st_gid not in groups:
        return f"can be written by the group {group_name(folder.st_gid)} (mode {mode:04o})"
    return ""


@contextlib.contextmanager
def walk(
    path: str,
    owners: t.Collection[int],
    *,
    groups: t.Collection[int] = (),
    start: Found | None = None,
    follow: bool = True,
) -> t.Iterator[Found]:
    """Walk from / (or ``start``) along ``path`` while only ``owners`` (and ``groups``) decide where it leads.

    A link is followed only if they made it or only they can replace it. Without ``follow`` the last name may be a link.
    """
    folder = os.dup(start.folder) if start else os.open("/", _ENTER)
    here, waiting, links = (start.path if start else "/"), _names(path), 0
    try:
        while True:
            state = os.fstat(folder)
            reason = distrust(state, owners, groups)
            if reason or not waiting:
                yield Found(folder, here, tuple(reversed(waiting)), reason)
                return
            name = waiting[-1]
            entry = Place(folder, name, "").stat()
            reason = _not_theirs(state, entry, owners)
            if reason or not _leads_on(entry, follow=follow or len(waiting) > 1):
                reason = reason and f"contains {name}, which {reason}"
                yield Found(folder, here, tuple(reversed(waiting)), reason, entry)
                return
            waiting.pop()
            if entry and stat.S_ISLNK(entry.st_mode):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink(name, dir_fd=folder)
                waiting += _names(target)
                name = "/" if target.startswith("/") else "."
            entered = os.open(name, _ENTER, dir_fd=folder)
            os.close(folder)
            folder, here = entered, os.path.normpath(os.path.join(here, name))
    finally:
        os.close(folder)


def _names(path: str) -> list[str]:
    """Return the names in ``path``, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _leads_on(entry: os.stat_result | None, *, follow: bool) -> bool:
    return entry is not None and (stat.S_ISDIR(entry.st_mode) or (follow and stat.S_ISLNK(entry.st_mode)))


def _not_theirs(folder: os.stat_result, entry: os.stat_result | None, owners: t.Collection[int]) -> str:
    shared = folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return f"belongs to {user_name(entry.st_uid)}" if shared and entry and entry.st_uid not in owners else ""


@contextlib.contextmanager
def place(path: str) -> t.Iterator[Place]:
    """Yield the real place of ``path``, links resolved; refuse a path that another user could redirect.

    In a folder that a group can also write to (``/var/log`` on Ubuntu) a file must belong to root and not be a link.
    """
    owners = trusted()
    with walk(os.path.join(os.getcwd(), path), owners) as found:
        if found.reason and not _is_shared_place(found, owners):
            raise _refused(path, found)
        if not found.rest:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if len(found.rest) > 1:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        yield Place(found.folder, found.rest[0], os.path.join(found.path, found.rest[0]))


@contextlib.contextmanager
def place_in(folder: str, name: str) -> t.Iterator[Place]:
    """Yield the entry ``name`` of ``folder``, even if it is a link; refuse a path that another user could redirect."""
    owners = trusted()
    with walk(os.path.join(os.getcwd(), folder), owners) as found:
        if found.rest and not found.reason:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        state = os.fstat(found.folder)
        # If others can write to the folder too, the entry may have changed, but it is an entry of that folder.
        if found.rest or state.st_uid not in owners:
            raise _refused(os.path.join(folder, name), found)
        yield Place(found.folder, name, os.path.join(found.path, name))


def _is_shared_place(found: Found, owners: t.Collection[int]) -> bool:
    state = os.fstat(found.folder)
    if len(found.rest) != 1 or state.st_uid not in owners or state.st_mode & stat.S_IWOTH:
        return False
    entry = Place(found.folder, found.rest[0], "").stat()
    return entry is None or (entry.st_uid in owners and stat.S_ISREG(entry.st_mode))


def _refused(path: str, found: Found) -> BaselineError:
    return BaselineError(
        f"{path} is below {found.path}, which {found.reason}, so that not only root decides where it leads",
        hint="remove that right, or use a path whose folders only root can write",
    )


def make_folders(path: str, mode: int) -> None:
    """Create the folder ``path`` with ``mode`` and its missing parents with 0755, whatever the umask is.

    Each new one is flushed to the disk with its entry in the folder above: what is written into it would be lost
    without them.
    """
    with walk(os.path.join(os.getcwd(), path), trusted()) as found:
        if found.reason and found.rest:
            raise _refused(path, found)
        if found.entry:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        folder = os.dup(found.folder)
        try:
            for number, name in enumerate(found.rest, start=1):
                os.mkdir(name, 0o700, dir_fd=folder)
                made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.fchmod(made, mode if number == len(found.rest) else 0o755)
                os.fsync(made)
                _sync_folder(folder)
                os.close(folder)
                folder = made
        finally:
            os.close(folder)


def runtime_folder() -> str:
    """Return the folder for locks and temporary files, which last until the next boot (hier(7))."""
    return "/var/run/pyhost.baseline" if detect_platform().is_freebsd else "/run/pyhost.baseline"


def private_folder(path: str) -> str:
    """Create the folder ``path`` for this user alone, or check that it is; several runs may do so at once."""
    with walk(os.path.dirname(path), trusted()) as found:
        if found.reason or found.rest:
            reason = found.reason or f"does not contain {found.rest[0]}"
            raise _not_private(path, f"is below {found.path}, which {reason}")
        name = os.path.basename(path)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=found.folder)
        state = os.stat(name, dir_fd=found.folder, follow_symlinks=False)
    mode = stat.S_IMODE(state.st_mode)
    if not stat.S_ISDIR(state.st_mode):
        raise _not_private(path, "is a symlink" if stat.S_ISLNK(state.st_mode) else "is not a folder")
    if state.st_uid not in trusted():
        raise _not_private(path, f"belongs to {user_name(state.st_uid)}")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _not_private(path, f"can be written by others (mode {mode:04o})")
    return path


def _not_private(path: str, reason: str) -> BaselineError:
    return BaselineError(
        f"{path} {reason}, but pyhost.baseline keeps its locks and temporary files there and needs it for root alone",
        hint=f"find out who created it, remove it (`rm -r {path}`) and run again",
    )
