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
from .effective import Effective, listens
from .guard_keys import (
    DEAD_ENDS,
    KeyFile,
    Revoked,
    complaint,
    leads_nowhere,
    undecided,
)
from .match import Connection, pattern_list
from .origin import is_user

__all__ = ["Account", "Refusal", "Shadow", "out_of_reach", "refusals"]

_DAY = 86400
# A user may have as many keys that do not fit as fit into a file.
_MOST_REASONS = 10
_NONE = Revoked()
_WILDCARDS = {"0.0.0.0": 4, "::": 6}


@dataclass(frozen=True)
class Shadow:
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
    shadow: Shadow = Shadow()
    master: MasterPasswd | None = None
    sudo: str | None = None
    sudo_broken: str = ""
    root_groups: tuple[str, ...] = ("root", "#0")


@dataclass(frozen=True)
class Refusal:
    """One reason and its way out.

    ``pending`` marks what earlier tasks of a check-mode run only pretended to do, ``undecided`` what no look at files
    can tell: the new login decides it.
    """

    text: str
    pending: bool = False
    undecided: bool = False


def refusals(
    account: Account,
    connection: Connection,
    effective: Effective,
    files: t.Sequence[KeyFile],
    *,
    now: float,
    revoked: Revoked = _NONE,
) -> list[Refusal]:
    """Return every reason why ``account`` could not, or might not, come in by key and become root afterwards."""
    if not account.home:
        return [Refusal(f"the account {account.name} does not exist; create it first (role admin_user)", pending=True)]
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
    hosts = [host for host, _port in listens(effective)]
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


def _methods(account: Account, effective: Effective) -> t.Iterator[Refusal]:
    if _one(effective, "pubkeyauthentication") != "yes":
        yield Refusal("PubkeyAuthentication would be no; set it to yes")
    if _one(effective, "refuseconnection") == "yes":
        yield Refusal("RefuseConnection would be yes, which ends every connection; set it to no")
    if not _keys_asked(effective):
        methods = " ".join(effective["authenticationmethods"])
        yield Refusal(
            f"AuthenticationMethods ({methods}) asks for more than a key; offer 'publickey' alone as one choice"
        )
    permitted = _one(effective, "permitrootlogin")
    if account.name == "root" and permitted not in ("yes", "without-password", "prohibit-password"):
        yield Refusal(
            f"PermitRootLogin would be {permitted}, so root could not log in; guard another user, or allow keys"
        )


def _keys_asked(effective: Effective) -> int:
    """Return how many keys the easiest choice of AuthenticationMethods asks for, 0 where keys are not enough."""
    choices = " ".join(effective.get("authenticationmethods", ())).split() or ["any"]
    counts = [len(methods) for methods in (choice.split(",") for choice in choices) if set(methods) <= {"publickey"}]
    return 1 if choices == ["any"] else min(counts, default=0)


def _lists(connection: Connection, effective: Effective) -> t.Iterator[Refusal]:
    """DenyUsers, AllowUsers, DenyGroups, AllowGroups, as sshd's ``allowed_user`` goes through them."""
    user = connection.user
    for pattern in effective.get("denyusers", ()):
        if is_user(pattern, connection):
            yield Refusal(f"DenyUsers {pattern} shuts {user} out; remove that pattern")
    allowed = effective.get("allowusers", ())
    if allowed and not any(is_user(pattern, connection) for pattern in allowed):
        yield Refusal(f"AllowUsers ({' '.join(allowed)}) does not name {user}; add {user}")
    for pattern in effective.get("denygroups", ()):
        if any(pattern_list(pattern, group) for group in connection.groups):
            yield Refusal(f"DenyGroups {pattern} shuts {user} out; remove that pattern")
    groups = effective.get("allowgroups", ())
    if groups and not any(pattern_list(pattern, group) for pattern in groups for group in connection.groups):
        yield Refusal(f"AllowGroups ({' '.join(groups)}) names no group of {user}; add one, or put {user} into one")


