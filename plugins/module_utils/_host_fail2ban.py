# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fail2ban on the host: its files, the staged check of a candidate, and bringing it in force."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils import _fail2ban, _fail2ban_plan
from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError, unknown
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_stream import expected, parse_stream
from ansible_collections.pyhost.baseline.plugins.module_utils._host_fail2ban_server import (
    Server,
    connect,
    running_jails,
    running_values,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._host_service import (
    Unit,
    act,
    journal_tail,
    unit_state,
)

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_plan import Composed, Probes, Wish
    from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_stream import JailStream
    from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host

__all__ = [
    "DIRECTORY",
    "OWN",
    "Fail2ban",
    "Site",
    "Streams",
    "Values",
    "compose_for",
    "is_installed",
    "read_site",
    "read_streams",
]

DIRECTORY = "/etc/fail2ban"
# jail.d/*.local is read after all else (jail.conf(5)), in the order of the names.
OWN = DIRECTORY + "/jail.d/zz-pyhost-baseline.local"
UNIT = "fail2ban.service"
_LOG = "/var/log/fail2ban.log"
_SOCKET = "/var/run/fail2ban/fail2ban.sock"
_START_SECONDS = 30.0
_NOTHING_CHANGED = "nothing was changed"

Values = t.Dict[str, t.Dict[str, t.Any]]
Streams = t.Dict[str, "JailStream"]


@dataclass(frozen=True)
class Site:
    """fail2ban's files as they are: other jail files composed, those read after ours, our own text, socket and log."""

    others: dict[str, dict[str, str]]
    later: dict[str, str]
    own: str | None
    socket: str
    log: str


def is_installed(host: Host) -> bool:
    return host.find("fail2ban-client") is not None and host.stat(f"{DIRECTORY}/jail.conf") is not None


def read_site(host: Host) -> Site:
    """Read fail2ban's jail files and settings."""
    jails = _texts(host, "jail")
    sections = _fail2ban.effective_settings(_texts(host, "fail2ban").values())
    settings = {**sections.get("DEFAULT", {}), **sections.get("Definition", {})}
    own = jails.pop(OWN, None)
    read_in_turn = _fail2ban.read_order([*jails, OWN], DIRECTORY, "jail")
    return Site(
        others=_fail2ban.effective_settings(jails.values()),
        later={path: jails[path] for path in read_in_turn[read_in_turn.index(OWN) + 1 :]},
        own=own,
        socket=settings.get("socket", _SOCKET),
        log=settings.get("logtarget", _LOG),
    )


def _texts(host: Host, name: str) -> dict[str, str]:
    paths = host.glob(f"{DIRECTORY}/{name}.*") + host.glob(f"{DIRECTORY}/{name}.d/*")
    return {path: host.read(path) or "" for path in _fail2ban.read_order(paths, DIRECTORY, name)}


def compose_for(host: Host, wish: Wish, probes: Probes, site: Site) -> Composed:
    """Return our candidate file; a jail's filter that does not exist is named before anything else is tried."""
    _fail2ban.check_names(wish.defaults, wish.jails)
    filters = {}
    for name in wish.jails:
        filter_name = _fail2ban.filter_name(name, wish.jails[name], site.others)
        parts = [host.read(f"{DIRECTORY}/filter.d/{filter_name}.{kind}") for kind in ("conf", "local")]
        if parts == [None, None] and name in wish.enabled:
            known = _names(host, "filter.d")
            raise BaselineError(
                f"[{name}]: {unknown('filter', filter_name, known)}; nothing was changed; "
                f"a filter is a file {DIRECTORY}/filter.d/{filter_name}.conf"
            )
        filters[name] = "\n".join(part for part in parts if part)
    return _fail2ban_plan.compose(wish, probes, site.others, filters)


def _names(host: Host, folder: str) -> list[str]:
    return [os.path.splitext(os.path.basename(path))[0] for path in host.glob(f"{DIRECTORY}/{folder}/*.conf")]


def read_streams(host: Host, candidate: str | None = None) -> Streams:
    """Return what the files mean to fail2ban, or would mean with ``candidate`` as our file; a rejection raises."""
    directory = DIRECTORY
    if candidate is not None:
        directory = host.scratch() + "/fail2ban"
        host.copy_tree(DIRECTORY, directory)
        host.write(OWN.replace(DIRECTORY, directory, 1), candidate)
    ran = host.run(["fail2ban-client", "-c", directory, "-d", "-t"])
    if not ran.ok:
        words = _fail2ban_plan.explain_rejection(
            ran.err, filters=_names(host, "filter.d"), actions=_names(host, "action.d")
        ).replace(directory, DIRECTORY)
        raise BaselineError(f"fail2ban rejects the configuration: {words}; {_NOTHING_CHANGED}")
    return parse_stream(ran.out.replace(directory, DIRECTORY))


class Fail2ban:
    """The service on this host and the conversation with its server."""

    def __init__(self, host: Host, site: Site) -> None:
        self._host = host
        self._site = site
        self.unit: Unit = unit_state(host, UNIT)
        self.server: Server | None = connect(site.socket, seconds=10 if self.unit.running else 0)
        self.reloaded: list[str] = []
        self.restarted = False

    def values(self, streams: Streams) -> Values:
        """Return what the running server does, empty where it does not run."""
        return running_values(self.server, streams) if self.server else {}

    def answering(self) -> Server:
        """Return the server, which has to answer."""
        if self.server is None:
            tail = "\n".join(journal_tail(self._host, UNIT))
            raise BaselineError(
                f"no fail2ban server answers at {self._site.socket} ({UNIT} is {self.unit.active}); "
                f"{_NOTHING_CHANGED}; its last words:\n{tail or 'none'}"
            )
        return self.server

    def service(self) -> dict[str, bool]:
        return {"running": self.server is not None, "enabled": self.unit.enabled}

    def bring_in_force(self, streams: Streams, before: Values, *, changed: t.Collection[str]) -> None:
        """Make the server run ``streams``: start it, or reload the jails that differ (``changed``: by their files)."""
        if not self.unit.enabled:
            act(self._host, "enable", UNIT, unchanged="it would not start at the next boot")
        if self.server is None:
            self._start(streams)
            return
        for name in before:
            if name not in streams:
                self._client("stop", name)
                self.reloaded.append(name)
        for name, jail in streams.items():
            if name in changed or before.get(name) != expected(jail):
                self._client("reload", "--if-exists", name)
                self.reloaded.append(name)
        # A reload keeps what the new files no longer mention (incremental ban times, for one); bans survive both.
        for name, values in self.values(streams).items():
            if values != expected(streams[name]):
                self._client("reload", "--restart", name)

    def restart_jail(self, name: str) -> None:
        """Start ``name`` anew: its packet filter rules are set up again, its bans come back from the database."""
        self._client("reload", "--restart", name)
        self.reloaded.append(name)

    def _client(self, *words: str) -> None:
        ran = self._host.run(["fail2ban-client", *words])
        if not ran.ok:
            raise BaselineError(f"fail2ban-client {' '.join(words)} failed: {ran.words()}; {OWN} is written")

    def _start(self, streams: Streams) -> None:
        if self.unit.active == "failed":
            act(self._host, "reset-failed", UNIT, unchanged="fail2ban does not run")
        act(self._host, "restart" if self.unit.running else "start", UNIT, unchanged="fail2ban does not run")
        self.server = connect(self._site.socket, seconds=_START_SECONDS, alive=self._is_alive)
        self.unit = unit_state(self._host, UNIT)
        if self.server is None or not self.unit.running:
            tail = "\n".join(journal_tail(self._host, UNIT, lines=40))
            raise BaselineError(f"{UNIT} does not start; its last words:\n{tail}")
        self.restarted = True
        try:
            self._wait_for_jails(streams)
        except BaselineError as error:
            # It answered, and went down over its configuration.
            tail = "\n".join(journal_tail(self._host, UNIT, lines=40))
            raise BaselineError(f"{UNIT} does not stay up: {error}; its last words:\n{tail}") from error

    def _is_alive(self) -> bool:
        return unit_state(self._host, UNIT).active in ("active", "activating", "reloading")

    def _wait_for_jails(self, streams: Streams) -> None:
        # The server answers before it has read its configuration; "server-status" waits in the same queue behind it.
        deadline = time.monotonic() + _START_SECONDS
        while self.server and set(running_jails(self.server)) < set(streams) and time.monotonic() < deadline:
            time.sleep(0.1)
