# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the jails of a host: compares each jail with the journal, the logs, the packet filter and sshd."""

from __future__ import annotations

import stat
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.rc import rc_state
from ..._sshd.effective import listen_addresses
from ..._sshd.host.daemon import find_daemon
from ..._sshd.host.sshd import find_sshd, incoming_connection
from .. import config as fail2ban
from .. import findings as fail2ban_findings
from .. import log_source
from ..findings import JailFindings, SshdFacts, WatchedJail
from ..forwarded_ports import covers_forwarded_ports, forwarded_ports, uncovered_forwarded_ports
from ..jail_checks import ignores_every_line, no_failregex, other_log, unasked_jails
from ..log_forging import forging_warnings, is_of_syslogd
from ..log_paths import path_patterns
from ..log_source import JOURNALMATCH
from ..packet_filters import pf_warning, tool_of
from ..sshd_log import log_errors, log_warnings
from .filter_rules import service_port
from .probe import why_no_pf
from .readings import Readings

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..filter_rules import Ports
    from ..findings import JournalEntry
    from ..plan import HostProbes, JailsRequest
    from ..sshd_log import SshdLog
    from ..stream import JailStream
    from .site import Site
    from .staging import Streams

__all__ = ["check_environment", "failing_filters", "gather_findings", "last_entry", "sshd_facts", "watched_jail"]

_TAIL = 262144


def gather_findings(
    host: Host, request: JailsRequest, probes: HostProbes, site: Site, streams: Streams
) -> JailFindings:
    """Return the findings about the requested jails as ``streams`` would define them."""
    found, readings = JailFindings(), Readings(host)
    no_filter = fail2ban_findings.no_packet_filter(request, probes)
    found.add_errors(no_filter)
    for name in request.enabled:
        stream = streams.get(name)
        if stream is None:
            found.add_errors(f"the jail {name} does not run according to the files, although it is enabled")
            continue
        filter_name = fail2ban.filter_name(name, request.jails[name], site.others)
        found.add_errors(ignores_every_line(stream), other_log(stream, filter_name, site.log))
        found.add_warnings(no_failregex(stream))
        has_source = _check_source(host, request, probes, site, stream, found)
        if not no_filter:
            found.add_errors(_no_ban_action(readings, stream))
        unknown_ports = [port for port in fail2ban_findings.service_names(stream) if service_port(port) is None]
        found.add_errors(fail2ban_findings.unknown_services(stream, unknown_ports))
        if has_source:
            jail = watched_jail(stream, filter_name)
            check_environment(readings, jail, found, log=probes.sshd_log, sshd=request.check_sshd)
            if jail.journal and jail.filter != "sshd" and last_entry(host, jail) is None:
                found.add_warnings(log_source.no_matching_entry(name, jail.matches))
    enabled = {**site.others, "DEFAULT": {**site.others.get("DEFAULT", {}), **_text(request.defaults)}}
    found.add_warnings(unasked_jails(streams, request.jails, enabled))
    # Jails of other files ban as well, so they are checked too.
    for name, stream in streams.items():
        options = request.jails.get(name, {})
        found.add_warnings(*forging_warnings(watched_jail(stream, fail2ban.filter_name(name, options, site.others))))
    return found


