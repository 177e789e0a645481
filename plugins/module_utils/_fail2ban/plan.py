# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request and what the host offers to the text of our jail file; comparison of the result."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import nearest
from . import config as fail2ban
from . import log_source, packet_filters, sshd_filter
from .ban_times import with_growing_bans
from .filters import filter_files
from .log_paths import with_starts
from .nginx_filter import with_safe_expressions
from .notify import with_notify
from .sshd_log import SshdLog

if t.TYPE_CHECKING:
    from .filters import UserFilter
    from .notify import Notify
    from .own_files import OwnFiles

__all__ = [
    "ComposedJails",
    "HostProbes",
    "JailsRequest",
    "compose",
    "differences",
    "explain_rejection",
    "recent_errors",
    "state_text",
]

Sections = t.Mapping[str, t.Mapping[str, str]]


@dataclass(frozen=True)
class JailsRequest:
    """The request: ``[DEFAULT]`` options, jails, and how to choose what they do not set."""

    defaults: t.Mapping[str, t.Any] = field(default_factory=dict)
    jails: t.Mapping[str, t.Mapping[str, t.Any]] = field(default_factory=dict)
    backend: str = "auto"
    banaction: str = "auto"
    ignore_controller: bool = False
    check_sshd: bool = True
    # How users log in at sshd: "passwords" (also), "keys" (only), or "auto".
    sshd_logins: str = "auto"
    # Filters of the user's own, by name.
    filters: t.Mapping[str, UserFilter] = field(default_factory=dict)
    # Whom to report the bans of the requested jails to.
    notify: Notify | None = None

    @property
    def enabled(self) -> list[str]:
        """The jails to run: each requested jail without ``enabled: false``."""
        return [
            name
            for name, options in self.jails.items()
            if fail2ban.value_text(name, "enabled", options.get("enabled", True)) == "true"
        ]


@dataclass(frozen=True)
class HostProbes:
    """What the host offers. ``no_journal``: why fail2ban cannot read the journal, empty if it can."""

    no_journal: str = ""
    # The best packet filter that works: a key of packet_filters.BAN_ACTIONS. Empty if none does, or if none is needed.
    packet_filter: str = ""
    # Why packet filters that are installed do not work, empty if one does or none is installed.
    no_filter: str = ""
    controller: str | None = None
    passwords: bool = False
    # Whether sshd has a separate program for a session (OpenSSH 9.8), whose name appears in the log.
    session: bool = False
    # The user numbers of services on the host, by name.
    uids: t.Mapping[str, int] = field(default_factory=dict)
    sshd_log: SshdLog = field(default_factory=SshdLog)
    # Expressions for messages of sshd that the filter of fail2ban does not match.
    missed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComposedJails:
    """The text of our file and the choices in it, and our other files."""

    text: str
    backend: str
    banaction: str
    journal: frozenset[str]
    files: OwnFiles = field(default_factory=dict)


def compose(request: JailsRequest, probes: HostProbes, others: Sections, filters: t.Mapping[str, str]) -> ComposedJails:
    """Return our file for ``request``. ``others``: the other jail files; ``filters``: the filter text of each jail."""
    fail2ban.check_names(request.defaults, request.jails)
    fail2ban.check_options("[DEFAULT]", request.defaults, fail2ban.known_options(others))
    for name, options in request.jails.items():
        known = fail2ban.known_options(others, filters.get(name, ""))
        fail2ban.check_options(f"[{name}]", options, known | set(request.defaults))
    defaults, banaction = _defaults(request, probes, others)
    jails, journal = {}, set()
    for name in request.jails:
        jails[name] = _jail(request, probes, name, filters.get(name, ""), others)
        if request.notify and name in request.enabled:
            jails[name] = with_notify(name, jails[name], defaults, others)
        if jails[name].get("backend") == "systemd":
            journal.add(name)
        # A value of the jail, here or in another file, takes precedence over that of [DEFAULT].
        ignored = jails[name].get("ignoreip", others.get(name, {}).get("ignoreip"))
        if probes.controller and ignored is not None:
            jails[name]["ignoreip"] = fail2ban.with_address(ignored, probes.controller)
    text = fail2ban.render(defaults, jails, controller=probes.controller)
    backend = request.backend if request.backend != "auto" else ("auto" if probes.no_journal else "systemd")
    return ComposedJails(text, backend, banaction, frozenset(journal), filter_files(request.filters))


