# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an environment and installs its requirements by pip or uv, as its owner."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.as_user import rights_of
from .. import installers
from .. import venv as venvs
from .programs import output

if t.TYPE_CHECKING:
    from ..._core.host.as_user import User
    from ..venv import VenvReport, VenvRequest
    from .programs import VenvPrograms

__all__ = ["for_installer", "install", "make"]

_NO_ENSUREPIP = re.compile(r"ensurepip is not|No module named (?:venv|ensurepip)")


def make(programs: VenvPrograms, request: VenvRequest, user: User) -> VenvReport:
    """Make the environment, or what is missing of it, and return the report of its Python."""
    is_downloaded = request.downloads and not programs.has_interpreter(request, user)
    if is_downloaded:
        uv = _ensure_uv(programs, request, user)
        _run(programs, request, user, installers.make_venv(request, uv), _uv_variables(programs, request, user))
    else:
        _run(programs, request, user, installers.make_venv(request))
    return programs.report(request, user)


def for_installer(request: VenvRequest, report: VenvReport) -> list[str]:
    """Return the requirements that only the installer can evaluate: it runs each time, the reports show its changes."""
    # With options of pip, such as --upgrade, the meaning of a file is not known.
    files = [one for one in (request.file, request.project) if one and request.extra_args]
    return [*report.undecided, *files]


def install(programs: VenvPrograms, request: VenvRequest, user: User, report: VenvReport) -> VenvReport:
    """Have pip or uv install what ``report`` misses; where nothing is, neither is started."""
    if not (report.unmet or for_installer(request, report)):
        return report
    uv, env = "", None
    if request.installer == "uv":
        uv = _ensure_uv(programs, request, user)
        env = _uv_variables(programs, request, user)
    with _files(programs, request, user) as files:
        try:
            for argv in installers.commands(request, files, uv):
                _run(programs, request, user, argv, env)
        finally:
            _restrict_lock(request, user)
    after = programs.report(request, user)
    if after.unmet:
        unmet = venvs.shown(", ".join(after.unmet), longest=500)
        raise BaselineError(
            f"{request.installer} succeeded, but this is not met: {unmet}",
            where=request.path,
            hint="see whether requirements contradict each other, and what extra_args and the index lead to",
        )
    return after


@contextlib.contextmanager
def _files(programs: VenvPrograms, request: VenvRequest, user: User) -> t.Iterator[dict[str, str]]:
    """Yield the requirements files that the environment's Python wrote, and remove all such files."""
    prefix = f"{request.path}/.pyhost-{os.urandom(8).hex()}-"
    try:
        report = programs.report(request, user, write=prefix)
        venvs.require_usable(report, request)
        yield {name: f"{prefix}{name}.txt" for name in report.written}
    finally:
        # They may hold passwords: those of a run that was killed are removed, too.
        with rights_of(user), contextlib.suppress(OSError):
            for name in os.listdir(request.path):
                if re.fullmatch(r"\.pyhost-[0-9a-f]{16}-[a-z]+\.txt", name):
                    os.unlink(f"{request.path}/{name}")


def _restrict_lock(request: VenvRequest, user: User) -> None:
    """Take the right to write to uv's lock file from others: uv makes it with mode 0666, whatever the umask is."""
    with rights_of(user), contextlib.suppress(OSError):
        number = os.open(f"{request.path}/.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                os.fchmod(number, 0o644)
        finally:
            os.close(number)


def _run(
    programs: VenvPrograms,
    request: VenvRequest,
    user: User,
    argv: t.Sequence[str],
    env: t.Mapping[str, str] | None = None,
) -> None:
    ran = programs.run(request, user, argv, env)
    if ran.ok:
        return
    said, hint = output(ran), ""
    if _NO_ENSUREPIP.search(ran.out + ran.err):
        hint = "install the package of venv for this Python (python-venv in python_stack_packages)"
    raise BaselineError(
        f"`{_command(argv)}`, run as {user.name}, ended with exit status {ran.rc}: {said}",
        where=request.path,
        hint=hint,
    )


def _command(argv: t.Sequence[str]) -> str:
    """Return the part of a command that names it: the rest is long, and the same in each run."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    kinds = {"venv": f"{argv[0]} -m venv", "pip": "pip install"}
    if os.path.basename(argv[0]) == "uv":
        return f"uv {' '.join(argv[1:3])}" if argv[1] == "pip" else "uv venv"
    return kinds.get(words[0], argv[0]) if words else argv[0]


def _ensure_uv(programs: VenvPrograms, request: VenvRequest, user: User) -> str:
    """Return the path of uv: the one that the request names, else one from PyPI in an environment of its own."""
    if request.uv.startswith("/"):
        return request.uv
    uv = f"{request.tools}/bin/uv"
    asked = re.fullmatch(r"uv\s*==\s*(\S+)", request.uv)
    there = programs.run(request, user, [uv, "--version"], {})
    if there.ok and (not asked or there.out.split()[1:2] == [asked.group(1)]):
        return uv
    _run(programs, request, user, [request.system_python, "-I", "-m", "venv", "--clear", request.tools])
    _run(programs, request, user, installers.install_uv(request))
    return uv


def _uv_variables(programs: VenvPrograms, request: VenvRequest, user: User) -> dict[str, str]:
    """Return the variables for uv, with what pip's files say, read by a pip that the owner has."""
    variables, config = installers.variables(request, programs.environment), {}
    for folder in (request.tools, request.path):
        ran = programs.run(request, user, installers.pip_config(f"{folder}/bin/python"), variables)
        if ran.ok:
            config = installers.configured(ran.out)
            break
    found = installers.uv_environment(request, variables, config)
    with rights_of(user):
        can_cache = os.access(user.home, os.W_OK | os.X_OK, effective_ids=True)
    return found if can_cache or "UV_CACHE_DIR" in found else {**found, "UV_NO_CACHE": "1"}
