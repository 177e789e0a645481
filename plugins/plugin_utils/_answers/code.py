# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that a host gets for the modules that keep it: all sources of module_utils."""

from __future__ import annotations

import hashlib
import io
import typing as t
import zipfile
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins import module_utils
from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import ModuleCode

__all__ = ["collection_code"]

# An archive says nothing of this controller.
_TIME = (1980, 1, 1, 0, 0, 0)


def collection_code(*, archive: bool) -> ModuleCode:
    """Return the code of this collection, with its ``archive`` only where it is needed."""
    sources = dict(_sources())
    digest = hashlib.sha256()
    for name, text in sources.items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return ModuleCode(digest.hexdigest(), _archive(sources) if archive else None)


def _sources() -> t.Iterator[tuple[str, bytes]]:
    root = Path(next(iter(module_utils.__path__)))
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _archive(sources: t.Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sources.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), text, zipfile.ZIP_DEFLATED)
    return file.getvalue()
