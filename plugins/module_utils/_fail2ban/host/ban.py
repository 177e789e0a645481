# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bans and unbans by hand: asks server and packet filter, changes what differs, asks both again."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import BaselineError, unknown
from .. import ban as fail2ban_ban
from ..ban import Jail, Plan
from ..probe import tool_of
from .probe import controller
from .proof import last_errors
from .server import running_jails
from .site import Fail2ban, is_installed, read_site

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..ban import Request
    from .server import Asks

__all__ = ["Outcome", "ensure"]

# The jail's own thread takes a ban up, within a second on an idle host.
_SECONDS = 10.0
_NOTHING_CHANGED = "nothing was changed"


@dataclass(frozen=True)
class Outcome:
    """By jail, what was and what is in force of the wished addresses (in check mode: what would be)."""

    plans: dict[str, Plan]
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(plan.changes for plan in self.plans.values())


def ensure(host: Host, request: Request) -> Outcome:
    """Make the running server and the packet filter hold, or no longer hold, the addresses of ``request``."""
    if not is_installed(host):
        raise BaselineError(f"fail2ban is not installed on this host; {_NOTHING_CHANGED}")
    fail2ban = Fail2ban(host, read_site(host))
    return enforce(host, fail2ban.answering(), request, restart=fail2ban.restart_jail)


def enforce(host: Host, server: Asks, request: Request, *, restart: t.Callable[[str], None]) -> Outcome:
    """Do the work of :func:`ensure` with ``server``; ``restart`` starts a jail anew, with its bans."""
    jails = [_look(host, server, name) for name in _chosen(server, request)]
    if request.banned:
        _refuse(host, server, request, jails)
    outcome = Outcome(
        {jail.name: fail2ban_ban.plan(request, jail) for jail in jails},
        [
            f"the jail {jail.name} acts by {', '.join(jail.actions)}: no packet filter that is known here, so that "
            "only the server could be asked"
            for jail in jails
            if jail.refused is None
        ],
    )
    if not host.check_mode:
        for jail in jails:
            if outcome.plans[jail.name].changes:
                done = _carry_out(host, server, request, jail, outcome.plans[jail.name], restart)
                outcome.plans[jail.name] = done
    return outcome


def _chosen(server: Asks, request: Request) -> list[str]:
    running = running_jails(server)
    for name in request.jails:
        if name not in running:
            raise BaselineError(
                f"{unknown('jail', name, running)}; {_NOTHING_CHANGED}; "
                f"the jails that run are {', '.join(running) or 'none'}"
            )
    if not running:
        raise BaselineError(f"the fail2ban server runs without any jail; {_NOTHING_CHANGED}")
    return list(dict.fromkeys(request.jails)) or running


def _look(host: Host, server: Asks, name: str) -> Jail:
    actions = tuple(str(action) for action in server.ask("get", name, "actions") or [])
    return Jail(
        name,
        actions,
        tuple(str(entry) for entry in server.ask("get", name, "ignoreip") or []),
        frozenset(str(address) for address in server.ask("get", name, "banip")),
        *_refused(host, name, actions),
    )


def _refused(host: Host, name: str, actions: t.Iterable[str]) -> tuple[frozenset[str] | None, bool]:
    tools = {action: tool for action, tool in ((action, tool_of(action)) for action in actions) if tool}
    if not tools:
        return None, False
    for action, tool in tools.items():
        if host.find(tool.program) is None:
            raise BaselineError(
                f"the jail {name} bans with {action}, but there is no {tool.program} on this host, so that no ban "
                f"could bite; {_NOTHING_CHANGED}; install the package {tool.package}"
            )
    commands = dict.fromkeys(argv for tool in tools.values() for argv in tool.showing(name))
    shown = []
    for argv in commands:
        ran = host.run(argv)
        # ip6tables fails where the kernel has no IPv6; the first command of a tool has to work.
        if not ran.ok and argv in {tool.showing(name)[0] for tool in tools.values()}:
            raise BaselineError(
                f"the packet filter cannot be read: {' '.join(argv)}: {ran.message()}; {_NOTHING_CHANGED}"
            )
        shown.append(ran.out)
    return fail2ban_ban.entries_of("\n".join(shown), name)


def _refuse(host: Host, server: Asks, request: Request, jails: t.Iterable[Jail]) -> None:
    guarded = None if request.force else controller(host)
    for jail in jails:
        if not jail.actions:
            raise BaselineError(f"the jail {jail.name} has no action: a ban would only be counted; {_NOTHING_CHANGED}")
        for address in request.addresses:
            why = None if request.force else fail2ban_ban.protected(address, jail, guarded)
            if why:
                raise BaselineError(f"{why}; {_NOTHING_CHANGED}; set force to ban it all the same")
            if "/" in address:
                _refuse_network(server, jail, address)


def _refuse_network(server: Asks, jail: Jail, network: str) -> None:
    for action in jail.actions:
        tool = tool_of(action)
        if (
            tool
            and tool.program == "nft"
            and "interval" not in str(server.ask("get", jail.name, "action", action, "actionstart"))
        ):
            raise BaselineError(
                f"the jail {jail.name} cannot ban the network {network}: the set of its action {action} holds single "
                f"addresses only (it has no 'flags interval'); {_NOTHING_CHANGED}; ban the addresses, or "
                "refuse the network in your firewall"
            )


def _carry_out(
    host: Host, server: Asks, request: Request, jail: Jail, plan: Plan, restart: t.Callable[[str], None]
) -> Plan:
    for address in plan.unban:
        server.ask("set", jail.name, "unbanip", address)
    for address in plan.ban:
        server.ask("set", jail.name, "banip", address)
    if plan.restart:
        restart(jail.name)
    wrong = _wait(host, server, request, jail.name)
    if wrong and not request.banned and not plan.restart:
        # After one failed command fail2ban forgets that its set has entries, and takes none of them out any more.
        plan = replace(plan, restart=True)
        restart(jail.name)
        wrong = _wait(host, server, request, jail.name)
    if not wrong:
        return plan
    words = "\n".join(last_errors(host, server))
    if request.banned:
        for address in plan.ban:
            server.ask("set", jail.name, "unbanip", address)
        raise BaselineError(
            f"the ban of {', '.join(wrong)} by the jail {jail.name} ({', '.join(jail.actions)}) does not appear in the "
            f"packet filter; what was new in it was taken back. fail2ban's last words:\n{words}"
        )
    raise BaselineError(
        f"the ban of {', '.join(wrong)} by the jail {jail.name} ({', '.join(jail.actions)}) does not end. "
        f"fail2ban's last words:\n{words}"
    )


def _wait(host: Host, server: Asks, request: Request, name: str) -> list[str]:
    """Return what is still wrong after a while of waiting for the jail's own thread."""
    deadline = time.monotonic() + _SECONDS
    while True:
        jail = _look(host, server, name)
        if request.banned:
            wrong = [address for address in request.addresses if not jail.in_force(address)]
        else:
            wrong = list(fail2ban_ban.plan(request, jail).before)
        if not wrong or time.monotonic() >= deadline:
            return wrong
        time.sleep(0.2)
