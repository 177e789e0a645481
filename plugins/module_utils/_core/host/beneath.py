# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens, reads and writes below folders that another user can write to, by descriptor: root follows no link there.

The owner of a folder can make a path name another file at any time. Therefore nothing here is reached by a path.
:func:`open_folder` walks down from ``/`` and keeps each folder open while it opens the next one inside it. The opened
file is checked through its descriptor (kind, owner, mode, number of names) and changed through the same descriptor, so
that a rename in between has no effect.

A symlink is followed only if its folder belongs to root and nobody else can write to it, such as FreeBSD's
``/home -> usr/home``. All other symlinks, hard links, pipes, devices and setuid files are an :class:`UnsafePath`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t
from dataclasses import dataclass

from ..errors import BaselineError
from ..text import printable

__all__ = ["FileBeneath", "Folder", "UnsafePath", "open_folder"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for its other end.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 1 << 20
_MOST_LINKS = 40
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_KINDS = (
    (stat.S_ISLNK, "a symlink"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
)


class UnsafePath(BaselineError):
    """A file or folder that root must not open there. The message names the path and the reason."""


@dataclass(frozen=True)
class FileBeneath:
    """A regular file with one name, read through its descriptor. ``found`` is its ``fstat``."""

    path: str
    text: str
    found: os.stat_result


class Folder:
    """An open folder. ``path`` is its name for messages only; ``above`` are the folders on the way to it."""

    def __init__(self, path: str, fd: int, above: tuple[tuple[str, os.stat_result], ...] = ()) -> None:
        self.path = path
        self.fd = fd
        self.above = above

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.fd)

    @property
    def found(self) -> os.stat_result:
        """The current owner and mode of the folder."""
        return os.fstat(self.fd)

    @property
    def is_roots_alone(self) -> bool:
        """Whether only root can create entries in the folder."""
        found = self.found
        return found.st_uid == 0 and not found.st_mode & _OTHERS

    def names(self) -> list[str]:
        return sorted(os.listdir(self.fd))

    def lstat(self, name: str) -> os.stat_result | None:
        """Return the status of the entry ``name``, without following a link; ``None`` if it is absent."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def folder(self, name: str) -> Folder | None:
        """Open the folder ``name`` in this one; ``None`` if there is no such entry."""
        try:
            fd = os.open(name, _FOLDER, dir_fd=self.fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unsafe(name, "a folder", error) from error
        return Folder(self.name_of(name), fd, (*self.above, (self.path, self.found)))

    def read(self, name: str, *, largest: int = _LARGEST) -> FileBeneath | None:
        """Return the file ``name`` of this folder; ``None`` if there is no such entry."""
        before = self.lstat(name)
        if before is None:
            return None
        if not stat.S_ISREG(before.st_mode):
            # Not opened, because a device may act when it is opened.
            raise self._unsafe(name, "a file")
        try:
            fd = os.open(name, _FILE, dir_fd=self.fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unsafe(name, "a file", error) from error
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            self._require_plain(name, found)
            data = file.read(largest + 1)
        if len(data) > largest:
            raise UnsafePath(f"{self.name_of(name)} is larger than {largest} bytes")
        return FileBeneath(self.name_of(name), data.decode("utf-8", "surrogateescape"), found)

    def replace(self, name: str, text: str, *, mode: int, owner: tuple[int, int], label: str | None = None) -> None:
        """Replace ``name`` by a file with ``text`` atomically: write a new file, flush to the disk, rename.

        The old file is not opened. ``owner`` are a uid and a gid, ``label`` is for SELinux.
        """
        beside = f".{name}.{os.urandom(8).hex()}"
        with self._os_errors(name, "written"):
            fd = os.open(beside, _NEW, 0o600, dir_fd=self.fd)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(text.encode("utf-8", "surrogateescape"))
                    file.flush()
                    _set_access(fd, mode, owner, label)
                    os.fsync(fd)
                os.rename(beside, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(beside, dir_fd=self.fd)
                raise
            os.fsync(self.fd)

    def make(self, name: str, *, mode: int, owner: tuple[int, int], label: str | None = None) -> Folder:
        """Create the folder ``name`` in this one and open it."""
        with self._os_errors(name, "created"):
            os.mkdir(name, 0o700, dir_fd=self.fd)
            made = self.folder(name)
            # The owner of this folder may have moved another folder of root's to this name.
            if made is None or os.listdir(made.fd) or made.found.st_uid != os.geteuid():
                raise UnsafePath(f"{self.name_of(name)} was replaced while it was created")
            _set_access(made.fd, mode, owner, label)
            os.fsync(self.fd)
        return made

    def set_access(self, mode: int, owner: tuple[int, int]) -> None:
        """Set ``mode`` and ``owner`` of the folder itself, through its descriptor."""
        with self._os_errors("", "restricted"):
            _set_access(self.fd, mode, owner, None)

    def name_of(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _require_plain(self, name: str, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._unsafe(name, "a file")
        if found.st_nlink != 1:
            raise UnsafePath(f"{self.name_of(name)} is a file with {found.st_nlink} names (hard links)")
        if found.st_mode & (stat.S_ISUID | stat.S_ISGID):
            raise UnsafePath(f"{self.name_of(name)} has the setuid or setgid bit")

    def _unsafe(self, name: str, wanted: str, error: OSError | None = None) -> UnsafePath:
        found = self.lstat(name)
        kind = next((text for is_kind, text in _KINDS if found and is_kind(found.st_mode)), "a device")
        if found is not None and kind != wanted:
            return UnsafePath(f"{self.name_of(name)} is {kind}, not {wanted}")
        if error is not None and error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            return UnsafePath(f"{self.name_of(name)} cannot be opened: {error.strerror}")
        return UnsafePath(f"{self.name_of(name)} was replaced while it was opened")

    @contextlib.contextmanager
    def _os_errors(self, name: str, action: str) -> t.Iterator[None]:
        try:
            yield
        except OSError as error:
            where = self.name_of(name) if name else self.path
            raise UnsafePath(f"{where} cannot be {action}: {error.strerror or error}") from error


def open_folder(path: str) -> Folder | None:
    """Walk from ``/`` to the folder ``path`` (absolute) and open it; ``None`` if a part of the path is missing."""
    todo = _parts(path)
    trail = [Folder("/", os.open("/", _FOLDER))]
    links = 0
    try:
        while todo:
            here, name = trail[-1], todo.pop(0)
            if name == "..":
                trail[1:] = [*trail[1:-1], *_closed(trail[1:][-1:])]
                continue
            found = here.lstat(name)
            if found is not None and stat.S_ISLNK(found.st_mode):
                links += 1
                target = _trusted_link(here, name, links)
                todo = _parts(target) + todo
                if target.startswith("/"):
                    trail[1:] = _closed(trail[1:])
            else:
                below = here.folder(name)
                if below is None:
                    return None
                trail.append(below)
        return trail.pop()
    finally:
        _closed(trail)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _closed(folders: t.Iterable[Folder]) -> list[Folder]:
    for folder in folders:
        folder.close()
    return []


def _trusted_link(folder: Folder, name: str, links: int) -> str:
    target = os.readlink(name, dir_fd=folder.fd)
    if not folder.is_roots_alone:
        raise UnsafePath(
            f"{folder.name_of(name)} is a symlink to {printable(target)} in a folder that not only root can write to, "
            f"so "
            "it is not followed"
        )
    if links > _MOST_LINKS:
        raise UnsafePath(f"{folder.name_of(name)} is one of more than {_MOST_LINKS} symlinks")
    return target


def _set_access(fd: int, mode: int, owner: tuple[int, int], label: str | None) -> None:
    os.fchown(fd, *owner)
    os.fchmod(fd, mode)
    if label is not None and hasattr(os, "setxattr"):
        os.setxattr(fd, "security.selinux", label.encode() + b"\0")
