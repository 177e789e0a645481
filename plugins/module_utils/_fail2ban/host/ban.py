# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manual bans: reads the server and the packet filter, changes what differs, reads both again."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import UNCHANGED, BaselineError, state_of_errors, unknown
from .. import ban as fail2ban_ban
from ..ban import BanPlan, RunningJail
from ..packet_filters import tool_of
from .daemon import Fail2ban
from .probe import controller
from .server import running_jails
from .server_log import recent_log_errors
from .site import is_installed, read_site

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..ban import BanRequest
    from ..packet_filters import Tool
    from .server import Asks

__all__ = ["BanResult", "ensure", "ensure_with"]

# The thread of the jail carries out a ban within a second on an idle host.
_SECONDS = 10.0


@dataclass(frozen=True)
class BanResult:
    """By jail: which requested addresses were and are in force (in check mode: would be)."""

    plans: dict[str, BanPlan]
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(plan.has_changes for plan in self.plans.values())


@dataclass(frozen=True)
class _Session:
    """A running server, how one of its jails is restarted, and the jails in which bans have been changed."""

    host: Host
    server: Asks
    restart: t.Callable[[str], None]
    changed: list[str] = field(default_factory=list)

    def state(self, *now: str) -> str:
        """Return what was changed, with what was done in the current jail."""
        return ", ".join([*(f"bans in {name} were changed" for name in self.changed), *now])


def ensure(host: Host, request: BanRequest) -> BanResult:
    """Ensure that the running server and the packet filter have, or no longer have, the addresses of ``request``."""
    if not is_installed(host):
        raise BaselineError("fail2ban is not installed on this host")
    fail2ban = Fail2ban(host, read_site(host))
    return ensure_with(host, fail2ban.require_server(), request, restart=fail2ban.restart_jail)


def ensure_with(host: Host, server: Asks, request: BanRequest, *, restart: t.Callable[[str], None]) -> BanResult:
    """Do the work of :func:`ensure` with ``server``; ``restart`` restarts a jail and keeps its bans."""
    session = _Session(host, server, restart)
    jails = [_gather(session, name) for name in _chosen(server, request)]
    if request.banned:
        _check(session, request, jails)
    plans = {jail.name: fail2ban_ban.plan(request, jail) for jail in jails}
    if not host.check_mode:
        plans = _apply(session, request, jails, plans)
    return BanResult(plans, [_unknown_filter(jail) for jail in jails if jail.refused is None])


def _unknown_filter(jail: RunningJail) -> str:
    actions = ", ".join(jail.actions)
    return f"the jail {jail.name} bans with {actions}, which is no known packet filter: only the server was checked"


def _chosen(server: Asks, request: BanRequest) -> list[str]:
    running = running_jails(server)
    for name in request.jails:
        if name not in running:
            raise BaselineError(
                unknown("jail", name, running),
                option="jails",
                state=UNCHANGED,
                hint=f"the running jails are {', '.join(running) or 'none'}",
            )
    if not running:
        raise BaselineError("the fail2ban server runs without any jail")
    return list(dict.fromkeys(request.jails)) or running


def _gather(session: _Session, name: str) -> RunningJail:
    ask = session.server.ask
    actions = tuple(str(action) for action in ask("get", name, "actions") or [])
    return RunningJail(
        name,
        actions,
        tuple(str(entry) for entry in ask("get", name, "ignoreip") or []),
        frozenset(str(address) for address in ask("get", name, "banip")),
        *_refused(session.host, name, actions),
    )


def _refused(host: Host, name: str, actions: t.Iterable[str]) -> tuple[frozenset[str] | None, bool]:
    """Return what the packet filter refuses for the jail (``None``: unknown filter), and whether it is kept apart."""
    tools = {action: tool for action, tool in ((action, tool_of(action)) for action in actions) if tool}
    if not tools:
        return None, False
    for action, tool in tools.items():
        if host.find(tool.program) is None:
            raise BaselineError(
                f"the jail {name} bans with {action}, but {tool.program} is not installed on this host, so a ban would "
                "not take effect",
                hint=f"install the package {tool.package}",
            )
    return fail2ban_ban.entries_of(_shown(host, name, list(tools.values())), name)


def _shown(host: Host, name: str, tools: t.Sequence[Tool]) -> str:
    required = {tool.showing(name)[0] for tool in tools}
    shown = []
    for argv in dict.fromkeys(argv for tool in tools for argv in tool.showing(name)):
        ran = host.run(argv)
        # ip6tables fails if the kernel has no IPv6. The first command of each tool has to work.
        if not ran.ok and argv in required:
            raise BaselineError(f"the packet filter cannot be read: {ran.message()}", where=" ".join(argv))
        shown.append(ran.out)
    return "\n".join(shown)


