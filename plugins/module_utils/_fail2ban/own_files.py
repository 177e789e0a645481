# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files below the directory of fail2ban that this collection writes beside its jail file: filters and actions."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .config import HEADER

__all__ = ["OwnFile", "OwnFiles", "changed_files", "is_own_text", "settled_files"]


@dataclass(frozen=True)
class OwnFile:
    """The text of a file, and whether only root can read it (``private``), which is the case for one with secrets."""

    text: str = field(repr=False)
    private: bool = False

    @property
    def shown(self) -> str:
        """The text as a diff may show it."""
        return "(not shown, because it contains secrets)\n" if self.private else self.text

    def serves(self, requested: OwnFile) -> bool:
        """Return whether this file is as ``requested``. One that nobody else can read is never made readable."""
        return self.text == requested.text and (self.private or not requested.private)


# Path below the directory of fail2ban (/filter.d/shop.local) → file.
OwnFiles = t.Mapping[str, OwnFile]


def is_own_text(text: str | None) -> bool:
    """Return whether ``text`` is that of a file which this collection has written."""
    return text is not None and (text.startswith(HEADER + "\n") or text.startswith(f"#!/usr/bin/python3\n{HEADER}\n"))


def settled_files(present: OwnFiles, requested: OwnFiles) -> dict[str, OwnFile]:
    """Return ``requested`` with the files that are ``present`` already as they are, so that no change is seen."""
    return {
        path: present[path] if path in present and present[path].serves(file) else file
        for path, file in requested.items()
    }


def changed_files(present: OwnFiles, requested: OwnFiles) -> list[str]:
    """Return the paths of files to write, and of those to remove."""
    written = [path for path, file in requested.items() if path not in present or not present[path].serves(file)]
    return [*written, *(path for path in present if path not in requested)]
