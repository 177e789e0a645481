# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look at the host reads: each command runs once and each log is read once, for all jails and all checks.

With ten thousand bans a ruleset takes nft a tenth of a second. A later look, which is to see changes, takes a new one.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host

__all__ = ["Readings"]


class Readings:
    """The outputs of commands that only read, and the ends of logs. ``host``: for everything else."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._ran: dict[tuple[str, ...], CommandResult] = {}
        self._read: dict[tuple[str, int], str | None] = {}

    def run(self, argv: t.Sequence[str]) -> CommandResult:
        """Return what ``argv`` answered when it was first asked for."""
        words = tuple(argv)
        if words not in self._ran:
            self._ran[words] = self.host.run(words)
        return self._ran[words]

    def read(self, path: str, *, last: int) -> str | None:
        """Return the ``last`` bytes of ``path`` as they were when they were first asked for."""
        if (path, last) not in self._read:
            self._read[path, last] = self.host.read(path, last=last)
        return self._read[path, last]

    def again(self) -> Readings:
        """Return a later look, which has read nothing so far."""
        return Readings(self.host)
