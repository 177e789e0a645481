# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ensures virtual environments: reads, plans, builds as the owner, and proves by importing what was requested."""

from __future__ import annotations

import contextlib
import dataclasses
import grp
import hashlib
import os
import re
import stat
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import UNCHANGED, BaselineError, combined, state_of_errors
from ..._core.host import paths
from ..._core.host.as_user import User, find_user
from ..._core.policy_result import PolicyResult
from .. import installers
from .. import venv as venvs
from ..plan import Environment, VenvPlan, plan_venv
from . import build
from .content import Readers, barred_folder, gather_files, open_to_readers
from .folder import ensure_folder, find_folder
from .programs import VenvPrograms
from .recreate import recreated, remove_leftover

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..venv import Interpreter, VenvReport, VenvRequest

__all__ = ["check", "ensure"]

_LEFT = "this environment was left as it was"


@dataclass
class _VenvState:
    """The requested owner and group, the folder on the host, what was found in it, and what was imported."""

    user: User | None
    gid: int = -1
    folder: os.stat_result | None = None
    found: Environment = Environment()
    imported: tuple[str, ...] = ()
    recreated: str = ""

    @property
    def report(self) -> VenvReport | None:
        return self.found.report

    def readers(self, request: VenvRequest) -> Readers:
        return Readers(self.mode(request), self.gid)

    def mode(self, request: VenvRequest) -> int:
        return venvs.mode_of(request.mode, stat.S_IMODE(self.folder.st_mode) if self.folder else 0o755)

    def text(self, *, mode: int | None = None, predicted: t.Iterable[str] = ()) -> str:
        """Return the lines of the diff; with ``mode`` the predicted ones."""
        if self.folder is None:
            return ""
        gid = self.folder.st_gid if mode is None else self.gid
        bits = stat.S_IMODE(self.folder.st_mode) if mode is None else mode
        uid = self.folder.st_uid if mode is None or self.user is None else self.user.uid
        head = f"owner {paths.user_name(uid)}\ngroup {paths.group_name(gid)}\nmode {bits:04o}\n"
        if mode is None and self.found.content.unreadable:
            head += f"{self.found.content.unreadable} entries cannot be read by those whom the mode lets in\n"
        return head + (venvs.listing(self.report, predicted) if self.report else "")


@dataclass
class _VenvRun:
    """The parts that all environments of one call share."""

    host: Host
    programs: VenvPrograms
    found: PolicyResult = field(default_factory=PolicyResult)


def ensure(host: Host, requests: t.Sequence[VenvRequest], *, seconds: float) -> PolicyResult:
    """Build the requested environments; if one fails, the others are built nevertheless."""
    run = _VenvRun(host, VenvPrograms(seconds, installers.kept_environment(os.environ)))
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
            if state.user:
                state.folder = find_folder(request, state.user)
                _check_files(request, state, state.user)
        except BaselineError as error:
            failures.append(error)
    if failures:
        failure = combined(failures)
        failure.details["venvs"] = []
        raise failure
    pairs = zip(requests, states)
    return PolicyResult(result={"venvs": [_result(request, state, changed=False) for request, state in pairs]})


def _check_files(request: VenvRequest, state: _VenvState, user: User) -> None:
    """Raise where the files show already that only a new environment helps."""
    if state.folder:
        found = gather_files(request, user, state.folder, state.readers(request))
        # The role may be about to install the interpreter that the user names.
        gone = "" if found.gone == request.python else found.gone
        plan_venv(request, dataclasses.replace(found, gone=gone), None)


def _accounts(host: Host, requests: t.Sequence[VenvRequest]) -> list[_VenvState]:
    """Return the owners and groups; missing ones raise before anything is changed."""
    states = [_VenvState(find_user(request.owner)) for request in requests]
    owners = sorted({request.owner for request, state in zip(requests, states) if state.user is None})
    missing = {f"the owner {name} is not a user of this host": name for name in owners}
    for request, state in zip(requests, states):
        try:
            state.gid = _gid(request.group) if request.group else state.user.gid if state.user else -1
        except KeyError:
            missing[f"the group {request.group} is not a group of this host"] = str(request.group)
    problems = [problem for problem, name in missing.items() if not host.upcoming.has_account(name)]
    if problems:
        raise BaselineError("; ".join(problems), option="venvs", state=UNCHANGED, hint="create the user or group first")
    return states


def _gid(group: str) -> int:
    return int(group) if re.fullmatch("[0-9]{1,9}", group) else grp.getgrnam(group).gr_gid


def _ensure_one(run: _VenvRun, request: VenvRequest, state: _VenvState) -> dict[str, t.Any]:
    user, before, after = state.user, "", f"owner {request.owner}\n"
    if user:
        with state_of_errors(_LEFT):
            state.folder = find_folder(request, user)
            if state.folder:
                files = gather_files(request, user, state.folder, state.readers(request))
                state.found = _with_report(run, request, user, files)
            plan = plan_venv(request, state.found, _wanted(run, request, user, state.found))
        before = state.text()
        if plan.action == "recreate":
            before += f"it cannot be used: {plan.reason}\n"
        if run.host.check_mode:
            with state_of_errors(_LEFT):
                after = _predicted(run, request, state, plan)
        else:
            _apply(run, request, state, plan)
            after = state.text()
        _warn_of_barred(run, request, state)
    if before:
        run.found.before[request.path] = before
    run.found.after[request.path] = after
    return _result(request, state, changed=before != after)


