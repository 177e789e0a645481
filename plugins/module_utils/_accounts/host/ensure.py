# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's account on the host, in one go: the account, its password, the rule of sudo, and last its keys.

The rule comes before the keys: a run that is interrupted in between must not leave a login that cannot become root.
"""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
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
from ..plan import (
    PLATFORMS,
    AccountChange,
    AccountPlatform,
    AccountRequest,
    AccountState,
    home_of,
    owner_of,
    password_command,
    plan_account,
)
from .home import HeldHome, held_home
from .sudo import SudoChange, plan_sudo

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure"]

_UNTOUCHED = "nothing was changed"
_HINT = "root follows and opens nothing there; look at what it is, remove it, and run again"


@dataclass(frozen=True)
class _Plan:
    """All that was decided before the first change. ``held`` keeps the home's folders open until it is carried out."""

    state: AccountState
    account: AccountChange
    sudo: SudoChange
    home: HomeChange
    held: HeldHome
    home_path: str
    warnings: tuple[str, ...] = ()

    @property
    def before(self) -> dict[str, str]:
        return {**self._account(self.account.before), **self.sudo.before, **self.home.before}

    @property
    def after(self) -> dict[str, str]:
        return {**self._account(self.account.after), **self.sudo.after, **self.home.after}

    def _account(self, text: str) -> dict[str, str]:
        return {"account": text} if text else {}


def ensure(host: Host, request: AccountRequest) -> PolicyResult:
    """Bring the account into the requested state and read it again; in check mode only say what would change."""
    platform = _platform(host)
    with contextlib.ExitStack() as stack:
        plan = _plan(host, request, platform, stack, unchanged=_UNTOUCHED)
        outcome = PolicyResult(plan.before, plan.after, _result(request, plan), list(plan.warnings))
        if not outcome.changed or host.check_mode:
            return outcome
        _change_account(host, request, platform, plan)
        done = "the account and its sudo rule are as requested, its keys are not"
        if plan.state.entry is None:
            # Only now there is a home with an owner.
            plan = _plan(host, request, platform, stack, unchanged=done)
        _change_home(plan, done)
    with contextlib.ExitStack() as stack:
        _require(_plan(host, request, platform, stack, unchanged="the changes up to here were made"), outcome)
    return outcome


def _plan(
    host: Host, request: AccountRequest, platform: AccountPlatform, stack: contextlib.ExitStack, *, unchanged: str
) -> _Plan:
    """Gather and decide everything; leave the home open in ``stack``. ``unchanged`` ends the message of an error."""
    state = _state(host, request, platform)
    account = plan_account(request, state, platform, has_shell=lambda path: host.stat(path) is not None)
    missing = [] if host.check_mode else list(account.missing)
    _refuse([*account.errors, *missing], unchanged)
    sudo = plan_sudo(host, request.name, request.sudo, platform.sudoers, unchanged=unchanged)
    home_path = home_of(request, state)
    patterns = _patterns(host, request.name)
    names, reads_keys = key_file_names(patterns, user=request.name, home=home_path)
    try:
        held = stack.enter_context(held_home(host, home_path, names))
    except UnsafePath as error:
        raise BaselineError(f"{error}; {unchanged}; {_HINT}") from error
    people = {one.uid: one.name for one in reversed(state.entries)}
    wanted = HomeRequest(request.keys, request.exclusive_keys)
    home = plan_home(held.state, wanted, owner_of(request, state), people)
    _refuse(home.errors, unchanged)
    warnings = [*account.warnings, *home.warnings]
    if host.check_mode:
        warnings += [f"not there yet: {text}" for text in account.missing]
    if not reads_keys:
        named = printable(" ".join(patterns))
        warnings.append(f"sshd does not read {home_path}/{KEYS}: AuthorizedKeysFile of its configuration is {named}")
    return _Plan(state, account, sudo, home, held, home_path, tuple(warnings))


def _refuse(errors: t.Sequence[str], unchanged: str) -> None:
    if errors:
        raise BaselineError(f"{'. '.join(errors)}; {unchanged}")


def _platform(host: Host) -> AccountPlatform:
    system = parse_os_release(host.read("/etc/os-release") or "")
    if system.family not in PLATFORMS:
        raise BaselineError(f"accounts of {system.title} are not managed by pyhost.baseline; {_UNTOUCHED}")
    return PLATFORMS[system.family]


def _state(host: Host, request: AccountRequest, platform: AccountPlatform) -> AccountState:
    local = parse_passwd(host.read("/etc/passwd") or "")
    # Also an account that a directory has, by whatever nsswitch.conf(5) names.
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
    """Return AuthorizedKeysFile as sshd has it in force for ``name``; empty where it cannot be asked (yet)."""
    connection = f"user={name},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
    ran = host.run(["sshd", "-T", "-C", connection])
    found = re.search(r"^authorizedkeysfile (.+)$", ran.out, re.MULTILINE) if ran.ok else None
    return found.group(1).split() if found else []


def _change_account(host: Host, request: AccountRequest, platform: AccountPlatform, plan: _Plan) -> None:
    name, change = request.name, plan.account
    if change.command:
        ran = host.run(change.command)
        if not ran.ok:
            what = "completed" if plan.state.entry else "made"
            raise BaselineError(
                f"the account {name} cannot be {what}: {printable(ran.message())}; its keys were left alone"
            )
    if change.sets_password:
        argv, data = password_command(request, platform)
        ran = host.run(argv, data=data)
        if not ran.ok:
            raise BaselineError(
                f"the password of {name} cannot be set: {printable(ran.message())}; the account is there, its sudo "
                "rule and keys were left as they were"
            )
    plan.sudo.apply(host, name)


def _change_home(plan: _Plan, done: str) -> None:
    entry = plan.state.entry
    if entry is None:
        raise BaselineError(f"the account was made, but the system does not know it; {done}; run again")
    try:
        plan.held.change(plan.home, (entry.uid, entry.gid))
    except UnsafePath as error:
        raise BaselineError(f"{error}; {done}; {_HINT}") from error


def _require(again: _Plan, outcome: PolicyResult) -> None:
    """Compare what was read again: what still differs did not come into force."""
    names = {*again.before, *again.after}
    wrong = sorted(name for name in names if again.before.get(name) != again.after.get(name))
    if wrong:
        raise BaselineError(
            f"not as requested after the change: {', '.join(wrong)}; somebody else changes it meanwhile; run again"
        )
    outcome.result.update(_account_result(again))


def _result(request: AccountRequest, plan: _Plan) -> dict[str, t.Any]:
    keys = [
        {"type": key.kind, "fingerprint": key.fingerprint, "comment": printable(key.comment)} for key in request.keys
    ]
    return {
        "name": request.name,
        "created": plan.state.entry is None,
        **_account_result(plan),
        "sudoers": plan.sudo.path,
        "sudo": request.sudo,
        "key_file": f"{plan.home_path}/{KEYS}",
        "keys": keys,
        "removed_keys": [line.as_result() for line in plan.home.removed],
        "second_roots": [printable(name) for name in plan.account.second_roots],
    }


def _account_result(plan: _Plan) -> dict[str, t.Any]:
    return {
        "uid": plan.state.entry.uid if plan.state.entry else None,
        "home": printable(plan.home_path),
        "shell": printable(plan.account.shell),
        "groups": [printable(name) for name in plan.account.groups],
    }
