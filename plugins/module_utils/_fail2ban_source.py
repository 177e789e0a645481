# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a jail reads: the journal, by the names under which its service speaks there, or log files."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils import _fail2ban

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban_plan import Sections, Wish

__all__ = ["JOURNALMATCH", "JOURNALMATCHES", "backend", "journal_capable", "reads", "seeing_filter", "silent"]

# Every name under which an OpenSSH server of Debian, Ubuntu, EL or Fedora speaks to the journal: either name of the
# unit, and the names that its process gives itself (the second since OpenSSH 9.8), as an instance of ssh@.service too.
# Not _COMM: journald looks it up, and the unit, after the message has come, and finds neither where the process has
# ended by then: the last line of a failed login, on a busy host. The user's number comes with the message.
JOURNALMATCH = (
    "_SYSTEMD_UNIT=ssh.service + _SYSTEMD_UNIT=sshd.service + "
    "SYSLOG_IDENTIFIER=sshd _UID=0 + SYSLOG_IDENTIFIER=sshd-session _UID=0"
)

# By filter, where fail2ban's own match is blind on a system that it comes with. Debian 12's postfix is an instance
# (postfix@-.service), of which the filter of fail2ban 1.0 does not know.
JOURNALMATCHES = {
    "sshd": JOURNALMATCH,
    "postfix": "_SYSTEMD_UNIT=postfix.service + _SYSTEMD_UNIT=postfix@-.service",
}


# The names that sshd's processes have in a log since OpenSSH 9.8 (fail2ban#3812, #4028).
_NAMES = r"sshd(?:-session|-auth)?"


def seeing_filter(filter_text: str) -> str | None:
    """Return the option ``filter`` of a jail for sshd whose filter (its files' texts) is blind to ``sshd-session``.

    ``None`` where it sees it, or has no ``_daemon`` to set. Debian mends its fail2ban 1.1.0, FreeBSD's port has the
    filter as it was released.
    """
    said: dict[str, str] = {}
    for options in _fail2ban.options_of(filter_text).values():
        said.update(options)
    daemon = said.get("_daemon")
    if daemon is None:
        return None
    try:
        sees = re.fullmatch(daemon, "sshd-session") is not None
    except re.error:
        # fail2ban's own variables in it: whoever wrote that has thought of the names.
        return None
    return None if sees else f'sshd[mode=%(mode)s, _daemon="{_NAMES}"]'


def journal_capable(filter_text: str) -> bool:
    """Say whether a filter (its files' texts) knows what to look for in the journal."""
    return re.search(r"^journalmatch[ \t]*=[ \t]*\S", filter_text, re.MULTILINE) is not None


def backend(
    wish: Wish,
    name: str,
    options: t.Mapping[str, t.Any],
    others: Sections,
    filter_text: str,
    *,
    journal: bool,
) -> str | None:
    """Return the backend that the jail ``name`` has to say, ``None`` where what the files say is right.

    ``journal`` says whether fail2ban can read the journal.
    """
    if "backend" in options:
        return None
    if wish.backend != "auto" and not (wish.backend == "systemd" and "logpath" in options):
        return wish.backend
    if "logpath" in options:
        # Debian gives sshd the backend systemd, which would read no log file, whatever logpath says.
        return "auto"
    if _logs_to_syslog(name, options, others):
        return ("systemd" if journal else "auto") if journal_capable(filter_text) else None
    # Ubuntu gives all jails the backend systemd; nginx and fail2ban itself (recidive) write log files all the same.
    for_all = others.get("DEFAULT", {}).get("backend", "")
    return "auto" if for_all.startswith("systemd") and "backend" not in wish.defaults else None


def _logs_to_syslog(name: str, options: t.Mapping[str, t.Any], others: Sections) -> bool:
    """Say whether the jail's service speaks to syslog, and so to the journal.

    jail.conf gives such jails a backend. Others, nginx's for one, have a filter that could read the journal, and a
    service that writes log files.
    """
    return any("backend" in others.get(jail, {}) for jail in (name, _fail2ban.filter_name(name, options, others)))


def reads(name: str, options: t.Mapping[str, t.Any], others: Sections, path: str) -> bool:
    """Say whether the jail ``name`` names ``path`` as its log, here or in the other files."""
    named = options.get("logpath", others.get(name, {}).get("logpath", ""))
    return path in _fail2ban.value_text(name, "logpath", named).split()


def silent(name: str, matches: t.Iterable[str]) -> str:
    """Say of a jail that reads the journal that nobody has ever said there what it looks for."""
    return (
        f"the jail {name} may see nothing: its journal match ({' + '.join(matches)}) selects no entry; if its service "
        "runs, it speaks under another name or writes log files (journalmatch, backend)"
    )
