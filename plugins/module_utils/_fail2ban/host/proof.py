# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves that bans take effect: bans documentation addresses, checks the packet filter, unbans, checks again."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.paths import runtime_folder
from ..notify import other_actions
from ..packet_filters import addresses_in, documentation_addresses, rules_of
from .filter_rules import banned_addresses, remove_other_rules, shown, wrong_rules
from .server import running_jails
from .server_log import recent_log_errors

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream
    from .server import Asks

__all__ = ["Proof", "prove", "remove_test_bans", "wait_for_restored_bans"]

Proof = t.Dict[str, t.Any]

_NO_CAPABILITY = (
    "give the service of fail2ban the capability CAP_NET_ADMIN (CapabilityBoundingSet= of its unit), which it lacks; "
)
_RESTORE_SECONDS = 10.0
_BAN_SECONDS = 3.0


def _note_path(server: Asks) -> str:
    """Return the file that contains the test bans while they exist. It is kept as long as the server's database."""
    database = str(server.ask("get", "dbfile") or "")
    folder = os.path.dirname(database) if database.startswith("/") else runtime_folder()
    return f"{folder}/pyhost.baseline.test-bans"


def remove_test_bans(host: Host, server: Asks) -> list[str]:
    """Remove the test bans of a proof that was killed; return their addresses."""
    path = _note_path(server)
    try:
        bans: dict[str, list[str]] = json.loads(host.read(path) or "{}")
    except ValueError:
        bans = {}
    jails = running_jails(server) if bans else []
    left = [(jail, address) for jail, addresses in bans.items() for address in addresses if jail in jails]
    for jail, address in left:
        # This removes the ban from the packet filter, the server and its database. It has no effect without a ban.
        server.ask("set", jail, "unbanip", address)
    host.remove(path)
    return [address for _jail, address in left]


def wait_for_restored_bans(host: Host, server: Asks, jail: JailStream, banned: t.Iterable[str]) -> None:
    """Wait until the packet filter has the addresses that ``jail`` had ``banned`` before it was restarted.

    fail2ban restores its bans from the database while it answers requests. An unban request that comes while it creates
    missing rules can be lost.
    """
    deadline = time.monotonic() + _RESTORE_SECONDS
    awaited = {*banned, *banned_addresses(server, jail.name)}
    while not awaited <= (addresses_in(shown(host, jail)) if awaited else set()) and time.monotonic() < deadline:
        time.sleep(0.2)
        # A ban may have ended, and another one may have started.
        awaited |= set(banned_addresses(server, jail.name))


def prove(host: Host, server: Asks, jail: JailStream) -> Proof:
    """Ban documentation addresses in ``jail``, find them in the packet filter, unban them, find them gone."""
    others = other_actions(jail.actions)
    if others:
        return {"proven": False, "reason": f"a ban would also run {', '.join(others)}, which may report it to others"}
    taken = set(banned_addresses(server, jail.name))
    # A table of pf has both families. FreeBSD does not have this file.
    ipv6 = host.platform.is_freebsd or host.stat("/proc/net/if_inet6") is not None
    addresses = documentation_addresses(ipv6=ipv6, taken=taken)
    host.write(_note_path(server), json.dumps({jail.name: addresses}), mode=0o600)
    try:
        for address in addresses:
            server.ask("set", jail.name, "banip", address)
        _wait(host, server, jail, addresses, banned=True)
        _check_rules(host, server, jail)
    finally:
        for address in addresses:
            server.ask("set", jail.name, "unbanip", address)
        host.remove(_note_path(server))
    _wait(host, server, jail, addresses, banned=False)
    rules = rules_of(shown(host, jail), jail.name)
    return {"proven": True, "addresses": addresses, "actions": jail.actions, "rules": rules}


def _wait(host: Host, server: Asks, jail: JailStream, addresses: list[str], *, banned: bool) -> None:
    deadline = time.monotonic() + _BAN_SECONDS
    while True:
        present = addresses_in(shown(host, jail))
        wrong = [address for address in addresses if (address in present) is not banned]
        if not wrong:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(0.2)
    effect = "do not take effect" if banned else "do not end"
    place = "does not appear in" if banned else "stays in"
    logged = "\n".join(recent_log_errors(host, server))
    # The filter was tried by this run, which has the capability.
    hint = _NO_CAPABILITY if "Operation not permitted" in logged else ""
    raise BaselineError(
        f"bans of the jail {jail.name} ({', '.join(jail.actions)}) {effect}: a test ban of {', '.join(wrong)} {place} "
        "the packet filter",
        hint=hint + "see the log of fail2ban, which reports:\n" + (logged or "nothing"),
    )


def _check_rules(host: Host, server: Asks, jail: JailStream) -> None:
    """Raise if the rules of the test bans are not the ones that ``jail`` requests. Earlier rules are removed."""
    wrong = wrong_rules(host, server, jail)
    if wrong:
        remove_other_rules(host, server, jail)
    # The action of firewalld makes a rule for each port, one after another.
    deadline = time.monotonic() + _BAN_SECONDS
    while wrong and time.monotonic() < deadline:
        time.sleep(0.2)
        wrong = wrong_rules(host, server, jail)
    if wrong:
        raise BaselineError(
            f"bans of the jail {jail.name} ({', '.join(jail.actions)}) do not refuse what the jail requests; in the "
            f"packet filter: {'; '.join(wrong)}",
            hint=f"compare the rules of the packet filter with `fail2ban-client get {jail.name} actionproperties "
            f"{jail.actions[0]}`",
        )
