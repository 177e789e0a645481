# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's login before a change of sshd: one that works now and may work after it.

``proof.py`` has the logins after the change.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight

from .._ssh.client import SshTarget, preflight_error, preflight_target
from .._ssh.login import PasswordWanted, SudoRefused, log_in
from .request import LIMITS, LoginLimits

__all__ = ["VerifiedLogin", "find_working_login", "new_port"]


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


def find_working_login(
    own: SshTarget,
    users: t.Iterable[str],
    *,
    password: str | None,
    confirmation: Confirmation,
    limits: LoginLimits = LIMITS,
) -> VerifiedLogin:
    """Return the first of ``users``, or the user of the connection, who can log in now and may after the change.

    The preflight login uses only the algorithms and host keys that stay (``preflight``), so a client that knows none of
    them is found before anything is changed. One of ``users`` who logs in and does not become root stops the change:
    the task asks that each of them does.

    Where none can log in now, the first of them to whom the change itself opens the login is returned unverified, with
    a warning: the login after the change decides, and the host's rollback covers a wrong guess.
    """
    preflight, own_refusal = confirmation.preflight, confirmation.refusal
    _require_known_key(own, preflight)
    guarded = tuple(users)
    reasons = []
    opened: VerifiedLogin | None = None
    for user in dict.fromkeys([*guarded, own.user]):
        target = replace(own, user=user)
        if user == own.user and own_refusal:
            reasons.append(f"as {user or 'the user of the connection'}: {own_refusal}")
            continue
        try:
            login = log_in(preflight_target(target, preflight), seconds=limits.connect, sudo=True, password=password)
        except SudoRefused as error:
            if isinstance(error, PasswordWanted) and not (password and user == own.user and own.sends_password):
                return VerifiedLogin(target, sudo=False, warning=_login_alone(target, password))
            if user in guarded:
                raise _not_root(str(user), error) from error
            reasons.append(error.advice)
        except BaselineError as error:
            _require_preflight(target, preflight, error.sentence, limits)
            reasons.append(error.advice)
            if opened is None and user in guarded and user in confirmation.opened:
                opened = VerifiedLogin(target, sudo=True, password=password, warning=_opens(str(user), error))
        else:
            return VerifiedLogin(target, sudo=True, password=password if login.sudo == "password" else None)
    if opened:
        return opened
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


def _opens(user: str, error: BaselineError) -> str:
    return (
        f"{user} could not log in before the change, by which sshd lets {user} in ({error.sentence}), so that only the "
        "login after it was verified"
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


def _require_preflight(target: SshTarget, preflight: Preflight | None, message: str, limits: LoginLimits) -> None:
    """Stop where a login fails (``message``) only for what the change removes: that is the same for every user."""
    if preflight and preflight.without:
        try:
            log_in(target, seconds=limits.connect, sudo=False)
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
