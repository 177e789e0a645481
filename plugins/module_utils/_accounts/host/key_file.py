# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of keys that is not below the home, read and replaced through open descriptors."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ..._core.host.beneath import Folder, UnsafePath, open_folder
from ..home import Node
from ..key_file import FOLDER_MODE, KeyFileChange, KeyFileState

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["OpenKeyFile", "open_key_file"]


class OpenKeyFile:
    """The nearest folder above the file. It stays open from the first reading until the change."""

    def __init__(self, host: Host, path: str, stack: contextlib.ExitStack) -> None:
        self._host = host
        self._path = path
        self._stack = stack
        self._folder, missing = self._nearest()
        above = ((one, found) for one, found in (*self._folder.above, (self._folder.path, self._folder.found)))
        found = None if missing else self._folder.read(os.path.basename(path))
        self.state = KeyFileState(
            path,
            folders=tuple(_node(*one) for one in above),
            missing=missing,
            file=_node(path, found.found, text=found.text) if found else None,
        )

    def _nearest(self) -> tuple[Folder, tuple[str, ...]]:
        folder = os.path.dirname(self._path)
        missing: tuple[str, ...] = ()
        while True:
            found = open_folder(folder)
            if found is not None:
                return self._stack.enter_context(found), missing
            folder, name = os.path.split(folder)
            missing = (name, *missing)

    def change(self, change: KeyFileChange) -> None:
        """Carry out ``change``: the folders first, which are root's, as whom the module runs."""
        if change.text is None:
            return
        root = (os.geteuid(), os.getegid())
        folder = self._folder
        for name in self.state.missing:
            label = self._host.label(folder.name_of(name))
            folder = self._stack.enter_context(folder.make(name, mode=FOLDER_MODE, owner=root, label=label))
        name = os.path.basename(self._path)
        now, before = folder.read(name), self.state.file
        if (now.text if now else None) != (before.text if before else None):
            raise UnsafePath(f"{self._path} was changed by another process during the run")
        label = self._host.label(self._path)
        folder.replace(name, change.text, mode=change.mode, owner=change.owner or root, label=label)


@contextlib.contextmanager
def open_key_file(host: Host, path: str) -> t.Iterator[OpenKeyFile]:
    """Open the folders above the file ``path``; ``UnsafePath`` if root must not open them."""
    with contextlib.ExitStack() as stack:
        yield OpenKeyFile(host, path, stack)


def _node(path: str, found: os.stat_result, *, text: str = "") -> Node:
    return Node(path, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), text=text)
