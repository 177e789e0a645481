# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's home on the host: reads and changes it through open descriptors."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ..._core.host.beneath import Folder, UnsafePath, open_folder
from ..home import (
    KEYS,
    PLANTABLE,
    HomeChange,
    HomeState,
    Node,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["OpenHome", "open_home"]

_SSH, _KEYS = KEYS.split("/")
_SKELETONS = ("/etc/skel", "/usr/share/skel")


class OpenHome:
    """The folders of one home. They stay open from the first reading until the change."""

    def __init__(self, host: Host, path: str, names: t.Sequence[str], stack: contextlib.ExitStack) -> None:
        self._host = host
        self._path = path
        self._stack = stack
        self._folders: dict[str, Folder] = {}
        home = open_folder(path)
        if home is not None:
            self._folders[""] = stack.enter_context(home)
            for name in names:
                self._open(os.path.dirname(name))
        self.state = self._gather(names)

    def change(self, change: HomeChange, owner: tuple[int, int]) -> None:
        """Carry out ``change``; ``owner`` are the account's uid and gid.

        If the run is interrupted, the next one still recognizes a home that others could write to: ``.ssh`` has the
        sticky bit until no planted key is left.
        """
        if change.creates_home:
            self._create_home(owner)
        home = self._folders[""]
        ssh = self._folders.get(_SSH)
        if ssh is None:
            self._restrict_home(change, owner)
            if change.ssh_mode is not None:
                path = home.name_of(_SSH)
                made = home.make(_SSH, mode=change.ssh_mode, owner=owner, label=self._host.label(path))
                self._folders[_SSH] = self._stack.enter_context(made)
        else:
            if change.exposed:
                ssh.set_access((change.ssh_mode or stat.S_IMODE(ssh.found.st_mode)) | stat.S_ISVTX, owner)
            self._restrict_home(change, owner)
        for name, (text, mode) in change.files.items():
            self._write(name, text, mode, owner)
        if ssh is not None and (change.ssh_mode is not None or change.exposed):
            mode = change.ssh_mode if change.ssh_mode is not None else stat.S_IMODE(ssh.found.st_mode) & ~stat.S_ISVTX
            ssh.set_access(mode, owner)

    def _write(self, name: str, text: str, mode: int, owner: tuple[int, int]) -> None:
        folder = self._folders[os.path.dirname(name)]
        base = os.path.basename(name)
        before, now = self.state.files.get(name), folder.read(base)
        if (before.text if before else None) != (now.text if now else None):
            raise UnsafePath(f"{folder.name_of(base)} was changed by another process during the run")
        folder.replace(base, text, mode=mode, owner=owner, label=self._host.label(folder.name_of(base)))

    def _restrict_home(self, change: HomeChange, owner: tuple[int, int]) -> None:
        if change.home_mode is not None:
            self._folders[""].set_access(change.home_mode, owner)

    def _create_home(self, owner: tuple[int, int]) -> None:
        above, name = os.path.split(self._path.rstrip("/"))
        with contextlib.ExitStack() as stack:
            folder = open_folder(above)
            if folder is None or not stack.enter_context(folder).is_roots_alone:
                raise UnsafePath(
                    f"{above} is missing or not only root can write to it, so no home can be created there"
                )
            made = folder.make(name, mode=0o700, owner=owner, label=self._host.label(self._path))
            self._folders[""] = self._stack.enter_context(made)

    def _gather(self, names: t.Sequence[str]) -> HomeState:
        home = self._folders.get("")
        if home is None:
            # The owner of the nearest existing folder decides what will be below it.
            return HomeState(self._path, above=self._nearest())
        files = {}
        for name in names:
            folder = self._folders.get(os.path.dirname(name))
            found = folder.read(os.path.basename(name)) if folder else None
            if found:
                files[name] = _node(found.path, found.found, text=found.text)
        folders = {name: _node(one.path, one.found, names=one.names()) for name, one in self._folders.items() if name}
        above = tuple(_node(path, found) for path, found in home.above)
        return HomeState(self._path, _node(home.path, home.found), above, folders, files, tuple(self._commands()))

    def _nearest(self) -> tuple[Node, ...]:
        path = os.path.dirname(self._path)
        while True:
            folder = open_folder(path)
            if folder is not None:
                with folder:
                    return (*(_node(*one) for one in folder.above), _node(folder.path, folder.found))
            path = os.path.dirname(path)

    def _open(self, name: str) -> None:
        """Open the folder ``name`` of the home and its parents."""
        folder: Folder | None = self._folders[""]
        done: list[str] = []
        for part in filter(None, name.split("/")):
            done.append(part)
            key = "/".join(done)
            folder = self._folders.get(key) or (folder.folder(part) if folder else None)
            if folder is None:
                return
            if key not in self._folders:
                self._folders[key] = self._stack.enter_context(folder)

    def _commands(self) -> t.Iterator[str]:
        for name in PLANTABLE:
            if _is_there(self._folders[""], name) and not self._is_from_skeleton(name):
                yield name

    def _is_from_skeleton(self, name: str) -> bool:
        if "/" in name:
            return False
        texts = [self._host.read(os.path.join(folder, one)) for folder in _SKELETONS for one in (name, f"dot{name}")]
        with contextlib.suppress(UnsafePath):
            found = self._folders[""].read(name)
            return found is not None and found.text in texts
        return False


@contextlib.contextmanager
def open_home(host: Host, path: str, names: t.Sequence[str]) -> t.Iterator[OpenHome]:
    """Open the home ``path`` and the folders of its files ``names``; ``UnsafePath`` if that is not possible."""
    with contextlib.ExitStack() as stack:
        yield OpenHome(host, path, names, stack)


def _node(path: str, found: os.stat_result, *, names: t.Sequence[str] = (), text: str = "") -> Node:
    return Node(path, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), tuple(names), text)


def _is_there(home: Folder, name: str) -> bool:
    """Return whether ``name`` exists; a link on the way to it counts too."""
    first, _slash, rest = name.partition("/")
    if not rest:
        return home.lstat(first) is not None
    try:
        below = home.folder(first)
    except UnsafePath:
        return True
    if below is None:
        return False
    with below:
        return _is_there(below, rest)
