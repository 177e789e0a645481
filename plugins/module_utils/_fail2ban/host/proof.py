# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves at the packet filter that a ban bites: bans a documentation address, looks, unbans it, looks again."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.paths import runtime_folder
from ..plan import last_words
from ..probe import (
    addresses_in,
    documentation_addresses,
    rules_of,
    tool_of,
)
from .server import running_jails
from .service import service_tail

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream
    from .server import Asks

__all__ = ["Proof", "bans_of", "clean_up", "last_errors", "lost", "prove", "settle", "shown"]

Proof = t.Dict[str, t.Any]

_SETTLE_SECONDS = 10.0
_TAIL = 1 << 18


def shown(host: Host, jail: JailStream) -> str:
    """Return what the packet filters behind ``jail``'s actions show."""
    tools = [tool for tool in (tool_of(action) for action in jail.actions) if tool]
    commands = dict.fromkeys(argv for tool in tools for argv in tool.showing(jail.name))
    return "\n".join(host.run(argv).out for argv in commands)


def lost(host: Host, server: Asks, jail: JailStream, rules: t.Collection[str]) -> list[str]:
    """Return what the packet filter has lost of ``jail``: lines of ``rules`` and addresses that are banned."""
    text = shown(host, jail)
    present = addresses_in(text)
    missing = [address for address in bans_of(server, jail.name) if address not in present]
    if missing:
        # A ban may have come or gone between the two readings: only what is still amiss counts.
        present = addresses_in(shown(host, jail))
        missing = [address for address in bans_of(server, jail.name) if address in missing and address not in present]
    standing = rules_of(text, jail.name)
    return [*(rule for rule in rules if rule not in standing), *missing]


def bans_of(server: Asks, jail: str) -> list[str]:
    """Return the addresses that ``jail`` holds banned."""
    return [str(address) for address in server.ask("get", jail, "banip")]


def _note(server: Asks) -> str:
    """Name the file that holds the test bans while there are some: it lives as long as the server's own memory."""
    database = str(server.ask("get", "dbfile") or "")
    folder = os.path.dirname(database) if database.startswith("/") else runtime_folder()
    return f"{folder}/pyhost.baseline.test-bans"


def clean_up(host: Host, server: Asks) -> list[str]:
    """Take back the test bans that a proof left behind when it was killed; return their addresses."""
    path = _note(server)
    try:
        bans: dict[str, list[str]] = json.loads(host.read(path) or "{}")
    except ValueError:
        bans = {}
    jails = running_jails(server) if bans else []
    left = [(jail, address) for jail, addresses in bans.items() for address in addresses if jail in jails]
    for jail, address in left:
        # Takes it out of the packet filter, the server and its database; an address that is not banned does no harm.
        server.ask("set", jail, "unbanip", address)
    host.remove(path)
    return [address for _jail, address in left]


def settle(host: Host, server: Asks, jail: JailStream, held: t.Iterable[str]) -> None:
    """Wait until what ``jail`` ``held`` before it was started anew is back in the packet filter.

    fail2ban takes its bans from the database beside what it is asked meanwhile; while it makes the rules that it finds
    missing, a ban that is asked to end may stay.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    wanted = {*held, *bans_of(server, jail.name)}
    while not wanted <= (addresses_in(shown(host, jail)) if wanted else set()) and time.monotonic() < deadline:
        time.sleep(0.2)
        # One may have ended by itself, and another may have begun.
        wanted |= set(bans_of(server, jail.name))


def prove(host: Host, server: Asks, jail: JailStream) -> Proof:
    """Ban documentation addresses in ``jail``, see them in the packet filter, unban them, see them gone."""
    others = [action for action in jail.actions if tool_of(action) is None]
    if others:
        return {"proven": False, "reason": f"a ban would also run {', '.join(others)}, which may tell others of it"}
    taken = set(bans_of(server, jail.name))
    # A table of pf takes both families; FreeBSD has no such file.
    ipv6 = host.platform.is_freebsd or host.stat("/proc/net/if_inet6") is not None
    addresses = documentation_addresses(ipv6=ipv6, taken=taken)
    host.write(_note(server), json.dumps({jail.name: addresses}), mode=0o600)
    try:
        for address in addresses:
            server.ask("set", jail.name, "banip", address)
        _wait(host, server, jail, addresses, banned=True)
    finally:
        for address in addresses:
            server.ask("set", jail.name, "unbanip", address)
        host.remove(_note(server))
    _wait(host, server, jail, addresses, banned=False)
    rules = rules_of(shown(host, jail), jail.name)
    return {"proven": True, "addresses": addresses, "actions": jail.actions, "rules": rules}


def _wait(host: Host, server: Asks, jail: JailStream, addresses: list[str], *, banned: bool) -> None:
    deadline = time.monotonic() + 3
    while True:
        present = addresses_in(shown(host, jail))
        wrong = [address for address in addresses if (address in present) is not banned]
        if not wrong:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(0.2)
    words = "\n".join(last_errors(host, server))
    what = "does not appear in" if banned else "stays in"
    raise BaselineError(
        f"a ban of {', '.join(wrong)} by the jail {jail.name} ({', '.join(jail.actions)}) {what} the packet filter: "
        f"bans do not {'bite' if banned else 'end'}; the test ban was taken back. fail2ban's last words:\n{words}"
    )


def last_errors(host: Host, server: Asks) -> list[str]:
    """Return fail2ban's last errors and warnings from wherever it logs to."""
    target = str(server.ask("get", "logtarget"))
    text = host.read(target, last=_TAIL) if target.startswith("/") else None
    return last_words(text.splitlines()[-200:] if text is not None else service_tail(host, lines=50))
