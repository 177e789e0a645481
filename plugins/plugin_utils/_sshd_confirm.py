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

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._undo import Place, parse_record
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_client import (
    MARK,
    Target,
    login_complaint,
    rehearsal_complaint,
    rehearsed,
    sudo_complaint,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_login import SudoRefused, as_root, log_in, run

__all__ = ["Door", "Outcome", "find_door", "new_port", "prove", "take_back"]

_PLACE = Place("sshd")
_LOGIN_SECONDS = 10
_TOO_LATE = 3


@dataclass(frozen=True)
class Door:
    """A login that works before the change. ``sudo`` is false where only the login could be proven from here."""

    target: Target
    sudo: bool
    password: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a change that was not confirmed: whether it was taken back (``None``: not seen), in words."""

    rolled_back: bool | None
    words: str


def find_door(
    own: Target,
    users: t.Iterable[str],
    *,
    password: str | None,
    own_refusal: str,
    rehearsal: t.Mapping[str, t.Any] | None = None,
) -> Door:
    """Return the first of ``users``, or the user of the connection, who gets in now and may get in after the change.

    The login is made with the algorithms and host keys that stay (``rehearsal``), so a client that knows none of them
    is told before anything is changed.
    """
    _require_known_key(own, rehearsal or {})
    wanted = dict.fromkeys([*users, own.user])
    reasons = []
    for user in wanted:
        target = replace(own, user=user)
        if user == own.user and own_refusal:
            reasons.append(f"as {user or 'the user of the connection'}: {own_refusal}")
            continue
        try:
            log_in(rehearsed(target, rehearsal or {}), seconds=_LOGIN_SECONDS, sudo=True, password=password)
        except SudoRefused:
            # As it was before the change, so no reason against it; that sudo works is the guard's to judge.
            return Door(target, sudo=False)
        except BaselineError as error:
            _require_rehearsal(target, rehearsal or {}, str(error))
            reasons.append(str(error))
            continue
        return Door(target, sudo=True, password=password)
    raise BaselineError(
        f"no new login from this controller could confirm the change: {'. '.join(reasons)}. Nothing was changed; give "
        "this controller the private key of one of these users, or set confirm to false to change sshd without a proof"
    )


def _require_known_key(own: Target, rehearsal: t.Mapping[str, t.Any]) -> None:
    if own.check_host_key and rehearsal and not rehearsal["keys"]:
        words = rehearsal_complaint(own, rehearsal, "Host key verification failed")
        raise BaselineError(f"{words}. Nothing was changed")


def _require_rehearsal(target: Target, rehearsal: t.Mapping[str, t.Any], said: str) -> None:
    """Stop where a login fails (``said``) only for what goes away with the change: that is the same for every user."""
    if rehearsal.get("without"):
        try:
            log_in(target, seconds=_LOGIN_SECONDS, sudo=False)
        except BaselineError:
            return
        raise BaselineError(f"{rehearsal_complaint(target, rehearsal, said)}. Nothing was changed")


def new_port(own: int | None, *, server: int, ports: t.Sequence[int]) -> int | None:
    """Return the port to log in on when sshd listens on ``ports``.

    ``own`` is the connection's, ``server`` that on which the host saw it come in: they differ where something between
    forwards ports, and then nobody here knows where the new one appears.
    """
    if not ports or server in ports or (own or 22) != server:
        return own
    return ports[0]


def prove(door: Door, *, armed: bool, until: float, place: Place = _PLACE) -> str:
    """Log in anew by ``door`` and confirm the change in that login; return the complaint, an empty text if all is well.

    A login that is refused, or runs another command, is final; a connection that is not made is tried again, as the way
    there may take a moment. 255 is ssh's own exit status, every other one is the command's.
    """
    verdict = f"{_undo(place)} confirm" if armed else "true"
    script, data = as_root(verdict, password=door.password) if door.sudo else ("true", None)
    while True:
        reply = run(door.target, f"echo {shlex.quote(MARK)}; {script}", seconds=_LOGIN_SECONDS, data=data)
        complaint = login_complaint(door.target, reply)
        final = complaint is None or reply.rc != 255 or "Permission denied" in reply.err
        if final or time.monotonic() + 2 > until:
            break
        time.sleep(2)
    if complaint:
        return complaint
    if door.sudo and reply.rc == _TOO_LATE:
        return f"a new login as {door.target} worked, but later than confirm_timeout allows"
    tried = "password" if door.password else "nopasswd"
    return sudo_complaint(door.target, reply, tried=tried) or "" if door.sudo else ""


def take_back(
    own: Target, *, password: str | None, master: str | None, deadline: float, place: Place = _PLACE
) -> Outcome:
    """Have the host take the change back over what is still open, or wait until it has; say what was seen."""
    script, data = as_root(f"{_undo(place)} asked; {_read_record(place)}", password=password)
    if master:
        reply = run(own, script, seconds=_LOGIN_SECONDS, data=data, master=master)
        if "token=" in reply.out:
            return _told(reply.out, "at once, over the connection that was still open")
    script, data = as_root(_read_record(place), password=password)
    while True:
        # The host's clock began before ours: a little later all is done there.
        time.sleep(max(2.0, min(10.0, deadline + 3 - time.monotonic())))
        reply = run(own, f"echo {shlex.quote(MARK)}; {script}", seconds=_LOGIN_SECONDS, data=data)
        if "token=" in reply.out:
            return _told(reply.out, "by itself")
        if time.monotonic() > deadline + 30:
            break
    if reply.logged_in:
        return Outcome(True, f"a new login as {own} works again")
    return Outcome(None, str(login_complaint(own, reply)))


def _undo(place: Place) -> str:
    return f"sh {shlex.quote(place.script)}"


def _read_record(place: Place) -> str:
    record = shlex.quote(place.record)
    return f"cat {record} && rm -f {record}; rmdir {shlex.quote(place.base)} 2>/dev/null; true"


def _told(text: str, how: str) -> Outcome:
    record = parse_record(text.replace(MARK, ""))
    if record.problems:
        return Outcome(False, f"the host tried to take the change back, but not all went well: {record.problems}")
    return Outcome(True, f"the host took the change back {how}: its files are as they were and sshd runs with them")
