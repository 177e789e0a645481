# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's notes of the machines that earlier runs reached: a file for each name and address.

They are below ANSIBLE_HOME. A controller that cannot keep them (a container that is new for each run) goes without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile

from .identity import SeenMachine, as_text, from_text

__all__ = ["SeenMachines"]

_LONGEST, _MOST = 20_000, 10_000


class SeenMachines:
    """The notes in a folder below ``home``."""

    def __init__(self, home: str) -> None:
        self._folder = os.path.join(os.path.expanduser(home), "pyhost.baseline", "machines")

    def path(self, name: str, address: str) -> str:
        digest = hashlib.sha256(f"{name}\0{address}".encode()).hexdigest()
        return os.path.join(self._folder, f"{digest[:32]}.json")

    def earlier(self, name: str, address: str) -> SeenMachine | None:
        return _read(self.path(name, address))

    def all(self) -> list[SeenMachine]:
        with contextlib.suppress(OSError):
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(".json"))
            found = (_read(os.path.join(self._folder, name)) for name in names[:_MOST])
            return [one for one in found if one]
        return []

    def note(self, seen: SeenMachine) -> None:
        """Write ``seen``, whole or not at all; several processes of a run may do so at once."""
        if self.earlier(seen.name, seen.address) == seen:
            return
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            fd, beside = tempfile.mkstemp(dir=self._folder)
            try:
                with open(fd, "w", encoding="utf-8") as file:
                    file.write(as_text(seen))
                os.replace(beside, self.path(seen.name, seen.address))
            except OSError:
                os.unlink(beside)


def _read(path: str) -> SeenMachine | None:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return from_text(file.read(_LONGEST))
    return None
