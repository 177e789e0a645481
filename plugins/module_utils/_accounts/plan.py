# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's account: what was requested, what is there, and the commands between the two. Pure.

No hash of a password is ever part of a command, a picture for the diff or a message.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.text import printable
from .files import GroupEntry, PasswdEntry
from .home import Owner
from .public_keys import PublicKey
from .system import refusals, second_roots

__all__ = [
    "PLATFORMS",
    "AccountChange",
    "AccountPlatform",
    "AccountRequest",
    "AccountState",
    "home_of",
    "owner_of",
    "password_command",
    "plan_account",
]


@dataclass(frozen=True)
class AccountPlatform:
    """What differs by the host's family.

    ``shell`` is a new account's, ``groups`` are those whom su, polkit and the family's own sudoers take for admins.
    """

    shell: str
    groups: tuple[str, ...]
    sudoers: str
    shadow: str
    has_pw: bool = False


_SUDOERS = "/etc/sudoers.d"
# Debian's family has no group that sudo's file does not make up for.
PLATFORMS: t.Mapping[str, AccountPlatform] = {
    "debian": AccountPlatform("/bin/bash", (), _SUDOERS, "/etc/shadow"),
    "redhat": AccountPlatform("/bin/bash", ("wheel",), _SUDOERS, "/etc/shadow"),
    "freebsd": AccountPlatform("/bin/sh", ("wheel",), f"/usr/local{_SUDOERS}", "/etc/master.passwd", has_pw=True),
}


@dataclass(frozen=True)
class AccountRequest:
    """One call of the module. An empty ``password`` or ``shell`` leaves that of an existing account alone."""

    name: str
    keys: tuple[PublicKey, ...]
    exclusive_keys: bool = False
    sudo: str = "nopasswd"
    password: str = ""
    groups: tuple[str, ...] = ()
    shell: str = ""
    allow_system_account: bool = False


@dataclass(frozen=True)
class AccountState:
    """What is there: the account (``None``: not yet), all accounts and groups, and passwords by account.

    ``passwords`` are those of the account and of all that have uid 0; an account of a directory has none.
    """

    entry: PasswdEntry | None
    entries: tuple[PasswdEntry, ...]
    groups: tuple[GroupEntry, ...]
    passwords: t.Mapping[str, str | None]
    uid_min: int
    home_base: str

    def groups_of(self, name: str) -> list[str]:
        """Return the names of the groups in which the account is, the primary one first."""
        gid = self.entry.gid if self.entry else None
        first = [group.name for group in self.groups if group.gid == gid]
        return list(dict.fromkeys([*first, *(group.name for group in self.groups if name in group.members)]))


@dataclass(frozen=True)
class AccountChange:
    """``command`` makes or completes the account (empty: neither). ``missing`` may still come from earlier tasks."""

    errors: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    command: tuple[str, ...]
    sets_password: bool
    before: str
    after: str
    shell: str
    groups: tuple[str, ...]
    second_roots: tuple[str, ...] = ()


def home_of(request: AccountRequest, state: AccountState) -> str:
    return state.entry.home if state.entry else f"{state.home_base}/{request.name}"


def owner_of(request: AccountRequest, state: AccountState) -> Owner:
    """Return whose home it is, and the group in which nobody else is."""
    if state.entry is None:
        return Owner(request.name, None)
    for group in state.groups:
        if group.gid == state.entry.gid:
            others = [one for one in state.entries if one.gid == group.gid and one.name != request.name]
            if not others and not set(group.members) - {request.name}:
                return Owner(request.name, state.entry.uid, group.gid)
    return Owner(request.name, state.entry.uid)


