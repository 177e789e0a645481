# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket unit that holds sshd's port: what it listens on, who decides that, and how it is made to follow a wish."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..socket import (
    DROPIN,
    Listen,
    Streams,
    composed,
    dropin,
    limited,
    listen_property,
    streams,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.service import Unit

__all__ = ["NAMES", "PROPERTIES", "Socket", "find_socket"]

NAMES = ("ssh.socket", "sshd.socket")
PROPERTIES = (
    "Accept",
    "ActiveEnterTimestampMonotonic",
    "BindIPv6Only",
    "DropInPaths",
    "FragmentPath",
    "Listen",
)
# Ubuntu's: it turns Port and ListenAddress into what ssh.socket listens on.
_GENERATORS = (
    "/usr/lib/systemd/system-generators/sshd-socket-generator",
    "/lib/systemd/system-generators/sshd-socket-generator",
)
_UNITS = "/etc/systemd/system"


@dataclass(frozen=True)
class Socket:
    """A socket unit for sshd, listening or started at boot.

    ``accept``: every connection starts an sshd of its own. ``follows``: a generator takes its addresses from
    sshd_config. ``loaded`` is what systemd has, ``files`` the unit and its drop-ins, in their order.
    """

    name: str
    active: bool
    accept: bool
    follows: bool
    needs_daemon_reload: bool
    since: float
    loaded: Streams
    files: t.Mapping[str, str]

    @property
    def path(self) -> str:
        """The drop-in of ours."""
        return f"{_UNITS}/{self.name}.d/{DROPIN}"

    @property
    def text(self) -> str | None:
        return self.files.get(self.path)

    def wished(self, listens: t.Collection[Listen], *, asked: bool, crowded: bool = False) -> str | None:
        """Return our drop-in's text for ``listens``, ``None`` where the unit needs none or nothing is ``asked``.

        ``crowded``: one source is not to take all connections.
        """
        bare = streams(text for _path, text in composed(self.files, self.path, None))
        moves = asked and not self.follows and bare.listens != set(listens)
        text = dropin(listens, bare.others) if moves else None
        return limited(text) if crowded and self.accept else text

    def after(self, text: str | None, listens: t.Collection[Listen]) -> frozenset[Listen]:
        """Return what the unit listens on with our drop-in as ``text``; one that sorts later and wins is an error."""
        if self.follows:
            return frozenset(listens)
        files = composed(self.files, self.path, text)
        found = streams(words for _path, words in files).listens
        if text is not None and "ListenStream=" in text and found != set(listens):
            culprit = files[-1][0]
            raise BaselineError(
                f"{self.name} does not listen where sshd_config says, because of {culprit}, which is read last; "
                f"nothing was changed; take its ListenStream out, or rename it so that it sorts before {DROPIN}",
                culprits=[culprit],
            )
        return found

    def stale(self, host: Host, listens: t.Collection[Listen]) -> bool:
        """Say whether it is active with other addresses than ``listens``, or older than the drop-in of ours."""
        if not self.active:
            return False
        if self.needs_daemon_reload or self.loaded.listens != set(listens):
            return True
        folder = host.stat(os.path.dirname(self.path))
        return folder is not None and self.since < folder.st_mtime <= time.time()


def find_socket(host: Host, units: t.Iterable[Unit]) -> Socket | None:
    """Return the socket unit that listens or, where none does, the one that will after the next boot."""
    listening = [one for one in units if one.running or (one.exists and one.enabled)]
    found = sorted(listening, key=lambda one: not one.running)
    if not found:
        return None
    unit = found[0]
    paths = [unit.value("FragmentPath"), *unit.value("DropInPaths").split()]
    entered = unit.value("ActiveEnterTimestampMonotonic")
    return Socket(
        name=unit.name,
        active=unit.running,
        accept=unit.value("Accept") == "yes",
        follows=any(host.stat(path) for path in _GENERATORS),
        needs_daemon_reload=unit.needs_daemon_reload,
        since=time.time() - time.monotonic() + int(entered or 0) / 1e6,
        loaded=listen_property(unit.values("Listen"), bind=unit.value("BindIPv6Only")),
        files={path: host.read(path) or "" for path in paths if path},
    )
