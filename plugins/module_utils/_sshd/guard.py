# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this user still log in with a key and become root? By the rules of sshd(8), shadow(5), PAM and sudo(8).

tests/lockout holds each rule against a real sshd and a real client.
"""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from .._accounts.sudo import rights
from .._core.freebsd import MasterPasswd, closed
from .._core.text import printable
from .effective import Effective, listen_addresses
from .guard_keys import (
    NO_SHELL,
    KeyFile,
    RevokedKeys,
    gives_no_shell,
    key_problem,
    open_question,
)
from .match import Connection, pattern_list
from .origin import is_user

__all__ = ["Account", "LockoutFinding", "ShadowEntry", "lockout_findings", "out_of_reach"]

_DAY = 86400
# A user may have as many keys that do not fit as fit into a file.
_MOST_REASONS = 10
_NONE = RevokedKeys()
_WILDCARDS = {"0.0.0.0": 4, "::": 6}


@dataclass(frozen=True)
class ShadowEntry:
    """A line of shadow(5): the password field, and days, ``None`` where the field is empty."""

    password: str = ""
    changed: int | None = None
    maximum: int | None = None
    inactive: int | None = None
    expires: int | None = None

    @property
    def usable(self) -> bool:
        return bool(self.password) and self.password[0] not in "!*"


@dataclass(frozen=True)
class Account:
    """A user as the host knows it. An account that does not exist has no ``home``.

    ``sudo`` is what ``sudo -l -U`` prints, ``None`` where sudo is not installed; ``sudo_broken`` says why the program
    makes nobody root, whatever its rules are; ``root_groups`` are those of root, by name and as ``#gid``.
    ``shell_listed`` says whether /etc/shells names the shell. ``master`` is FreeBSD's entry, which has no ages of a
    password and other locks.
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
    root_groups: tuple[str, ...] = ("root", "#0")


@dataclass(frozen=True)
class LockoutFinding:
    """One reason and its way out.

    ``pending`` marks what earlier tasks of a check-mode run only pretended to do, ``undecided`` what no look at files
    can tell: the new login decides it.
    """

    text: str
    is_pending: bool = False
    is_undecided: bool = False


def lockout_findings(
    account: Account,
    connection: Connection,
    effective: Effective,
    files: t.Sequence[KeyFile],
    *,
    now: float,
    revoked: RevokedKeys = _NONE,
) -> list[LockoutFinding]:
    """Return every reason why ``account`` could not, or might not, come in by key and become root afterwards."""
    if not account.home:
        return [
            LockoutFinding(
                f"the account {account.name} does not exist; create it first (role admin_user)", is_pending=True
            )
        ]
    return [
        *_methods(account, effective),
        *_lists(connection, effective),
        *_usable(account, effective, now),
        *_keys(account, connection, effective, files, now=now, revoked=revoked),
        *_session(account, effective),
        *_root(account),
    ]


def out_of_reach(connection: Connection, effective: Effective) -> str:
    """Say that sshd would no longer listen on the address by which ``connection`` came in, else nothing."""
    address = connection.local_address
    version = 6 if ":" in address else 4
    hosts = [host for host, _port in listen_addresses(effective)]
    if (
        not address
        or address in hosts
        or any(_WILDCARDS.get(host, version) == version and host in _WILDCARDS for host in hosts)
    ):
        return ""
    where = ", ".join(dict.fromkeys(hosts)) or "no address"
    return (
        f"sshd would listen on {where} alone (ListenAddress, AddressFamily), and you came in by {address}; "
        f"add {address}, or reach the host by another of its addresses (ansible_host) first"
    )


def _methods(account: Account, effective: Effective) -> t.Iterator[LockoutFinding]:
    if _one(effective, "pubkeyauthentication") != "yes":
        yield LockoutFinding("PubkeyAuthentication would be no; set it to yes")
    if _one(effective, "refuseconnection") == "yes":
        yield LockoutFinding("RefuseConnection would be yes, which ends every connection; set it to no")
    if not _keys_required(effective):
        methods = " ".join(effective["authenticationmethods"])
        yield LockoutFinding(
            f"AuthenticationMethods ({methods}) asks for more than a key; offer 'publickey' alone as one choice"
        )
    permitted = _one(effective, "permitrootlogin")
    if account.name == "root" and permitted not in ("yes", "without-password", "prohibit-password"):
        yield LockoutFinding(
            f"PermitRootLogin would be {permitted}, so root could not log in; guard another user, or allow keys"
        )


