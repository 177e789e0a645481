# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else than a service may write what its jail counts, and who is banned or spared by the answer to a name."""

from __future__ import annotations

import re
import typing as t

from .probe import normal_address

if t.TYPE_CHECKING:
    from .blind import Watch

__all__ = ["doubts", "forgeable", "guarded"]

# Units in which users' own processes run: sessions, where no pam_systemd moves them away; jobs; pipes of ~/.forward.
_OF_USERS = re.compile(r"(?:sshd?|crond?|atd|postfix|exim4?|sendmail|user)(?:@.*)?\.service|session-.*\.scope")
# What syslogd writes: each line as its sender says, under the name that he gives himself (syslog(3), logger(1)).
_OF_SYSLOGD = re.compile(
    r"/var/log/(?:auth|authlog|secure|messages|syslog|daemon|user|maillog|mail|debug|all|xferlog)(?:\.(?:log|warn|err|info))?"
)
_LOOKS_UP = ("yes", "warn")


def _trusted(group: str) -> bool:
    """Say whether a journal match's ``group`` selects nothing that a user without rights can write.

    journald sets the fields with an underscore (systemd.journal-fields(7)). A user has no process with another's number
    (``_UID``), nor in a unit of the system's that runs none for him. He gives a process any name (``_COMM``).
    """
    # A field that is there twice has either value.
    if re.search(r"(?:^|\s)_UID=\d", group):
        return True
    units = re.findall(r"(?:^|\s)_SYSTEMD_UNIT=(\S+)", group)
    return bool(units) and not any(map(_OF_USERS.fullmatch, units))


def forgeable(matches: t.Iterable[str]) -> list[str]:
    """Return those of the groups ``matches`` of a journal match that any local user can satisfy."""
    return [group for group in matches if not _trusted(group)]


def guarded(match: str) -> str | None:
    """Return a filter's journal match without what any user can satisfy; ``None`` where nothing is to be left out."""
    groups = [group.strip() for group in match.split(" + ")]
    kept = [group for group in groups if _trusted(group)]
    return " + ".join(kept) if kept and kept != groups else None


def doubts(watch: Watch) -> list[str]:
    """Say who could have others banned by the jail, or be spared by it."""
    return [
        words for words in (_by_journal(watch), _by_log(watch), _by_lookup(watch), _by_names_to_ignore(watch)) if words
    ]


def _by_journal(watch: Watch) -> str | None:
    groups = forgeable(watch.matches) if watch.journal else []
    if not groups:
        return None
    return (
        f"any local user can have others banned by the jail {watch.name}: its journal match selects also what a user's "
        f"own process writes ({' + '.join(groups)}); leave journalmatch out, or add the unit and the user's number "
        "(_SYSTEMD_UNIT, _UID) of who writes there"
    )


def _by_log(watch: Watch) -> str | None:
    logs = [] if watch.journal else [path for path in watch.paths if _OF_SYSLOGD.fullmatch(path)]
    if not logs:
        return None
    return (
        f"any local user can have others banned by the jail {watch.name}: it reads {', '.join(logs)}, where syslogd "
        "writes what any user says under any name (logger(1)); let it read the journal (backend systemd, package "
        "python3-systemd) where the host has one"
    )


def _by_lookup(watch: Watch) -> str | None:
    if watch.usedns not in _LOOKS_UP:
        return None
    return (
        f"the jail {watch.name} looks names up that it finds in its log (usedns is {watch.usedns}): whoever answers "
        "for such a name says who is banned; set usedns to no"
    )


def _by_names_to_ignore(watch: Watch) -> str | None:
    names = [entry for entry in watch.ignored if normal_address(entry) is None]
    if not names:
        return None
    return (
        f"the jail {watch.name} never bans who answers to the names {', '.join(names)} of its ignoreip: they are "
        "looked up at each failure, and whoever answers for them says who is spared; write addresses"
    )
