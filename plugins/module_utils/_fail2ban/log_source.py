# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log source of a jail: the journal with a journal match for its service, or log files."""

from __future__ import annotations

import re
import typing as t

from . import config as fail2ban
from . import log_forging
from .jail_files import parse_sections
from .log_paths import path_patterns

if t.TYPE_CHECKING:
    from .plan import JailsRequest, Sections

__all__ = [
    "JOURNALMATCH",
    "backend",
    "filter_for_sessions",
    "has_journalmatch",
    "journalmatch",
    "no_matching_entry",
    "reads_log",
    "with_journalmatch",
    "with_parameter",
]

# Every name under which an OpenSSH server of Debian, Ubuntu, EL or Fedora writes to the journal: the names that its
# processes give themselves (the second since OpenSSH 9.8), written by root through syslog(3) or (sshd -e) on the output
# of a unit. No user can forge them: the kernel adds the user number of the sender to each message (unix(7),
# SCM_CREDENTIALS), and journald adds the transport. A name alone can be forged by anybody. So can the unit: without
# pam_systemd, sessions of users stay in the unit of sshd. The match uses neither the unit nor _COMM in addition:
# journald looks both up after it has received the message, and finds nothing if the process has ended by then, as after
# the last line of a failed login on a busy host.
JOURNALMATCH = (
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog + SYSLOG_IDENTIFIER=sshd-session _UID=0 _TRANSPORT=syslog + "
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=stdout"
)

# The units of postfix. The unit of Debian 12 is an instance, which the filter of fail2ban 1.0 does not know.
_POSTFIX = ("postfix.service", "postfix@-.service")


# The names of the processes of sshd in a log since OpenSSH 9.8 (fail2ban#3812, #4028).
_NAMES = r"sshd(?:-session|-auth)?"


def filter_for_sessions(filter_text: str) -> str | None:
    """Return the option ``filter`` of a jail for sshd whose filter (texts of its files) ignores ``sshd-session``.

    The result is ``None`` if the filter knows that name or has no ``_daemon`` to set. Debian patches its fail2ban
    1.1.0, the port of FreeBSD has the filter as released.
    """
    settings: dict[str, str] = {}
    for options in parse_sections(filter_text).values():
        settings.update(options)
    daemon = settings.get("_daemon")
    if daemon is None:
        return None
    try:
        is_known = re.fullmatch(daemon, "sshd-session") is not None
    except re.error:
        # It contains variables of fail2ban. Its author is assumed to know the names.
        return None
    return None if is_known else f'sshd[mode=%(mode)s, _daemon="{_NAMES}"]'


def journalmatch(filter_name: str, filter_text: str, uids: t.Mapping[str, int]) -> str | None:
    """Return the journal match for a jail with this filter, ``None`` if the match of the filter is right.

    ``uids``: the user numbers of services on the host, by name.
    """
    if filter_name == "sshd":
        return JOURNALMATCH
    if filter_name == "postfix":
        # Its processes run as root and as the user postfix. A ~/.forward starts processes of its owner in that unit.
        numbers = [0, *(uids[name] for name in ("postfix",) if name in uids)]
        return " + ".join(f"_SYSTEMD_UNIT={unit} _UID={number}" for unit in _POSTFIX for number in numbers)
    settings: dict[str, str] = {}
    for options in parse_sections(filter_text).values():
        settings.update(options)
    return log_forging.trusted_match(settings.get("journalmatch", ""))


def with_journalmatch(
    match: str, name: str, options: t.Mapping[str, t.Any], others: Sections, filter_text: str
) -> dict[str, t.Any]:
    """Return ``options`` of the jail ``name`` with the journal match ``match``, unless they have another one.

    A match in the section Init of a filter is used in addition to that of the jail. A parameter of the filter replaces
    it.
    """
    if "journalmatch" in options:
        return dict(options)
    if "journalmatch" not in parse_sections(filter_text).get("Init", {}):
        return {**options, "journalmatch": match}
    usual = others.get("DEFAULT", {}).get("filter", name)
    present = (
        str(options.get("filter", others.get(name, {}).get("filter", usual))).replace("%(__name__)s", name).strip()
    )
    if "journalmatch" in present or "\n" in present:
        return dict(options)
    return {**options, "filter": with_parameter(present, "journalmatch", match)}


def with_parameter(written: str, name: str, value: str) -> str:
    """Return the option ``filter`` of a jail, which is ``written``, with another parameter."""
    return (written[:-1] + ", " if written.endswith("]") else written + "[") + f'{name}="{value}"]'


def has_journalmatch(filter_text: str) -> bool:
    """Return whether a filter (texts of its files) has a journal match."""
    return re.search(r"^journalmatch[ \t]*=[ \t]*\S", filter_text, re.MULTILINE) is not None


def backend(
    request: JailsRequest,
    name: str,
    options: t.Mapping[str, t.Any],
    others: Sections,
    filter_text: str,
    *,
    journal: bool,
) -> str | None:
    """Return the backend to set for the jail ``name``, ``None`` if the other files set the right one.

    ``journal``: whether fail2ban can read the journal.
    """
    if "backend" in options:
        return None
    if request.backend != "auto" and not (request.backend == "systemd" and "logpath" in options):
        return request.backend
    if "logpath" in options:
        # Debian sets the backend systemd for sshd, which ignores logpath.
        return "auto"
    if _logs_to_syslog(name, options, others):
        return ("systemd" if journal else "auto") if has_journalmatch(filter_text) else None
    if _reads_journal(request, name, options, others) and journal:
        return "systemd"
    # Ubuntu sets the backend systemd for all jails, but nginx and fail2ban itself (recidive) write log files.
    for_all = others.get("DEFAULT", {}).get("backend", "")
    return "auto" if for_all.startswith("systemd") and "backend" not in request.defaults else None


def _reads_journal(request: JailsRequest, name: str, options: t.Mapping[str, t.Any], others: Sections) -> bool:
    """Return whether the jail has a filter of the user's own with a journal match, and no log file."""
    own = request.filters.get(fail2ban.filter_name(name, options, others))
    return own is not None and "journalmatch" in own.options and "logpath" not in others.get(name, {})


def _logs_to_syslog(name: str, options: t.Mapping[str, t.Any], others: Sections) -> bool:
    """Return whether the service of the jail logs to syslog, and so to the journal.

    jail.conf sets a backend for such jails. Others, such as those of nginx, have a filter with a journal match and a
    service that writes log files.
    """
    return any("backend" in others.get(jail, {}) for jail in (name, fail2ban.filter_name(name, options, others)))


def reads_log(name: str, options: t.Mapping[str, t.Any], others: Sections, path: str) -> bool:
    """Return whether ``path`` is in the ``logpath`` of the jail ``name``, in ``options`` or in the other files."""
    named = options.get("logpath", others.get(name, {}).get("logpath", ""))
    return path in path_patterns(fail2ban.value_text(name, "logpath", named))


def no_matching_entry(name: str, matches: t.Iterable[str]) -> str:
    """Return the warning for a jail whose journal match selects no entry."""
    return (
        f"the jail {name} may have no log source: its journal match ({' + '.join(matches)}) selects no entry; if its "
        "service runs, it logs under another name or to files (set journalmatch or backend)"
    )