def _keys_required(effective: Effective) -> int:
    """Return how many keys the easiest choice of AuthenticationMethods asks for, 0 where keys are not enough."""
    choices = " ".join(effective.get("authenticationmethods", ())).split() or ["any"]
    counts = [len(methods) for methods in (choice.split(",") for choice in choices) if set(methods) <= {"publickey"}]
    return 1 if choices == ["any"] else min(counts, default=0)


def _lists(connection: Connection, effective: Effective) -> t.Iterator[LockoutFinding]:
    """DenyUsers, AllowUsers, DenyGroups, AllowGroups, as sshd's ``allowed_user`` goes through them."""
    user = connection.user
    for pattern in effective.get("denyusers", ()):
        if is_user(pattern, connection):
            yield LockoutFinding(f"DenyUsers {pattern} shuts {user} out; remove that pattern")
    allowed = effective.get("allowusers", ())
    if allowed and not any(is_user(pattern, connection) for pattern in allowed):
        yield LockoutFinding(f"AllowUsers ({' '.join(allowed)}) does not name {user}; add {user}")
    for pattern in effective.get("denygroups", ()):
        if any(pattern_list(pattern, group) for group in connection.groups):
            yield LockoutFinding(f"DenyGroups {pattern} shuts {user} out; remove that pattern")
    groups = effective.get("allowgroups", ())
    if groups and not any(pattern_list(pattern, group) for pattern in groups for group in connection.groups):
        yield LockoutFinding(
            f"AllowGroups ({' '.join(groups)}) names no group of {user}; add one, or put {user} into one"
        )


