# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jails that look alive and are not: held against what sshd really does, and against those they are to ignore."""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
from dataclasses import dataclass

from .._core.text import is_number
from .probe import tool_of
from .source import JOURNALMATCH

__all__ = [
    "Entry",
    "SshdFacts",
    "Watch",
    "connection_entries",
    "ignores_all",
    "mute_sshd",
    "no_syslogd",
    "open_ports",
    "stale_log",
    "unknown_actions",
    "unnoticed",
    "unseen",
    "words_of",
]

# sshd tells of failed logins at the level INFO ("Invalid user") or lower, and at QUIET ("SILENT" in sshd -T) nothing.
_MUTE = {"SILENT": "QUIET", "QUIET": "QUIET", "FATAL": "FATAL", "ERROR": "ERROR"}
_OF_A_LOGIN = r"^(?:Accepted|Failed) \S+ for .* port \d+|^Invalid user .* port \d+| port \d+ \[preauth\]$"
_FAMILIES = {4: "IPv4", 6: "IPv6"}


@dataclass(frozen=True)
class Watch:
    """What a jail reads and how it bites, as its files or the running server tell."""

    name: str
    filter: str
    journal: bool
    matches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    # As the actions have them: 22,2222 or ssh or 0:65535; none for actions that refuse every port.
    ports: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    usedns: str = ""


@dataclass(frozen=True)
class SshdFacts:
    """What sshd does: where it listens, from which level on it logs, and to which facility of syslog."""

    ports: frozenset[int]
    level: str
    facility: str


@dataclass(frozen=True)
class Entry:
    """One entry of sshd's in the journal that tells of a connection."""

    cursor: str
    seconds: float
    process: str
    unit: str
    words: str


def words_of(matches: t.Iterable[str]) -> list[str]:
    """Return journal matches, each ``A=b C=d``, as the arguments of journalctl(1)."""
    return [word for match in matches for word in ("+", *match.split())][1:]


def connection_entries(lines: str, *, newest: int = 20) -> list[Entry]:
    """Return the ``newest`` entries of ``journalctl --output json`` in which sshd tells of a login or an attempt."""
    found = []
    for line in lines.splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        # What is not text (a list of bytes) is nothing that sshd says of a login; what comes after a login belongs to
        # the unit of that session, where no jail has to look.
        if isinstance(message, str) and re.search(_OF_A_LOGIN, message):
            found.append(
                Entry(
                    entry["__CURSOR"],
                    int(entry["__REALTIME_TIMESTAMP"]) / 1e6,
                    entry.get("_COMM") or entry.get("SYSLOG_IDENTIFIER", ""),
                    entry.get("_SYSTEMD_UNIT", ""),
                    message,
                )
            )
    return found[-newest:]


def unseen(watch: Watch, said: t.Sequence[Entry], seen: t.Container[str]) -> str | None:
    """Say what of sshd's entries ``said`` the jail's match leaves out (``seen``: the cursors that it selects)."""
    missed = [entry for entry in said if entry.cursor not in seen]
    # journald finds neither unit nor name of a process that has ended by then: a few are missing from every match.
    if 2 * len(missed) <= len(said):
        return None
    how_many = "none" if len(missed) == len(said) else f"only {len(said) - len(missed)}"
    last = missed[-1]
    return (
        f"the jail {watch.name} would miss logins: its journal match ({' + '.join(watch.matches)}) selects {how_many} "
        f"of the last {len(said)} logins and attempts that sshd told of; it misses "
        f"{last.process} of {last.unit or 'no unit'}, for one; leave journalmatch out, or use {JOURNALMATCH}"
    )


def stale_log(watch: Watch, newest: Entry | None, mtimes: t.Mapping[str, float]) -> str | None:
    """Say that the logs, written last at ``mtimes``, lack what sshd said later (``newest``, by the journal)."""
    if newest is None or not mtimes or newest.seconds <= max(mtimes.values()) + 2:
        return None
    late = newest.seconds - max(mtimes.values())
    return (
        f"the jail {watch.name} would see nothing: sshd told of a connection {late:.0f} seconds after anybody wrote "
        f"to {', '.join(mtimes)}; let the jail read the journal (backend systemd), or install the package rsyslog"
    )


def unnoticed(watch: Watch, facts: SshdFacts | None, tails: t.Mapping[str, str]) -> str | None:
    """Say that the ends ``tails`` of the jail's logs hold entries, but none of sshd's."""
    if not any(tails.values()) or any(re.search(r"\bsshd(?:-session|-auth)?\[\d+\]", text) for text in tails.values()):
        return None
    where = f" (its SyslogFacility is {facts.facility})" if facts else ""
    return (
        f"the jail {watch.name} may see nothing: others write to {', '.join(tails)}, but there is no line of sshd's in "
        f"it{where}"
    )


def no_syslogd(watch: Watch) -> str:
    """Say that nobody writes the jail's logs, on a host without a journal."""
    return (
        f"the jail {watch.name} would see nothing: syslogd, which writes {', '.join(watch.paths)}, does not run; "
        "`service syslogd enable` and `service syslogd start`"
    )


def mute_sshd(watch: Watch, facts: SshdFacts) -> str | None:
    """Say that sshd tells nobody of failed logins."""
    level = _MUTE.get(facts.level.upper())
    if level is None:
        return None
    return (
        f"the jail {watch.name} would see nothing: sshd's LogLevel is {level}, which leaves failed logins out; "
        "set it to INFO or VERBOSE"
    )


def open_ports(watch: Watch, facts: SshdFacts, number: t.Callable[[str], int | None]) -> str | None:
    """Say on which of sshd's ports a ban would not bite; ``number`` resolves the name of a service."""
    if not watch.ports or not facts.ports:
        return None
    closed = [_range(word, number) for ports in watch.ports for word in re.split(r"[\s,]+", ports) if word]
    left = sorted(port for port in facts.ports if not any(first <= port <= last for first, last in closed))
    if not left:
        return None
    return (
        f"the jail {watch.name} would not bite: it bans on the port {', '.join(watch.ports)}, but sshd listens on "
        f"{', '.join(map(str, left))}; set the jail's port to {','.join(map(str, sorted(facts.ports)))}"
    )


def _range(word: str, number: t.Callable[[str], int | None]) -> tuple[int, int]:
    ends = [int(end) if is_number(end) else number(end) for end in re.split(r"[:-]", word)]
    known = [end for end in ends if end is not None]
    # A name of a service may hold a dash; one that the host does not know is another complaint's matter.
    return (known[0], known[-1]) if len(known) == len(ends) else (-1, -1)


def ignores_all(watch: Watch) -> str | None:
    """Say that the jail is to ignore everybody."""
    families = []
    for entry in watch.ignored:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        # The running server tells of 0.0.0.0/0 as 0.0.0.0.
        if network.prefixlen == 0 or network.network_address.is_unspecified:
            families.append(_FAMILIES[network.version])
    if not families:
        return None
    return f"the jail {watch.name} bans nobody over {' and '.join(families)}: its ignoreip holds every address (/0)"


def unknown_actions(watch: Watch) -> str | None:
    """Say that nothing of the jail's is known to refuse packets."""
    if not watch.actions or any(tool_of(action) for action in watch.actions):
        return None
    return (
        f"the jail {watch.name} acts by {', '.join(watch.actions)} only, which is no packet filter known here: whether "
        "a ban keeps anybody out could not be seen"
    )
