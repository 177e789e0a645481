"""What a power cut would leave of a folder: only what was flushed, entry by entry (fsync(2)).

A file needs two flushes: its own for the content, and that of the folder above it for its name; so does a folder. A
link needs the one of its folder. The disk of the tests keeps more than that; this one keeps no more.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

Key = tuple[int, int]


def _key(state: os.stat_result) -> Key:
    return state.st_dev, state.st_ino


class Disk:
    """Follows each fsync(2) of this process from now on; what is below ``root`` already is on the disk."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._folders: dict[Key, dict[str, Key | str]] = {}
        self._contents: dict[Key, bytes] = {}
        for folder, _folders, files in os.walk(root):
            self._flush(Path(folder))
            for name in files:
                if not Path(folder, name).is_symlink():
                    self._flush(Path(folder, name))
        fsync = os.fsync

        def flush(fd: int) -> None:
            fsync(fd)
            self._flush(Path(os.readlink(f"/proc/self/fd/{fd}")))

        monkeypatch.setattr(os, "fsync", flush)

    def _flush(self, path: Path) -> None:
        key = _key(path.stat())
        if path.is_dir():
            self._folders[key] = {
                one.name: str(one.readlink()) if one.is_symlink() else _key(one.stat()) for one in path.iterdir()
            }
        else:
            self._contents[key] = path.read_bytes()

    def after_power_cut(self) -> dict[str, bytes | str | None]:
        """Return what is below the root then: content, target of a link, ``None`` for a folder."""
        return dict(self._below(_key(self.root.stat()), ""))

    def _below(self, folder: Key, path: str) -> t.Iterator[tuple[str, bytes | str | None]]:
        for name, entry in self._folders.get(folder, {}).items():
            if isinstance(entry, str):
                yield f"{path}/{name}", entry
            elif entry in self._contents:
                yield f"{path}/{name}", self._contents[entry]
            else:
                # A file that was never flushed is an empty one.
                is_folder = entry in self._folders
                yield f"{path}/{name}", None if is_folder else b""
                yield from self._below(entry, f"{path}/{name}")

    def now(self) -> dict[str, bytes | str | None]:
        """Return what is below the root as long as the power is on."""
        found: dict[str, bytes | str | None] = {}
        for path in self.root.rglob("*"):
            name = f"/{path.relative_to(self.root)}"
            if path.is_symlink():
                found[name] = str(path.readlink())
            else:
                found[name] = path.read_bytes() if path.is_file() else None
        return found
