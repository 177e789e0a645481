# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log entries that others can forge: who can write what a jail counts, and name lookups that decide about a ban."""

from __future__ import annotations

import re
import typing as t

from .packet_filters import normal_address

if t.TYPE_CHECKING:
    from .findings import WatchedJail

__all__ = ["forgeable_groups", "forging_warnings", "is_of_syslogd", "trusted_match"]

# Units in which processes of users run: sessions (without pam_systemd they stay in the unit of sshd), jobs, and
# pipes of ~/.forward.
_OF_USERS = re.compile(r"(?:sshd?|crond?|atd|postfix|exim4?|sendmail|user)(?:@.*)?\.service|session-.*\.scope")
# Files of syslogd. It writes each line as the sender gives it, under the name that the sender gives (syslog(3),
# logger(1)).
_OF_SYSLOGD = re.compile(
    r"/var/log/(?:auth|authlog|secure|messages|syslog|daemon|user|maillog|mail|debug|all|xferlog)(?:\.(?:log|warn|err|info))?"
)
_LOOKUPS = ("yes", "warn")


def _is_trusted(group: str) -> bool:
    """Return whether a user without privileges cannot write an entry that ``group`` of a journal match selects.

    journald sets the fields that start with an underscore (systemd.journal-fields(7)). A user has no process with
    another number (``_UID``), and none in a system unit that runs none for users. A process can have any name
    (``_COMM``).
    """
    # A field that appears twice matches either value.
    if re.search(r"(?:^|\s)_UID=\d", group):
        return True
    units = re.findall(r"(?:^|\s)_SYSTEMD_UNIT=(\S+)", group)
    return bool(units) and not any(map(_OF_USERS.fullmatch, units))


def is_of_syslogd(path: str) -> bool:
    """Return whether syslogd writes the log ``path``, where there is one."""
    return _OF_SYSLOGD.fullmatch(path) is not None


def forgeable_groups(matches: t.Iterable[str]) -> list[str]:
    """Return those of the groups ``matches`` of a journal match that any local user can satisfy."""
    return [group for group in matches if not _is_trusted(group)]


def trusted_match(match: str) -> str | None:
    """Return the journal match of a filter without the groups that any user can satisfy, ``None`` for no change."""
    groups = [group.strip() for group in match.split(" + ")]
    kept = [group for group in groups if _is_trusted(group)]
    return " + ".join(kept) if kept and kept != groups else None


def forging_warnings(jail: WatchedJail) -> list[str]:
    """Return a warning for each way in which somebody can have others banned by ``jail``, or be ignored by it."""
    found = (_journal_warning(jail), _log_warning(jail), _lookup_warning(jail), _ignored_names_warning(jail))
    return [warning for warning in found if warning]


def _journal_warning(jail: WatchedJail) -> str | None:
    groups = forgeable_groups(jail.matches) if jail.journal else []
    if not groups:
        return None
    return (
        f"any local user can have others banned by the jail {jail.name}: its journal match also selects entries of "
        f"users' own processes ({' + '.join(groups)}); remove journalmatch, or add the unit and the user number of the "
        "service (_SYSTEMD_UNIT, _UID)"
    )


def _log_warning(jail: WatchedJail) -> str | None:
    logs = [] if jail.journal else [path for path in jail.paths if is_of_syslogd(path)]
    if not logs:
        return None
    return (
        f"any local user can have others banned by the jail {jail.name}: it reads {', '.join(logs)}, where any user "
        "can write under any name through syslogd (logger(1)); if the host has a journal, let the jail read it "
        "(backend systemd, package python3-systemd)"
    )


def _lookup_warning(jail: WatchedJail) -> str | None:
    if jail.usedns not in _LOOKUPS:
        return None
    return (
        f"the jail {jail.name} resolves names that appear in its log (usedns is {jail.usedns}): whoever controls the "
        "DNS of such a name decides who is banned; set usedns to no"
    )


def _ignored_names_warning(jail: WatchedJail) -> str | None:
    names = [entry for entry in jail.ignored if normal_address(entry) is None]
    if not names:
        return None
    return (
        f"the jail {jail.name} never bans the addresses of the names {', '.join(names)} in its ignoreip: fail2ban "
        "resolves them at each failure, and whoever controls their DNS decides who is ignored; use addresses"
    )
