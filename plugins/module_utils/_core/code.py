# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument by which the controller sends a module its code, and the answer of a host without it. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t
from dataclasses import dataclass

from .errors import BaselineError

__all__ = ["CODE_ARGUMENT", "CODE_MISSING", "DIGEST", "ModuleCode", "read_code"]

CODE_ARGUMENT = "_pyhost_code"
# The field of the answer of a host that needs the archive.
CODE_MISSING = "code_missing"
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModuleCode:
    """The sources of the collection's modules: their SHA-256 in hex, and them as a ZIP file, ``None`` if not sent."""

    digest: str
    archive: bytes | None = None

    def as_argument(self) -> dict[str, t.Any]:
        """Return it as an argument of the module; :func:`read_code` reads it."""
        archive = None if self.archive is None else base64.b64encode(self.archive).decode("ascii")
        return {CODE_ARGUMENT: {"digest": self.digest, "archive": archive}}


def read_code(value: t.Any) -> ModuleCode:
    """Read the argument that the controller's half adds."""
    try:
        digest, archive = value["digest"], value["archive"]
        if not DIGEST.fullmatch(digest):
            raise ValueError(digest)
        return ModuleCode(digest, None if archive is None else base64.b64decode(archive, validate=True))
    except (TypeError, KeyError, ValueError, binascii.Error):
        raise BaselineError(
            "the module came without its code",
            hint="run it as a task of a play: the action plugin of the collection sends the code",
        ) from None
