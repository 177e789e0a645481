# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of a change of sshd: a door that works before is proven after, else the change is taken back.

The host needs none of this to come back: its undo counts by itself. What is done here makes it faster and tells why.
"""

from __future__ import annotations

import shlex
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths, parse_record
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight

from .._ssh.client import (
    Target,
    login_complaint,
    rehearsal_complaint,
    rehearsed,
    words,
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
    sudo_complaint,
)

__all__ = ["RollbackOutcome", "VerifiedLogin", "confirm_by_login", "find_working_login", "new_port", "roll_back"]

_PLACE = RollbackPaths("sshd")
_LOGIN_SECONDS = 10
_TOO_LATE = 3


@dataclass(frozen=True)
class VerifiedLogin:
    """A login that works before the change.

    ``sudo`` is false where it asks for a password that the play has not: then the login alone is proven, of which
    ``warning`` tells.
    """

    target: Target
    sudo: bool
    password: str | None = None
    warning: str = ""


@dataclass(frozen=True)
class RollbackOutcome:
    """What became of a change that was not confirmed: whether it was taken back (``None``: not seen), in words."""

    rolled_back: bool | None
    message: str


def find_working_login(
    own: Target,
    users: t.Iterable[str],
    *,
    password: str | None,
    own_refusal: str,
    preflight: Preflight | None = None,
) -> VerifiedLogin:
    """Return the first of ``users``, or the user of the connection, who gets in now and may get in after the change.

    The login is made with the algorithms and host keys that stay (``preflight``), so a client that knows none of them
    is told before anything is changed. One of ``users`` who gets in and then does not become root stops the change:
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
            login = log_in(rehearsed(target, preflight), seconds=_LOGIN_SECONDS, sudo=True, password=password)
        except SudoRefused as error:
            if isinstance(error, PasswordWanted) and not (password and user == own.user):
                return VerifiedLogin(target, sudo=False, warning=_login_alone(target, password))
            if user in guarded:
                raise BaselineError(f"{error}. Nothing was changed; the task asks that {user} becomes root") from error
            reasons.append(str(error))
        except BaselineError as error:
            _require_preflight(target, preflight, str(error))
            reasons.append(str(error))
        else:
            return VerifiedLogin(target, sudo=True, password=password if login.sudo == "password" else None)
    raise BaselineError(
        f"no new login from this controller could confirm the change: {'. '.join(reasons)}. Nothing was changed; give "
        "this controller the private key of one of these users, or set confirm to false to change sshd without a proof"
    )


def _login_alone(target: Target, password: str | None) -> str:
    user = target.user or "the user of the connection"
    wants = "another password than the play's" if password else "a password that the play does not have"
    return (
        f"only the login of {user} is proven, not that {user} becomes root: sudo asks for {wants}; give that of {user} "
        "(--ask-become-pass) to prove both"
    )


def _require_known_key(own: Target, preflight: Preflight | None) -> None:
    if own.check_host_key and preflight and not preflight.keys:
        message = rehearsal_complaint(own, preflight, "Host key verification failed")
        raise BaselineError(f"{message}. Nothing was changed")


def _require_preflight(target: Target, preflight: Preflight | None, message: str) -> None:
    """Stop where a login fails (``message``) only for what the change takes away: it is the same for every user."""
    if preflight and preflight.without:
        try:
            log_in(target, seconds=_LOGIN_SECONDS, sudo=False)
        except BaselineError:
            return
        raise BaselineError(f"{rehearsal_complaint(target, preflight, message)}. Nothing was changed")


def new_port(own: int | None, *, server: int, ports: t.Sequence[int], requested: t.Container[int]) -> int | None:
    """Return the port to log in on when sshd listens on ``ports``.

    ``own`` is the connection's, ``server`` that on which the host saw it come in: they differ where something between
    forwards ports, and then nobody here knows where the new one appears. Only a port that the task ``requested`` can
    take the place of the connection's own: behind another one on the way there, another machine may answer.
    """
    if not ports or server in ports or (own or 22) != server:
        return own
    found = next((port for port in ports if port in requested), None)
    if found is None:
        raise BaselineError(
            f"by the host, sshd will listen on {', '.join(map(str, ports))} alone, which is neither the connection's "
            f"port {server} nor a port that the task names, and this controller logs in nowhere because a host says so"
        )
    return found


def confirm_by_login(verified: VerifiedLogin, *, armed: bool, until: float, place: RollbackPaths = _PLACE) -> str:
    """Log in anew by ``verified`` and confirm the change in that login; return the problem, an empty text if none.

    A login that is refused, or runs another command, is final; a connection that is not made is tried again, as the way
    there may take a moment. 255 is ssh's own exit status, every other one is the command's.
    """
    verdict = f"{_undo(place)} confirm" if armed and verified.sudo else "true"
    script, data = as_root(verdict, password=verified.password)
    while True:
        reply = run(verified.target, script, seconds=_LOGIN_SECONDS, data=data)
        problem = login_complaint(verified.target, reply)
        final = problem is None or reply.rc != 255 or "Permission denied" in reply.err
        if final or time.monotonic() + 2 > until:
            break
        time.sleep(2)
    if problem:
        return problem
    if not verified.sudo and needs_password(reply):
        return ""
    tried = "password" if verified.password else "nopasswd"
    problem = sudo_complaint(verified.target, reply, tried=tried)
    if problem:
        return problem
    if armed and verified.sudo and reply.rc == _TOO_LATE:
        return f"a new login as {verified.target} worked, but later than confirm_timeout allows"
    if reply.rc:
        return f"a new login as {verified.target} became root, but could not confirm the change: {words(reply)}"
    return ""


def roll_back(
    own: Target, *, password: str | None, master: str | None, deadline: float, place: RollbackPaths = _PLACE
) -> RollbackOutcome:
    """Have the host take the change back over what is still open, or wait until it has; say what was seen."""
    script, data = as_root(f"{_undo(place)} asked; {_read_record(place)}", password=password)
    if master:
        reply = run(own, script, seconds=_LOGIN_SECONDS, data=data, master=master)
        outcome = _parse_outcome(reply.out, "at once, over the connection that was still open")
        if outcome:
            return outcome
    script, data = as_root(_read_record(place), password=password)
    while True:
        # The host's clock began before ours: a little later all is done there.
        time.sleep(max(2.0, min(10.0, deadline + 3 - time.monotonic())))
        reply = run(own, script, seconds=_LOGIN_SECONDS, data=data)
        outcome = _parse_outcome(reply.out, "by itself")
        if outcome:
            return outcome
        if time.monotonic() > deadline + 30:
            break
    if is_root(reply):
        return RollbackOutcome(True, f"a new login as {own} works again")
    return RollbackOutcome(None, str(login_complaint(own, reply) or sudo_complaint(own, reply, tried="nopasswd")))


def _undo(place: RollbackPaths) -> str:
    return f"sh {shlex.quote(place.script)}"


def _read_record(place: RollbackPaths) -> str:
    record = shlex.quote(place.record)
    return f"cat {record} && rm -f {record}; rmdir {shlex.quote(place.base)} 2>/dev/null; true"


def _parse_outcome(text: str, how: str) -> RollbackOutcome | None:
    record = parse_record(text)
    if not record.token:
        return None
    if record.problems:
        return RollbackOutcome(
            False, f"the host tried to take the change back, but not all went well: {record.problems}"
        )
    return RollbackOutcome(
        True, f"the host took the change back {how}: its files are as they were and sshd runs with them"
    )
