# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments: the request, and the reports of an environment's Python, which its owner controls. Pure."""

from __future__ import annotations

import json
import re
import shlex
import stat
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError
from .._core.text import printable
from .._inputs.python_stack import venv_problems
from .._inputs.requirements import redacted

__all__ = [
    "WRITTEN",
    "ImportReport",
    "Interpreter",
    "VenvReport",
    "VenvRequest",
    "as_json",
    "listing",
    "mode_of",
    "parse_imports",
    "parse_interpreter",
    "parse_report",
    "parse_request",
    "question",
    "release_of",
    "require_usable",
    "shown",
]

PYTHON = {"FreeBSD": "/usr/local/bin/python3"}
_LINUX_PYTHON = "/usr/bin/python3"
_MOST_DISTRIBUTIONS = 5000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_*-]{0,99}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# The files for an installer: of a lock file, of a list some of whose entries have hashes, and of all others.
WRITTEN = ("locked", "unlocked", "hashed", "requested")
_MOST_MODULES = 1000


@dataclass(frozen=True)
class VenvRequest:
    """One environment: ``requirements`` by name, or those of ``file``, and those of ``project``.

    ``python`` is a path; ``release`` (``3.12``) is its version where the user named one. ``imports`` is ``None`` where
    the modules are those of the requested distributions.
    """

    path: str
    owner: str
    group: str
    mode: str
    python: str
    requirements: tuple[str, ...]
    file: str
    extra_args: tuple[str, ...]
    python_is_explicit: bool = False
    release: str = ""
    downloads: bool = False
    project: str = ""
    recreate: bool = False
    installer: str = "pip"
    uv: str = "uv"
    imports: tuple[str, ...] | None = None
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    system_python: str = _LINUX_PYTHON

    @property
    def tools(self) -> str:
        """The environment of the tool uv, where it comes from PyPI."""
        return f"{self.path}/.uv"


@dataclass(frozen=True)
class Interpreter:
    """What a Python says of itself: its version, ``CPython`` or another implementation, and where it is installed."""

    version: str
    implementation: str
    prefix: str

    @property
    def release(self) -> str:
        return release_of(self.version)


@dataclass(frozen=True)
class VenvReport:
    """The report of an environment's Python. The environment's owner controls its content, so it is not trusted.

    ``unmet`` are the requirements, and their own requirements, that no distribution in it satisfies. ``undecided`` are
    those that only the installer can evaluate: addresses, paths, options. ``source`` is the file of the project that
    was read, ``modules`` those of each requested distribution, ``written`` the files for the installer. ``problem``
    says why the requirements cannot be read. ``can_compare`` is false where the environment has no pip, whose modules
    the comparison needs.
    """

    own: Interpreter
    pip: str
    can_compare: bool
    distributions: tuple[tuple[str, str], ...]
    unmet: tuple[str, ...]
    undecided: tuple[str, ...]
    source: str
    modules: tuple[tuple[str, tuple[str, ...]], ...]
    written: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ImportReport:
    """The modules that were imported, and those that were not, each with the reason."""

    imported: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


def release_of(version: str) -> str:
    """Return ``3.13`` of ``3.13.5``, an empty text of what is no version."""
    match = re.match(r"(\d+\.\d+)(?:\D|$)", version)
    return match.group(1) if match else ""


def shown(text: str, *, longest: int = 1000) -> str:
    """Return ``text`` for a message or a result: on one line, printable, without passwords in addresses."""
    return printable(redacted(text), longest=longest)


def parse_request(venv: t.Mapping[str, t.Any], *, kernel: str) -> VenvRequest:
    """Return the request of ``venv``, an element of the module's option, on a host whose uname(1) says ``kernel``."""
    given = {key: value for key, value in venv.items() if value is not None}
    wrong = venv_problems(given)
    if wrong:
        raise BaselineError("; ".join(wrong), option="venvs", state=UNCHANGED)
    requirements = given.get("requirements") or []
    file = requirements if isinstance(requirements, str) else ""
    system, python = PYTHON.get(kernel, _LINUX_PYTHON), given.get("python") or ""
    release = "" if python.startswith("/") else python
    return VenvRequest(
        path=given["path"],
        owner=given["owner"],
        group=given.get("group", ""),
        mode=given.get("mode", "0755"),
        python=f"{system[:-1]}{release}" if release else python or system,
        requirements=() if file else tuple(requirements),
        file=file,
        extra_args=tuple(shlex.split(given.get("extra_args") or "")),
        python_is_explicit=bool(python),
        release=release,
        downloads=bool(given.get("python_downloads")),
        project=given.get("project", ""),
        recreate=bool(given.get("recreate")),
        installer=given.get("installer", "pip"),
        uv=given.get("uv") or "uv",
        imports=tuple(given["imports"]) if "imports" in given else None,
        index_url=given.get("index_url", ""),
        extra_index_urls=tuple(given.get("extra_index_urls") or ()),
        system_python=system,
    )


def mode_of(text: str, before: int) -> int:
    """Return the mode ``text`` (octal, or symbolic as for chmod(1)) of a folder that has the mode ``before``."""
    if re.fullmatch("[0-7]+", text):
        return int(text, 8)
    mode = before
    for clause in text.split(","):
        who, changes = re.fullmatch(r"([ugoa]*)(.*)", clause).groups()  # type: ignore[union-attr]  # venv_problems checked it
        who = who.replace("a", "ugo") or "ugo"
        for sign, permissions in re.findall(r"([-+=])([rwxXst]*)", changes):
            bits = _bits(permissions, who)
            if sign == "=":
                mode &= ~_bits("rwx" + ("s" if who != "o" else ""), who)
            mode = mode & ~bits if sign == "-" else mode | bits
    return mode