def plan_account(
    request: AccountRequest, state: AccountState, platform: AccountPlatform, *, has_shell: t.Callable[[str], bool]
) -> AccountChange:
    """Decide on everything but the home and sudo; ``has_shell`` says whether a shell is on the host."""
    errors, warnings = _refused(request, state)
    roots = second_roots(state.entries, state.passwords, is_freebsd=platform.has_pw)
    warnings += [f"{printable(name)} is a second account with uid 0: whoever logs in as it is root" for name in roots]
    wanted = list(dict.fromkeys([*request.groups, *platform.groups]))
    present = state.groups_of(request.name)
    known = {group.name for group in state.groups}
    missing = [f"there is no group {name}; create it first" for name in wanted if name not in known]
    shell = _shell(request, state, platform)
    if request.shell and not has_shell(request.shell):
        missing.append(f"there is no shell {request.shell}; install it first")
    if request.password and state.entry and request.name not in state.passwords:
        errors.append(
            f"{request.name} has no password in {platform.shadow}: the account comes from elsewhere (a directory), so "
            "its password cannot be set here"
        )
    sets_password = bool(request.password) and state.passwords.get(request.name) != request.password
    new = [name for name in wanted if name not in present]
    command = _create(request, state, platform, wanted) if state.entry is None else _complete(request, state, platform)
    return AccountChange(
        errors=tuple(errors),
        missing=tuple(missing),
        warnings=tuple(warnings),
        command=tuple(command),
        sets_password=sets_password,
        before=_picture(request, state, present, state.entry.shell, sets_password) if state.entry else "",
        after=_picture(request, state, [*present, *new], shell, False),
        shell=shell,
        groups=(*present, *new),
        second_roots=tuple(roots),
    )


def password_command(request: AccountRequest, platform: AccountPlatform) -> tuple[list[str], str]:
    """Return the command that sets the password's hash and its standard input, which no process list shows."""
    if platform.has_pw:
        return ["pw", "usermod", request.name, "-H", "0"], f"{request.password}\n"
    return ["chpasswd", "-e"], f"{request.name}:{request.password}\n"


def _refused(request: AccountRequest, state: AccountState) -> tuple[list[str], list[str]]:
    """Return errors and warnings about which account this is."""
    if state.entry is None:
        return [], []
    never, without = refusals(state.entry, state.entries, state.uid_min)
    if request.allow_system_account:
        return never, without
    hint = "; name another account, or allow this one with admin_user_allow_system_account: true"
    return never + ["; ".join(without) + hint] * bool(without), []


def _shell(request: AccountRequest, state: AccountState, platform: AccountPlatform) -> str:
    return request.shell or (state.entry.shell if state.entry else platform.shell)


def _create(request: AccountRequest, state: AccountState, platform: AccountPlatform, groups: list[str]) -> list[str]:
    home, shell = home_of(request, state), _shell(request, state, platform)
    joined = ",".join(groups)
    if platform.has_pw:
        more = ["-G", joined] if groups else []
        return ["pw", "useradd", request.name, "-m", "-d", home, "-s", shell, "-w", "no", *more]
    # '*' matches no password, and unlike '!' it does not lock the account for sshd without PAM.
    command = ["useradd", "--create-home", "--home-dir", home, "--shell", shell, "--password", "*"]
    if groups:
        command += ["--groups", joined]
    if any(group.name == request.name for group in state.groups):
        command.append("--no-user-group")
    return [*command, request.name]


def _complete(request: AccountRequest, state: AccountState, platform: AccountPlatform) -> list[str]:
    present = state.groups_of(request.name)
    new = [name for name in dict.fromkeys([*request.groups, *platform.groups]) if name not in present]
    changes_shell = bool(request.shell) and state.entry is not None and request.shell != state.entry.shell
    if not new and not changes_shell:
        return []
    if platform.has_pw:
        # pw replaces the list, the primary group apart.
        joined = [group.name for group in state.groups if request.name in group.members]
        more = ["-G", ",".join([*joined, *new])] if new else []
        return ["pw", "usermod", request.name, *more, *(["-s", request.shell] if changes_shell else [])]
    more = ["--append", "--groups", ",".join(new)] if new else []
    return ["usermod", *more, *(["--shell", request.shell] if changes_shell else []), request.name]


def _picture(request: AccountRequest, state: AccountState, groups: t.Iterable[str], shell: str, differs: bool) -> str:
    lines = [f"home: {home_of(request, state)}", f"shell: {shell}", f"groups: {', '.join(sorted(groups))}"]
    if request.password:
        lines.append(f"password: {'not as requested' if differs else 'as requested'} (not shown)")
    elif state.entry is None:
        lines.append("password: none that matches")
    return "".join(f"{line}\n" for line in lines)
