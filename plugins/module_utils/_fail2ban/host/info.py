# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about fail2ban: its jails and bans, jails without a log source or a working ban action. Read-only."""

from __future__ import annotations

import datetime
import typing as t

from ..config import filter_name
from ..counting import not_counted, unproven
from ..findings import JailFindings, WatchedJail, no_database
from ..forwarded_ports import covers_forwarded_ports
from ..jail_files import parse_sections
from ..jail_messages import odd_times
from ..log_forging import forging_warnings
from ..packet_filters import by_port, missing_in, own_entries, tool_of
from ..status import counts_of, parse_ban
from .counting import prove_counting
from .database import database_problem
from .findings import check_environment, failing_filters, last_entry, sshd_facts
from .probe import journald_settings, sshd_log, why_no_entries
from .readings import Readings
from .server import connect, running_jails, source_of
from .server_log import own_log_lines
from .service import service_state
from .site import is_installed, read_site
from .unread import unread_reason, unread_sources

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..sshd_log import SshdLog
    from .server import Asks
    from .site import Site

__all__ = ["gather"]

Report = t.Dict[str, t.Any]


def gather(host: Host, *, prove: bool = False) -> Report:
    """Return the whole report: ``installed``, ``running``, ``version``, ``database``, ``jails``, ``warnings``.

    ``prove``: whether to make a login that sshd refuses, to find out whether the jails with the filter sshd count it.
    """
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
    # FreeBSD has no /proc.
    pid = 0 if host.platform.is_freebsd else service_state(host).main_pid
    report.update(running=True, version=server.ask("version"), database=_database(host, server, pid, site))
    jails = [_watched_jail(server, site, name) for name in running_jails(server)]
    report["jails"] = {jail.name: _jail(host, server, jail) for jail in jails}
    journald = journald_settings(host)
    log = sshd_log(host, journald)
    no_entries = why_no_entries(host, journald) if any(jail.journal for jail in jails) else ""
    readings = Readings(host)
    report["warnings"] = [
        line for jail in jails for line in _warnings(readings, jail, report["jails"][jail.name], log, no_entries)
    ]
    report["warnings"] += [
        *_database_warnings(report["database"]),
        *odd_times(own_log_lines(readings, server), [jail.name for jail in jails]),
        *_unread_warnings(readings, server, pid, jails),
    ]
    if prove:
        report["warnings"] += _counting_warnings(host, server, jails, log, report["jails"])
    if not report["jails"]:
        report["warnings"] = ["the fail2ban server runs without any jail: nobody is banned"]
    return report


def _counting_warnings(
    host: Host, server: Asks, jails: t.Iterable[WatchedJail], log: SshdLog, reports: dict[str, Report]
) -> t.Iterator[str]:
    for jail in jails:
        if jail.filter != "sshd":
            continue
        counting = prove_counting(host, server, jail, sshd_facts(host), log)
        reports[jail.name]["counts"] = counting.counted
        if counting.counted is False:
            yield not_counted(jail.name, counting.reason)
        elif counting.counted is None:
            yield unproven(jail.name, counting.reason)


def _unread_warnings(readings: Readings, server: Asks, pid: int, jails: t.Sequence[WatchedJail]) -> t.Iterator[str]:
    journals = [jail.name for jail in jails if jail.journal]
    files = {jail.name: jail.paths for jail in jails if not jail.journal}
    unread = unread_sources(readings, server, pid, journals=journals, files=files)
    if unread:
        why, hint = unread_reason(readings.host, server)
        yield (
            f"the jails {', '.join(unread)} count nothing: the server does not read {min(unread.values())}, which is "
            f"written; {why + '; ' if why else ''}{hint or 'run `systemctl restart fail2ban`'}"
        )


def _database(host: Host, server: Asks, pid: int, site: Site) -> Report | None:
    path = server.ask("get", "dbfile")
    if path is None:
        return None
    state = host.stat(str(path))
    problem = database_problem(host, server, pid, site.database)
    return {"path": str(path), "size": state.st_size if state else 0, "problem": problem}


def _database_warnings(database: Report | None) -> t.Iterator[str]:
    yield from no_database(database and database["path"])
    if database and database["problem"]:
        yield (
            f"the database of fail2ban, {database['path']}, {database['problem']}: bans are not kept, and the next "
            "reload fails or leaves jails without an action; run the module fail2ban_jails, which repairs that"
        )