def _with_report(run: _VenvRun, request: VenvRequest, user: User, found: Environment) -> Environment:
    """Return what was found with the report of the environment's Python, or with the reason why there is none."""
    if not found.is_made or found.belongs_to:
        return found
    try:
        return dataclasses.replace(found, report=run.programs.report(request, user))
    except BaselineError as error:
        return dataclasses.replace(found, failure=error)


def _wanted(run: _VenvRun, request: VenvRequest, user: User, found: Environment) -> Interpreter | None:
    """Return the requested interpreter; an environment that works without a request for one keeps its own."""
    if found.report and not request.python_is_explicit:
        return None
    try:
        return run.programs.interpreter(request, user)
    except BaselineError as error:
        if not run.host.upcoming.has_package():
            raise
        run.host.known_after_apply.append(error.advice)
        return None


def _predicted(run: _VenvRun, request: VenvRequest, state: _VenvState, plan: VenvPlan) -> str:
    mode, report = state.mode(request), state.report
    if plan.action == "recreate":
        state.recreated = plan.reason
    if plan.action != "keep" or report is None:
        names = [*map(venvs.shown, request.requirements), *filter(None, [request.file, request.project])]
        head = f"owner {request.owner}\nmode {mode:04o}\n"
        return head + "".join(f"{one} (to be installed)\n" for one in names)
    venvs.require_usable(report, request)
    predicted = [*report.unmet, *build.for_installer(request, report)]
    if not predicted:
        _prove(run, request, state)
    return state.text(mode=mode, predicted=map(venvs.shown, predicted))


def _apply(run: _VenvRun, request: VenvRequest, state: _VenvState, plan: VenvPlan) -> None:
    user = t.cast("User", state.user)
    if plan.action != "recreate":
        _build(run, request, state, plan)
    else:
        with recreated(request, user):
            state.folder, state.found = None, Environment()
            _build(run, request, state, plan)
        state.recreated = plan.reason
    if plan.action != "keep":
        warning = remove_leftover(request, user)
        run.found.warnings.extend([warning] if warning else [])


def _build(run: _VenvRun, request: VenvRequest, state: _VenvState, plan: VenvPlan) -> None:
    """Make what is missing, install what is not met, let the readers in, and prove the result."""
    user, mode, before = t.cast("User", state.user), state.mode(request), state.text()
    with state_of_errors("the folder of this environment may have been made or changed"):
        state.folder = ensure_folder(request, user, state.gid, mode)
    report = state.report
    if plan.action != "keep" or report is None:
        with state_of_errors("this environment has its folder, but is incomplete"):
            report = build.make(run.programs, request, user)
    with state_of_errors(_LEFT if plan.action == "keep" else "this environment is there, but has no requirements"):
        venvs.require_usable(report, request)
    is_installing = bool(report.unmet or build.for_installer(request, report))
    with state_of_errors("distributions that were installed stay in this environment"):
        report = build.install(run.programs, request, user, report)
        state.found = dataclasses.replace(state.found, report=report)
        if plan.action != "keep" or is_installing or state.found.content.unreadable:
            open_to_readers(request, user, state.readers(request))
            found = gather_files(request, user, state.folder, state.readers(request))
            state.found = dataclasses.replace(found, report=report)
    with state_of_errors(_LEFT if state.text() == before else "this environment is complete otherwise"):
        _prove(run, request, state)


def _prove(run: _VenvRun, request: VenvRequest, state: _VenvState) -> None:
    """Import what was requested: of each distribution one module, or the modules that the request names."""
    report, user = state.report, state.user
    if report is None or user is None:
        return
    groups = dict(report.modules) if request.imports is None else {name: (name,) for name in request.imports}
    asked = list(dict.fromkeys(name for names in groups.values() for name in names))
    if not asked:
        return
    answer = run.programs.imports(request, user, asked)
    reasons = dict(answer.failed)
    failed = [(name, names[0]) for name, names in groups.items() if not set(names) & set(answer.imported)]
    if failed:
        problems = [f"{name}: the import of {module} failed: {reasons.get(module, '')}" for name, module in failed]
        raise BaselineError(
            "; ".join(venvs.shown(one, longest=700) for one in problems[:10]),
            where=request.path,
            hint="install what is missing on the host or in requirements; imports names other modules to try, [] none",
        )
    state.imported = tuple(sorted(answer.imported))


def _warn_of_barred(run: _VenvRun, request: VenvRequest, state: _VenvState) -> None:
    if not (request.group and state.folder and state.mode(request) & 0o010):
        return
    with contextlib.suppress(OSError):
        folder = barred_folder(request.path, state.gid)
        if folder:
            run.found.warnings.append(
                f"{request.path}: the group {request.group} cannot enter {folder} above it, so it cannot use the "
                f"environment; let it in (chmod o+x {folder}), or use another path"
            )


def _result(request: VenvRequest, state: _VenvState, *, changed: bool) -> dict[str, t.Any]:
    folder, report = state.folder, state.report
    return {
        "path": request.path,
        "owner": request.owner,
        "group": paths.group_name(folder.st_gid) if folder else "",
        "mode": f"{stat.S_IMODE(folder.st_mode):04o}" if folder else "",
        "python": report.own.version if report else "",
        "installer": request.installer,
        "source": report.source if report else "",
        "recreated": state.recreated,
        "distributions": dict(report.distributions) if report else {},
        "unmet": [venvs.shown(one) for one in report.unmet] if report else [],
        "left_to_pip": [venvs.shown(one) for one in build.for_installer(request, report)] if report else [],
        "imported": list(state.imported),
        "changed": changed,
    }
