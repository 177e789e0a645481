# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a new environment into the place of an old one, which is kept until the new one is proven, and comes back else.

The name is changed by root only in a folder that only root can write, else with the owner's rights. The old environment
is removed with the owner's rights. What the owner cannot remove of it stays, unless the folder above is root's alone:
then root takes the old environment from its owner, so that nobody else can come to it, and removes it.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.as_user import find_user, rights_of, run_as
from ..._core.host.platform import detect_platform
from .folder import reach

if t.TYPE_CHECKING:
    from ..._core.host.as_user import User
    from ..venv import VenvRequest
    from .folder import Reached

__all__ = ["leftover", "recreated", "remove_leftover"]

_REMOVE_SECONDS = 600.0
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def leftover(request: VenvRequest) -> str:
    """Return the path of the old environment while the new one is built."""
    return f"{request.path}.before-recreate"


@contextlib.contextmanager
def recreated(request: VenvRequest, user: User) -> t.Iterator[None]:
    """Move the old environment aside; an error from inside brings it back and removes the new one."""
    old, failed = leftover(request), f"{leftover(request)}.failed"
    for path in (old, failed):
        if not _remove(request, user, path):
            raise BaselineError(
                f"{path}, which an interrupted run has left, cannot be removed",
                where=request.path,
                hint=f"rm -r {path}",
            )
    _rename(request, user, request.path, old)
    try:
        yield
    except BaseException as error:
        if os.path.lexists(request.path):
            _rename(request, user, request.path, failed)
        _rename(request, user, old, request.path)
        _remove(request, user, failed)
        if isinstance(error, BaselineError):
            error.state = "the old environment was put back as it was"
        raise


def remove_leftover(request: VenvRequest, user: User) -> str:
    """Remove the old environment; return a warning where a part of it stays."""
    path = leftover(request)
    if _remove(request, user, path):
        return ""
    return (
        f"{request.path}: the old environment is in {path} and has files that {user.name} cannot remove: rm -r {path}"
    )


def _rename(request: VenvRequest, user: User, source: str, target: str) -> None:
    with reach(os.path.dirname(request.path), user) as reached:
        folder, is_roots = _parent(request, reached)
        names = os.path.basename(source), os.path.basename(target)
        try:
            with contextlib.nullcontext() if is_roots else rights_of(user):
                os.rename(*names, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise BaselineError(
                f"{source} cannot be renamed to {names[1]}: {error.strerror or error}", where=request.path
            ) from error


def _remove(request: VenvRequest, user: User, path: str) -> bool:
    """Remove the folder ``path`` beside the environment; return whether it is gone."""
    if not os.path.lexists(path):
        return True
    _run_rm(user, path)
    with reach(os.path.dirname(request.path), user) as reached, contextlib.suppress(OSError):
        folder, is_roots = _parent(request, reached)
        if is_roots:
            number = os.open(os.path.basename(path), _OPEN, dir_fd=folder)
            try:
                os.fchown(number, 0, 0)
                os.fchmod(number, 0o700)
            finally:
                os.close(number)
            root = find_user("root")
            if root:
                _run_rm(root, path)
    return not os.path.lexists(path)


def _run_rm(user: User, path: str) -> None:
    """Remove ``path``, but nothing of another file system that is mounted in it; rm(1) follows no links."""
    here = "--one-file-system" if detect_platform().kernel == "Linux" else "-x"
    run_as(user, ["rm", "-rf", here, "--", path], folder="/", seconds=_REMOVE_SECONDS)


def _parent(request: VenvRequest, reached: Reached) -> tuple[int, bool]:
    """Return the descriptor of the folder above, and whether only root can change it and the path to it."""
    if reached.found.rest:
        raise BaselineError("the folder above it was replaced meanwhile", where=request.path, hint="run again")
    return reached.found.folder, reached.is_roots and not reached.found.reason
