# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fail2ban does on this host, and which of its jails are blind or toothless. Changes nothing."""

from __future__ import annotations

import datetime
import typing as t

from ..blind import Watch
from ..config import filter_name, options_of
from ..forged import doubts
from ..probe import addresses_in, by_port, tool_of
from ..report import counts_of, parse_ban
from .probe import why_no_entries
from .server import connect, running_jails
from .site import is_installed, read_site
from .trouble import (
    Trouble,
    around,
    last_entry,
    not_working,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .server import Asks
    from .site import Site

__all__ = ["look"]

Report = t.Dict[str, t.Any]


def look(host: Host) -> Report:
    """Return the whole report: ``installed``, ``running``, ``version``, ``database``, ``jails``, ``warnings``."""
    report: Report = {
        "installed": is_installed(host),
        "running": False,
        "version": None,
        "database": None,
        "jails": {},
        "warnings": [],
    }
    if not report["installed"]:
        return report
    site = read_site(host)
    server = connect(site.socket, seconds=0)
    if server is None:
        report["warnings"] = [f"no fail2ban server answers at {site.socket}: nobody is banned"]
        return report
    report.update(running=True, version=server.ask("version"), database=_database(host, server))
    watches = [_watch(server, site, name) for name in running_jails(server)]
    report["jails"] = {watch.name: _jail(host, server, watch) for watch in watches}
    unread = why_no_entries(host) if any(watch.journal for watch in watches) else ""
    report["warnings"] = [
        line for watch in watches for line in _warnings(host, watch, report["jails"][watch.name], unread=unread)
    ]
    if not report["jails"]:
        report["warnings"] = ["the fail2ban server runs without any jail: nobody is banned"]
    return report


def _database(host: Host, server: Asks) -> Report | None:
    path = server.ask("get", "dbfile")
    if path is None:
        return None
    state = host.stat(str(path))
    return {"path": str(path), "size": state.st_size if state else 0}


def _watch(server: Asks, site: Site, name: str) -> Watch:
    status = server.ask("status", name)
    journal = "Journal matches" in dict(dict(status).get("Filter", []))
    actions = [str(action) for action in server.ask("get", name, "actions") or []]
    matches = server.ask("get", name, "journalmatch") or [] if journal else []
    paths = [] if journal else server.ask("get", name, "logpath") or []
    return Watch(
        name=name,
        filter=filter_name(name, options_of(site.own or "").get(name, {}), site.others),
        journal=journal,
        matches=tuple(" ".join(map(str, group)) for group in matches),
        paths=tuple(map(str, paths)),
        actions=tuple(actions),
        ports=tuple(port for port in (_port(server, name, action) for action in actions) if port),
        ignored=tuple(str(entry) for entry in server.ask("get", name, "ignoreip") or []),
        usedns=str(server.ask("get", name, "usedns")),
    )


def _port(server: Asks, name: str, action: str) -> str | None:
    told = {str(entry) for entry in server.ask("get", name, "actionproperties", action) or []}
    if not {"port", "actionstart", "actionban"} <= told:
        return None
    asked = [str(server.ask("get", name, "action", action, words)) for words in ("actionstart", "actionban", "port")]
    kind = str(server.ask("get", name, "action", action, "actiontype")) if "actiontype" in told else ""
    return asked[-1] if by_port(*asked[:-1], actiontype=kind) else None


def _jail(host: Host, server: Asks, watch: Watch) -> Report:
    name, now = watch.name, datetime.datetime.now()
    last = last_entry(host, watch)
    return {
        "source": "journal" if watch.journal else "files",
        "journalmatch": list(watch.matches),
        "logpath": list(watch.paths),
        "has_entries": last is not None,
        "last_entry": None if last is None else str(datetime.datetime.fromtimestamp(int(last))),
        "filter": watch.filter,
        "maxretry": server.ask("get", name, "maxretry"),
        "findtime": server.ask("get", name, "findtime"),
        "bantime": server.ask("get", name, "bantime"),
        "ignoreip": list(watch.ignored),
        "usedns": watch.usedns,
        "actions": list(watch.actions),
        "ports": list(watch.ports),
        **counts_of(server.ask("status", name)),
        "bans": [parse_ban(str(line), now) for line in server.ask("get", name, "banip", "--with-time")],
    }


def _warnings(host: Host, watch: Watch, jail: Report, *, unread: str) -> t.Iterator[str]:
    """Yield what keeps the jail from seeing or biting; ``unread`` says why there is nothing in the journal at all."""
    name = watch.name
    if not jail["has_entries"]:
        what = " + ".join(watch.matches) if watch.journal else ", ".join(watch.paths)
        yield f"the jail {name} sees nothing: its {jail['source']} ({what or 'none at all'}) has no entry yet"
    if not watch.actions:
        yield f"the jail {name} has no action: it counts failures and bans nobody"
    if watch.journal and unread:
        yield f"the jail {name} reads the journal, but {unread}"
    found = Trouble()
    around(host, watch, found, sshd=True)
    yield from [*found.errors, *found.warnings, *doubts(watch)]
    tools = [(action, tool) for action, tool in ((action, tool_of(action)) for action in watch.actions) if tool]
    for action, tool in tools:
        if host.find(tool.program) is None:
            yield f"the jail {name} cannot bite: it bans with {action}, but there is no {tool.program} on this host"
    yield from not_working(host, name, watch.actions)
    present = {tool for _action, tool in tools if host.find(tool.program)}
    if jail["bans"] and present:
        shown = "\n".join(host.run(argv).out for tool in present for argv in tool.showing(name))
        missing = {ban["address"] for ban in jail["bans"] if ban["remaining"] != 0} - addresses_in(shown)
        if missing:
            yield f"the jail {name} does not bite: the packet filter lacks its bans of {', '.join(sorted(missing))}"
