# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why jails would see nothing or bite nobody: each is held against the host's journal, logs, packet filter and sshd."""

from __future__ import annotations

import socket
import stat
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import BaselineError
from ..._core.host.rc import rc_state
from ..._sshd.host.daemon import find_daemon
from ..._sshd.host.sshd import find_sshd, incoming_connection
from .. import blind as fail2ban_blind
from .. import config as fail2ban
from .. import forged as fail2ban_forged
from .. import plan as fail2ban_plan
from .. import source as fail2ban_source
from ..blind import SshdFacts, Watch
from ..probe import pf_doubt, tool_of
from ..source import JOURNALMATCH, silent
from .probe import why_no_pf

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..blind import Entry
    from ..plan import Probes, Wish
    from ..stream import JailStream
    from .site import Site, Streams

__all__ = ["Trouble", "around", "last_entry", "not_working", "sshd_facts", "troubles"]

_TAIL = 262144


@dataclass
class Trouble:
    """``errors``: the jail is surely blind or toothless; ``warnings``: it may be."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, *reasons: str | None) -> None:
        self.errors += [reason for reason in reasons if reason]

    def suspect(self, *reasons: str | None) -> None:
        self.warnings += [reason for reason in reasons if reason]


def troubles(host: Host, wish: Wish, probes: Probes, site: Site, streams: Streams) -> Trouble:
    """Return what is wrong with the wished jails, as ``streams`` would make them."""
    found = Trouble()
    nothing_bans = fail2ban_plan.no_filter(wish, probes)
    found.add(nothing_bans)
    for name in wish.enabled:
        jail = streams.get(name)
        if jail is None:
            found.add(f"the jail {name} does not run by the files, although it is enabled")
            continue
        logs = "logpath" in wish.jails[name]
        empty = [path for path in jail.log_paths if _is_empty(host, path)]
        wanted = fail2ban.value_text(name, "logpath", wish.jails[name].get("logpath", ""))
        blind = None
        # fail2ban's own log (the jail recidive reads it) is written as soon as it runs.
        if jail.journal or not fail2ban_source.reads(name, wish.jails[name], site.others, site.log):
            blind = fail2ban_plan.blind(jail, probes, wanted=wanted, empty_logs=[] if logs else empty)
        found.add(blind)
        if logs and empty and len(empty) == len(jail.log_paths):
            found.suspect(f"the jail {name} reads {', '.join(empty)}, in which nobody has written anything yet")
        if not nothing_bans:
            found.add(_toothless(host, jail))
        unknown_ports = [port for port in fail2ban_plan.service_names(jail) if _number(port) is None]
        found.add(fail2ban_plan.unresolved(jail, unknown_ports))
        if blind is None:
            watch = watch_of(jail, fail2ban.filter_name(name, wish.jails[name], site.others))
            around(host, watch, found, sshd=wish.check_sshd)
            if watch.journal and watch.filter != "sshd" and last_entry(host, watch) is None:
                found.suspect(silent(name, watch.matches))
    # Of others' jails, too: whoever is banned by them is banned.
    for name, jail in streams.items():
        options = wish.jails.get(name, {})
        found.suspect(*fail2ban_forged.doubts(watch_of(jail, fail2ban.filter_name(name, options, site.others))))
    return found


def watch_of(jail: JailStream, filter_name: str) -> Watch:
    """Return the view of a jail of the files."""
    matches = [list(map(str, words)) for words in jail.values("addjournalmatch")] if jail.journal else []
    return Watch(
        name=jail.name,
        filter=filter_name,
        journal=jail.journal,
        matches=tuple(match for words in matches for match in " ".join(words).split(" + ")),
        paths=tuple(jail.log_paths),
        actions=tuple(jail.actions),
        ports=tuple(fail2ban_plan.ports_of(jail)),
        ignored=tuple(str(entry) for arguments in jail.values("addignoreip") for entry in arguments),
        usedns=str((jail.values("usedns") or [("",)])[-1][0]),
    )


def _toothless(host: Host, jail: JailStream) -> str | None:
    programs = {tool.program for tool in map(tool_of, jail.actions) if tool and host.find(tool.program)}
    return fail2ban_plan.toothless(jail, programs) or next(not_working(host, jail.name, jail.actions), None)


def not_working(host: Host, name: str, actions: t.Iterable[str]) -> t.Iterator[str]:
    """Say which packet filter of the jail ``name`` is there and does not work (firewalld that is stopped, for one)."""
    for action in actions:
        tool = tool_of(action)
        if tool is None or host.find(tool.program) is None:
            continue
        if tool.program == "pfctl":
            # The jail's own table, which is there once it runs, says nothing of pf.
            why = why_no_pf(host)
            if why:
                yield f"the jail {name} bans with {action}, but {why}"
            continue
        argv = tool.showing(name)[0]
        ran = host.run(argv)
        if not ran.ok or ran.out.startswith("Status: inactive"):
            yield f"the jail {name} bans with {action}, but {' '.join(argv)} answers: {ran.message()}"


def around(host: Host, watch: Watch, found: Trouble, *, sshd: bool) -> None:
    """Hold a jail that has a source against what happens around it. ``sshd``: whether sshd is as it is to stay."""
    found.add(fail2ban_blind.ignores_all(watch))
    found.suspect(fail2ban_blind.unknown_actions(watch))
    found.add(*(_irregular(host, path) for path in watch.paths))
    if any(tool and tool.program == "pfctl" for tool in map(tool_of, watch.actions)):
        found.suspect(pf_doubt(host.run(["pfctl", "-s", "rules"]).out))
    if watch.filter != "sshd":
        return
    _entries(host, watch, found)
    facts = sshd_facts(host) if sshd else None
    if facts:
        found.add(fail2ban_blind.mute_sshd(watch, facts), fail2ban_blind.open_ports(watch, facts, _number))


def _entries(host: Host, watch: Watch, found: Trouble) -> None:
    """Hold what the jail reads against what sshd said to the journal of late."""
    if watch.journal and set(watch.matches) == set(JOURNALMATCH.split(" + ")):
        return
    said = _said(host)
    if watch.journal:
        if said:
            ran = _journal(host, ["--cursor", said[0].cursor], fail2ban_blind.words_of(watch.matches))
            seen = {entry.cursor for entry in fail2ban_blind.connection_entries(ran, newest=1000)}
            found.add(fail2ban_blind.unseen(watch, said, seen))
        return
    if host.platform.is_freebsd and not rc_state(host, "syslogd").running:
        found.add(fail2ban_blind.no_syslogd(watch))
        return
    states = [(path, host.stat(path)) for path in watch.paths]
    mtimes = {path: state.st_mtime for path, state in states if state and stat.S_ISREG(state.st_mode)}
    stale = fail2ban_blind.stale_log(watch, said[-1] if said else None, mtimes)
    found.add(stale)
    if not stale:
        tails = {path: host.read(path, last=_TAIL) or "" for path in mtimes}
        facts = sshd_facts(host)
        found.suspect(fail2ban_blind.unnoticed(watch, facts, tails))


def _said(host: Host) -> list[Entry]:
    if host.platform.is_freebsd:
        return []
    return fail2ban_blind.connection_entries(
        _journal(host, ["--lines", "500"], fail2ban_blind.words_of(JOURNALMATCH.split(" + ")))
    )


def _journal(host: Host, options: list[str], matches: list[str]) -> str:
    return host.run(["journalctl", "--quiet", "--no-pager", "--boot", "--output", "json", *options, *matches]).out


def last_entry(host: Host, watch: Watch) -> float | None:
    """Return when something was last written to the jail's source, in seconds since the epoch."""
    if not watch.journal:
        states = [state for state in map(host.stat, watch.paths) if state and state.st_size]
        return max((state.st_mtime for state in states), default=None)
    words = fail2ban_blind.words_of(watch.matches)
    ran = host.run(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "short-unix", *words])
    first = ran.out.split(maxsplit=1)[:1]
    return float(first[0]) if first else None