def _watched_jail(server: Asks, site: Site, name: str) -> WatchedJail:
    journal = source_of(server, name) == "journal"
    actions = [str(action) for action in server.ask("get", name, "actions") or []]
    matches = server.ask("get", name, "journalmatch") or [] if journal else []
    paths = [] if journal else server.ask("get", name, "logpath") or []
    return WatchedJail(
        name=name,
        filter=filter_name(name, parse_sections(site.own or "").get(name, {}), site.others),
        journal=journal,
        matches=tuple(" ".join(map(str, group)) for group in matches),
        paths=tuple(map(str, paths)),
        actions=tuple(actions),
        ports=tuple(port for port in (_port(server, name, action) for action in actions) if port),
        ignored=tuple(str(entry) for entry in server.ask("get", name, "ignoreip") or []),
        usedns=str(server.ask("get", name, "usedns")),
        maxretry=int(server.ask("get", name, "maxretry")),
        covers_forwarded=all(_covers_forwarded(server, name, action) for action in actions),
    )


def _covers_forwarded(server: Asks, name: str, action: str) -> bool:
    asked = {"chain", "chain_hook"} & {str(one) for one in server.ask("get", name, "actionproperties", action) or []}
    return covers_forwarded_ports(action, {one: str(server.ask("get", name, "action", action, one)) for one in asked})


def _port(server: Asks, name: str, action: str) -> str | None:
    properties = {str(entry) for entry in server.ask("get", name, "actionproperties", action) or []}
    if not {"port", "actionstart", "actionban"} <= properties:
        return None
    names = ("actionstart", "actionban", "port")
    *commands, port = [str(server.ask("get", name, "action", action, entry)) for entry in names]
    kind = str(server.ask("get", name, "action", action, "actiontype")) if "actiontype" in properties else ""
    return port if by_port(*commands, actiontype=kind) else None


def _jail(host: Host, server: Asks, jail: WatchedJail) -> Report:
    name, now = jail.name, datetime.datetime.now()
    last = last_entry(host, jail)
    return {
        "source": "journal" if jail.journal else "files",
        "journalmatch": list(jail.matches),
        "logpath": list(jail.paths),
        "has_entries": last is not None,
        "last_entry": None if last is None else str(datetime.datetime.fromtimestamp(int(last))),
        "filter": jail.filter,
        "maxretry": server.ask("get", name, "maxretry"),
        "findtime": server.ask("get", name, "findtime"),
        "bantime": server.ask("get", name, "bantime"),
        "ignoreip": list(jail.ignored),
        "usedns": jail.usedns,
        "actions": list(jail.actions),
        "ports": list(jail.ports),
        "counts": None,
        **counts_of(server.ask("status", name)),
        "bans": [parse_ban(str(line), now) for line in server.ask("get", name, "banip", "--with-time")],
    }


def _warnings(readings: Readings, jail: WatchedJail, report: Report, log: SshdLog, no_entries: str) -> t.Iterator[str]:
    """Yield why the jail has no log source or no effect. ``no_entries``: why the journal has no entries at all."""
    yield from _source_warnings(jail, report, no_entries)
    found = JailFindings()
    check_environment(readings, jail, found, log=log, sshd=True)
    yield from [*found.errors, *found.warnings, *forging_warnings(jail)]
    yield from _action_warnings(readings, jail, report)


def _source_warnings(jail: WatchedJail, report: Report, no_entries: str) -> t.Iterator[str]:
    if not report["has_entries"]:
        what = " + ".join(jail.matches) if jail.journal else ", ".join(jail.paths)
        yield f"the jail {jail.name} has no entries: its {report['source']} ({what or 'none at all'}) is empty so far"
    if not jail.actions:
        yield f"the jail {jail.name} has no action: it counts failures and bans nobody"
    if jail.journal and no_entries:
        yield f"the jail {jail.name} reads the journal, but {no_entries}"


def _action_warnings(readings: Readings, jail: WatchedJail, report: Report) -> t.Iterator[str]:
    host, name = readings.host, jail.name
    tools = [(action, tool) for action, tool in ((action, tool_of(action)) for action in jail.actions) if tool]
    for action, tool in tools:
        if host.find(tool.program) is None:
            yield (
                f"bans of the jail {name} do not take effect: it bans with {action}, but {tool.program} is not "
                "installed on this host"
            )
    yield from failing_filters(readings, name, jail.actions)
    present = {tool for _action, tool in tools if host.find(tool.program)}
    if report["bans"] and present:
        shown = "\n".join(readings.run(argv).out for tool in present for argv in tool.showing(name))
        own = own_entries(shown, name)
        banned = {ban["address"] for ban in report["bans"] if ban["remaining"] != 0}
        missing = missing_in(shown if own is None else own, banned)
        if missing:
            addresses = ", ".join(sorted(missing))
            yield f"bans of the jail {name} do not take effect: the packet filter lacks its bans of {addresses}"
