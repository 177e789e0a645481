# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's part of the lockout guard: shell, expiry, password ages and sudo, by shadow(5), PAM and sudo(8)."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from .._accounts.sudo import rights
from .._core.freebsd import MasterPasswd, closed
from .effective import Effective, first_value
from .guard_keys import NO_SHELL

__all__ = ["Account", "LockoutFinding", "ShadowEntry", "account_findings", "sudo_findings"]

_DAY = 86400


@dataclass(frozen=True)
class ShadowEntry:
    """A line of shadow(5): the password field, and days, ``None`` where the field is empty."""

    password: str = ""
    changed: int | None = None
    maximum: int | None = None
    inactive: int | None = None
    expires: int | None = None

    @property
    def is_usable(self) -> bool:
        return bool(self.password) and self.password[0] not in "!*"


@dataclass(frozen=True)
class Account:
    """A user as the host knows it. An account that does not exist has no ``home``.

    ``sudo`` is the output of ``sudo -l -U``, ``None`` where sudo is not installed. ``sudo_broken`` says why the program
    makes nobody root, whatever its rules are; ``sudo_unread`` why it does not read a rule that is there, and a hint.
    ``root_groups`` are root's groups, by name and as ``#gid``.
    ``shell_listed`` says whether /etc/shells lists the shell. ``master`` is FreeBSD's entry, which has other locks and
    no password ages. ``become`` is the method by which the play becomes root.
    """

    name: str
    home: str = ""
    shell: str = ""
    shell_runs: bool = False
    shell_listed: bool = True
    shadow: ShadowEntry = ShadowEntry()
    master: MasterPasswd | None = None
    sudo: str | None = None
    sudo_broken: str = ""
    sudo_unread: tuple[str, str] = ("", "")
    root_groups: tuple[str, ...] = ("root", "#0")
    become: str = "sudo"


@dataclass(frozen=True)
class LockoutFinding:
    """One reason why a user could not log in or become root, and what to do about it.

    ``is_pending``: what an earlier task or an earlier part of the plan may provide. ``is_undecided``: only a
    new login can tell. ``key_files``: it is pending only where one of these files will be written.
    """

    problem: str
    hint: str = ""
    is_pending: bool = False
    is_undecided: bool = False
    key_files: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "; ".join(filter(None, [self.problem, self.hint]))


def account_findings(account: Account, effective: Effective, now: float) -> t.Iterator[LockoutFinding]:
    """Yield the account's own reasons: its shell, its expiry, and locks and ages of its password."""
    yield from _shell_findings(account)
    if account.master:
        yield from map(LockoutFinding, closed(account.name, account.master, now))
    else:
        yield from _shadow_findings(account.name, account.shadow, first_value(effective, "usepam") != "no", now)


def _shell_findings(account: Account) -> t.Iterator[LockoutFinding]:
    name, shell = account.name, account.shell
    if not account.shell_runs:
        yield LockoutFinding(f"the shell {shell} of {name} is missing or cannot be run", f"give {name} one that exists")
    elif os.path.basename(shell) in NO_SHELL:
        yield LockoutFinding(f"the shell {shell} of {name} lets nobody in", f"give {name} a login shell")
    elif not account.shell_listed:
        problem = f"the shell {shell} of {name} is not in /etc/shells, and may not run commands"
        yield LockoutFinding(problem, is_undecided=True)


def _shadow_findings(name: str, shadow: ShadowEntry, pam: bool, now: float) -> t.Iterator[LockoutFinding]:
    today = int(now // _DAY)
    # sudo asks pam_unix(8) too, for which an account has expired already on the day itself.
    if shadow.expires is not None and shadow.expires < today + (pam or name != "root"):
        yield LockoutFinding(f"the account {name} has expired", f"`chage -E -1 {name}` lifts that")
    if pam or (name != "root" and _password_is_inactive(shadow, today)):
        yield from _password_age_findings(name, shadow, today)
    elif shadow.password.startswith("!"):
        yield LockoutFinding(
            f"UsePAM would be no and the password of {name} is locked with '!', so that sshd locks the account",
            f"keep UsePAM yes, or set the field to '*' (`usermod -p '*' {name}`)",
        )


def _password_is_inactive(shadow: ShadowEntry, today: int) -> bool:
    """Say whether the password is so old that pam_unix(8) refuses the account to sudo, although sshd does not ask."""
    days = (shadow.changed, shadow.maximum, shadow.inactive)
    return None not in days and today > sum(day or 0 for day in days) and shadow.changed != 0


def _password_age_findings(name: str, shadow: ShadowEntry, today: int) -> t.Iterator[LockoutFinding]:
    """Yield what pam_unix(8) finds in the password's age. It applies to key logins too."""
    if shadow.changed == 0:
        problem = f"{name} must change the password at the next login"
        yield LockoutFinding(problem, f"`chage -d {today} {name}` lifts that")
    elif shadow.changed is not None and shadow.maximum is not None and today - shadow.changed > shadow.maximum:
        problem = f"the password of {name} is older than its {shadow.maximum} days, which PAM applies to key logins too"
        yield LockoutFinding(problem, f"`chage -M -1 {name}` lifts that")


def sudo_findings(account: Account) -> t.Iterator[LockoutFinding]:
    """Yield why the account could not become root: sudo itself, its rules, its password, its terminal."""
    name = account.name
    if name == "root":
        return
    if account.become != "sudo":
        yield LockoutFinding(f"{name} becomes root by {account.become}, whose rules are not read", is_undecided=True)
        return
    if account.sudo is None:
        problem = f"sudo is not installed, so {name} could not become root"
        yield LockoutFinding(problem, "install it (role admin_user)", is_pending=True)
        return
    if account.sudo_broken:
        yield LockoutFinding(f"sudo would not make {name} root: {account.sudo_broken}")
        return
    defaults, _sep, rules = account.sudo.rpartition("may run the following commands")
    allowed, asks = rights(rules, groups=account.root_groups)
    cause, hint = account.sudo_unread
    if not allowed and cause:
        yield LockoutFinding(f"sudo does not let {name} run every command as root: {cause}", hint)
    elif not allowed:
        problem = f"sudo does not let {name} run every command as root"
        yield LockoutFinding(problem, f"add '{name} ALL=(ALL:ALL) ALL' (role admin_user)", is_pending=True)
    elif asks and "!authenticate" not in defaults and not account.shadow.is_usable:
        yield LockoutFinding(
            f"sudo asks {name} for a password and the account has none", "set one, or allow sudo without (NOPASSWD)"
        )
    if re.search(r"(?<![!\w])requiretty\b", defaults):
        yield LockoutFinding(
            f"sudo asks {name} for a terminal (requiretty), which Ansible does not have",
            f"add 'Defaults:{name} !requiretty'",
        )
