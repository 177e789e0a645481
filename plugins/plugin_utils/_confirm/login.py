# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's logins around a change of sshd: one that works before, the same after it, else a rollback.

The host needs none of them to come back: its rollback is armed. They make it faster and say why.
"""

from __future__ import annotations

import shlex
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths, parse_record
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight

from .._ssh.client import (
    Reply,
    SshTarget,
    login_error,
    preflight_error,
    preflight_target,
    reply_message,
)
from .._ssh.login import (
    PasswordWanted,
    SudoRefused,
    log_in,
    run,
)
from .._ssh.sudo import (
    as_root,
    is_root,
    needs_password,
    sudo_error,
)

__all__ = ["RollbackOutcome", "VerifiedLogin", "confirm_by_login", "find_working_login", "new_port", "roll_back"]

_PATHS = RollbackPaths("sshd")
_LOGIN_SECONDS = 10
_TOO_LATE = 3


@dataclass(frozen=True)
class VerifiedLogin:
    """A login that works before the change.

    ``sudo`` is false where sudo asks for a password that the play does not have: then only the login is verified, which
    ``warning`` says.
    """

    target: SshTarget
    sudo: bool
    password: str | None = None
    warning: str = ""


@dataclass(frozen=True)
class RollbackOutcome:
    """Whether a change that was not confirmed was rolled back (``None``: not seen), and a message about it."""

    rolled_back: bool | None
    message: str


def find_working_login(
    own: SshTarget,
    users: t.Iterable[str],
    *,
    password: str | None,
    own_refusal: str,
    preflight: Preflight | None = None,
) -> VerifiedLogin:
    """Return the first of ``users``, or the user of the connection, who can log in now and may after the change.

    The preflight login uses only the algorithms and host keys that stay (``preflight``), so a client that knows none of
    them is found before anything is changed. One of ``users`` who logs in and does not become root stops the change:
    the task asks that each of them does.
    """
    _require_known_key(own, preflight)
    guarded = tuple(users)
    reasons = []
    for user in dict.fromkeys([*guarded, own.user]):
        target = replace(own, user=user)
        if user == own.user and own_refusal:
            reasons.append(f"as {user or 'the user of the connection'}: {own_refusal}")
            continue
        try:
            login = log_in(preflight_target(target, preflight), seconds=_LOGIN_SECONDS, sudo=True, password=password)
        except SudoRefused as error:
            if isinstance(error, PasswordWanted) and not (password and user == own.user and own.sends_password):
                return VerifiedLogin(target, sudo=False, warning=_login_alone(target, password))
            if user in guarded:
                raise _not_root(str(user), error) from error
            reasons.append(error.advice)
        except BaselineError as error:
            _require_preflight(target, preflight, error.sentence)
            reasons.append(error.advice)
        else:
            return VerifiedLogin(target, sudo=True, password=password if login.sudo == "password" else None)
    raise BaselineError(
        f"no new login from this controller could confirm the change: {'. '.join(reasons)}",
        state=UNCHANGED,
        hint="give this controller the private key of one of these users, or set confirm to false to change sshd "
        "without a confirmation",
    )


def _not_root(user: str, error: BaselineError) -> BaselineError:
    return BaselineError(
        f"the task asks that {user} becomes root: {error.sentence}",
        option="guard_users",
        state=UNCHANGED,
        hint=error.hint,
    )


def _login_alone(target: SshTarget, password: str | None) -> str:
    user = target.user or "the user of the connection"
    if target.become != "sudo":
        lacks = "root's password (--ask-become-pass)" if target.become == "su" and not password else "a terminal"
        return (
            f"only the login of {user} is verified, not that {user} becomes root: {target.become} cannot be tried "
            f"without {lacks}"
        )
    wants = "another password than the play's" if password else "a password that the play does not have"
    return (
        f"only the login of {user} is verified, not that {user} becomes root: sudo asks for {wants}; give that of "
        f"{user} (--ask-become-pass) to verify both"
    )


def _require_known_key(own: SshTarget, preflight: Preflight | None) -> None:
    if own.check_host_key and preflight and not preflight.keys:
        raise _unchanged(preflight_error(own, preflight, "Host key verification failed"))


def _require_preflight(target: SshTarget, preflight: Preflight | None, message: str) -> None:
    """Stop where a login fails (``message``) only for what the change removes: that is the same for every user."""
    if preflight and preflight.without:
        try:
            log_in(target, seconds=_LOGIN_SECONDS, sudo=False)
        except BaselineError:
            return
        raise _unchanged(preflight_error(target, preflight, message))


def _unchanged(error: BaselineError) -> BaselineError:
    error.state = UNCHANGED
    return error


def new_port(own: int | None, *, server: int, ports: t.Sequence[int], requested: t.Container[int]) -> int | None:
    """Return the port to log in on when sshd listens on ``ports``.

    ``own`` is the connection's, ``server`` that on which the host saw it come in. They differ where something between
    forwards ports, and then it is not known here where the new one appears. Only a port that the task ``requested`` can
    take the place of the connection's own: another port on the way there may belong to another machine.
    """
    if not ports or server in ports or (own or 22) != server:
        return own
    found = next((port for port in ports if port in requested), None)
    if found is None:
        raise BaselineError(
            f"according to the host, sshd will listen on {', '.join(map(str, ports))} alone, which is neither the "
            f"connection's port {server} nor a port of the task, and this controller does not log in to other ports",
            option="settings",
            hint="name the port in settings (Port), or set confirm to false",
        )
    return found


def confirm_by_login(
    verified: VerifiedLogin, *, armed: bool, until: float, paths: RollbackPaths = _PATHS
) -> BaselineError | None:
    """Log in anew as ``verified`` and confirm the change in that login; return what is wrong, ``None`` on success.

    A login that is refused, or runs another command, is final. A connection that is not made is tried again, as the way
    there may take a moment. 255 is ssh's own exit status, every other one is the command's.
    """
    command = f"{_script(paths)} confirm" if armed and verified.sudo else "true"
    script, data = as_root(command, password=verified.password, become=verified.target.become)
    while True:
        reply = run(verified.target, script, seconds=_LOGIN_SECONDS, data=data)
        error = login_error(verified.target, reply)
        is_final = error is None or reply.rc != 255 or "Permission denied" in reply.err
        if is_final or time.monotonic() + 2 > until:
            break
        time.sleep(2)
    if error:
        return error
    if not verified.sudo and needs_password(reply):
        return None
    return _unconfirmed(verified, reply, armed=armed)


def _unconfirmed(verified: VerifiedLogin, reply: Reply, *, armed: bool) -> BaselineError | None:
    """Return why a login that works did not confirm the change, ``None`` where it did."""
    error = sudo_error(verified.target, reply, tried="password" if verified.password else "nopasswd")
    if error:
        return error
    if armed and verified.sudo and reply.rc == _TOO_LATE:
        return BaselineError(
            f"a new login as {verified.target} worked, but later than confirm_timeout allows",
            hint="give it more time (confirm_timeout)",
        )
    if reply.rc:
        return BaselineError(
            f"a new login as {verified.target} became root, but could not confirm the change: {reply_message(reply)}"
        )
    return None


def roll_back(
    own: SshTarget, *, password: str | None, master: str | None, deadline: float, paths: RollbackPaths = _PATHS
) -> RollbackOutcome:
    """Have the host roll back over the connection that is still open, or wait until it has; return what was seen."""
    script, data = as_root(f"{_script(paths)} asked; {_read_record(paths)}", password=password, become=own.become)
    if master:
        reply = run(own, script, seconds=_LOGIN_SECONDS, data=data, master=master)
        found = _recorded(reply.out, "at once, over the connection that was still open")
        if found:
            return found
    script, data = as_root(_read_record(paths), password=password, become=own.become)
    while True:
        # The host's clock started before ours: a little later all is done there.
        time.sleep(max(2.0, min(10.0, deadline + 3 - time.monotonic())))
        reply = run(own, script, seconds=_LOGIN_SECONDS, data=data)
        found = _recorded(reply.out, "by itself")
        if found:
            return found
        if time.monotonic() > deadline + 30:
            break
    if is_root(reply):
        return RollbackOutcome(True, f"a new login as {own} works again")
    error = login_error(own, reply) or sudo_error(own, reply, tried="nopasswd")
    return RollbackOutcome(None, error.advice if error else "")


def _script(paths: RollbackPaths) -> str:
    return f"sh {shlex.quote(paths.script)}"


def _read_record(paths: RollbackPaths) -> str:
    record = shlex.quote(paths.record)
    return f"cat {record} && rm -f {record}; rmdir {shlex.quote(paths.base)} 2>/dev/null; true"


def _recorded(text: str, how: str) -> RollbackOutcome | None:
    record = parse_record(text)
    if not record.token:
        return None
    if record.problems:
        message = f"the host tried to roll the change back, but some of it failed: {record.problems}"
        return RollbackOutcome(False, message)
    return RollbackOutcome(
        True, f"the host rolled the change back {how}: its files are as they were and sshd runs with them"
    )
