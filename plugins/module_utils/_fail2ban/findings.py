# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about jails: no log source, no working ban action, or settings that do not fit what sshd does."""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
from dataclasses import dataclass, field

from .._core.text import is_number
from .log_paths import path_patterns
from .log_source import JOURNALMATCH
from .packet_filters import by_port, tool_of

if t.TYPE_CHECKING:
    from .plan import HostProbes, JailsRequest
    from .stream import JailStream

__all__ = [
    "JailFindings",
    "JournalEntry",
    "SshdFacts",
    "WatchedJail",
    "connection_entries",
    "ignores_all",
    "journalctl_arguments",
    "log_without_sshd",
    "missing_logs",
    "no_ban_action",
    "no_database",
    "no_log_source",
    "no_packet_filter",
    "no_syslogd",
    "ports_of",
    "quiet_sshd",
    "service_names",
    "stale_log",
    "uncovered_ports",
    "unknown_actions",
    "unknown_services",
    "unmatched_entries",
]

# sshd logs failed logins at the level INFO ("Invalid user") or lower, and nothing at QUIET ("SILENT" in sshd -T).
_QUIET_LEVELS = {"SILENT": "QUIET", "QUIET": "QUIET", "FATAL": "FATAL", "ERROR": "ERROR"}
_OF_A_LOGIN = r"^(?:Accepted|Failed) \S+ for .* port \d+|^Invalid user .* port \d+| port \d+ \[preauth\]$"
_FAMILIES = {4: "IPv4", 6: "IPv6"}


