# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the files so that sshd reads the desired settings first: in a drop-in, or in a file beside the main file."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .parse import parse, quote
from .tree import absolute, glob_matches

__all__ = ["FilesPlan", "ManagedFiles", "add_block", "managed_files", "plan_files", "remove_block"]

BEGIN = "# BEGIN pyhost.baseline.sshd_config: the first value wins, so this block comes before all other lines\n"
END = "# END pyhost.baseline.sshd_config\n"
_BLOCK = re.compile(
    r"^# BEGIN pyhost\.baseline\.sshd_config\b[^\n]*\n.*?^# END pyhost\.baseline\.sshd_config\n", re.M | re.S
)


@dataclass(frozen=True)
class ManagedFiles:
    """The three files that may change: the main file, the drop-in, and the file beside the main file."""

    main: str
    dropin: str
    beside: str

    @property
    def own(self) -> tuple[str, str]:
        """The files that contain only the desired settings."""
        return (self.dropin, self.beside)


@dataclass(frozen=True)
class FilesPlan:
    """``before`` and ``after``: path -> text, ``None`` for no file; ``path`` is the file with the desired settings.

    ``access`` is the owner, group and mode of new files that others than root may read.
    """

    path: str
    before: t.Mapping[str, str | None]
    after: t.Mapping[str, str | None]
    access: t.Mapping[str, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def changes(self) -> dict[str, str | None]:
        return {path: text for path, text in self.after.items() if text != self.before[path]}

    def with_file(self, path: str, before: str | None, after: str | None) -> FilesPlan:
        """Return the plan with one more file, which need not be sshd's own (a unit's drop-in)."""
        return self.joined({path: before}, {path: after}, {})

    def joined(
        self,
        before: t.Mapping[str, str | None],
        after: t.Mapping[str, str | None],
        access: t.Mapping[str, tuple[int, int, int]],
    ) -> FilesPlan:
        """Return the plan with further files."""
        return FilesPlan(self.path, {**self.before, **before}, {**self.after, **after}, {**self.access, **access})


def managed_files(main: str, name: str) -> ManagedFiles:
    """Return the files for the drop-in ``name`` (a bare file name that ends in ``.conf``)."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.conf", name):
        raise BaselineError(f"this must be a file name that ends in .conf, not {name!r}", option="dropin")
    folder = os.path.dirname(main)
    return ManagedFiles(main, os.path.join(folder, "sshd_config.d", name), os.path.join(folder, name))


def plan_files(files: ManagedFiles, texts: t.Mapping[str, str | None], desired: str | None) -> FilesPlan:
    """Decide which file holds ``desired`` (``None``: none). ``texts`` are the present texts of the three files.

    The drop-in is enough where the first directive of the main file includes it. Otherwise a block at the top of the
    main file includes a file of our own. A ``Match`` block in that file ends with the file; at the top of the main file
    it would apply to all lines below it.
    """
    main = texts[files.main]
    if main is None:
        raise BaselineError(
            "the file does not exist", option="path", where=files.main, hint="install openssh-server, or give its path"
        )
    bare = remove_block(main)
    first = reads_dropin_first(bare, files)
    path = files.dropin if first else files.beside
    after: dict[str, str | None] = {files.main: bare, files.dropin: None, files.beside: None}
    if desired is not None:
        after[path] = desired
        after[files.main] = bare if first else add_block(bare, files.beside)
    return FilesPlan(path, dict(texts), after)


def reads_dropin_first(main: str, files: ManagedFiles) -> bool:
    """Say whether the first directive of ``main`` is an ``Include`` that reads the drop-in."""
    lines = parse(main, path=files.main)
    return (
        bool(lines)
        and lines[0].keyword == "include"
        and any(glob_matches(absolute(pattern, files.main), files.dropin) for pattern in lines[0].arguments)
    )


def add_block(main: str, path: str) -> str:
    """Return ``main`` with the marked block, which includes ``path``, at its top."""
    return f"{BEGIN}Include {quote(path)}\n{END}" + remove_block(main)


def remove_block(main: str) -> str:
    """Return ``main`` without the marked block and otherwise unchanged."""
    return _BLOCK.sub("", main, count=1)