def sshd_facts(host: Host) -> SshdFacts | None:
    """Return what sshd does on this host, ``None`` where there is none or it refuses its own configuration."""
    sshd = find_sshd(host, "/etc/ssh/sshd_config")
    if sshd is None:
        return None
    try:
        effective = sshd.effective(incoming_connection(host))
    except BaselineError:
        return None
    held = find_daemon(host, (effective.get("pidfile") or ("",))[0]).socket_unit
    if held and held.active:
        ports = {port for _address, port in held.loaded.listens}
    else:
        ports = {int(port) for port in effective.get("port", ())}
    return SshdFacts(
        frozenset(ports), (effective.get("loglevel") or ("",))[0], (effective.get("syslogfacility") or ("",))[0]
    )


def _irregular(host: Host, path: str) -> str | None:
    state = host.stat(path)
    if state is None or stat.S_ISREG(state.st_mode):
        return None
    if not stat.S_ISDIR(state.st_mode):
        return f"the log {path} is no regular file, and fail2ban may wait for it for ever; remove it"
    return f"the log {path} is a directory, which fail2ban cannot read; name the files in it ({path.rstrip('/')}/*.log)"


def _number(name: str) -> int | None:
    try:
        return socket.getservbyname(name)
    except OSError:
        return None


def _is_empty(host: Host, path: str) -> bool:
    state = host.stat(path)
    return state is None or state.st_size == 0
