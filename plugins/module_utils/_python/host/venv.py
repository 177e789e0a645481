# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds virtual environments as their owners, and reads their content with the owners' Python."""

from __future__ import annotations

import grp
import hashlib
import os
import re
import stat
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import UNCHANGED, BaselineError, combined, state_of_errors
from ..._core.host import paths
from ..._core.host.as_user import User, find_user, rights_of, run_as
from ..._core.policy_result import PolicyResult
from ..._core.text import printable, printable_lines
from .. import venv as venvs
from ..venv_script import SCRIPT
from .folder import ensure_folder, find_folder

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..venv import VenvReport, VenvRequest

__all__ = ["check", "ensure"]

# A report takes a tenth of a second; the owner of the environment controls the program that makes it.
_REPORT_SECONDS = 60.0
_LONGEST = 2000


@dataclass
class _VenvState:
    """The requested owner and group, the folder on the host, and the report of the Python in it."""

    user: User | None
    gid: int = -1
    folder: os.stat_result | None = None
    report: VenvReport | None = None

    def text(self, *, mode: int | None = None, predicted: t.Iterable[str] = ()) -> str:
        """Return the lines of the diff; with ``mode`` the predicted ones."""
        if self.folder is None:
            return ""
        gid = self.folder.st_gid if mode is None else self.gid
        bits = stat.S_IMODE(self.folder.st_mode) if mode is None else mode
        uid = self.folder.st_uid if mode is None or self.user is None else self.user.uid
        head = f"owner {paths.user_name(uid)}\ngroup {paths.group_name(gid)}\nmode {bits:04o}\n"
        return head + (venvs.listing(self.report, predicted) if self.report else "")


@dataclass
class _VenvRun:
    """The parts that all environments of one call share."""

    host: Host
    seconds: float
    environment: dict[str, str]
    found: PolicyResult = field(default_factory=PolicyResult)

    def as_owner(self, user: User, argv: list[str], folder: str) -> CommandResult:
        return run_as(user, argv, folder=folder, seconds=self.seconds, env=self.environment)


def ensure(host: Host, requests: t.Sequence[VenvRequest], *, seconds: float) -> PolicyResult:
    """Build the requested environments; if one fails, the others are built nevertheless."""
    run = _VenvRun(host, seconds, venvs.kept_environment(os.environ))
    states = _accounts(host, requests)
    results: list[dict[str, t.Any]] = []
    failures: list[BaselineError] = []
    for request, state in zip(requests, states):
        try:
            with host.lock(f"python_venv.{hashlib.sha256(os.fsencode(request.path)).hexdigest()[:16]}"):
                results.append(_ensure_one(run, request, state))
        except BaselineError as error:
            failures.append(error)
    if failures:
        raise _failed(failures, results, predicted=host.check_mode)
    run.found.result["venvs"] = results
    return run.found


def _failed(failures: t.Sequence[BaselineError], results: list[dict[str, t.Any]], *, predicted: bool) -> BaselineError:
    """Return one error for all environments that failed, which says what was changed of the others."""
    changed = [result["path"] for result in results if result["changed"] and not predicted]
    others = f"other environments were changed: {', '.join(changed)}" if changed else "no other environment was changed"
    if len(failures) > 1:
        return BaselineError("; ".join(str(error) for error in failures), state=others, venvs=results)
    error = failures[0]
    error.state = "; ".join(filter(None, [error.state, others]))
    error.details["venvs"] = results
    return error


def check(host: Host, requests: t.Sequence[VenvRequest]) -> PolicyResult:
    """Check that the owners and groups exist and that the paths can be used; no environment's Python runs."""
    states = _accounts(host, requests)
    failures: list[BaselineError] = []
    for request, state in zip(requests, states):
        try:
            state.folder = find_folder(request, state.user) if state.user else None
        except BaselineError as error:
            failures.append(error)
    if failures:
        failure = combined(failures)
        failure.details["venvs"] = []
        raise failure
    pairs = zip(requests, states)
    return PolicyResult(result={"venvs": [_result(request, state, changed=False) for request, state in pairs]})


def _accounts(host: Host, requests: t.Sequence[VenvRequest]) -> list[_VenvState]:
    """Return the owners and groups; missing ones raise before anything is changed."""
    states = [_VenvState(find_user(request.owner)) for request in requests]
    missing = {request.owner for request, state in zip(requests, states) if state.user is None}
    problems = [f"the owner {', '.join(sorted(missing))} is not a user of this host"] if missing else []
    for request, state in zip(requests, states):
        try:
            state.gid = _gid(request.group) if request.group else state.user.gid if state.user else -1
        except KeyError:
            problems.append(f"the group {request.group} is not a group of this host")
    # In check mode an earlier task has not created them yet.
    if problems and not host.check_mode:
        raise BaselineError("; ".join(problems), option="venvs", state=UNCHANGED, hint="create the user or group first")
    return states


