# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a virtual environment: made by root if only root can write there, else by the environment's owner."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ..._core.errors import BaselineError
from ..._core.host import paths
from ..._core.host.as_user import private_groups, rights_of
from ..venv import mode_of

if t.TYPE_CHECKING:
    from ..._core.host.as_user import User
    from ..venv import VenvRequest

__all__ = ["Reached", "ensure_folder", "find_folder", "reach"]

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Reached(t.NamedTuple):
    """The end of a walk; ``is_roots``: only root can change the path to it."""

    found: paths.Found
    is_roots: bool


@contextlib.contextmanager
def reach(path: str, user: User) -> t.Iterator[Reached]:
    """Walk to the folder ``path``, as root while only root can change the path, then as the owner."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(paths.walk(path, {0}, follow=False))
        if user.uid == 0 or not (found.reason and found.rest):
            yield Reached(found, is_roots=True)
            return
        groups = private_groups(user)
        with rights_of(user):
            rest = "/".join(found.rest)
            further = paths.walk(rest, {0, user.uid}, groups=groups, start=found, follow=False)
            found = stack.enter_context(further)
        yield Reached(found, is_roots=False)


@contextlib.contextmanager
def _reported(request: VenvRequest, done: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BaselineError(
            f"it cannot be {done} as {request.owner}: {error.strerror or error}", where=request.path
        ) from error


def find_folder(request: VenvRequest, user: User) -> os.stat_result | None:
    """Return the state of the environment's folder, ``None`` where it is missing; one of another owner raises."""
    with _reported(request, "read"), reach(request.path, user) as reached:
        _require_way(request, user, reached.found)
        if reached.found.rest:
            return None
        _require_owner(request, user, reached)
        return os.fstat(reached.found.folder)


def ensure_folder(request: VenvRequest, user: User, gid: int, mode: int) -> os.stat_result:
    """Make the folder and the missing ones above it, set group and mode, and return its state."""
    with _reported(request, "made"), reach(request.path, user) as reached:
        _require_way(request, user, reached.found)
        if not reached.found.rest:
            _require_owner(request, user, reached)
            return _ensure((reached.found.folder, "."), user, gid, mode, made_by_root=reached.is_roots)
        folder = os.dup(reached.found.folder)
        try:
            for number, name in enumerate(reached.found.rest):
                # A folder that root makes is given to the owner at once; the owner makes those below it.
                by_root = reached.is_roots and number == 0
                with contextlib.nullcontext() if by_root else rights_of(user):
                    os.mkdir(name, 0o700, dir_fd=folder)
                state = _ensure((folder, name), user, gid, mode, made_by_root=by_root)
                entered = os.open(name, _OPEN, dir_fd=folder)
                os.close(folder)
                folder = entered
            return state
        finally:
            os.close(folder)


def _ensure(place: tuple[int, str], user: User, gid: int, mode: int, *, made_by_root: bool) -> os.stat_result:
    """Give one folder owner, group and mode; only root may give it to a group that the owner is not in."""
    above, name = place
    before = os.stat(name, dir_fd=above, follow_symlinks=False)
    is_roots = made_by_root and before.st_uid == 0
    with contextlib.nullcontext() if is_roots else rights_of(user):
        folder = os.open(name, _OPEN, dir_fd=above)
    try:
        state = os.fstat(folder)
        if state.st_uid != (0 if is_roots else user.uid):
            raise BaselineError(f"the folder {name} of {user.name} was replaced meanwhile", hint="run again")
        by_root = is_roots or gid not in user.groups
        with contextlib.nullcontext() if by_root else rights_of(user):
            if (state.st_uid, state.st_gid) != (user.uid, gid):
                os.fchown(folder, user.uid, gid)
            if stat.S_IMODE(state.st_mode) != mode:
                os.fchmod(folder, mode)
        return os.fstat(folder)
    finally:
        os.close(folder)


def _require_way(request: VenvRequest, user: User, found: paths.Found) -> None:
    """Raise where others than root and the owner can change the path, or where it is not a folder."""
    here = os.path.join(found.path, *found.rest[:1])
    if found.reason and (found.rest or user.uid == 0):
        raise BaselineError(
            f"it is below {found.path}, which {found.reason}, so others than {user.name} and root can change it",
            where=request.path,
            hint="use another path, or remove that permission",
        )
    if found.entry:
        kind = "a symlink" if stat.S_ISLNK(found.entry.st_mode) else "not a folder"
        subject = "it" if here == request.path else here
        raise BaselineError(f"{subject} is {kind}", where=request.path, hint="remove it, or use another path")


def _require_owner(request: VenvRequest, user: User, reached: Reached) -> None:
    found, state = reached.found, os.fstat(reached.found.folder)
    mode = stat.S_IMODE(state.st_mode)
    # A run that was interrupted between making the folder and giving it to the owner left it root's, and empty.
    handed = state.st_uid == user.uid or (state.st_uid == 0 and reached.is_roots and not _names(found))
    is_venv = state.st_uid == 0 and _is_venv(found)
    if not handed and not (is_venv and request.recreate):
        subject = "it" if found.path == request.path else f"it is {found.path}, which"
        more = ", or set recreate: true in its entry of venvs, so that a new one takes its place" if is_venv else ""
        raise BaselineError(
            f"{subject} belongs to {paths.user_name(state.st_uid)} and not to {user.name}",
            where=request.path,
            hint=f"remove it, or name its owner{more}",
        )
    if mode & stat.S_IWOTH and not mode_of(request.mode, 0) & stat.S_IWOTH:
        raise BaselineError(
            f"everybody can write it (mode {mode:04o}), so its content cannot be trusted",
            where=request.path,
            hint="remove it, so that a new one is made",
        )
    if user.uid == 0:
        _require_roots_tree(request, found)


def _is_venv(found: paths.Found) -> bool:
    """Say whether the folder is an environment: only those are replaced."""
    try:
        return stat.S_ISREG(os.stat("pyvenv.cfg", dir_fd=found.folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _names(found: paths.Found) -> list[str]:
    folder = os.open(".", _OPEN, dir_fd=found.folder)
    try:
        return os.listdir(folder)
    finally:
        os.close(folder)


def _require_roots_tree(request: VenvRequest, found: paths.Found) -> None:
    """Raise where others can write in an environment of root: root would run their files."""
    folder = os.open(".", _OPEN, dir_fd=found.folder)
    try:
        for here, folders, files, number in os.fwalk(dir_fd=folder):
            for name in [*folders, *files]:
                state = os.stat(name, dir_fd=number, follow_symlinks=False)
                writable = not stat.S_ISLNK(state.st_mode) and state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
                if state.st_uid != 0 or writable:
                    path = os.path.normpath(os.path.join(found.path, here, name))
                    raise BaselineError(
                        f"it belongs to root, but others than root can write {path}, and root would run it",
                        where=request.path,
                        hint="remove the environment, so that a new one is made",
                    )
    finally:
        os.close(folder)
