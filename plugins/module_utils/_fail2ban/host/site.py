# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fail2ban on the host: its files, the staged check of a candidate, and bringing it in force."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError, unknown
from .. import config as fail2ban
from .. import plan as fail2ban_plan
from .. import source as fail2ban_source
from ..stream import expected, parse_stream
from .probe import unread_words
from .server import (
    Server,
    connect,
    running_jails,
    running_values,
)
from .service import (
    Service,
    enable,
    service_state,
    service_tail,
    start,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import Composed, Probes, Wish
    from ..stream import JailStream

__all__ = [
    "DIRECTORIES",
    "Fail2ban",
    "Site",
    "Streams",
    "Values",
    "compose_for",
    "directory_of",
    "is_installed",
    "own_log",
    "own_path",
    "read_site",
    "read_streams",
]

# Linux's, and that of FreeBSD's ports.
DIRECTORIES = ("/etc/fail2ban", "/usr/local/etc/fail2ban")
# jail.d/*.local is read after all else (jail.conf(5)), in the order of the names.
_OWN = "/jail.d/zz-pyhost-baseline.local"
_LOG = "/var/log/fail2ban.log"
_SOCKET = "/var/run/fail2ban/fail2ban.sock"
_START_SECONDS = 30.0
_NOTHING_CHANGED = "nothing was changed"

Values = t.Dict[str, t.Dict[str, t.Any]]
Streams = t.Dict[str, "JailStream"]


@dataclass(frozen=True)
class Site:
    """fail2ban's files as they are: other jail files composed, those read after ours, our own text, socket and log.

    ``directory`` is where they lie.
    """

    others: dict[str, dict[str, str]]
    later: dict[str, str]
    own: str | None
    socket: str
    log: str
    directory: str = DIRECTORIES[0]

    @property
    def path(self) -> str:
        """Our file."""
        return self.directory + _OWN


def directory_of(host: Host) -> str:
    """Return where fail2ban's files lie, or would lie where it is not installed."""
    found = [directory for directory in DIRECTORIES if host.stat(f"{directory}/jail.conf") is not None]
    return (found or [DIRECTORIES[1] if host.platform.is_freebsd else DIRECTORIES[0]])[0]


def own_path(host: Host) -> str:
    """Return the path of our file."""
    return directory_of(host) + _OWN


def is_installed(host: Host) -> bool:
    return host.find("fail2ban-client") is not None and host.stat(f"{directory_of(host)}/jail.conf") is not None


def read_site(host: Host) -> Site:
    """Read fail2ban's jail files and settings."""
    directory = directory_of(host)
    own_file = directory + _OWN
    jails = _texts(host, directory, "jail")
    sections = fail2ban.effective_settings(_texts(host, directory, "fail2ban").values())
    settings = {**sections.get("DEFAULT", {}), **sections.get("Definition", {})}
    own = jails.pop(own_file, None)
    read_in_turn = fail2ban.read_order([*jails, own_file], directory, "jail")
    return Site(
        others=fail2ban.effective_settings(jails.values()),
        later={path: jails[path] for path in read_in_turn[read_in_turn.index(own_file) + 1 :]},
        own=own,
        socket=settings.get("socket", _SOCKET),
        log=settings.get("logtarget", _LOG),
        directory=directory,
    )


def _texts(host: Host, directory: str, name: str) -> dict[str, str]:
    paths = host.glob(f"{directory}/{name}.*") + host.glob(f"{directory}/{name}.d/*")
    return {path: host.read(path) or "" for path in fail2ban.read_order(paths, directory, name)}


def compose_for(host: Host, wish: Wish, probes: Probes, site: Site) -> Composed:
    """Return our candidate file; a jail's filter that does not exist is named before anything else is tried."""
    fail2ban.check_names(wish.defaults, wish.jails)
    filters = {}
    for name in wish.jails:
        filter_name = fail2ban.filter_name(name, wish.jails[name], site.others)
        parts = [host.read(f"{site.directory}/filter.d/{filter_name}.{kind}") for kind in ("conf", "local")]
        if parts == [None, None] and name in wish.enabled:
            known = _names(host, site, "filter.d")
            raise BaselineError(
                f"[{name}]: {unknown('filter', filter_name, known)}; nothing was changed; "
                f"a filter is a file {site.directory}/filter.d/{filter_name}.conf"
            )
        filters[name] = "\n".join(part for part in parts if part)
    if any(
        fail2ban.filter_name(name, wish.jails[name], site.others) == "sshd"
        and not (probes.passwords and "mode" not in {**site.others.get(name, {}), **wish.jails[name]})
        for name in wish.enabled
    ):
        probes = replace(probes, unread=unread_words(host, site.directory))
    return fail2ban_plan.compose(wish, probes, site.others, filters)


def _names(host: Host, site: Site, folder: str) -> list[str]:
    return [os.path.splitext(os.path.basename(path))[0] for path in host.glob(f"{site.directory}/{folder}/*.conf")]


def read_streams(host: Host, site: Site, candidate: str | None = None) -> Streams:
    """Return what the files mean to fail2ban, or would mean with ``candidate`` as our file; a rejection raises."""
    directory = site.directory
    if candidate is not None:
        directory = host.scratch() + "/fail2ban"
        host.copy_tree(site.directory, directory)
        host.write(directory + _OWN, candidate)
    ran = host.run(["fail2ban-client", "-c", directory, "-d", "-t"])
    if not ran.ok:
        words = fail2ban_plan.explain_rejection(
            ran.err, filters=_names(host, site, "filter.d"), actions=_names(host, site, "action.d")
        ).replace(directory, site.directory)
        if host.platform.is_freebsd and "not found any log file" in words:
            # newsyslog.conf(5) has /var/log/auth.log with the flag C: it is made at boot where it is missing.
            words += "; `service newsyslog onestart` makes the logs that syslogd writes"
        raise BaselineError(f"fail2ban rejects the configuration: {words}; {_NOTHING_CHANGED}")
    return parse_stream(ran.out.replace(directory, site.directory))


@contextlib.contextmanager
def own_log(host: Host, wish: Wish, site: Site) -> t.Iterator[None]:
    """Have fail2ban's own log there, empty, where a wished jail reads it and no server has ever started and made it.

    fail2ban leaves out a jail whose log is missing. A wish that is refused leaves no log behind.
    """
    wanted = any(fail2ban_source.reads(name, wish.jails[name], site.others, site.log) for name in wish.enabled)
    missing = wanted and not host.check_mode and site.log.startswith("/") and host.stat(site.log) is None
    if missing:
        host.write(site.log, "", mode=0o600)
    try:
        yield
    except BaselineError:
        if missing and not host.read(site.log):
            host.remove(site.log)
        raise


class Fail2ban:
    """The service on this host and the conversation with its server."""

    def __init__(self, host: Host, site: Site) -> None:
        self._host = host
        self._site = site
        self.unit: Service = service_state(host)
        self.server: Server | None = connect(site.socket, seconds=10 if self.unit.running else 0)
        self.reloaded: list[str] = []
        self.restarted = False

    def values(self, streams: Streams) -> Values:
        """Return what the running server does, empty where it does not run."""
        return running_values(self.server, streams) if self.server else {}

    def answering(self) -> Server:
        """Return the server, which has to answer."""
        if self.server is None:
            tail = "\n".join(service_tail(self._host))
            raise BaselineError(
                f"no fail2ban server answers at {self._site.socket} ({self.unit.name} is {self.unit.words}); "
                f"{_NOTHING_CHANGED}; its last words:\n{tail or 'none'}"
            )
        return self.server

    def service(self) -> dict[str, bool]:
        return {"running": self.server is not None, "enabled": self.unit.enabled}

    def bring_in_force(self, streams: Streams, before: Values, *, changed: t.Collection[str]) -> None:
        """Make the server run ``streams``: start it, or reload the jails that differ (``changed``: by their files)."""
        if not self.unit.enabled:
            enable(self._host)
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
            raise BaselineError(
                f"fail2ban-client {' '.join(words)} failed: {ran.message()}; {self._site.path} is written"
            )

    def _start(self, streams: Streams) -> None:
        start(self._host, self.unit)
        self.server = connect(self._site.socket, seconds=_START_SECONDS, alive=self._is_alive)
        self.unit = service_state(self._host)
        if self.server is None or not self.unit.running:
            tail = "\n".join(service_tail(self._host, lines=40))
            raise BaselineError(f"{self.unit.name} does not start; its last words:\n{tail}")
        self.restarted = True
        try:
            self._wait_for_jails(streams)
        except BaselineError as error:
            # It answered, and went down over its configuration.
            tail = "\n".join(service_tail(self._host, lines=40))
            raise BaselineError(f"{self.unit.name} does not stay up: {error}; its last words:\n{tail}") from error

    def _is_alive(self) -> bool:
        return service_state(self._host).alive

    def _wait_for_jails(self, streams: Streams) -> None:
        # The server answers before it has read its configuration; "server-status" waits in the same queue behind it.
        deadline = time.monotonic() + _START_SECONDS
        while self.server and set(running_jails(self.server)) < set(streams) and time.monotonic() < deadline:
            time.sleep(0.1)
