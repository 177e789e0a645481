# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the admin's account: the request, the present state, and the commands from one to the other. Pure.

The hash of a password is never part of a command, the diff or a message.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import printable
from .files import GroupEntry, PasswdEntry
from .home import Owner
from .request import AccountRequest
from .system import refusals, second_roots

__all__ = [
    "PLATFORMS",
    "AccountChange",
    "AccountPlatform",
    "AccountState",
    "home_of",
    "owner_of",
    "password_command",
    "plan_account",
]


@dataclass(frozen=True)
class AccountPlatform:
    """The differences between families of systems.

    ``shell`` is for a new account. ``groups`` are those that su, polkit and the family's own sudoers treat as admins.
    """

    shell: str
    groups: tuple[str, ...]
    sudoers: str
    shadow: str
    has_pw: bool = False


_SUDOERS = "/etc/sudoers.d"
# In the Debian family, the rule of sudo replaces the membership in a group.
PLATFORMS: t.Mapping[str, AccountPlatform] = {
    "debian": AccountPlatform("/bin/bash", (), _SUDOERS, "/etc/shadow"),
    "redhat": AccountPlatform("/bin/bash", ("wheel",), _SUDOERS, "/etc/shadow"),
    "freebsd": AccountPlatform("/bin/sh", ("wheel",), f"/usr/local{_SUDOERS}", "/etc/master.passwd", has_pw=True),
}


@dataclass(frozen=True)
class AccountState:
    """The present state: the account (``None``: absent), all accounts and groups, and passwords by account.

    ``passwords`` are those of the account and of all with uid 0; an account of a directory has none.
    """

    entry: PasswdEntry | None
    entries: tuple[PasswdEntry, ...]
    groups: tuple[GroupEntry, ...]
    passwords: t.Mapping[str, str | None]
    uid_min: int
    home_base: str

    def groups_of(self, name: str) -> list[str]:
        """Return the names of the account's groups, the primary one first."""
        gid = self.entry.gid if self.entry else None
        first = [group.name for group in self.groups if group.gid == gid]
        return list(dict.fromkeys([*first, *(group.name for group in self.groups if name in group.members)]))


@dataclass(frozen=True)
class AccountChange:
    """``command`` creates or completes the account (empty: neither). Earlier tasks may still add ``missing``."""

    errors: tuple[BaselineError, ...]
    missing: tuple[BaselineError, ...]
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
    """Return the owner of the home, and its private group."""
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
    """Plan everything but the home and sudo; ``has_shell`` returns whether a shell exists on the host."""
    errors, warnings = _refusals(request, state)
    roots = second_roots(state.entries, state.passwords, is_freebsd=platform.has_pw)
    warnings += [
        f"{printable(name)} is a second account with uid 0: every login as it is one of root" for name in roots
    ]
    wanted = list(dict.fromkeys([*request.groups, *platform.groups]))
    present = state.groups_of(request.name)
    known = {group.name for group in state.groups}
    missing = [
        BaselineError(f"there is no group {name}", hint="create it first") for name in wanted if name not in known
    ]
    shell = _shell(request, state, platform)
    if request.shell and not has_shell(request.shell):
        missing.append(BaselineError(f"there is no shell {request.shell}", hint="install it first"))
    if request.password and state.entry and request.name not in state.passwords:
        errors.append(
            BaselineError(
                f"{request.name} has no password in {platform.shadow}, because the account comes from a directory",
                hint="set its password in the directory",
            )
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
        before=_description(request, state, present, state.entry.shell, sets_password) if state.entry else "",
        after=_description(request, state, [*present, *new], shell, False),
        shell=shell,
        groups=(*present, *new),
        second_roots=tuple(roots),
    )


def password_command(request: AccountRequest, platform: AccountPlatform) -> tuple[list[str], str]:
    """Return the command that sets the password's hash and its standard input, which no list of processes shows."""
    if platform.has_pw:
        return ["pw", "usermod", request.name, "-H", "0"], f"{request.password}\n"
    return ["chpasswd", "-e"], f"{request.name}:{request.password}\n"


def _refusals(request: AccountRequest, state: AccountState) -> tuple[list[BaselineError], list[str]]:
    """Return errors and warnings about an account that is not a person's."""
    if state.entry is None:
        return [], []
    never, reasons = refusals(state.entry, state.entries, state.uid_min)
    errors = [BaselineError(problem, hint="give the admin an account of its own") for problem in never]
    if request.allow_system_account or not reasons:
        return errors, reasons
    hint = "name another account, or allow this one with admin_user_allow_system_account: true"
    return [*errors, BaselineError(", and ".join(reasons), hint=hint)], []


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
        # pw replaces the whole list but for the primary group.
        joined = [group.name for group in state.groups if request.name in group.members]
        more = ["-G", ",".join([*joined, *new])] if new else []
        return ["pw", "usermod", request.name, *more, *(["-s", request.shell] if changes_shell else [])]
    more = ["--append", "--groups", ",".join(new)] if new else []
    return ["usermod", *more, *(["--shell", request.shell] if changes_shell else []), request.name]


def _description(
    request: AccountRequest, state: AccountState, groups: t.Iterable[str], shell: str, differs: bool
) -> str:
    lines = [f"home: {home_of(request, state)}", f"shell: {shell}", f"groups: {', '.join(sorted(groups))}"]
    if request.password:
        lines.append(f"password: {'not as requested' if differs else 'as requested'} (not shown)")
    elif state.entry is None:
        lines.append("password: none that matches")
    return "".join(f"{line}\n" for line in lines)