def _defaults(request: JailsRequest, probes: HostProbes, others: Sections) -> tuple[dict[str, t.Any], str]:
    # If fail2ban resolved names in a log, whoever controls their DNS would decide who is banned.
    defaults = {"usedns": "no", **request.defaults}
    if "banaction" not in defaults:
        chosen = request.banaction
        if chosen == "auto":
            # Without a packet filter the candidate is checked with the most likely one. no_packet_filter() reports it.
            chosen = packet_filters.BAN_ACTIONS[probes.packet_filter or "nftables"][0]
        defaults["banaction"] = chosen
        defaults.setdefault("banaction_allports", _all_ports(chosen))
        if chosen.startswith("firewallcmd-rich"):
            # All ports are 0:65535 for jail.conf and every other action. firewalld needs a dash.
            defaults.setdefault("port", "0-65535")
    if probes.controller:
        # Our ignoreip replaces the one that another file sets for all jails, so it includes that one.
        present = defaults.get("ignoreip", others.get("DEFAULT", {}).get("ignoreip", ""))
        defaults["ignoreip"] = fail2ban.with_address(present, probes.controller)
    return defaults, str(defaults.get("banaction", ""))


def _all_ports(banaction: str) -> str:
    pairs = dict(packet_filters.BAN_ACTIONS.values())
    return pairs.get(banaction, banaction)


def _jail(request: JailsRequest, probes: HostProbes, name: str, filter_text: str, others: Sections) -> dict[str, t.Any]:
    options = {"enabled": True, **request.jails[name]}
    if "logpath" in options:
        options["logpath"] = with_starts(fail2ban.value_text(f"[{name}]", "logpath", options["logpath"]))
    if name not in request.enabled:
        return options
    backend = log_source.backend(request, name, options, others, filter_text, journal=not probes.no_journal)
    if backend:
        options["backend"] = backend
    filter_name = fail2ban.filter_name(name, options, others)
    if str(options.get("backend", "")).startswith("systemd"):
        match = log_source.journalmatch(filter_name, filter_text, probes.uids)
        # The match that Debian's own file sets for sshd is replaced. Other jails keep the match of another file.
        if match and (filter_name == "sshd" or "journalmatch" not in others.get(name, {})):
            options = log_source.with_journalmatch(match, name, options, others, filter_text)
    if filter_name == "sshd":
        options = sshd_filter.count_once(probes, options, others.get(name, {}), filter_text)
    options = with_safe_expressions(filter_name, options, others.get(name, {}), filter_text)
    return with_growing_bans(filter_name, options, request.defaults, others.get(name, {}), others.get("DEFAULT", {}))


# Lines that add nothing to the line that names the cause.
_NOISE = ("test configuration failed", "'allowipv6'", "Found no accessible config files", "Errors in jail")


def explain_rejection(output: str, *, filters: t.Collection[str], actions: t.Collection[str]) -> tuple[str, str]:
    """Return the errors in the ``output`` of fail2ban, and a hint: the nearest known filter or action."""
    lines = []
    for line in output.splitlines():
        found = re.fullmatch(r"\S+ \S+ \S+\s+\[\d+\]: (ERROR|WARNING|CRITICAL)\s+(.*)", line.strip())
        if not found or any(noise in found.group(2) for noise in _NOISE):
            continue
        lines.append(found.group(2))
    text = "; ".join(dict.fromkeys(line.rstrip(" .") for line in lines)) or output.strip()
    for kind, known in (("filter", filters), ("action", actions)):
        missing = re.search(rf"Unable to read (?:the )?{kind} '([^']+)'", text)
        near = nearest(missing.group(1), known) if missing else []
        if near:
            return text, "did you mean the {} {}?".format(kind, " or ".join(repr(name) for name in near))
    return text, ""


def recent_errors(log: t.Iterable[str], *, lines: int = 8) -> list[str]:
    """Return the last errors and warnings in the ``log`` of fail2ban, without details for its developers."""
    kept = []
    for line in log:
        found = re.search(r"\b(ERROR|WARNING|CRITICAL)\s+(.*)", line)
        if not found or " -- exec: " in line or re.search(r"-- (returned|killed|timed)", line):
            continue
        message = re.sub(r"^[0-9a-f]{6,} -- ", "", found.group(2))
        kept.append(re.sub(r" info 'ActionInfo\(\{'ip': '([^']*)'.*\}\)'", r" for \1", message))
    # A message that appears several times counts at its last position.
    return list(dict.fromkeys(reversed(kept)))[:lines][::-1]


def differences(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> dict[str, tuple[t.Any, t.Any]]:
    """Return the keys whose values differ: key → (before, after). A missing key counts as ``None``."""
    keys = [*after, *(key for key in before if key not in after)]
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def state_text(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """Return the two states as text for a diff: one ``key = value`` a line, only what differs."""
    wrong = differences(before, after)
    sides = ([(key, pair[side]) for key, pair in wrong.items() if pair[side] is not None] for side in (0, 1))
    first, second = ("".join(f"{key} = {_one_line(value)}\n" for key, value in side) for side in sides)
    return first, second


def _one_line(value: t.Any) -> str:
    first, *rest = str(value).split("\n")
    return first + (" …" if rest else "")