def _usable(account: Account, effective: Effective, now: float) -> t.Iterator[LockoutFinding]:
    name, shadow, today = account.name, account.shadow, int(now // _DAY)
    if not account.shell_runs:
        yield LockoutFinding(
            f"the shell {account.shell} of {name} is missing or cannot be run; give {name} one that exists"
        )
    elif os.path.basename(account.shell) in NO_SHELL:
        yield LockoutFinding(f"the shell {account.shell} of {name} lets nobody in; give {name} a login shell")
    elif not account.shell_listed:
        text = f"the shell {account.shell} of {name} is not in /etc/shells, and may not run commands"
        yield LockoutFinding(text, is_undecided=True)
    if account.master:
        yield from map(LockoutFinding, closed(name, account.master, now))
        return
    pam = _one(effective, "usepam") != "no"
    # sudo asks pam_unix(8) too, to which the day of the expiry itself is too late.
    if shadow.expires is not None and shadow.expires < today + (pam or name != "root"):
        yield LockoutFinding(f"the account {name} has expired; `chage -E -1 {name}` lifts that")
    if pam or (name != "root" and _password_is_inactive(shadow, today)):
        yield from _password_age_findings(name, shadow, today)
    elif shadow.password.startswith("!"):
        yield LockoutFinding(
            f"UsePAM would be no and the password of {name} is locked with '!', by which sshd then locks the account; "
            f"keep UsePAM yes, or set the field to '*' (`usermod -p '*' {name}`)"
        )


def _password_is_inactive(shadow: ShadowEntry, today: int) -> bool:
    """Say whether a password is so old that pam_unix(8) refuses the account to sudo, where sshd did not ask it."""
    days = (shadow.changed, shadow.maximum, shadow.inactive)
    return None not in days and today > sum(day or 0 for day in days) and shadow.changed != 0


def _password_age_findings(name: str, shadow: ShadowEntry, today: int) -> t.Iterator[LockoutFinding]:
    """What pam_unix(8) says of a password's age, which counts for logins by key too."""
    if shadow.changed == 0:
        yield LockoutFinding(f"{name} must change the password at the next login; `chage -d {today} {name}` lifts that")
    elif shadow.changed is not None and shadow.maximum is not None and today - shadow.changed > shadow.maximum:
        yield LockoutFinding(
            f"the password of {name} is older than its {shadow.maximum} days, which PAM holds against a key login too; "
            f"`chage -M -1 {name}` lifts that"
        )


def _keys(
    account: Account,
    connection: Connection,
    effective: Effective,
    files: t.Sequence[KeyFile],
    *,
    now: float,
    revoked: RevokedKeys,
) -> t.Iterator[LockoutFinding]:
    if revoked.broken:
        yield LockoutFinding(
            f"{revoked.broken}, by which sshd refuses every key; lay that file, or set RevokedKeys to none"
        )
        return
    strict = _one(effective, "strictmodes") != "no"
    shut = {file: file.unreadable or (file.distrusted if strict else "") for file in files if file.exists}
    keys = list(dict.fromkeys(key for file, reason in shut.items() if not reason for key in file.keys))
    problems = {key: key_problem(key, connection, effective, revoked, now) for key in keys}
    good = [key for key, wrong in problems.items() if not wrong]
    sure = {key.blob for key in good if not open_question(key)}
    required = _keys_required(effective) or 1
    if len(sure) >= required:
        if required > 1:
            text = f"AuthenticationMethods asks {account.name} for {required} keys, and one client must hold them"
            yield LockoutFinding(text, is_undecided=True)
        return
    others = [*_other_sources(effective), *(open_question(key) for key in good)]
    if any(others):
        text = f"no key in the files of {account.name} opens by itself; it depends on "
        yield LockoutFinding(text + " and ".join(dict.fromkeys(filter(None, others))), is_undecided=True)
        return
    for file, reason in shut.items():
        if reason:
            why = "StrictModes keeps sshd from reading" if not file.unreadable else "sshd could not read"
            # Where AuthorizedKeysFile is a pattern, the user has named the file.
            yield LockoutFinding(printable(f"{why} {file.path}: {reason}"))
    if sure:
        yield LockoutFinding(
            f"AuthenticationMethods asks {account.name} for {required} keys and there is {len(sure)}; add keys"
        )
    elif problems:
        reasons = ", ".join(list(dict.fromkeys(problems.values()))[:_MOST_REASONS])
        yield LockoutFinding(
            f"{account.name} has keys, but sshd would take none of them: {reasons}; add an ssh-ed25519 key"
        )
    elif not any(shut.values()):
        places = (
            " or ".join(printable(file.path) for file in files[:_MOST_REASONS])
            or "any file (AuthorizedKeysFile is none)"
        )
        text = f"{account.name} has no key that sshd could read in {places}; put a public key there (role admin_user)"
        yield LockoutFinding(text, is_pending=bool(files))


def _other_sources(effective: Effective) -> t.Iterator[str]:
    """Name what else gives keys, which is not asked here."""
    names = {"authorizedkeyscommand": "AuthorizedKeysCommand", "trustedusercakeys": "TrustedUserCAKeys"}
    for keyword, name in names.items():
        value = _one(effective, keyword)
        if value not in ("", "none"):
            yield f"{name} ({value})"


def _session(account: Account, effective: Effective) -> t.Iterator[LockoutFinding]:
    """What happens to a login after its key was taken."""
    if _one(effective, "maxsessions") == "0":
        yield LockoutFinding("MaxSessions would be 0, which allows no shell; set it to 1 or more")
    root = _one(effective, "chrootdirectory")
    if root not in ("", "none", "/"):
        yield LockoutFinding(
            f"ChrootDirectory would be {root}, so {account.name} could not reach the host itself; set it to none"
        )
    command = _one(effective, "forcecommand")
    if command in ("", "none"):
        return
    if gives_no_shell(command):
        yield LockoutFinding(f"ForceCommand would be {command}, which gives {account.name} no shell; set it to none")
    else:
        text = f"ForceCommand ({command}) decides whether {account.name} gets a shell"
        yield LockoutFinding(text, is_undecided=True)


def _root(account: Account) -> t.Iterator[LockoutFinding]:
    """sudo must allow every command as root, and its question for a password must have an answer."""
    name = account.name
    if name == "root":
        return
    if account.sudo is None:
        yield LockoutFinding(
            f"sudo is not installed, so {name} could not become root; install it (role admin_user)", is_pending=True
        )
        return
    if account.sudo_broken:
        yield LockoutFinding(f"sudo would not make {name} root: {account.sudo_broken}")
        return
    defaults, _sep, rules = account.sudo.rpartition("may run the following commands")
    allowed, asks = rights(rules, groups=account.root_groups)
    if not allowed:
        text = f"sudo does not let {name} run every command as root; add '{name} ALL=(ALL:ALL) ALL' (role admin_user)"
        yield LockoutFinding(text, is_pending=True)
    elif asks and "!authenticate" not in defaults and not account.shadow.usable:
        yield LockoutFinding(
            f"sudo asks {name} for a password and the account has none; set one, or allow sudo without (NOPASSWD)"
        )
    if re.search(r"(?<![!\w])requiretty\b", defaults):
        yield LockoutFinding(
            f"sudo asks {name} for a terminal (requiretty), which Ansible has not; add 'Defaults:{name} !requiretty'"
        )


def _one(effective: Effective, keyword: str) -> str:
    values = effective.get(keyword, ())
    return values[0] if values else ""
