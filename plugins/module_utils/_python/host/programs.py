# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the Pythons of environments, pip and uv, always as the environment's owner, who can replace any of them."""

from __future__ import annotations

import glob
import os
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import BaselineError
from ..._core.host.as_user import rights_of, run_as
from ..._core.text import printable_lines
from ..._inputs.requirements import redacted
from .. import installers, plan
from .. import venv as venvs
from ..venv_script import IMPORT_SCRIPT, PROBE_SCRIPT, SCRIPT

if t.TYPE_CHECKING:
    from ..._core.host.as_user import User
    from ..._core.host.host import CommandResult
    from ..venv import ImportReport, Interpreter, VenvReport, VenvRequest

__all__ = ["VenvPrograms", "output"]

# A report takes a tenth of a second; the owner of the environment controls the program that makes it.
_REPORT_SECONDS = 60.0
_IMPORT_SECONDS = 120.0
_LONGEST = 2000
NOT_STARTED = 127


def output(ran: CommandResult) -> str:
    """Return the end of what a program printed, for an error."""
    return printable_lines(redacted((ran.err.strip() or ran.out.strip() or "no output")[-_LONGEST:]))


@dataclass(frozen=True)
class VenvPrograms:
    """What all environments of one call share: the limit in ``seconds`` for each program, and the variables."""

    seconds: float
    environment: t.Mapping[str, str] = field(default_factory=dict)

    def run(
        self, request: VenvRequest, user: User, argv: t.Sequence[str], env: t.Mapping[str, str] | None = None
    ) -> CommandResult:
        """Run pip, uv or "python -m venv" in the environment's folder."""
        variables = installers.variables(request, self.environment) if env is None else env
        return run_as(user, list(argv), folder=request.path, seconds=self.seconds, env=variables)

    def report(self, request: VenvRequest, user: User, *, write: str = "") -> VenvReport:
        """Return the report of the environment's own Python."""
        argv = [f"{request.path}/bin/python", "-I", "-B", "-c", SCRIPT]
        seconds, data = min(_REPORT_SECONDS, self.seconds), venvs.question(request, write=write)
        ran = run_as(user, argv, folder=request.path, seconds=seconds, data=data)
        if not ran.ok:
            problem = f"its own Python, run as {user.name}, does not report its content (exit status {ran.rc})"
            raise BaselineError(
                f"{problem}: {output(ran)}",
                where=request.path,
                hint="set recreate: true in its entry of venvs, so that a new environment takes its place",
            )
        return venvs.parse_report(ran.out, request)

    def imports(self, request: VenvRequest, user: User, modules: t.Sequence[str]) -> ImportReport:
        """Import ``modules`` in the environment's Python."""
        argv = [f"{request.path}/bin/python", "-I", "-B", "-c", IMPORT_SCRIPT]
        seconds = min(_IMPORT_SECONDS, self.seconds)
        ran = run_as(user, argv, folder=request.path, seconds=seconds, data=venvs.as_json(modules))
        return venvs.parse_imports(ran.out, modules)

    def interpreter(self, request: VenvRequest, user: User) -> Interpreter:
        """Return what the requested interpreter is; a missing or unsuitable one raises."""
        if not self.has_interpreter(request, user):
            if request.downloads:
                return venvs.Interpreter(request.release, "CPython", "")
            raise plan.missing_interpreter(request, _others(request, user), is_there=os.path.isfile(request.python))
        ran = run_as(user, [request.python, "-I", "-c", PROBE_SCRIPT], folder="/", seconds=_REPORT_SECONDS)
        found = venvs.parse_interpreter(ran.out) if ran.ok else None
        if found is None:
            raise BaselineError(
                f"{request.python}, run as {user.name}, is no Python that can be used (exit status {ran.rc}): "
                f"{output(ran)}",
                where=request.path,
                hint=f"name another one in python; {plan.known_interpreters(_others(request, user))}",
            )
        unsuitable = plan.unsuitable_interpreter(request, found)
        if unsuitable:
            raise unsuitable
        return found

    def has_interpreter(self, request: VenvRequest, user: User) -> bool:
        with rights_of(user):
            return os.path.isfile(request.python)


def _others(request: VenvRequest, user: User) -> list[str]:
    """Return the interpreters that the owner can run where the requested one would be, and those of the system."""
    folders = {os.path.dirname(request.python), os.path.dirname(request.system_python), "/usr/local/bin"}
    with rights_of(user):
        found = [path for folder in sorted(folders) for path in glob.glob(f"{glob.escape(folder)}/python3*")]
    return sorted(path for path in found if plan.is_interpreter(os.path.basename(path)))[:20]