def _text(options: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {name: fail2ban.value_text("DEFAULT", name, value) for name, value in options.items()}


def _check_source(
    host: Host, request: JailsRequest, probes: HostProbes, site: Site, stream: JailStream, found: JailFindings
) -> bool:
    """Add the findings about the log source of ``stream``; return whether it has one."""
    name, options = stream.name, request.jails[stream.name]
    empty = [path for path in stream.log_paths if _is_empty(host, path)]
    requested = fail2ban.value_text(name, "logpath", options.get("logpath", ""))
    missing = None
    # fail2ban writes its own log (the source of the jail recidive) as soon as it runs.
    if stream.journal or not log_source.reads_log(name, options, site.others, site.log):
        # A log that the service itself writes is empty after each rotation. One of syslogd may stay empty for ever.
        unwritten = [path for path in empty if is_of_syslogd(path) or host.stat(path) is None]
        empty_logs = [] if "logpath" in options else unwritten
        missing = fail2ban_findings.no_log_source(stream, probes, requested=requested, empty_logs=empty_logs)
    found.add_errors(missing)
    unmatched = [pattern for pattern in path_patterns(requested) if not stream.journal and not host.glob(pattern)]
    found.add_warnings(fail2ban_findings.missing_logs(stream, unmatched))
    if missing is None and site.log not in empty and empty and len(empty) == len(stream.log_paths):
        found.add_warnings(f"the jail {name} reads {', '.join(empty)}, which is empty so far")
    return missing is None


def watched_jail(stream: JailStream, filter_name: str) -> WatchedJail:
    """Return the jail ``stream`` as the files define it."""
    matches = [list(map(str, words)) for words in stream.values("addjournalmatch")] if stream.journal else []
    return WatchedJail(
        name=stream.name,
        filter=filter_name,
        journal=stream.journal,
        matches=tuple(match for words in matches for match in " ".join(words).split(" + ")),
        paths=tuple(stream.log_paths),
        actions=tuple(stream.actions),
        ports=tuple(fail2ban_findings.ports_of(stream)),
        ignored=tuple(str(entry) for arguments in stream.values("addignoreip") for entry in arguments),
        usedns=str((stream.values("usedns") or [("",)])[-1][0]),
        covers_forwarded=all(
            covers_forwarded_ports(action, stream.action_properties(action)) for action in stream.actions
        ),
        maxretry=int((stream.values("maxretry") or [(5,)])[-1][0]),
    )


def _no_ban_action(readings: Readings, stream: JailStream) -> str | None:
    programs = {tool.program for tool in map(tool_of, stream.actions) if tool and readings.host.find(tool.program)}
    missing = fail2ban_findings.no_ban_action(stream, programs)
    return missing or next(failing_filters(readings, stream.name, stream.actions), None)


def failing_filters(readings: Readings, name: str, actions: t.Iterable[str]) -> t.Iterator[str]:
    """Yield which packet filter of the jail ``name`` is installed and does not work (a stopped firewalld)."""
    for action in actions:
        tool = tool_of(action)
        if tool is None or readings.host.find(tool.program) is None:
            continue
        if tool.program == "pfctl":
            # The table of the jail exists as soon as the jail runs, also if pf does not work.
            why = why_no_pf(readings.host)
            if why:
                yield f"the jail {name} bans with {action}, but {why}"
            continue
        argv = tool.check or tool.showing(name)[0]
        ran = readings.run(argv)
        if not ran.ok or ran.out.startswith("Status: inactive"):
            yield f"the jail {name} bans with {action}, but {' '.join(argv)} answers: {ran.message()}"


def check_environment(readings: Readings, jail: WatchedJail, found: JailFindings, *, log: SshdLog, sshd: bool) -> None:
    """Add the findings about a jail that has a log source.

    ``log``: what happens to the messages of sshd; ``sshd``: whether sshd has its final ports.
    """
    host = readings.host
    found.add_errors(fail2ban_findings.ignores_all(jail))
    found.add_warnings(fail2ban_findings.unknown_actions(jail))
    found.add_errors(*(_irregular(host, path) for path in jail.paths))
    if any(tool and tool.program == "pfctl" for tool in map(tool_of, jail.actions)):
        found.add_warnings(pf_warning(readings.run(["pfctl", "-s", "rules"]).out))
    if not jail.covers_forwarded:
        found.add_warnings(uncovered_forwarded_ports(jail, _forwarded_ports(readings), service_port))
    if jail.filter != "sshd":
        return
    _check_entries(host, jail, found)
    if jail.journal:
        found.add_errors(*(f"the jail {jail.name} misses logins: {error}" for error in log_errors(log, jail.maxretry)))
        found.add_warnings(*(f"the jail {jail.name}: {one}" for one in log_warnings(log, jail.maxretry)))
    facts = sshd_facts(host)
    if facts:
        found.add_errors(fail2ban_findings.quiet_sshd(jail, facts))
        if sshd:
            found.add_errors(fail2ban_findings.uncovered_ports(jail, facts, service_port))


def _forwarded_ports(readings: Readings) -> list[Ports]:
    commands = (
        ["nft", "-t", "list", "ruleset"],
        ["iptables", "-w", "-t", "nat", "-S"],
        ["firewall-cmd", "--list-all-zones"],
    )
    return forwarded_ports(*(readings.run(argv).out if readings.host.find(argv[0]) else "" for argv in commands))


def _check_entries(host: Host, jail: WatchedJail, found: JailFindings) -> None:
    """Compare what the jail reads with the recent entries of sshd in the journal."""
    if jail.journal and set(jail.matches) == set(JOURNALMATCH.split(" + ")):
        return
    recent = _recent_entries(host)
    if jail.journal:
        if recent:
            matches = fail2ban_findings.journalctl_arguments(jail.matches)
            lines = _journal(host, ["--cursor", recent[0].cursor], matches)
            matched = {entry.cursor for entry in fail2ban_findings.connection_entries(lines, newest=1000)}
            found.add_errors(fail2ban_findings.unmatched_entries(jail, recent, matched))
        return
    if host.platform.is_freebsd and not rc_state(host, "syslogd").running:
        found.add_errors(fail2ban_findings.no_syslogd(jail))
        return
    states = [(path, host.stat(path)) for path in jail.paths]
    mtimes = {path: state.st_mtime for path, state in states if state and stat.S_ISREG(state.st_mode)}
    stale = fail2ban_findings.stale_log(jail, recent[-1] if recent else None, mtimes)
    found.add_errors(stale)
    if not stale:
        tails = {path: host.read(path, last=_TAIL) or "" for path in mtimes}
        facts = sshd_facts(host)
        found.add_warnings(fail2ban_findings.log_without_sshd(jail, facts, tails))


def _recent_entries(host: Host) -> list[JournalEntry]:
    if host.platform.is_freebsd:
        return []
    matches = fail2ban_findings.journalctl_arguments(JOURNALMATCH.split(" + "))
    return fail2ban_findings.connection_entries(_journal(host, ["--lines", "500"], matches))


def _journal(host: Host, options: list[str], matches: list[str]) -> str:
    return host.run(["journalctl", "--quiet", "--no-pager", "--boot", "--output", "json", *options, *matches]).out


def last_entry(host: Host, jail: WatchedJail) -> float | None:
    """Return the time of the last entry in the log source of ``jail``, in seconds since the epoch."""
    if not jail.journal:
        states = [state for state in map(host.stat, jail.paths) if state and state.st_size]
        return max((state.st_mtime for state in states), default=None)
    matches = fail2ban_findings.journalctl_arguments(jail.matches)
    ran = host.run(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "short-unix", *matches])
    first = ran.out.split(maxsplit=1)[:1]
    return float(first[0]) if first else None


