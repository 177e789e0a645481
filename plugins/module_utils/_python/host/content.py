# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an environment: what its owner cannot change, and what its group cannot read. By the owner's rights."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..._core.host import paths
from ..._core.host.as_user import rights_of
from ..plan import Environment, VenvContent, parse_config

if t.TYPE_CHECKING:
    from ..._core.host.as_user import User
    from ..venv import VenvRequest

__all__ = ["Readers", "barred_folder", "gather_files", "open_to_readers"]

# What "python -m venv", pip and uv make. Anything else in the folder is the owner's own, and may be secret.
_MADE = ("bin", "include", "lib", "share")
_CONFIG = "pyvenv.cfg"
_MOST = 65536


@dataclass(frozen=True)
class Readers:
    """Who else than the owner is to read the environment: by the ``mode`` and the group of its folder."""

    mode: int
    gid: int

    def lacks(self, state: os.stat_result) -> bool:
        """Say whether the group, or the others, cannot read an entry that the folder's mode lets them come to."""
        need = 5 if stat.S_ISDIR(state.st_mode) or state.st_mode & stat.S_IXUSR else 4
        others = state.st_mode & 7
        group = (state.st_mode >> 3) & 7 if state.st_gid == self.gid else others
        return bool((self.mode & 0o010 and group & need != need) or (self.mode & 0o001 and others & need != need))


def gather_files(request: VenvRequest, user: User, folder: os.stat_result, readers: Readers) -> Environment:
    """Return what the files of the environment show; none of its programs is run."""
    belongs_to = paths.user_name(folder.st_uid) if folder.st_uid != user.uid else ""
    with rights_of(user):
        try:
            with open(
                os.open(f"{request.path}/{_CONFIG}", os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8", errors="replace"
            ) as file:
                config = file.read(_MOST) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else ""
        except OSError:
            config = ""
        return Environment(
            is_made=os.path.isfile(f"{request.path}/bin/activate") and os.path.isfile(f"{request.path}/bin/python"),
            made_with=parse_config(config),
            gone=_gone(f"{request.path}/bin/python"),
            leads_to=_leads_to(f"{request.path}/bin/python"),
            belongs_to=belongs_to,
            content=VenvContent() if belongs_to else _survey(request, user, readers),
        )


def _gone(path: str) -> str:
    """Return where the link ``path`` leads to in the end, if that does not exist."""
    seen = 0
    if os.path.exists(path) or not os.path.islink(path):
        return ""
    while os.path.islink(path) and seen < 10:
        path, seen = os.path.join(os.path.dirname(path), os.readlink(path)), seen + 1
    return os.path.normpath(path)


def _leads_to(path: str) -> str:
    """Return ``3.13`` if the link ``path`` leads to a python3.13; the host's python3 is itself a link on Linux."""
    match = re.fullmatch(r"python(3\.[0-9]+)", os.path.basename(os.path.realpath(path)))
    return match.group(1) if match and os.path.isfile(path) else ""


def _entries(request: VenvRequest) -> t.Iterator[tuple[str, int, str, os.stat_result]]:
    """Yield folder, its descriptor, name and state of each entry, but for links and what Python caches by itself."""
    root = os.open(request.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for here, folders, files, number in os.fwalk(".", dir_fd=root, follow_symlinks=False):
            # Root leaves such folders when it runs a program of the environment; pip does without them.
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in [*folders, *files]:
                with contextlib.suppress(FileNotFoundError):
                    state = os.stat(name, dir_fd=number, follow_symlinks=False)
                    if not stat.S_ISLNK(state.st_mode):
                        yield os.path.normpath(here), number, name, state
    finally:
        os.close(root)


def _is_made(here: str, name: str) -> bool:
    return name == _CONFIG if here == "." and "." in name else (name if here == "." else here.split("/")[0]) in _MADE


def _survey(request: VenvRequest, user: User, readers: Readers) -> VenvContent:
    foreign, owners, unreadable = [], set(), 0
    for here, _number, name, state in _entries(request):
        if state.st_uid != user.uid:
            if stat.S_ISDIR(state.st_mode):
                foreign.append(os.path.normpath(f"{request.path}/{here}/{name}"))
                owners.add(state.st_uid)
        elif _is_made(here, name) and readers.lacks(state):
            unreadable += 1
    owner = paths.user_name(min(owners)) if owners else ""
    return VenvContent(tuple(sorted(foreign)[:1]), owner, len(foreign), unreadable)


def open_to_readers(request: VenvRequest, user: User, readers: Readers) -> None:
    """Let those who can come to the environment read it, as a umask of 022 would have; the owner's own files stay."""
    with rights_of(user):
        try:
            for here, number, name, state in _entries(request):
                if state.st_uid == user.uid and _is_made(here, name) and readers.lacks(state):
                    executable = stat.S_ISDIR(state.st_mode) or state.st_mode & stat.S_IXUSR
                    os.chmod(name, stat.S_IMODE(state.st_mode) | (0o055 if executable else 0o044), dir_fd=number)
        except OSError as error:
            raise BaselineError(
                f"its files cannot be made readable: {error.strerror or error}", where=request.path
            ) from error


def barred_folder(path: str, gid: int) -> str:
    """Return the first folder above ``path`` that neither the group ``gid`` nor everybody can enter."""
    folder, found = os.path.dirname(path), ""
    while folder not in ("", "/"):
        with contextlib.suppress(OSError):
            state = os.stat(folder)
            if not (state.st_mode & stat.S_IXOTH or (state.st_gid == gid and state.st_mode & stat.S_IXGRP)):
                found = folder
        folder = os.path.dirname(folder)
    return found
