# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lockout guard: whether a user can still log in with a key and become root, by the rules of sshd(8), PAM and sudo.

tests/lockout compares each rule with a real sshd and a real client.
"""

from __future__ import annotations

import typing as t

from .._accounts.public_keys import PublicKey
from .._core.text import printable
from .effective import Effective, first_value, listen_addresses
from .guard_account import Account, LockoutFinding, ShadowEntry, account_findings, sudo_findings
from .guard_keys import (
    KeyFile,
    RevokedKeys,
    gives_no_shell,
    key_problem,
    open_question,
)
from .match import Connection, pattern_list
from .origin import is_user

__all__ = ["Account", "LockoutFinding", "ShadowEntry", "lockout_findings", "out_of_reach"]

# A user may have any number of unusable keys.
_MOST_REASONS = 10
_NONE = RevokedKeys()
_WILDCARDS = {"0.0.0.0": 4, "::": 6}


def lockout_findings(
    account: Account,
    connection: Connection,
    effective: Effective,
    files: t.Sequence[KeyFile],
    *,
    now: float,
    revoked: RevokedKeys = _NONE,
) -> list[LockoutFinding]:
    """Return every reason why ``account`` could not, or might not, log in with a key and then become root."""
    if not account.home:
        problem = f"the account {account.name} does not exist"
        return [LockoutFinding(problem, "create it first (role admin_user)", is_pending=True)]
    return [
        *_method_findings(account, effective),
        *_list_findings(connection, effective),
        *account_findings(account, effective, now),
        *_key_findings(account, connection, effective, files, now=now, revoked=revoked),
        *_session_findings(account, effective),
        *sudo_findings(account),
    ]


def out_of_reach(connection: Connection, effective: Effective) -> str:
    """Return the problem if sshd no longer listened on the address of ``connection``, an empty text otherwise."""
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


def _method_findings(account: Account, effective: Effective) -> t.Iterator[LockoutFinding]:
    if first_value(effective, "pubkeyauthentication") != "yes":
        yield LockoutFinding("PubkeyAuthentication would be no", "set it to yes")
    if first_value(effective, "refuseconnection") == "yes":
        yield LockoutFinding("RefuseConnection would be yes, which ends every connection", "set it to no")
    if not _keys_required(effective):
        methods = " ".join(effective["authenticationmethods"])
        problem = f"AuthenticationMethods ({methods}) asks for more than a key"
        yield LockoutFinding(problem, "offer 'publickey' alone as one choice")
    permitted = first_value(effective, "permitrootlogin")
    if account.name == "root" and permitted not in ("yes", "without-password", "prohibit-password"):
        problem = f"PermitRootLogin would be {permitted}, so root could not log in"
        yield LockoutFinding(problem, "guard another user, or allow keys")


def _keys_required(effective: Effective) -> int:
    """Return how many keys the easiest choice of AuthenticationMethods requires, 0 where keys are not enough."""
    choices = " ".join(effective.get("authenticationmethods", ())).split() or ["any"]
    counts = [len(methods) for methods in (choice.split(",") for choice in choices) if set(methods) <= {"publickey"}]
    return 1 if choices == ["any"] else min(counts, default=0)


def _list_findings(connection: Connection, effective: Effective) -> t.Iterator[LockoutFinding]:
    """Check DenyUsers, AllowUsers, DenyGroups and AllowGroups like sshd's ``allowed_user``."""
    user = connection.user
    for pattern in effective.get("denyusers", ()):
        if is_user(pattern, connection):
            yield LockoutFinding(f"DenyUsers {pattern} shuts {user} out", "remove that pattern")
    allowed = effective.get("allowusers", ())
    if allowed and not any(is_user(pattern, connection) for pattern in allowed):
        yield LockoutFinding(f"AllowUsers ({' '.join(allowed)}) does not name {user}", f"add {user}")
    for pattern in effective.get("denygroups", ()):
        if any(pattern_list(pattern, group) for group in connection.groups):
            yield LockoutFinding(f"DenyGroups {pattern} shuts {user} out", "remove that pattern")
    groups = effective.get("allowgroups", ())
    if groups and not any(pattern_list(pattern, group) for pattern in groups for group in connection.groups):
        problem = f"AllowGroups ({' '.join(groups)}) names no group of {user}"
        yield LockoutFinding(problem, f"add one, or put {user} into one")