def sshd_facts(host: Host) -> SshdFacts | None:
    """Return the facts about sshd, ``None`` if it is not installed or rejects its own configuration."""
    sshd = find_sshd(host, "/etc/ssh/sshd_config")
    if sshd is None:
        return None
    try:
        effective = sshd.effective(incoming_connection(host))
    except BaselineError:
        return None
    unit = find_daemon(host, (effective.get("pidfile") or ("",))[0]).socket_unit
    if unit and unit.active:
        listens = frozenset(unit.loaded.listens)
        ports = {port for _address, port in listens}
    else:
        listens = frozenset((address.split("%", 1)[0], port) for address, port in listen_addresses(effective))
        ports = {int(port) for port in effective.get("port", ())}
    level, facility = ((effective.get(keyword) or ("",))[0] for keyword in ("loglevel", "syslogfacility"))
    return SshdFacts(frozenset(ports), level, facility, listens)


def _irregular(host: Host, path: str) -> str | None:
    state = host.stat(path)
    if state is None or stat.S_ISREG(state.st_mode):
        return None
    if not stat.S_ISDIR(state.st_mode):
        return f"the log {path} is not a regular file, and fail2ban may wait for it forever; remove it"
    files = f"{path.rstrip('/')}/*.log"
    return f"the log {path} is a directory, which fail2ban cannot read; name the files in it ({files})"


def _is_empty(host: Host, path: str) -> bool:
    state = host.stat(path)
    return state is None or state.st_size == 0
