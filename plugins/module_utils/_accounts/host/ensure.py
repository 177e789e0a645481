# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ensures the admin's account on the host: the account, its password, the rule of sudo, and last its keys.

The rule precedes the keys, so that an interrupted run never leaves a login that cannot become root.
"""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass

from ..._core.errors import UNCHANGED, BaselineError, combined, state_of_errors
from ..._core.host.beneath import UnsafePath
from ..._core.os_release import parse_os_release
from ..._core.policy_result import PolicyResult
from ..._core.text import printable
from ..files import (
    home_base,
    parse_groups,
    parse_passwd,
    password_of,
    uid_min,
)
from ..home import (
    KEYS,
    HomeChange,
    HomeRequest,
    key_file_names,
    plan_home,
)
from ..key_file import KeyFileChange, plan_key_file
from ..plan import (
    PLATFORMS,
    AccountChange,
    AccountPlatform,
    AccountState,
    home_of,
    owner_of,
    password_command,
    plan_account,
)
from ..request import AccountRequest
from .home import OpenHome, open_home
from .key_file import OpenKeyFile, open_key_file
from .sudo import SudoChange, plan_sudo

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure"]

_HINT = "check what it is, remove it, and run again"


@dataclass(frozen=True)
class _AccountPlan:
    """All that is planned before the first change. ``opened`` keeps the home's folders open until then."""

    state: AccountState
    account: AccountChange
    sudo: SudoChange
    home: HomeChange
    opened: OpenHome
    home_path: str
    warnings: tuple[str, ...] = ()
    # Where the keys are not kept below the home.
    elsewhere: OpenKeyFile | None = None
    key_file: KeyFileChange = KeyFileChange()

    @property
    def before(self) -> dict[str, str]:
        return {**self._account(self.account.before), **self.sudo.before, **self.home.before, **self.key_file.before}

    @property
    def after(self) -> dict[str, str]:
        return {**self._account(self.account.after), **self.sudo.after, **self.home.after, **self.key_file.after}

    def _account(self, text: str) -> dict[str, str]:
        return {"account": text} if text else {}


def ensure(host: Host, request: AccountRequest) -> PolicyResult:
    """Bring the account into the requested state and read it again; in check mode only plan it."""
    platform = _platform(host)
    with contextlib.ExitStack() as stack:
        with state_of_errors(UNCHANGED):
            plan = _plan(host, request, platform, stack)
        outcome = PolicyResult(plan.before, plan.after, _result(request, plan), list(plan.warnings))
        if not outcome.changed or host.check_mode:
            return outcome
        _apply(host, request, platform, plan, stack)
    with state_of_errors("all changes were made"), contextlib.ExitStack() as stack:
        _require(_plan(host, request, platform, stack), outcome)
    return outcome


def _apply(
    host: Host, request: AccountRequest, platform: AccountPlatform, plan: _AccountPlan, stack: contextlib.ExitStack
) -> None:
    _change_account(host, request, platform, plan)
    done = "the account and its sudo rule are as requested"
    if plan.state.entry is None:
        # Only now there is a home with an owner.
        with state_of_errors(f"{done}; its keys were not changed"):
            plan = _plan(host, request, platform, stack)
    with state_of_errors(f"{done}; its home and keys may have been changed in part"):
        _change_home(plan)


def _plan(host: Host, request: AccountRequest, platform: AccountPlatform, stack: contextlib.ExitStack) -> _AccountPlan:
    """Gather the state and plan all changes; the home stays open in ``stack``."""
    state = _gather(host, request, platform)
    account = plan_account(request, state, platform, has_shell=lambda path: host.stat(path) is not None)
    # What a package brings, such as a shell.
    is_upcoming = host.upcoming.has_package()
    _refuse([*account.errors, *([] if is_upcoming else account.missing)])
    sudo = plan_sudo(host, request.name, request.sudo, platform.sudoers)
    home_path = home_of(request, state)
    patterns = _patterns(host, request.name)
    uid = state.entry.uid if state.entry else None
    names, reads_keys = key_file_names(patterns, user=request.name, home=home_path, uid=uid, key_file=request.key_file)
    with _unsafe_paths():
        opened = stack.enter_context(open_home(host, home_path, names))
        elsewhere = _open_elsewhere(host, request, home_path, stack)
    people = {one.uid: one.name for one in reversed(state.entries)}
    wanted = HomeRequest(request.keys, request.exclusive_keys, adds=elsewhere is None)
    owner = owner_of(request, state)
    home = plan_home(opened.state, wanted, owner, people)
    key_file = plan_key_file(elsewhere.state, wanted, owner) if elsewhere else KeyFileChange()
    _refuse([*home.errors, *key_file.errors])
    warnings = [*account.warnings, *home.warnings]
    host.known_after_apply += [f"not there yet: {error.advice}" for error in account.missing]
    if not reads_keys:
        named = printable(" ".join(patterns or ["not known"]))
        warnings.append(
            f"sshd does not read {_key_path(request, home_path)}: AuthorizedKeysFile of its configuration is {named}"
        )
    return _AccountPlan(state, account, sudo, home, opened, home_path, tuple(warnings), elsewhere, key_file)