def _usable(account: Account, effective: Effective, now: float) -> t.Iterator[Refusal]:
    name, shadow, today = account.name, account.shadow, int(now // _DAY)
    if not account.shell_runs:
        yield Refusal(f"the shell {account.shell} of {name} is missing or cannot be run; give {name} one that exists")
    elif os.path.basename(account.shell) in DEAD_ENDS:
        yield Refusal(f"the shell {account.shell} of {name} lets nobody in; give {name} a login shell")
    elif not account.shell_listed:
        text = f"the shell {account.shell} of {name} is not in /etc/shells, and may not run commands"
        yield Refusal(text, undecided=True)
    if account.master:
        yield from map(Refusal, closed(name, account.master, now))
        return
    pam = _one(effective, "usepam") != "no"
    # sudo asks pam_unix(8) too, to which the day of the expiry itself is too late.
    if shadow.expires is not None and shadow.expires < today + (pam or name != "root"):
        yield Refusal(f"the account {name} has expired; `chage -E -1 {name}` lifts that")
    if pam or (name != "root" and _long_aged(shadow, today)):
        yield from _aged(name, shadow, today)
    elif shadow.password.startswith("!"):
        yield Refusal(
            f"UsePAM would be no and the password of {name} is locked with '!', by which sshd then locks the account; "
            f"keep UsePAM yes, or set the field to '*' (`usermod -p '*' {name}`)"
        )


def _long_aged(shadow: Shadow, today: int) -> bool:
    """Say whether a password is so old that pam_unix(8) refuses the account to sudo, where sshd did not ask it."""
    days = (shadow.changed, shadow.maximum, shadow.inactive)
    return None not in days and today > sum(day or 0 for day in days) and shadow.changed != 0


def _aged(name: str, shadow: Shadow, today: int) -> t.Iterator[Refusal]:
    """What pam_unix(8) says of a password's age, which counts for logins by key too."""
    if shadow.changed == 0:
        yield Refusal(f"{name} must change the password at the next login; `chage -d {today} {name}` lifts that")
    elif shadow.changed is not None and shadow.maximum is not None and today - shadow.changed > shadow.maximum:
        yield Refusal(
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
    revoked: Revoked,
) -> t.Iterator[Refusal]:
    if revoked.broken:
        yield Refusal(f"{revoked.broken}, by which sshd refuses every key; lay that file, or set RevokedKeys to none")
        return
    strict = _one(effective, "strictmodes") != "no"
    shut = {file: file.unreadable or (file.distrusted if strict else "") for file in files if file.exists}
    keys = list(dict.fromkeys(key for file, reason in shut.items() if not reason for key in file.keys))
    complaints = {key: complaint(key, connection, effective, revoked, now) for key in keys}
    good = [key for key, wrong in complaints.items() if not wrong]
    sure = {key.blob for key in good if not undecided(key)}
    asked = _keys_asked(effective) or 1
    if len(sure) >= asked:
        if asked > 1:
            text = f"AuthenticationMethods asks {account.name} for {asked} keys, and one client must hold them"
            yield Refusal(text, undecided=True)
        return
    others = [*_other_sources(effective), *(undecided(key) for key in good)]
    if any(others):
        text = f"no key in the files of {account.name} opens by itself; it depends on "
        yield Refusal(text + " and ".join(dict.fromkeys(filter(None, others))), undecided=True)
        return
    for file, reason in shut.items():
        if reason:
            why = "StrictModes keeps sshd from reading" if not file.unreadable else "sshd could not read"
            # Where AuthorizedKeysFile is a pattern, the user has named the file.
            yield Refusal(printable(f"{why} {file.path}: {reason}"))
    if sure:
        yield Refusal(f"AuthenticationMethods asks {account.name} for {asked} keys and there is {len(sure)}; add keys")
    elif complaints:
        reasons = ", ".join(list(dict.fromkeys(complaints.values()))[:_MOST_REASONS])
        yield Refusal(f"{account.name} has keys, but sshd would take none of them: {reasons}; add an ssh-ed25519 key")
    elif not any(shut.values()):
        places = (
            " or ".join(printable(file.path) for file in files[:_MOST_REASONS])
            or "any file (AuthorizedKeysFile is none)"
        )
        text = f"{account.name} has no key that sshd could read in {places}; put a public key there (role admin_user)"
        yield Refusal(text, pending=bool(files))


def _other_sources(effective: Effective) -> t.Iterator[str]:
    """Name what else gives keys, which is not asked here."""
    names = {"authorizedkeyscommand": "AuthorizedKeysCommand", "trustedusercakeys": "TrustedUserCAKeys"}
    for keyword, name in names.items():
        said = _one(effective, keyword)
        if said not in ("", "none"):
            yield f"{name} ({said})"


def _session(account: Account, effective: Effective) -> t.Iterator[Refusal]:
    """What happens to a login after its key was taken."""
    if _one(effective, "maxsessions") == "0":
        yield Refusal("MaxSessions would be 0, which allows no shell; set it to 1 or more")
    root = _one(effective, "chrootdirectory")
    if root not in ("", "none", "/"):
        yield Refusal(
            f"ChrootDirectory would be {root}, so {account.name} could not reach the host itself; set it to none"
        )
    command = _one(effective, "forcecommand")
    if command in ("", "none"):
        return
    if leads_nowhere(command):
        yield Refusal(f"ForceCommand would be {command}, which gives {account.name} no shell; set it to none")
    else:
        text = f"ForceCommand ({command}) decides whether {account.name} gets a shell"
        yield Refusal(text, undecided=True)


def _root(account: Account) -> t.Iterator[Refusal]:
    """sudo must allow every command as root, and its question for a password must have an answer."""
    name = account.name
    if name == "root":
        return
    if account.sudo is None:
        yield Refusal(
            f"sudo is not installed, so {name} could not become root; install it (role admin_user)", pending=True
        )
        return
    if account.sudo_broken:
        yield Refusal(f"sudo would not make {name} root: {account.sudo_broken}")
        return
    defaults, _sep, rules = account.sudo.rpartition("may run the following commands")
    allowed, asks = rights(rules, groups=account.root_groups)
    if not allowed:
        text = f"sudo does not let {name} run every command as root; add '{name} ALL=(ALL:ALL) ALL' (role admin_user)"
        yield Refusal(text, pending=True)
    elif asks and "!authenticate" not in defaults and not account.shadow.usable:
        yield Refusal(
            f"sudo asks {name} for a password and the account has none; set one, or allow sudo without (NOPASSWD)"
        )
    if re.search(r"(?<![!\w])requiretty\b", defaults):
        yield Refusal(
            f"sudo asks {name} for a terminal (requiretty), which Ansible has not; add 'Defaults:{name} !requiretty'"
        )


def _one(effective: Effective, keyword: str) -> str:
    values = effective.get(keyword, ())
    return values[0] if values else ""