def _gid(group: str) -> int:
    return int(group) if re.fullmatch("[0-9]{1,9}", group) else grp.getgrnam(group).gr_gid


def _ensure_one(run: _VenvRun, request: VenvRequest, state: _VenvState) -> dict[str, t.Any]:
    user, before, after = state.user, "", f"owner {request.owner}\n"
    if user:
        with state_of_errors("this environment was left as it was"):
            state.folder = find_folder(request, user)
            if state.folder and _is_made(request, user):
                state.report = _read_report(run, request, user)
        mode = venvs.mode_of(request.mode, stat.S_IMODE(state.folder.st_mode) if state.folder else 0o755)
        before = state.text()
        if run.host.check_mode:
            after = _predicted(request, state, mode)
        else:
            with state_of_errors("the folder of this environment may have been made or changed"):
                state.folder = ensure_folder(request, user, state.gid, mode)
            with state_of_errors("this environment was changed"):
                _apply(run, request, user, state)
            after = state.text()
    if before:
        run.found.before[request.path] = before
    run.found.after[request.path] = after
    return _result(request, state, changed=before != after)


def _is_made(request: VenvRequest, user: User) -> bool:
    """Say whether "python -m venv" was completed: it writes this file last."""
    with rights_of(user):
        return os.path.isfile(f"{request.path}/bin/activate") and os.path.isfile(f"{request.path}/bin/python")


def _predicted(request: VenvRequest, state: _VenvState, mode: int) -> str:
    if state.folder is None or state.report is None or not state.report.pip:
        lines = [*request.requirements, *([request.file] if request.file else [])]
        return f"owner {request.owner}\nmode {mode:04o}\n" + "".join(f"{one} (to be installed)\n" for one in lines)
    predicted = [*state.report.unmet, *_for_pip(request, state.report)]
    return state.text(mode=mode, predicted=[printable(one) for one in predicted])


def _for_pip(request: VenvRequest, report: VenvReport) -> list[str]:
    """Return the requirements that only pip can evaluate: it runs each time, and the reports show its changes."""
    # With options of pip, such as --upgrade, the meaning of a requirements file is not known.
    return [*report.undecided, *([request.file] if request.file and request.extra_args else [])]


def _apply(run: _VenvRun, request: VenvRequest, user: User, state: _VenvState) -> None:
    """Build the environment where it is missing or incomplete, and have pip install the unmet requirements."""
    if state.report is None or not state.report.pip:
        ran = run.as_owner(user, [request.python, "-I", "-m", "venv", request.path], request.path)
        if not ran.ok:
            raise BaselineError(
                f"`{request.python} -m venv`, run as {user.name}, failed with exit status {ran.rc}: {_output(ran)}",
                where=request.path,
                state="this environment has its folder, but is incomplete",
            )
        state.report = _read_report(run, request, user)
    if not (state.report.unmet or _for_pip(request, state.report)):
        return
    ran = run.as_owner(user, venvs.pip_install(request), request.path)
    if ran.ok:
        state.report = _read_report(run, request, user)
    if not ran.ok or state.report.unmet:
        unmet = printable(", ".join(state.report.unmet), longest=500)
        raise BaselineError(
            f"`pip install`, run as {user.name}, ended with exit status {ran.rc}"
            f"{f', and this is not met: {unmet}' if unmet else ''}: {_output(ran)}",
            where=request.path,
            state="distributions that pip has installed stay in this environment",
        )


def _read_report(run: _VenvRun, request: VenvRequest, user: User) -> VenvReport:
    """Run the environment's own Python, as the owner, and return its report."""
    argv = [f"{request.path}/bin/python", "-I", "-B", "-c", SCRIPT, venvs.question(request)]
    seconds = min(_REPORT_SECONDS, run.seconds)
    ran = run_as(user, argv, folder=request.path, seconds=seconds)
    if not ran.ok:
        raise BaselineError(
            f"its own Python, run as {user.name}, does not report its content (exit status {ran.rc}): {_output(ran)}",
            where=request.path,
            hint="remove it, so that a new one is made",
        )
    return venvs.parse_report(ran.out, request)


def _output(ran: CommandResult) -> str:
    return printable_lines((ran.err.strip() or ran.out.strip() or "no output")[-_LONGEST:])


def _result(request: VenvRequest, state: _VenvState, *, changed: bool) -> dict[str, t.Any]:
    folder, report = state.folder, state.report
    return {
        "path": request.path,
        "owner": request.owner,
        "group": paths.group_name(folder.st_gid) if folder else "",
        "mode": f"{stat.S_IMODE(folder.st_mode):04o}" if folder else "",
        "python": report.python if report else "",
        "distributions": dict(report.distributions) if report else {},
        "unmet": [printable(one) for one in report.unmet] if report else [],
        "left_to_pip": [printable(one) for one in _for_pip(request, report)] if report else [],
        "changed": changed,
    }
