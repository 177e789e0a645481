# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compared state of jails on a host, and the result of a change of them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from .own_files import OwnFiles
    from .plan import ComposedJails

__all__ = ["JailsResult", "JailsState"]


@dataclass(frozen=True)
class JailsState:
    """The compared state: our files, the service, the values of each running jail, and what is wrong around them.

    ``packet_filter``: how its rules differ; ``unread``: the source that a jail does not read; ``drop_in``: that of the
    unit of nftables; ``database``: what is wrong with the database of the server; ``files``: our other files.
    """

    file: str | None
    service: dict[str, bool] = field(default_factory=dict)
    jails: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    packet_filter: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    drop_in: str | None = None
    database: str | None = None
    files: OwnFiles = field(default_factory=dict)

    def running(self) -> dict[str, t.Any]:
        """Return all but the file as one mapping from names to values."""
        flat: dict[str, t.Any] = {f"service {name}": value for name, value in self.service.items()}
        for jail, values in self.jails.items():
            flat[f"{jail} runs"] = True
            flat.update({f"{jail} {option}": value for option, value in values.items()})
        flat.update({f"{jail} differs in the packet filter": found for jail, found in self.packet_filter.items()})
        flat.update({f"{jail} does not read": path for jail, path in self.unread.items()})
        flat.update({"database": self.database} if self.database else {})
        return flat


@dataclass(frozen=True)
class JailsResult:
    """The state before and after (in check mode: the planned state), and what was done."""

    before: JailsState
    after: JailsState
    composed: ComposedJails
    path: str
    reloaded: list[str] = field(default_factory=list)
    restarted: bool = False
    proof: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    # For each filter of the request, the addresses that it finds in the samples.
    filters: t.Mapping[str, list[str]] = field(default_factory=dict)
    # The jails whose proof is requested and missing.
    unproven: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.before != self.after
