# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds virtual environments as their owners, and asks the owners' Python what is in them."""

from __future__ import annotations

import grp
import hashlib
import os
import re
import stat
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import BaselineError
from ..._core.host import paths
from ..._core.host.as_user import User, find_user, rights_of, run_as
from ..._core.policy_result import PolicyResult
from ..._core.text import printable, printable_lines
from .. import venv as venvs
from ..venv_script import SCRIPT
from .folder import (
    LEFT,
    find_folder,
    settle_folder,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..venv import Answer, Request

__all__ = ["check", "ensure"]

# An answer takes a tenth of a second; whoever owns the environment decides what answers.
_ANSWER_SECONDS = 60.0
_LONGEST = 2000


@dataclass
class _State:
    """The owner and group that are requested, the folder that there is, and what the Python in it answered."""

    user: User | None
    gid: int = -1
    folder: os.stat_result | None = None
    answer: Answer | None = None

    def text(self, *, mode: int | None = None, predicted: t.Iterable[str] = ()) -> str:
        """Return the lines of the diff; with ``mode`` those that the run would bring about."""
        if self.folder is None:
            return ""
        gid = self.folder.st_gid if mode is None else self.gid
        bits = stat.S_IMODE(self.folder.st_mode) if mode is None else mode
        uid = self.folder.st_uid if mode is None or self.user is None else self.user.uid
        head = f"owner {paths.user_name(uid)}\ngroup {paths.group_name(gid)}\nmode {bits:04o}\n"
        return head + (venvs.listing(self.answer, predicted) if self.answer else "")


@dataclass
class _Run:
    """What all environments of one call share."""

    host: Host
    seconds: float
    environment: dict[str, str]
    outcome: PolicyResult = field(default_factory=PolicyResult)

    def as_owner(self, user: User, argv: list[str], folder: str) -> CommandResult:
        return run_as(user, argv, folder=folder, seconds=self.seconds, env=self.environment)


def ensure(host: Host, requests: t.Sequence[Request], *, seconds: float) -> PolicyResult:
    """Build the environments that are requested; one that fails does not keep the others from being built."""
    run = _Run(host, seconds, venvs.kept_environment(os.environ))
    states = _accounts(host, requests)
    results, failures = [], []
    for request, state in zip(requests, states):
        try:
            with host.lock(f"python_venv.{hashlib.sha256(os.fsencode(request.path)).hexdigest()[:16]}"):
                results.append(_ensure_one(run, request, state))
        except BaselineError as error:
            failures.append(str(error))
    if failures:
        changed = [result["path"] for result in results if result["changed"]]
        more = f"; changed before: {', '.join(changed)}" if changed and not host.check_mode else ""
        raise BaselineError("; ".join(failures) + more, venvs=results)
    run.outcome.result["venvs"] = results
    return run.outcome


def check(host: Host, requests: t.Sequence[Request]) -> PolicyResult:
    """See that the owners and groups exist and that the paths can be used; no environment is asked."""
    states, failures = _accounts(host, requests), []
    for request, state in zip(requests, states):
        try:
            state.folder = find_folder(request, state.user) if state.user else None
        except BaselineError as error:
            failures.append(str(error))
    if failures:
        raise BaselineError("; ".join(failures), venvs=[])
    pairs = zip(requests, states)
    return PolicyResult(result={"venvs": [_result(request, state, changed=False) for request, state in pairs]})


def _accounts(host: Host, requests: t.Sequence[Request]) -> list[_State]:
    """Return the owners and groups; all that are missing are named before anything is changed."""
    states = [_State(find_user(request.owner)) for request in requests]
    missing = {request.owner for request, state in zip(requests, states) if state.user is None}
    wrong = [f"the owner {', '.join(sorted(missing))} is not a user of this host"] if missing else []
    for request, state in zip(requests, states):
        try:
            state.gid = _gid(request.group) if request.group else state.user.gid if state.user else -1
        except KeyError:
            wrong.append(f"the group {request.group} is not a group of this host")
    # In check mode an earlier task has not created them yet.
    if wrong and not host.check_mode:
        raise BaselineError(f"{'; '.join(wrong)}; nothing was changed; create the user or group first")
    return states


def _gid(group: str) -> int:
    return int(group) if re.fullmatch("[0-9]{1,9}", group) else grp.getgrnam(group).gr_gid


def _ensure_one(run: _Run, request: Request, state: _State) -> dict[str, t.Any]:
    user, before, after = state.user, "", f"owner {request.owner}\n"
    if user:
        state.folder = find_folder(request, user)
        if state.folder and _is_made(request, user):
            state.answer = _ask(run, request, user)
        mode = venvs.mode_of(request.mode, stat.S_IMODE(state.folder.st_mode) if state.folder else 0o755)
        before = state.text()
        if run.host.check_mode:
            after = _predicted(request, state, mode)
        else:
            _bring_about(run, request, user, state, mode)
            after = state.text()
    if before:
        run.outcome.before[request.path] = before
    run.outcome.after[request.path] = after
    return _result(request, state, changed=before != after)


def _is_made(request: Request, user: User) -> bool:
    """Say whether "python -m venv" came to its end: it writes this file last."""
    with rights_of(user):
        return os.path.isfile(f"{request.path}/bin/activate") and os.path.isfile(f"{request.path}/bin/python")


def _predicted(request: Request, state: _State, mode: int) -> str:
    if state.folder is None or state.answer is None or not state.answer.pip:
        lines = [*request.requirements, *([request.file] if request.file else [])]
        return f"owner {request.owner}\nmode {mode:04o}\n" + "".join(f"{one} (to be installed)\n" for one in lines)
    predicted = [*state.answer.unmet, *_for_pip(request, state.answer)]
    return state.text(mode=mode, predicted=[printable(one) for one in predicted])


def _for_pip(request: Request, answer: Answer) -> list[str]:
    """Return what only pip can judge: it is asked in every run, and what it changes is seen afterwards."""
    # With arguments of pip, such as --upgrade, a requirements file may mean anything.
    return [*answer.undecided, *([request.file] if request.file and request.extra_args else [])]


def _bring_about(run: _Run, request: Request, user: User, state: _State, mode: int) -> None:
    state.folder = settle_folder(request, user, state.gid, mode)
    if state.answer is None or not state.answer.pip:
        ran = run.as_owner(user, [request.python, "-I", "-m", "venv", request.path], request.path)
        if not ran.ok:
            raise BaselineError(
                f"{request.path}: `{request.python} -m venv`, run as {user.name}, ended with exit status {ran.rc}: "
                f"{_output(ran)}"
            )
        state.answer = _ask(run, request, user)
    if not (state.answer.unmet or _for_pip(request, state.answer)):
        return
    ran = run.as_owner(user, venvs.pip_install(request), request.path)
    if ran.ok:
        state.answer = _ask(run, request, user)
    if not ran.ok or state.answer.unmet:
        unmet = printable(", ".join(state.answer.unmet), longest=500)
        raise BaselineError(
            f"{request.path}: `pip install`, run as {user.name}, ended with exit status {ran.rc}"
            f"{f', and this is not met: {unmet}' if unmet else ''}; what it has installed stays there: {_output(ran)}"
        )


def _ask(run: _Run, request: Request, user: User) -> Answer:
    """Ask the environment's own Python, as the owner, what is in it."""
    argv = [f"{request.path}/bin/python", "-I", "-B", "-c", SCRIPT, venvs.question(request)]
    seconds = min(_ANSWER_SECONDS, run.seconds)
    ran = run_as(user, argv, folder=request.path, seconds=seconds)
    if not ran.ok:
        raise BaselineError(
            f"{request.path}: its own Python, run as {user.name}, does not answer (exit status {ran.rc}): "
            f"{_output(ran)}; {LEFT}; remove it, so that a new one is made"
        )
    return venvs.parse_answer(ran.out, request)


def _output(ran: CommandResult) -> str:
    return printable_lines((ran.err.strip() or ran.out.strip() or "no output")[-_LONGEST:])


def _result(request: Request, state: _State, *, changed: bool) -> dict[str, t.Any]:
    folder, answer = state.folder, state.answer
    return {
        "path": request.path,
        "owner": request.owner,
        "group": paths.group_name(folder.st_gid) if folder else "",
        "mode": f"{stat.S_IMODE(folder.st_mode):04o}" if folder else "",
        "python": answer.python if answer else "",
        "distributions": dict(answer.distributions) if answer else {},
        "unmet": [printable(one) for one in answer.unmet] if answer else [],
        "left_to_pip": [printable(one) for one in _for_pip(request, answer)] if answer else [],
        "changed": changed,
    }