def _open_elsewhere(
    host: Host, request: AccountRequest, home_path: str, stack: contextlib.ExitStack
) -> OpenKeyFile | None:
    """Open the file of keys that is not below the home, if one is requested."""
    if not request.key_file:
        return None
    if request.key_file.startswith(f"{home_path.rstrip('/')}/"):
        raise BaselineError(
            f"{request.key_file} is below the home {home_path}",
            option="key_file",
            hint=f"leave it out for {home_path}/{KEYS}, or name a file that only root can change",
        )
    return stack.enter_context(open_key_file(host, request.key_file))


def _key_path(request: AccountRequest, home_path: str) -> str:
    return request.key_file or f"{home_path}/{KEYS}"


@contextlib.contextmanager
def _unsafe_paths() -> t.Iterator[None]:
    """Add the hint to the errors of what root must not open."""
    try:
        yield
    except UnsafePath as error:
        raise BaselineError(error.problem, hint=_HINT) from error


def _refuse(errors: t.Sequence[BaselineError]) -> None:
    if errors:
        raise combined(errors)


def _platform(host: Host) -> AccountPlatform:
    system = parse_os_release(host.read("/etc/os-release") or "")
    if system.family not in PLATFORMS:
        raise BaselineError(f"pyhost.baseline does not manage accounts of {system.title}")
    return PLATFORMS[system.family]


def _gather(host: Host, request: AccountRequest, platform: AccountPlatform) -> AccountState:
    local = parse_passwd(host.read("/etc/passwd") or "")
    # Includes accounts of a directory, by the sources of nsswitch.conf(5).
    own = parse_passwd(host.run(["getent", "passwd", request.name]).out)
    shadow = host.read(platform.shadow) or ""
    passwords = {
        name: password_of(shadow, name) for name in {request.name, *(one.name for one in local if one.uid == 0)}
    }
    return AccountState(
        entry=own[0] if own else None,
        entries=tuple(local),
        groups=tuple(parse_groups(host.run(["getent", "group"]).out)),
        passwords={name: text for name, text in passwords.items() if text is not None},
        uid_min=uid_min(host.read("/etc/login.defs") or ""),
        home_base=home_base(host.read("/etc/default/useradd") or ""),
    )


def _patterns(host: Host, name: str) -> list[str]:
    """Return AuthorizedKeysFile of sshd for ``name``; empty if sshd cannot be asked (yet)."""
    connection = f"user={name},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
    ran = host.run(["sshd", "-T", "-C", connection])
    # OpenSSH 10.6 prints keywords as sshd_config(5) writes them, earlier ones in lower case.
    found = re.search(r"^authorizedkeysfile (.+)$", ran.out, re.MULTILINE | re.IGNORECASE) if ran.ok else None
    return found.group(1).split() if found else []


def _change_account(host: Host, request: AccountRequest, platform: AccountPlatform, plan: _AccountPlan) -> None:
    """Create or complete the account, then set its password, then write the rule of sudo."""
    name, change = request.name, plan.account
    done = UNCHANGED
    if change.command:
        verb = "completed" if plan.state.entry else "created"
        ran = host.run(change.command)
        if not ran.ok:
            state = "the account may have been changed in part; its password, sudo rule and keys were not changed"
            raise BaselineError(f"the account {name} cannot be {verb}: {printable(ran.message())}", state=state)
        done = f"the account was {verb}; its sudo rule and keys were not changed"
    if change.sets_password:
        argv, data = password_command(request, platform)
        ran = host.run(argv, data=data)
        if not ran.ok:
            raise BaselineError(f"the password of {name} cannot be set: {printable(ran.message())}", state=done)
    with state_of_errors("the account is as requested; its sudo rule may have been changed, its keys were not"):
        plan.sudo.ensure(host, name)


def _change_home(plan: _AccountPlan) -> None:
    entry = plan.state.entry
    if entry is None:
        raise BaselineError("the account was created, but the system does not know it", hint="run again")
    with _unsafe_paths():
        plan.opened.change(plan.home, (entry.uid, entry.gid))
        if plan.elsewhere:
            plan.elsewhere.change(plan.key_file)


def _require(again: _AccountPlan, outcome: PolicyResult) -> None:
    """Compare the state that was read again: a difference did not take effect."""
    names = {*again.before, *again.after}
    wrong = sorted(name for name in names if again.before.get(name) != again.after.get(name))
    if wrong:
        raise BaselineError(
            f"not as requested after the change: {', '.join(wrong)}",
            hint="find out which other program changes it, and run again",
        )
    outcome.result.update(_account_result(again))


def _result(request: AccountRequest, plan: _AccountPlan) -> dict[str, t.Any]:
    keys = [
        {"type": key.kind, "fingerprint": key.fingerprint, "comment": printable(key.comment)} for key in request.keys
    ]
    return {
        "name": request.name,
        "created": plan.state.entry is None,
        **_account_result(plan),
        "sudoers": plan.sudo.path,
        "sudo": request.sudo,
        "key_file": _key_path(request, plan.home_path),
        "keys": keys,
        "removed_keys": [line.as_result() for line in (*plan.home.removed, *plan.key_file.removed)],
        "second_roots": [printable(name) for name in plan.account.second_roots],
    }


def _account_result(plan: _AccountPlan) -> dict[str, t.Any]:
    return {
        "uid": plan.state.entry.uid if plan.state.entry else None,
        "home": printable(plan.home_path),
        "shell": printable(plan.account.shell),
        "groups": [printable(name) for name in plan.account.groups],
    }
