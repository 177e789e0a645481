# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a file of keys that is not below the home, such as ``/etc/ssh/authorized_keys/deploy``. Pure.

Only root can write to the folders above it, so that the account cannot add keys by itself. sshd reads the file with the
rights of the account, and with StrictModes only if nobody but root and the account can write to it.
"""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .home import HomeRequest, Node, Owner
from .keys import UnlistedLine, merged, unlisted

__all__ = ["FOLDER_MODE", "KeyFileChange", "KeyFileState", "plan_key_file"]

FOLDER_MODE, _MODE = 0o755, 0o644
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ROOT = "root"


@dataclass(frozen=True)
class KeyFileState:
    """The file ``path`` (``None``: absent), the folders above it, and the names of those that are missing."""

    path: str
    folders: tuple[Node, ...]
    missing: tuple[str, ...] = ()
    file: Node | None = None


@dataclass(frozen=True)
class KeyFileChange:
    """What is written; ``text`` is ``None`` where the file stays. ``owner`` is a uid and a gid, ``None`` for root."""

    errors: tuple[BaselineError, ...] = ()
    text: str | None = None
    mode: int = _MODE
    owner: tuple[int, int] | None = None
    removed: tuple[UnlistedLine, ...] = ()
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)


def plan_key_file(state: KeyFileState, request: HomeRequest, owner: Owner) -> KeyFileChange:
    """Plan the file. Other keys stay, unless the request is for its own keys alone."""
    node = state.file
    lines = unlisted(node.path, node.text, request.keys) if node else []
    errors = [*_unfit_folders(state, owner), *_foreign(state, owner, lines, request)]
    text = merged(node.text if node else "", request.keys, exclusive=request.exclusive)
    keeps_access = node is not None and _is_fit(node, owner)
    if node and keeps_access and text == node.text:
        return KeyFileChange(tuple(errors))
    mode = stat.S_IMODE(node.mode) if node and keeps_access else _MODE
    kept = (node.uid, node.gid) if node and keeps_access else None
    before, after = {state.path: node.text if node else ""}, {state.path: text}
    if node and not keeps_access:
        name = f"{state.path} (access)"
        before[name] = f"owner: {_name(node.uid, owner)}\nmode: {node.mode:04o}\n"
        after[name] = f"owner: {_ROOT}\nmode: {_MODE:04o}\n"
    above = state.folders[-1].path
    for folder in state.missing:
        above = os.path.join(above, folder)
        before[above], after[above] = "", f"owner: {_ROOT}\nmode: {FOLDER_MODE:04o}\n"
    return KeyFileChange(tuple(errors), text, mode, kept, tuple(lines) if request.exclusive else (), before, after)


def _is_fit(node: Node, owner: Owner) -> bool:
    """Return whether sshd reads the file as the account, and nobody else can write to it."""
    if node.uid not in (0, owner.uid) or node.mode & _OTHERS:
        return False
    return bool(node.mode & (stat.S_IROTH if node.uid == 0 and owner.uid != 0 else stat.S_IRUSR))


def _unfit_folders(state: KeyFileState, owner: Owner) -> t.Iterator[BaselineError]:
    for node in state.folders:
        if node.uid != 0 or node.mode & _OTHERS:
            yield BaselineError(
                f"not only root can write to {node.path} (owner {_name(node.uid, owner)}, mode {node.mode:04o}), so "
                f"that others could replace {state.path}",
                option="key_file",
                hint=f"`chown root {node.path}` and `chmod go-w {node.path}`, or choose another folder",
            )
        elif not node.mode & stat.S_IXOTH:
            yield BaselineError(
                f"only root can enter {node.path} (mode {node.mode:04o}), and sshd reads the keys with the rights of "
                f"{owner.name}",
                option="key_file",
                hint=f"`chmod o+x {node.path}`, or choose another folder",
            )


def _foreign(
    state: KeyFileState, owner: Owner, lines: t.Sequence[UnlistedLine], request: HomeRequest
) -> t.Iterator[BaselineError]:
    """Yield why the lines of the file must not be taken for keys of the account."""
    node = state.file
    if node is None:
        return
    other = next((line for line in lines if line.key is None), None)
    if other:
        yield BaselineError(
            f"{other}: {state.path} contains more than keys, so it may be a file for something else",
            option="key_file",
            hint="name another file, or remove that line",
        )
    elif lines and not request.exclusive and (node.uid not in (0, owner.uid) or node.mode & _OTHERS):
        yield BaselineError(
            f"there are keys in {state.path} that are not requested and that another user could have added: "
            f"{', '.join(map(str, lines))}, and each of them could become root",
            option="key_file",
            hint="add the admin's own keys to admin_user_authorized_keys, or remove all others with "
            "admin_user_exclusive_keys: true",
        )


def _name(uid: int, owner: Owner) -> str:
    return _ROOT if uid == 0 else owner.name if uid == owner.uid else f"uid {uid}"