def _key_findings(
    account: Account,
    connection: Connection,
    effective: Effective,
    files: t.Sequence[KeyFile],
    *,
    now: float,
    revoked: RevokedKeys,
) -> t.Iterator[LockoutFinding]:
    """Check the key files of the account: enough keys, keys that only a login can judge, or the reasons for none."""
    if revoked.broken:
        problem = f"{revoked.broken}, so that sshd refuses every key"
        yield LockoutFinding(problem, "create that file, or set RevokedKeys to none")
        return
    unread = _unread_files(files, strict=first_value(effective, "strictmodes") != "no")
    keys = dict.fromkeys(key for file in files if file.exists and file not in unread for key in file.keys)
    problems = {key: key_problem(key, connection, effective, revoked, now) for key in keys}
    usable = [key for key, problem in problems.items() if not problem]
    sure = {key.blob for key in usable if not open_question(key)}
    required = _keys_required(effective) or 1
    questions = [*_other_sources(effective), *filter(None, map(open_question, usable))]
    if len(sure) >= required:
        if required > 1:
            problem = f"AuthenticationMethods asks {account.name} for {required} keys, and one client must hold them"
            yield LockoutFinding(problem, is_undecided=True)
    elif questions:
        problem = f"no key in the files of {account.name} is enough by itself; it depends on "
        yield LockoutFinding(problem + " and ".join(dict.fromkeys(questions)), is_undecided=True)
    else:
        yield from map(_unread_file, unread, unread.values())
        yield from _too_few_keys(account.name, problems, len(sure), required)
        if not problems and not unread:
            yield _no_key(account, files)


def _unread_files(files: t.Iterable[KeyFile], *, strict: bool) -> dict[KeyFile, str]:
    """Return the files that sshd would not read, with the reason."""
    reasons = {file: file.unreadable or (file.distrusted if strict else "") for file in files if file.exists}
    return {file: reason for file, reason in reasons.items() if reason}


def _unread_file(file: KeyFile, reason: str) -> LockoutFinding:
    cause = "sshd could not read" if file.unreadable else "StrictModes keeps sshd from reading"
    # Where AuthorizedKeysFile is a pattern, the user has chosen the file's name.
    # The role admin_user repairs the owners and modes of what is below the home, and adds the requested keys.
    return LockoutFinding(printable(f"{cause} {file.path}: {reason}"), is_pending=True)


def _too_few_keys(
    name: str, problems: t.Mapping[PublicKey, str], sure: int, required: int
) -> t.Iterator[LockoutFinding]:
    if sure:
        problem = f"AuthenticationMethods asks {name} for {required} keys and there is {sure}"
        yield LockoutFinding(problem, "add keys", is_pending=True)
    elif problems:
        reasons = ", ".join(list(dict.fromkeys(problems.values()))[:_MOST_REASONS])
        problem = f"{name} has keys, but sshd would take none of them: {reasons}"
        yield LockoutFinding(problem, "add an ssh-ed25519 key", is_pending=True)


def _no_key(account: Account, files: t.Sequence[KeyFile]) -> LockoutFinding:
    places = " or ".join(printable(file.path) for file in files[:_MOST_REASONS])
    problem = f"{account.name} has no key that sshd could read in {places or 'any file (AuthorizedKeysFile is none)'}"
    if files and not any(file.path.startswith(f"{account.home.rstrip('/')}/") for file in files):
        hint = "put a public key there (role admin_user with admin_user_key_file)"
        return LockoutFinding(problem, hint, is_pending=True, key_files=tuple(file.path for file in files))
    return LockoutFinding(problem, "put a public key there (role admin_user)", is_pending=bool(files))


def _other_sources(effective: Effective) -> t.Iterator[str]:
    """Yield the other sources of keys, which are not asked here."""
    names = {"authorizedkeyscommand": "AuthorizedKeysCommand", "trustedusercakeys": "TrustedUserCAKeys"}
    for keyword, name in names.items():
        value = first_value(effective, keyword)
        if value not in ("", "none"):
            yield f"{name} ({value})"


def _session_findings(account: Account, effective: Effective) -> t.Iterator[LockoutFinding]:
    """Check what happens to a login after its key was accepted."""
    if first_value(effective, "maxsessions") == "0":
        yield LockoutFinding("MaxSessions would be 0, which allows no shell", "set it to 1 or more")
    root = first_value(effective, "chrootdirectory")
    if root not in ("", "none", "/"):
        problem = f"ChrootDirectory would be {root}, so {account.name} could not reach the host itself"
        yield LockoutFinding(problem, "set it to none")
    command = first_value(effective, "forcecommand")
    if command in ("", "none"):
        return
    if gives_no_shell(command):
        problem = f"ForceCommand would be {command}, which gives {account.name} no shell"
        yield LockoutFinding(problem, "set it to none")
    else:
        problem = f"ForceCommand ({command}) decides whether {account.name} gets a shell"
        yield LockoutFinding(problem, is_undecided=True)