@dataclass
class JailFindings:
    """Findings: ``errors`` (the jail cannot work) and ``warnings`` (the jail may not work)."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_errors(self, *findings: str | None) -> None:
        self.errors += [finding for finding in findings if finding]

    def add_warnings(self, *findings: str | None) -> None:
        self.warnings += [finding for finding in findings if finding]


@dataclass(frozen=True)
class WatchedJail:
    """What a jail reads and how it bans, according to its files or to the running server."""

    name: str
    filter: str
    journal: bool
    matches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    # As written in the actions: 22,2222 or ssh or 0:65535. Empty for actions that refuse all ports.
    ports: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    usedns: str = ""
    # Whether each action that drives a packet filter refuses packets that the host forwards, too.
    covers_forwarded: bool = True
    maxretry: int = 5


@dataclass(frozen=True)
class SshdFacts:
    """The ports on which sshd listens, its log level, its syslog facility, and the addresses with their ports."""

    ports: frozenset[int]
    level: str
    facility: str
    listens: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True)
class JournalEntry:
    """An entry of sshd in the journal that reports a connection."""

    cursor: str
    seconds: float
    process: str
    unit: str
    message: str


def journalctl_arguments(matches: t.Iterable[str]) -> list[str]:
    """Return journal matches, each ``A=b C=d``, as the arguments of journalctl(1)."""
    return [word for match in matches for word in ("+", *match.split())][1:]


def connection_entries(lines: str, *, newest: int = 20) -> list[JournalEntry]:
    """Return the ``newest`` entries in ``journalctl --output json`` that report a login or an attempt."""
    found = []
    for line in lines.splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        # A message that is not text (a list of bytes) reports no login. Entries after a login belong to the unit of
        # the session, which a jail need not read.
        if isinstance(message, str) and re.search(_OF_A_LOGIN, message):
            found.append(
                JournalEntry(
                    entry["__CURSOR"],
                    int(entry["__REALTIME_TIMESTAMP"]) / 1e6,
                    entry.get("_COMM") or entry.get("SYSLOG_IDENTIFIER", ""),
                    entry.get("_SYSTEMD_UNIT", ""),
                    message,
                )
            )
    return found[-newest:]


def no_log_source(
    stream: JailStream, probes: HostProbes, *, requested: str = "", empty_logs: t.Collection[str] = ()
) -> str | None:
    """Return why the jail ``stream`` has no log source, ``None`` if it has one. ``requested``: its ``logpath``."""
    if stream.journal:
        if probes.no_journal:
            return f"the jail {stream.name} reads the journal, but {probes.no_journal}"
        return None
    logs = [path for path in stream.log_paths if path not in empty_logs]
    if logs:
        return None
    if stream.log_paths:
        what = f"nothing writes to {', '.join(stream.log_paths)}"
    else:
        what = (
            f"there is no {' and no '.join(path_patterns(requested))}" if requested else "none of its log files exists"
        )
    why = f"; the journal cannot be used: {probes.no_journal}" if probes.no_journal else ""
    return f"the jail {stream.name} has no log source: {what}{why}"


def missing_logs(stream: JailStream, missing: t.Sequence[str]) -> str | None:
    """Return that ``stream`` does not read what matches the patterns ``missing`` later, ``None`` without patterns."""
    if not missing or not stream.log_paths:
        return None
    return (
        f"the jail {stream.name} does not read {', '.join(missing)}, which matches no file: fail2ban looks for files "
        "when it loads a jail only; run again when there is one"
    )


def no_packet_filter(request: JailsRequest, probes: HostProbes) -> str | None:
    """Return that no ban action can be chosen because no packet filter works, else ``None``."""
    if probes.packet_filter or request.banaction != "auto" or "banaction" in request.defaults:
        return None
    if probes.no_filter:
        return f"no packet filter works on this host, so bans would not take effect; {probes.no_filter}"
    return (
        "no packet filter works on this host (nft, firewall-cmd and iptables were tried), so bans would not take "
        "effect; install the package nftables"
    )


def no_ban_action(stream: JailStream, present: t.Container[str]) -> str | None:
    """Return why the jail ``stream`` has no working ban action, ``None`` if its packet filter is there or unknown."""
    if not stream.actions:
        return f"the jail {stream.name} has no action: it would count failures and ban nobody"
    for action in stream.actions:
        tool = tool_of(action)
        if tool and tool.program not in present:
            return (
                f"the jail {stream.name} bans with {action}, but {tool.program} is not installed on this host; "
                f"install the package {tool.package}"
            )
    return None


def ports_of(stream: JailStream) -> list[str]:
    """Return the ports on which the actions of ``stream`` ban, as written. Actions on all ports have none."""
    found = []
    for action in dict.fromkeys([*stream.actions, *(str(arguments[0]) for arguments in stream.values("action"))]):
        properties = stream.action_properties(action)
        commands = (properties.get("actionstart", ""), properties.get("actionban", ""))
        if "port" in properties and by_port(*commands, actiontype=properties.get("actiontype", "")):
            found.append(properties["port"])
    return list(dict.fromkeys(found))


def service_names(stream: JailStream) -> list[str]:
    """Return the ports of ``stream`` that are names of services (``ssh``), which /etc/services resolves."""
    words = (word for port in ports_of(stream) for word in re.split(r"[\s,:]+", port))
    # firewalld writes ranges with a dash.
    return list(dict.fromkeys(word for word in words if word and not re.fullmatch(r"\d+(-\d+)?", word)))


def unknown_services(stream: JailStream, names: t.Collection[str]) -> str | None:
    """Return that the packet filter cannot resolve the services ``names`` of ``stream``, ``None`` for no names."""
    if not names:
        return None
    return (
        f"the jail {stream.name} bans on the port {', '.join(names)}, a service that is not in /etc/services of this "
        "host, so bans would not take effect; install the package netbase, or set the port of the jail to a number"
    )


def unmatched_entries(jail: WatchedJail, entries: t.Sequence[JournalEntry], matched: t.Container[str]) -> str | None:
    """Return that the journal match does not select most of ``entries`` (``matched``: the selected cursors)."""
    missed = [entry for entry in entries if entry.cursor not in matched]
    # journald cannot find the unit and the name of a process that has ended: a few entries are in no match.
    if 2 * len(missed) <= len(entries):
        return None
    selected = "none" if len(missed) == len(entries) else f"only {len(entries) - len(missed)}"
    last = missed[-1]
    return (
        f"the jail {jail.name} would miss logins: its journal match ({' + '.join(jail.matches)}) selects {selected} "
        f"of the last {len(entries)} logins and attempts that sshd has logged, and misses for example "
        f"{last.process} of {last.unit or 'no unit'}; remove journalmatch, or use {JOURNALMATCH}"
    )


def stale_log(jail: WatchedJail, newest: JournalEntry | None, mtimes: t.Mapping[str, float]) -> str | None:
    """Return that the logs, last written at ``mtimes``, lack the ``newest`` entry of sshd in the journal."""
    if newest is None or not mtimes or newest.seconds <= max(mtimes.values()) + 2:
        return None
    late = newest.seconds - max(mtimes.values())
    return (
        f"the jail {jail.name} has no log source: sshd reported a connection {late:.0f} seconds after the last write "
        f"to {', '.join(mtimes)}; let the jail read the journal (backend systemd), or install the package rsyslog"
    )


def log_without_sshd(jail: WatchedJail, facts: SshdFacts | None, tails: t.Mapping[str, str]) -> str | None:
    """Return that the last parts ``tails`` of the logs have entries, but none of sshd."""
    if not any(tails.values()) or any(re.search(r"\bsshd(?:-session|-auth)?\[\d+\]", text) for text in tails.values()):
        return None
    where = f" (its SyslogFacility is {facts.facility})" if facts else ""
    return (
        f"the jail {jail.name} may have no log source: {', '.join(tails)} has entries of other programs, but none of "
        f"sshd{where}"
    )


def no_syslogd(jail: WatchedJail) -> str:
    """Return that nothing writes the logs of the jail on a host without a journal."""
    return (
        f"the jail {jail.name} has no log source: syslogd, which writes {', '.join(jail.paths)}, does not run; "
        "run `service syslogd enable` and `service syslogd start`"
    )


def quiet_sshd(jail: WatchedJail, facts: SshdFacts) -> str | None:
    """Return that the log level of sshd excludes failed logins, else ``None``."""
    level = _QUIET_LEVELS.get(facts.level.upper())
    if level is None:
        return None
    return (
        f"the jail {jail.name} has no log source: sshd's LogLevel is {level}, which excludes failed logins; "
        "set it to INFO or VERBOSE"
    )


def uncovered_ports(jail: WatchedJail, facts: SshdFacts, number: t.Callable[[str], int | None]) -> str | None:
    """Return on which ports of sshd a ban would not take effect; ``number`` resolves the name of a service."""
    if not jail.ports or not facts.ports:
        return None
    closed = [_range(word, number) for ports in jail.ports for word in re.split(r"[\s,]+", ports) if word]
    left = sorted(port for port in facts.ports if not any(first <= port <= last for first, last in closed))
    if not left:
        return None
    return (
        f"bans of the jail {jail.name} would not take effect: it bans on the port {', '.join(jail.ports)}, but sshd "
        f"listens on {', '.join(map(str, left))}; set the port of the jail to {','.join(map(str, sorted(facts.ports)))}"
    )


def _range(word: str, number: t.Callable[[str], int | None]) -> tuple[int, int]:
    ends = [int(end) if is_number(end) else number(end) for end in re.split(r"[:-]", word)]
    known = [end for end in ends if end is not None]
    # The name of a service can contain a dash. unknown_services() reports a name that the host does not know.
    return (known[0], known[-1]) if len(known) == len(ends) else (-1, -1)


def ignores_all(jail: WatchedJail) -> str | None:
    """Return that the jail ignores every address, else ``None``."""
    families = []
    for entry in jail.ignored:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        # The running server reports 0.0.0.0/0 as 0.0.0.0.
        if network.prefixlen == 0 or network.network_address.is_unspecified:
            families.append(_FAMILIES[network.version])
    if not families:
        return None
    return f"the jail {jail.name} bans nobody over {' and '.join(families)}: its ignoreip contains every address (/0)"


def no_database(path: t.Any) -> list[str]:
    """Return that bans do not survive a restart of the server. ``path``: its ``dbfile``."""
    if path not in (None, ":memory:"):
        return []
    return ["fail2ban has no database (dbfile), so a restart of its service ends all bans, also that of a reboot"]


def unknown_actions(jail: WatchedJail) -> str | None:
    """Return that no action of the jail drives a known packet filter, else ``None``."""
    if not jail.actions or any(tool_of(action) for action in jail.actions):
        return None
    return (
        f"the jail {jail.name} bans with {', '.join(jail.actions)} only, which is no known packet filter: whether a "
        "ban takes effect cannot be checked"
    )
