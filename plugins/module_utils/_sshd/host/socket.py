# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket unit that holds sshd's port: its addresses, what decides them, and the drop-in that changes them."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..socket import (
    DROPIN,
    Listen,
    SocketStreams,
    compose_unit,
    generated_listens,
    listen_property,
    read_streams,
    render_dropin,
    with_limits,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.service import Unit

__all__ = ["NAMES", "PROPERTIES", "SocketUnit", "find_socket_unit"]

NAMES = ("ssh.socket", "sshd.socket")
PROPERTIES = (
    "Accept",
    "ActiveEnterTimestampMonotonic",
    "BindIPv6Only",
    "DropInPaths",
    "FragmentPath",
    "Listen",
)
# Ubuntu's generator: it makes ssh.socket listen on Port and ListenAddress of sshd_config.
_GENERATORS = (
    "/usr/lib/systemd/system-generators/sshd-socket-generator",
    "/lib/systemd/system-generators/sshd-socket-generator",
)
_UNITS = "/etc/systemd/system"
# Where generators write (systemd.generator(7)); theirs is this drop-in.
_GENERATED = "/run/systemd/generator"
_ADDRESSES = "addresses.conf"


@dataclass(frozen=True)
class SocketUnit:
    """A socket unit for sshd, listening or started at boot.

    ``accept``: every connection starts its own sshd (Accept=yes). ``follows_config``: a generator takes the addresses
    from sshd_config. ``loaded`` is what systemd has loaded, ``files`` are the unit and its drop-ins, in their order.
    """

    name: str
    active: bool
    accept: bool
    follows_config: bool
    needs_daemon_reload: bool
    since: float
    loaded: SocketStreams
    files: t.Mapping[str, str]

    @property
    def path(self) -> str:
        """The path of our drop-in."""
        return f"{_UNITS}/{self.name}.d/{DROPIN}"

    @property
    def text(self) -> str | None:
        return self.files.get(self.path)

    def desired_dropin(
        self, listens: t.Collection[Listen], *, has_ports: bool, limits_sources: bool = False
    ) -> str | None:
        """Return our drop-in's text for ``listens``, ``None`` where the unit needs none.

        ``has_ports``: the settings name ports or addresses. ``limits_sources``: they limit one source.
        """
        bare = read_streams(text for _path, text in self._composed(None, listens))
        moves = has_ports and bare.listens != set(listens)
        text = render_dropin(listens, bare.others) if moves else None
        return with_limits(text) if limits_sources and self.accept else text

    def listens_with(self, text: str | None, listens: t.Collection[Listen]) -> frozenset[Listen]:
        """Return the unit's addresses with our drop-in as ``text``; a later drop-in that overrides it is an error."""
        files = self._composed(text, listens)
        found = read_streams(content for _path, content in files).listens
        if text is not None and "ListenStream=" in text and found != set(listens):
            overridden_by = files[-1][0]
            raise BaselineError(
                f"{self.name} does not listen on the addresses in sshd_config, because {overridden_by} is read last",
                where=overridden_by,
                hint=f"remove its ListenStream, or rename it so that it sorts before {DROPIN}",
                culprits=[overridden_by],
            )
        return found

    def ports_without(self, listens: t.Collection[Listen]) -> set[int]:
        """Return the ports on which the unit listens without our drop-in, where sshd_config says ``listens``."""
        bare = read_streams(text for _path, text in self._composed(None, listens))
        return {port for _address, port in bare.listens}

    def _composed(self, text: str | None, listens: t.Collection[Listen]) -> list[tuple[str, str]]:
        """Return the unit's files with our drop-in as ``text`` and, of a generator, the one that it will write."""
        files = {path: content for path, content in self.files.items() if not self._is_generated(path)}
        generated = generated_listens(listens) if self.follows_config else None
        if generated:
            files[f"{_GENERATED}/{self.name}.d/{_ADDRESSES}"] = render_dropin(generated)
        return compose_unit(files, self.path, text)

    def _is_generated(self, path: str) -> bool:
        return self.follows_config and path.startswith(_GENERATED) and os.path.basename(path) == _ADDRESSES

    def require_listens(self, listens: t.Collection[Listen]) -> None:
        """Raise where the unit, as systemd has loaded it, listens elsewhere, and name the file that is read last."""
        if not self.active or self.loaded.listens == set(listens):
            return
        deciding = [path for path, content in self.files.items() if "ListenStream" in content]
        extra, missing = self.loaded.listens - set(listens), set(listens) - self.loaded.listens
        problem = "; ".join(
            f"{words} {', '.join(f'{address} port {port}' for address, port in sorted(places))}"
            for words, places in (("it listens on", extra), ("it does not listen on", missing))
            if places
        )
        raise BaselineError(
            f"{self.name} does not listen on the addresses in sshd_config: {problem}",
            where=deciding[-1] if deciding else "",
            hint=f"`systemctl cat {self.name}` shows its ListenStream",
            culprits=deciding[-1:],
        )

    def is_stale(self, host: Host, listens: t.Collection[Listen]) -> bool:
        """Say whether it is active with other addresses than ``listens``, or started before our drop-in changed."""
        if not self.active:
            return False
        if self.needs_daemon_reload or self.loaded.listens != set(listens):
            return True
        folder = host.stat(os.path.dirname(self.path))
        return folder is not None and self.since < folder.st_mtime <= time.time()


def find_socket_unit(host: Host, units: t.Iterable[Unit]) -> SocketUnit | None:
    """Return the socket unit that listens or, where none does, the one that starts at the next boot."""
    listening = [one for one in units if one.running or (one.exists and one.enabled)]
    found = sorted(listening, key=lambda one: not one.running)
    if not found:
        return None
    unit = found[0]
    paths = [unit.value("FragmentPath"), *unit.value("DropInPaths").split()]
    entered = unit.value("ActiveEnterTimestampMonotonic")
    return SocketUnit(
        name=unit.name,
        active=unit.running,
        accept=unit.value("Accept") == "yes",
        follows_config=any(host.stat(path) for path in _GENERATORS),
        needs_daemon_reload=unit.needs_daemon_reload,
        since=time.time() - time.monotonic() + int(entered or 0) / 1e6,
        loaded=listen_property(unit.values("Listen"), bind=unit.value("BindIPv6Only")),
        files={path: host.read(path) or "" for path in paths if path},
    )
