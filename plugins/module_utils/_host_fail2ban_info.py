# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fail2ban does on this host, and which of its jails are blind or toothless. Changes nothing."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import filter_name, options_of
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_probe import addresses_in, tool_of
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_report import counts_of, parse_ban
from ansible_collections.pyhost.baseline.plugins.module_utils._host_fail2ban import is_installed, read_site
from ansible_collections.pyhost.baseline.plugins.module_utils._host_fail2ban_server import connect, running_jails

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host
    from ansible_collections.pyhost.baseline.plugins.module_utils._host_fail2ban import Site
    from ansible_collections.pyhost.baseline.plugins.module_utils._host_fail2ban_server import Asks

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
    report["jails"] = {name: _jail(host, server, site, name) for name in running_jails(server)}
    report["warnings"] = [line for name, jail in report["jails"].items() for line in _warnings(host, name, jail)]
    if not report["jails"]:
        report["warnings"] = ["the fail2ban server runs without any jail: nobody is banned"]
    return report


def _database(host: Host, server: Asks) -> Report | None:
    path = server.ask("get", "dbfile")
    if path is None:
        return None
    state = host.stat(str(path))
    return {"path": str(path), "size": state.st_size if state else 0}


def _jail(host: Host, server: Asks, site: Site, name: str) -> Report:
    status = server.ask("status", name)
    now = datetime.datetime.now()
    journal = "Journal matches" in dict(dict(status).get("Filter", []))
    matches = [" ".join(group) for group in server.ask("get", name, "journalmatch") or []] if journal else []
    paths = [] if journal else [str(path) for path in server.ask("get", name, "logpath") or []]
    return {
        "source": "journal" if journal else "files",
        "journalmatch": matches,
        "logpath": paths,
        "has_entries": _journal_speaks(host, matches) if journal else any(_size(host, path) for path in paths),
        "filter": filter_name(name, options_of(site.own or "").get(name, {}), site.others),
        "maxretry": server.ask("get", name, "maxretry"),
        "findtime": server.ask("get", name, "findtime"),
        "bantime": server.ask("get", name, "bantime"),
        "ignoreip": [str(address) for address in server.ask("get", name, "ignoreip") or []],
        "actions": [str(action) for action in server.ask("get", name, "actions") or []],
        **counts_of(status),
        "bans": [parse_ban(str(line), now) for line in server.ask("get", name, "banip", "--with-time")],
    }


def _journal_speaks(host: Host, matches: list[str]) -> bool:
    words = [word for match in matches for word in ("+", *match.split())][1:]
    return bool(host.run(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "cat", *words]).out)


def _size(host: Host, path: str) -> int:
    state = host.stat(path)
    return state.st_size if state else 0


def _warnings(host: Host, name: str, jail: Report) -> t.Iterator[str]:
    if not jail["has_entries"]:
        what = " + ".join(jail["journalmatch"]) if jail["source"] == "journal" else ", ".join(jail["logpath"])
        yield f"the jail {name} sees nothing: its {jail['source']} ({what or 'none at all'}) has no entry yet"
    if not jail["actions"]:
        yield f"the jail {name} has no action: it counts failures and bans nobody"
    tools = [(action, tool) for action, tool in ((action, tool_of(action)) for action in jail["actions"]) if tool]
    for action, tool in tools:
        if host.find(tool.program) is None:
            yield f"the jail {name} cannot bite: it bans with {action}, but there is no {tool.program} on this host"
    present = {tool for _action, tool in tools if host.find(tool.program)}
    if jail["bans"] and present:
        shown = "\n".join(host.run(argv).out for tool in present for argv in tool.shows)
        missing = {ban["address"] for ban in jail["bans"] if ban["remaining"] != 0} - addresses_in(shown)
        if missing:
            yield f"the jail {name} does not bite: the packet filter lacks its bans of {', '.join(sorted(missing))}"
