# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this user still log in with a key and become root? By the rules of sshd(8), shadow(5) and sudo(8)."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._ssh_keys import PublicKey, parse_options
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection, address_list, pattern_list
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_parse import split

__all__ = ["Account", "KeyFile", "Refusal", "key_paths", "refusals"]

_NO_LOGIN = ("nologin", "false", "true", "sync")
# The signature algorithms by which an RSA key can serve.
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@dataclass(frozen=True)
class KeyFile:
    """One file of AuthorizedKeysFile; ``distrusted`` is the reason why StrictModes would not read it."""

    path: str
    exists: bool
    distrusted: str = ""
    keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True)
class Account:
    """A user as the host knows it. ``password`` is the field of shadow(5), ``sudo`` what ``sudo -l -U`` prints.

    ``expires`` and ``password_changed`` are days as in shadow(5), ``None`` where the field is empty; ``sudo`` is
    ``None`` where sudo is not installed. An account that does not exist has no ``home``.
    """

    name: str
    home: str
    shell: str
    shell_runs: bool
    password: str
    password_changed: int | None
    expires: int | None
    sudo: str | None

    @property
    def usable_password(self) -> bool:
        return bool(self.password) and self.password[0] not in "!*"


@dataclass(frozen=True)
class Refusal:
    """One reason and its way out. ``pending`` marks what earlier tasks of a check-mode run only pretended to do."""

    text: str
    pending: bool = False


def key_paths(effective: Effective, *, user: str, home: str, uid: int) -> list[str]:
    """Return the files of AuthorizedKeysFile for a user, tokens replaced and relative ones below the home."""
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": str(uid)}
    paths = []
    for text in effective.get("authorizedkeysfile", ()):
        for word in split(text):
            if word != "none":
                paths.append(os.path.join(home, re.sub(r"%.", lambda found: tokens.get(found.group(), ""), word)))
    return paths


def refusals(
    account: Account, connection: Connection, effective: Effective, files: t.Sequence[KeyFile], *, today: int
) -> list[Refusal]:
    """Return every reason why ``account`` could not come in by key, or could not become root afterwards."""
    if not account.home:
        return [Refusal(f"the account {account.name} does not exist; create it first (role admin_user)", pending=True)]
    return [
        *_methods(account, effective),
        *_lists(connection, effective),
        *_usable(account, effective, today),
        *_keys(account, connection, effective, files),
        *_root(account),
    ]


def _methods(account: Account, effective: Effective) -> t.Iterator[Refusal]:
    if _one(effective, "pubkeyauthentication") != "yes":
        yield Refusal("PubkeyAuthentication would be no; set it to yes")
    methods = _one(effective, "authenticationmethods")
    if methods not in ("", "any") and not any(
        set(choice.split(",")) == {"publickey"} for choice in " ".join(effective["authenticationmethods"]).split()
    ):
        yield Refusal(
            f"AuthenticationMethods ({methods}) asks for more than a key; offer 'publickey' alone as one choice"
        )
    permitted = _one(effective, "permitrootlogin")
    if account.name == "root" and permitted not in ("yes", "without-password", "prohibit-password"):
        yield Refusal(
            f"PermitRootLogin would be {permitted}, so root could not log in; guard another user, or allow keys"
        )


def _lists(connection: Connection, effective: Effective) -> t.Iterator[Refusal]:
    """DenyUsers, AllowUsers, DenyGroups, AllowGroups, as sshd's ``allowed_user`` goes through them."""
    user = connection.user
    for pattern in effective.get("denyusers", ()):
        if _user_matches(pattern, connection):
            yield Refusal(f"DenyUsers {pattern} shuts {user} out; remove that pattern")
    allowed = effective.get("allowusers", ())
    if allowed and not any(_user_matches(pattern, connection) for pattern in allowed):
        yield Refusal(f"AllowUsers ({' '.join(allowed)}) does not name {user}; add {user}")
    for pattern in effective.get("denygroups", ()):
        if any(pattern_list(pattern, group) for group in connection.groups):
            yield Refusal(f"DenyGroups {pattern} shuts {user} out; remove that pattern")
    groups = effective.get("allowgroups", ())
    if groups and not any(pattern_list(pattern, group) for pattern in groups for group in connection.groups):
        yield Refusal(f"AllowGroups ({' '.join(groups)}) names no group of {user}; add one, or put {user} into one")