def _bits(permissions: str, who: str) -> int:
    shifts = {"u": 6, "g": 3, "o": 0}
    values = {"r": 4, "w": 2, "x": 1, "X": 1}
    bits = sum(
        {values[one] << shifts[kind] for one in set(permissions) & set(values) for kind in set(who)},
    )
    if "s" in permissions:
        bits |= (stat.S_ISUID if "u" in who else 0) | (stat.S_ISGID if "g" in who else 0)
    return bits | (stat.S_ISVTX if "t" in permissions else 0)


def question(request: VenvRequest, *, write: str = "") -> str:
    """Return the question for ``SCRIPT``; ``write`` is the beginning of the names of files for the installer."""
    tools = request.tools if request.installer == "uv" else ""
    asked = {"requirements": request.requirements, "file": request.file, "project": request.project, "tools": tools}
    return json.dumps({**asked, "write": write})


def as_json(modules: t.Sequence[str]) -> str:
    """Return the question for ``IMPORT_SCRIPT``."""
    return json.dumps(list(modules))


def _parsed(text: str, place: str) -> dict[str, t.Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(place, "is not JSON") from error
    if not isinstance(given, dict):
        raise _invalid(place, "is not a JSON object")
    return given


def parse_interpreter(text: str) -> Interpreter | None:
    """Return what an interpreter says of itself, ``None`` where it does not."""
    try:
        return _interpreter(_parsed(text, ""), "version", "")
    except BaselineError:
        return None


def _interpreter(given: t.Mapping[str, t.Any], version: str, place: str) -> Interpreter:
    texts = [given.get(key) for key in (version, "implementation", "prefix")]
    if not all(isinstance(one, str) and len(one) < _MOST_MODULES and one.isprintable() for one in texts):
        raise _invalid(place, "does not say which Python it is")
    if not _VERSION.fullmatch(str(texts[0])):
        raise _invalid(place, "has no version of Python")
    return Interpreter(*map(str, texts))


def parse_report(text: str, request: VenvRequest) -> VenvReport:
    """Return the report of the environment's Python; a text of another form raises."""
    given = _parsed(text, request.path)
    distributions = given.get("distributions")
    if not isinstance(distributions, dict) or len(distributions) > _MOST_DISTRIBUTIONS:
        raise _invalid(request.path, "has no list of distributions")
    for name, version in distributions.items():
        if not (_NAME.fullmatch(name) and isinstance(version, str) and _VERSION.fullmatch(version)):
            raise _invalid(request.path, f"names a distribution {str(name)[:100]!r} with an invalid name or version")
    pip, source = given.get("pip"), given.get("source")
    if not (isinstance(pip, str) and (pip == "" or _VERSION.fullmatch(pip))):
        raise _invalid(request.path, "has no version of pip")
    if not (isinstance(source, str) and re.fullmatch(r"[a-z.]{0,20}", source)):
        raise _invalid(request.path, "has no name of the project's file")
    return VenvReport(
        own=_interpreter(given, "python", request.path),
        pip=pip,
        can_compare=given.get("can_compare") is True,
        distributions=tuple(sorted(distributions.items())),
        unmet=_texts(given.get("unmet"), "unmet", request),
        undecided=_texts(given.get("undecided"), "undecided", request),
        source=source,
        modules=_modules(given.get("modules"), request),
        written=tuple(one for one in _texts(given.get("written", []), "written", request) if one in WRITTEN),
        problem=shown(str(given.get("problem", ""))),
    )


def require_usable(report: VenvReport, request: VenvRequest) -> None:
    """Raise where the environment's Python could not read the requirements."""
    if report.problem:
        raise BaselineError(report.problem, where=request.path)


def _texts(value: t.Any, name: str, request: VenvRequest) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > _MOST_DISTRIBUTIONS
        or not all(isinstance(one, str) and len(one) < 1000 for one in value)
    ):
        raise _invalid(request.path, f"has no list {name!r}")
    return tuple(value)


def _modules(value: t.Any, request: VenvRequest) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict) or len(value) > _MOST_DISTRIBUTIONS:
        raise _invalid(request.path, "has no modules of the distributions")
    pairs = [(name, _texts(names, "modules", request)) for name, names in value.items()]
    if not all(_NAME.fullmatch(name) and all(map(_MODULE.fullmatch, names)) for name, names in pairs):
        raise _invalid(request.path, "names a module with an invalid name")
    return tuple(pairs)


def parse_imports(text: str, asked: t.Sequence[str]) -> ImportReport:
    """Return what came of importing the modules ``asked``, by the lines that the script printed before it ended."""
    imported, failed, started = [], {}, ""
    for line in text.splitlines()[: 2 * len(asked)]:
        try:
            kind, name, *reason = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if name in asked and kind in ("start", "imported", "failed"):
            started = name if kind == "start" else ""
            if kind == "imported":
                imported.append(name)
            elif kind == "failed":
                failed[name] = shown(str(reason[0]) if reason else "", longest=500)
    if started:
        failed[started] = "the import ended Python, or took too long"
    for name in asked:
        if name not in imported and name not in failed:
            failed[name] = "it was not reached"
    return ImportReport(tuple(imported), tuple(failed.items()))


def _invalid(place: str, what: str) -> BaselineError:
    return BaselineError(
        f"the report of its own Python {what}",
        where=place,
        hint=f"check {place}/bin/python, or set recreate: true, so that a new environment is made",
    )


def listing(report: VenvReport, predicted: t.Iterable[str] = ()) -> str:
    """Return the lines of the diff for the content of an environment, in check mode the predicted one."""
    lines = [f"python {report.own.version}", *(f"{name}=={version}" for name, version in report.distributions)]
    return "".join(f"{line}\n" for line in [*lines, *(f"{one} (to be installed)" for one in predicted)])
