# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a jail reads: the journal, by the names under which its service speaks there, or log files."""

from __future__ import annotations

import re
import typing as t

from . import config as fail2ban
from . import forged as fail2ban_forged

if t.TYPE_CHECKING:
    from .plan import Sections, Wish

__all__ = [
    "JOURNALMATCH",
    "backend",
    "journal_capable",
    "journalmatch",
    "reads",
    "seeing_filter",
    "selecting",
    "silent",
    "with_parameter",
]

# Every name under which an OpenSSH server of Debian, Ubuntu, EL or Fedora speaks to the journal: those that its process
# gives itself (the second since OpenSSH 9.8), said by root, by syslog(3) or (sshd -e) on the output of a unit. No user
# can say it: the kernel adds the number of who writes to each message (unix(7), SCM_CREDENTIALS), and journald the way
# that it came. A name alone is anybody's. So is the unit: without pam_systemd, users' sessions stay in that of sshd.
# Neither it nor _COMM is asked for beside them: journald looks both up after the message has come, and finds none where
# the process has ended by then, as after the last line of a failed login on a busy host.
JOURNALMATCH = (
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog + SYSLOG_IDENTIFIER=sshd-session _UID=0 _TRANSPORT=syslog + "
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=stdout"
)

# The units of postfix: that of Debian 12 is an instance, of which the filter of fail2ban 1.0 does not know.
_POSTFIX = ("postfix.service", "postfix@-.service")


# The names that sshd's processes have in a log since OpenSSH 9.8 (fail2ban#3812, #4028).
_NAMES = r"sshd(?:-session|-auth)?"


def seeing_filter(filter_text: str) -> str | None:
    """Return the option ``filter`` of a jail for sshd whose filter (its files' texts) is blind to ``sshd-session``.

    ``None`` where it sees it, or has no ``_daemon`` to set. Debian mends its fail2ban 1.1.0, FreeBSD's port has the
    filter as it was released.
    """
    said: dict[str, str] = {}
    for options in fail2ban.options_of(filter_text).values():
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


def journalmatch(filter_name: str, filter_text: str, uids: t.Mapping[str, int]) -> str | None:
    """Return what a jail with this filter has to select from the journal, ``None`` where the filter's own is right.

    ``uids``: the numbers of the services' users that the host has.
    """
    if filter_name == "sshd":
        return JOURNALMATCH
    if filter_name == "postfix":
        # Its processes are root's and the user postfix's; a ~/.forward starts its owner's, in the same unit.
        numbers = [0, *(uids[name] for name in ("postfix",) if name in uids)]
        return " + ".join(f"_SYSTEMD_UNIT={unit} _UID={number}" for unit in _POSTFIX for number in numbers)
    said: dict[str, str] = {}
    for options in fail2ban.options_of(filter_text).values():
        said.update(options)
    return fail2ban_forged.guarded(said.get("journalmatch", ""))


def selecting(
    match: str, name: str, options: t.Mapping[str, t.Any], others: Sections, filter_text: str
) -> dict[str, t.Any]:
    """Return ``options`` of the jail ``name`` with the journal match ``match``, unless they say another.

    A match in a filter's section Init stays beside the jail's; a parameter of the filter takes its place.
    """
    if "journalmatch" in options:
        return dict(options)
    if "journalmatch" not in fail2ban.options_of(filter_text).get("Init", {}):
        return {**options, "journalmatch": match}
    usual = others.get("DEFAULT", {}).get("filter", name)
    present = (
        str(options.get("filter", others.get(name, {}).get("filter", usual))).replace("%(__name__)s", name).strip()
    )
    if "journalmatch" in present or "\n" in present:
        return dict(options)
    return {**options, "filter": with_parameter(present, "journalmatch", match)}


def with_parameter(written: str, name: str, value: str) -> str:
    """Return the option ``filter`` of a jail, as it is ``written``, with a parameter more."""
    return (written[:-1] + ", " if written.endswith("]") else written + "[") + f'{name}="{value}"]'


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
    return any("backend" in others.get(jail, {}) for jail in (name, fail2ban.filter_name(name, options, others)))


def reads(name: str, options: t.Mapping[str, t.Any], others: Sections, path: str) -> bool:
    """Say whether the jail ``name`` names ``path`` as its log, here or in the other files."""
    named = options.get("logpath", others.get(name, {}).get("logpath", ""))
    return path in fail2ban.value_text(name, "logpath", named).split()


def silent(name: str, matches: t.Iterable[str]) -> str:
    """Say of a jail that reads the journal that nobody has ever said there what it looks for."""
    return (
        f"the jail {name} may see nothing: its journal match ({' + '.join(matches)}) selects no entry; if its service "
        "runs, it speaks under another name or writes log files (journalmatch, backend)"
    )