def _user_matches(pattern: str, connection: Connection) -> bool:
    user, at, host = pattern.partition("@")
    if not pattern_list(user, connection.user):
        return False
    if not at:
        return True
    return _from_there(host, connection)


def _from_there(patterns: str, connection: Connection) -> bool:
    """Match where ``connection`` comes from, address or name, against a pattern list."""
    name = connection.host or connection.address
    return address_list(patterns, connection.address) or pattern_list(patterns, name, lower=True)


def _usable(account: Account, effective: Effective, today: int) -> t.Iterator[Refusal]:
    name = account.name
    if not account.shell_runs:
        yield Refusal(f"the shell {account.shell} of {name} is missing or cannot be run; give {name} one that exists")
    elif os.path.basename(account.shell) in _NO_LOGIN:
        yield Refusal(f"the shell {account.shell} of {name} lets nobody in; give {name} a login shell")
    if account.expires is not None and account.expires <= today:
        yield Refusal(f"the account {name} has expired; `chage -E -1 {name}` lifts that")
    if account.password_changed == 0:
        yield Refusal(f"{name} must change the password at the next login; `chage -d {today} {name}` lifts that")
    if _one(effective, "usepam") == "no" and account.password.startswith("!"):
        yield Refusal(
            f"UsePAM would be no and the password of {name} is locked with '!', by which sshd then locks the account; "
            f"keep UsePAM yes, or set the field to '*' (`usermod -p '*' {name}`)"
        )


def _keys(
    account: Account, connection: Connection, effective: Effective, files: t.Sequence[KeyFile]
) -> t.Iterator[Refusal]:
    strict = _one(effective, "strictmodes") != "no"
    distrusted = [file for file in files if strict and file.exists and file.distrusted]
    complaints = [
        _complaint(key, connection, effective) for file in files if file not in distrusted for key in file.keys
    ]
    if "" in complaints:
        return
    for file in distrusted:
        yield Refusal(f"StrictModes keeps sshd from reading {file.path}: {file.distrusted}")
    if complaints:
        reasons = ", ".join(dict.fromkeys(complaints))
        yield Refusal(f"{account.name} has keys, but sshd would take none of them: {reasons}; add an ssh-ed25519 key")
    elif not distrusted:
        places = " or ".join(file.path for file in files) or "any file (AuthorizedKeysFile is none)"
        text = f"{account.name} has no key that sshd could read in {places}; put a public key there (role admin_user)"
        yield Refusal(text, pending=bool(files))


def _complaint(key: PublicKey, connection: Connection, effective: Effective) -> str:
    """Say why ``key`` does not open the door for ``connection``; an empty text where it does."""
    options = dict(parse_options(key.options))
    for name in ("cert-authority", "command"):
        if name in options:
            return f"one has the option {name}"
    origins = options.get("from")
    if origins and not _from_there(origins, connection):
        return f'one is for from="{origins}" alone'
    algorithms = _RSA if key.kind == "ssh-rsa" else (key.kind,)
    if not set(algorithms) & set(_one(effective, "pubkeyacceptedalgorithms").split(",")):
        return f"{key.kind} is not accepted"
    least = int(_one(effective, "requiredrsasize") or 0)
    return f"one has {key.bits} bits, less than RequiredRSASize {least}" if (key.bits or least) < least else ""


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
    rules = re.findall(r"^\s+\((?:ALL|root)\b[^)]*\)\s*(.*)$", account.sudo, re.MULTILINE)
    full = [rule for rule in rules if re.search(r"(?:^|[\s:,])ALL$", rule.strip())]
    if not full:
        text = f"sudo does not let {name} run every command as root; add '{name} ALL=(ALL:ALL) ALL' (role admin_user)"
        yield Refusal(text, pending=True)
    elif not any("NOPASSWD:" in rule for rule in full) and not account.usable_password:
        yield Refusal(
            f"sudo asks {name} for a password and the account has none; set one, or allow sudo without (NOPASSWD)"
        )


def _one(effective: Effective, keyword: str) -> str:
    values = effective.get(keyword, ())
    return values[0] if values else ""