def _check(session: _Session, request: BanRequest, jails: t.Iterable[RunningJail]) -> None:
    """Refuse a ban of a protected address and a ban that the jail cannot carry out."""
    guarded = None if request.force else controller(session.host)
    own = () if request.force else _own_addresses(session.host)
    for jail in jails:
        if not jail.actions:
            raise BaselineError(f"the jail {jail.name} has no action, so a ban would only be counted")
        for address in request.addresses:
            why = None if request.force else fail2ban_ban.protected(address, jail, guarded, own)
            if why:
                raise BaselineError(why, option="address", hint="set force to ban it anyway")
            if "/" in address:
                _check_network(session.server, jail, address)


def _own_addresses(host: Host) -> list[str]:
    argv = ["ip", "-o", "address", "show"] if host.find("ip") else ["ifconfig"]
    return re.findall(r"\binet6? ([0-9a-f.:]+)", host.run(argv).out)


def _check_network(server: Asks, jail: RunningJail, network: str) -> None:
    for action in jail.actions:
        tool = tool_of(action)
        if not tool or tool.program != "nft":
            continue
        if "interval" not in str(server.ask("get", jail.name, "action", action, "actionstart")):
            raise BaselineError(
                f"the jail {jail.name} cannot ban the network {network}: the set of its action {action} contains "
                "single addresses only (it has no 'flags interval')",
                option="address",
                hint="ban single addresses, or refuse the network in your firewall",
            )


def _apply(
    session: _Session, request: BanRequest, jails: t.Iterable[RunningJail], plans: t.Mapping[str, BanPlan]
) -> dict[str, BanPlan]:
    done = dict(plans)
    for jail in jails:
        if plans[jail.name].has_changes:
            with state_of_errors(session.state(f"bans in {jail.name} may have been changed")):
                done[jail.name] = _carry_out(session, request, jail, plans[jail.name])
            session.changed.append(jail.name)
    return done


def _carry_out(session: _Session, request: BanRequest, jail: RunningJail, plan: BanPlan) -> BanPlan:
    """Change the bans of ``jail``; return the plan as it was carried out."""
    for address in plan.unban:
        session.server.ask("set", jail.name, "unbanip", address)
    for address in plan.ban:
        session.server.ask("set", jail.name, "banip", address)
    if plan.restart:
        session.restart(jail.name)
    wrong = _wait(session, request, jail.name)
    if wrong and not request.banned and not plan.restart:
        # After a failed command fail2ban assumes that its set is empty, and removes no entry any more.
        plan = replace(plan, restart=True)
        session.restart(jail.name)
        wrong = _wait(session, request, jail.name)
    if wrong:
        _fail(session, request, jail, plan, wrong)
    return plan


def _fail(session: _Session, request: BanRequest, jail: RunningJail, plan: BanPlan, wrong: list[str]) -> t.NoReturn:
    """Remove the new bans of ``plan`` and raise, with the errors that fail2ban has logged."""
    logged = "; ".join(recent_log_errors(session.host, session.server))
    new = plan.ban if request.banned else ()
    for address in new:
        session.server.ask("set", jail.name, "unbanip", address)
    problem = "does not appear in the packet filter" if request.banned else "does not end"
    raise BaselineError(
        f"the ban of {', '.join(wrong)} by the jail {jail.name} ({', '.join(jail.actions)}) {problem}. "
        f"fail2ban logged: {logged or 'nothing'}",
        state=session.state(*_what_was_done(jail.name, plan, removed=bool(new))),
    )


def _what_was_done(name: str, plan: BanPlan, *, removed: bool) -> list[str]:
    done = [f"the new bans in {name} were removed"] if removed else []
    done += [f"bans in {name} were ended"] if plan.unban else []
    return [*done, f"the jail {name} was restarted"] if plan.restart else done


def _wait(session: _Session, request: BanRequest, name: str) -> list[str]:
    """Wait for the thread of the jail; return the addresses that are not as requested after ``_SECONDS``."""
    deadline = time.monotonic() + _SECONDS
    while True:
        jail = _gather(session, name)
        if request.banned:
            wrong = [address for address in request.addresses if not jail.is_in_force(address)]
        else:
            wrong = list(fail2ban_ban.plan(request, jail).before)
        if not wrong or time.monotonic() >= deadline:
            return wrong
        time.sleep(0.2)
