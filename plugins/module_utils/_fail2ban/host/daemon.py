# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fail2ban service on the host and its server: reads what runs, starts it, and reloads jails."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import BaselineError, state_of_errors
from ..plan import recent_errors
from ..stream import expected
from .database import file_problem, set_aside
from .filter_rules import banned_addresses
from .server import Server, connect, running_jails, running_values
from .service import Fail2banService, enable, service_log, service_state, start

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream
    from .site import Site
    from .staging import Streams

__all__ = ["Fail2ban", "Values", "has_actions"]

_START_SECONDS = 30.0
_TAIL = 1 << 18

Values = t.Dict[str, t.Dict[str, t.Any]]


def has_actions(running: t.Mapping[str, t.Any] | None, jail: JailStream) -> bool:
    """Return whether a jail with the ``running`` values has the actions of ``jail``, each with its properties."""
    of_actions = [
        {option: value for option, value in values.items() if option == "actions" or option.startswith("action ")}
        for values in (running or {}, expected(jail))
    ]
    return of_actions[0] == of_actions[1]


class Fail2ban:
    """The service and the connection to its server. Records which jails were reloaded and whether it was started."""

    def __init__(self, host: Host, site: Site) -> None:
        self._host = host
        self._site = site
        self.unit: Fail2banService
        self.server: Server | None
        self.reconnect()
        self._logged = self._log_size()
        self.reloaded: list[str] = []
        self.restarted = False
        self.warnings: list[str] = []

    def reconnect(self) -> None:
        """Connect again: the server may have ended or started meanwhile."""
        self.unit = service_state(self._host)
        self.server = connect(self._site.socket, seconds=10 if self.unit.running else 0)

    def values(self, streams: Streams) -> Values:
        """Return the values of the running jails, empty if no server runs."""
        return running_values(self.server, streams) if self.server else {}

    def require_server(self) -> Server:
        """Return the server. No answer is an error."""
        if self.server is None:
            raise BaselineError(
                f"no fail2ban server answers ({self.unit.name} is {self.unit.state})",
                where=self._site.socket,
                hint=self._log_hint(lines=15),
            )
        return self.server

    def service(self) -> dict[str, bool]:
        return {"running": self.server is not None, "enabled": self.unit.enabled}

    def bring_into_force(self, streams: Streams, before: Values, *, changed: t.Collection[str]) -> None:
        """Start the server, or reload the jails that differ from ``streams`` or are in ``changed`` (by their files)."""
        if not self.unit.enabled:
            enable(self._host)
        if self.server is None:
            self._set_aside_database()
            self._start(streams)
            return
        for name in before:
            if name not in streams:
                self._run_client("stop", name)
                self.reloaded.append(name)
        for name, jail in streams.items():
            if name in before and not has_actions(before[name], jail):
                # A reload does not run actionstart, so the rules in the packet filter would stay as they are.
                self.restart_jail(name)
            elif name in changed or before.get(name) != expected(jail):
                self._run_client("reload", "--if-exists", name)
                self.reloaded.append(name)
        # A reload keeps options that the new files no longer contain (incremental ban times, for example).
        for name, values in self.values(streams).items():
            if name in streams and values != expected(streams[name]):
                self.restart_jail(name)

    def renew_database(self, streams: Streams, banned: t.Mapping[str, list[str]]) -> None:
        """Set the database aside, restart the server with a new one, and ban the ``banned`` addresses again."""
        path = str(self.require_server().ask("get", "dbfile"))
        aside = set_aside(path) if file_problem(self._host, path) else None
        moved = f"the database of fail2ban was renamed to {aside}" if aside else "fail2ban got a new database"
        with state_of_errors(f"{moved}, and fail2ban may have been restarted"):
            self._start(streams)
            server = self.require_server()
            left = [(name, address) for name, addresses in banned.items() if name in streams for address in addresses]
            for name, address in left:
                server.ask("set", name, "banip", address)
        self.warnings.append(
            f"{moved}; {len(left)} bans were made again, with their time from its beginning; earlier bans, which "
            "bantime.increment counts, are lost"
        )

    def _set_aside_database(self) -> None:
        """Set a corrupt database aside before a start, which would fail unless the program sqlite3 is installed."""
        problem = file_problem(self._host, self._site.database)
        aside = set_aside(self._site.database) if problem else None
        if aside:
            self.warnings.append(f"the database of fail2ban {problem} and was renamed to {aside}; its bans are lost")

    def restart_jail(self, name: str) -> None:
        """Restart the jail ``name``: its rules in the packet filter are created again, and its bans restored.

        fail2ban restores them from its database. Without one (``dbfile = None``) they are made again, with their time
        from its beginning.
        """
        server = self.require_server()
        banned = [] if server.ask("get", "dbfile") else banned_addresses(server, name)
        self._run_client("reload", "--restart", name)
        for address in banned:
            server.ask("set", name, "banip", address)
        if name not in self.reloaded:
            self.reloaded.append(name)

    def _run_client(self, *words: str) -> None:
        ran = self._host.run(["fail2ban-client", *words])
        if not ran.ok:
            raise BaselineError(f"fail2ban-client {' '.join(words)} failed: {ran.message()}")

    def _start(self, streams: Streams) -> None:
        self._logged = self._log_size()
        start(self._host, self.unit)
        self.server = connect(self._site.socket, seconds=_START_SECONDS, alive=self._is_alive)
        self.unit = service_state(self._host)
        if self.server is None or not self.unit.running:
            raise BaselineError("the service does not start", where=self.unit.name, hint=self._log_hint(lines=40))
        self.restarted = True
        try:
            self._wait_for_jails(streams)
        except BaselineError as error:
            # It answered, and stopped because of its configuration.
            problem = f"the service stops after its start: {error.sentence}"
            raise BaselineError(problem, where=self.unit.name, hint=self._log_hint(lines=40)) from error

    def _log_hint(self, *, lines: int) -> str:
        tail = service_log(self._host, lines=lines)
        hint = "see the log of the service, which ends with:\n" + ("\n".join(tail) or "nothing")
        # The cause is in the log of fail2ban itself, which is not part of the journal of the service.
        errors = recent_errors(self._new_log().splitlines())
        return hint + (f"\nand {self._site.log} with:\n" + "\n".join(errors) if errors else "")

    def _log_size(self) -> int:
        state = self._host.stat(self._site.log) if self._site.log.startswith("/") else None
        return state.st_size if state else 0

    def _new_log(self) -> str:
        """Return what fail2ban has logged since its start, from a log that may have been rotated meanwhile."""
        size = self._log_size()
        new = size - self._logged if size >= self._logged else size
        return (self._host.read(self._site.log, last=min(new, _TAIL)) or "") if new else ""

    def _is_alive(self) -> bool:
        return service_state(self._host).alive

    def _wait_for_jails(self, streams: Streams) -> None:
        # The server answers before it has read its configuration. "status" waits in the same queue behind it.
        deadline = time.monotonic() + _START_SECONDS
        while self.server and set(running_jails(self.server)) < set(streams) and time.monotonic() < deadline:
            time.sleep(0.1)
