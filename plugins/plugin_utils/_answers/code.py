# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that a host gets for the modules that keep it: all sources of module_utils."""

from __future__ import annotations

import hashlib
import io
import os
import typing as t
import zipfile

from ansible_collections.pyhost.baseline.plugins import module_utils
from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import ModuleCode

__all__ = ["collection_code"]

# An archive says nothing of this controller.
_TIME = (1980, 1, 1, 0, 0, 0)


def collection_code(*, archive: bool) -> ModuleCode:
    """Return the code of this collection, with its ``archive`` only where it is needed."""
    sources = _sources()
    digest = hashlib.sha256()
    for name, text in sources.items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return ModuleCode(digest.hexdigest(), _archive(sources) if archive else None)


def _sources() -> dict[str, bytes]:
    """Return the sources by path below module_utils, in the order of these paths."""
    root = next(iter(module_utils.__path__))
    found = {}
    for folder, _folders, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, root)] = file.read()
    return dict(sorted(found.items()))


def _archive(sources: t.Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sources.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), text, zipfile.ZIP_DEFLATED)
    return file.getvalue()
