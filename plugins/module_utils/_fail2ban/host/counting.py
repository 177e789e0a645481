# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves that a jail counts failed logins: makes one at sshd, and waits until fail2ban logs that it has found it."""

from __future__ import annotations

import contextlib
import json
import pwd
import time
import typing as t

from ..counting import (
    VISIBLE_LEVELS,
    connect_addresses,
    is_refused,
    login_command,
    random_source,
    random_user,
    sightings,
    why_not_counted,
)
from ..findings import quiet_sshd
from ..notify import other_actions
from ..sshd_log import argument_cause, log_errors
from .filter_rules import banned_addresses
from .server_log import log_lines

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..findings import SshdFacts, WatchedJail
    from ..sshd_log import SshdLog
    from .server import Asks

__all__ = ["Counting", "prove_counting"]

# fail2ban reads a new message within a second on an idle machine.
_SECONDS = 20.0
_TAIL = 1 << 18
# One login is one failure, or two with a mode or an ignoreregex of the jail itself.
_FEW_FAILURES = 2
_BAN_SECONDS = 3.0


class Counting(t.NamedTuple):
    """Whether the refused login was counted (``None``: not known), and why not."""

    counted: bool | None
    reason: str = ""


def prove_counting(host: Host, server: Asks, jail: WatchedJail, facts: SshdFacts | None, log: SshdLog) -> Counting:
    """Have sshd refuse a login as a user who does not exist, and find out whether ``jail`` counts it.

    The login comes over loopback, from an address of its own. A ban that it leads to is removed.
    """
    if facts is None or not facts.listens:
        return Counting(None, "sshd does not listen, or rejects its configuration")
    if host.find("ssh") is None:
        return Counting(None, "the program ssh is not installed on this host (package openssh-client, openssh-clients)")
    others = other_actions(jail.actions)
    if others and jail.maxretry <= _FEW_FAILURES:
        return Counting(None, f"it may lead to a ban, which would also run {', '.join(others)}")
    if not log_lines(host, server):
        return Counting(None, "the log of fail2ban cannot be read, or is empty")
    user = _unknown_user()
    started = time.time()
    answer = ""
    with _visible_failures(server):
        for address, port in connect_addresses(facts):
            # IPv6 has a single loopback address. An address of another interface is its own source.
            # The loopback interface of FreeBSD has 127.0.0.1 only.
            has_network = address.startswith("127.") and not host.platform.is_freebsd
            source = random_source() if has_network else ""
            seen = source or address
            before = _sightings(host, server, jail.name, seen)
            ran = host.run(login_command(user, address, port, source))
            if is_refused(ran.err):
                counted = _wait(host, server, jail.name, seen, before)
                _unban(server, jail, seen)
                if counted:
                    return Counting(True)
                causes = [quiet_sshd(jail, facts) or "", argument_cause(log.arguments), *log_errors(log, jail.maxretry)]
                return Counting(False, _why_not(host, jail, user, started, causes))
            answer = ran.message()
    return Counting(None, f"the login at sshd did not come as far as a user name: {answer}")


def _unban(server: Asks, jail: WatchedJail, address: str) -> None:
    """Remove the ban that few failures lead to. The server bans a moment after it has logged the failure."""
    deadline = time.monotonic() + (_BAN_SECONDS if jail.maxretry <= _FEW_FAILURES else 0.0)
    while address not in banned_addresses(server, jail.name) and time.monotonic() < deadline:
        time.sleep(0.2)
    server.ask("set", jail.name, "unbanip", address)


def _unknown_user() -> str:
    while True:
        user = random_user()
        try:
            pwd.getpwnam(user)
        except KeyError:
            return user


@contextlib.contextmanager
def _visible_failures(server: Asks) -> t.Iterator[None]:
    """Have fail2ban log failures meanwhile. It does unless its ``loglevel`` is higher than INFO."""
    level = str(server.ask("get", "loglevel"))
    if level.upper() in VISIBLE_LEVELS:
        yield
        return
    server.ask("set", "loglevel", "INFO")
    try:
        yield
    finally:
        server.ask("set", "loglevel", level)


def _sightings(host: Host, server: Asks, jail: str, address: str) -> int:
    return sightings("\n".join(log_lines(host, server)), jail, address)


def _wait(host: Host, server: Asks, jail: str, address: str, before: int) -> bool:
    deadline = time.monotonic() + _SECONDS
    while _sightings(host, server, jail, address) <= before:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)
    return True


def _why_not(host: Host, jail: WatchedJail, user: str, started: float, causes: t.Iterable[str]) -> str:
    lines = "\n".join(host.read(path, last=_TAIL) or "" for path in jail.paths)
    entries = _entries(host, started)
    return why_not_counted(jail, user, entries=entries, lines=lines, causes=[cause for cause in causes if cause])


def _entries(host: Host, started: float) -> list[dict[str, t.Any]]:
    """Return the entries of the journal since ``started`` (seconds since the epoch), none without a journal."""
    if host.find("journalctl") is None:
        return []
    since = f"@{int(started) - 1}"
    ran = host.run(["journalctl", "--quiet", "--no-pager", "--since", since, "--output", "json"])
    return [json.loads(line) for line in ran.out.splitlines()]
