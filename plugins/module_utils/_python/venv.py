# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments: the request, the report of an environment's Python, and the command line of pip. Pure."""

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

__all__ = [
    "VenvReport",
    "VenvRequest",
    "kept_environment",
    "listing",
    "mode_of",
    "parse_report",
    "parse_request",
    "pip_install",
    "question",
]

PYTHON = {"FreeBSD": "/usr/local/bin/python3"}
_LINUX_PYTHON = "/usr/bin/python3"
_MOST_DISTRIBUTIONS = 5000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_*-]{0,99}")
# The variables of a play's `environment` that reach pip and the compilers that it starts.
_KEPT = re.compile(
    r"PIP_[A-Z_]+|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|CC|CXX|CFLAGS|CPPFLAGS|CXXFLAGS|LDFLAGS|MAKEFLAGS|PKG_CONFIG_PATH|SOURCE_DATE_EPOCH"
)


@dataclass(frozen=True)
class VenvRequest:
    """One environment: ``requirements`` by name, or those of ``file``; ``extra_args`` are options of pip."""

    path: str
    owner: str
    group: str
    mode: str
    python: str
    requirements: tuple[str, ...]
    file: str
    extra_args: tuple[str, ...]


@dataclass(frozen=True)
class VenvReport:
    """The report of an environment's Python. The environment's owner controls its content, so it is not trusted.

    ``unmet`` are the requirements, and their own requirements, that no distribution in it satisfies. ``undecided`` are
    those that only pip can evaluate: addresses, paths, options.
    """

    python: str
    pip: str
    distributions: tuple[tuple[str, str], ...]
    unmet: tuple[str, ...]
    undecided: tuple[str, ...]


def parse_request(venv: t.Mapping[str, t.Any], *, kernel: str) -> VenvRequest:
    """Return the request of ``venv``, an element of the module's option, on a host whose uname(1) says ``kernel``."""
    given = {key: value for key, value in venv.items() if value is not None}
    wrong = venv_problems(given)
    if wrong:
        raise BaselineError("; ".join(wrong), option="venvs", state=UNCHANGED)
    requirements = given.get("requirements") or []
    file = requirements if isinstance(requirements, str) else ""
    return VenvRequest(
        path=given["path"],
        owner=given["owner"],
        group=given.get("group", ""),
        mode=given.get("mode", "0755"),
        python=given.get("python") or PYTHON.get(kernel, _LINUX_PYTHON),
        requirements=() if file else tuple(requirements),
        file=file,
        extra_args=tuple(shlex.split(given.get("extra_args") or "")),
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


def question(request: VenvRequest) -> str:
    """Return the argument of the script in ``venv_script``."""
    return json.dumps({"requirements": request.requirements, "file": request.file})


def parse_report(text: str, request: VenvRequest) -> VenvReport:
    """Return the report of the environment's Python; a text of another form raises."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(request, "is not JSON") from error
    if not isinstance(given, dict):
        raise _invalid(request, "is not a JSON object")
    problem = given.get("problem")
    if problem and isinstance(problem, str):
        raise BaselineError(printable(problem, longest=1000), where=request.path)
    distributions = given.get("distributions")
    if not isinstance(distributions, dict) or len(distributions) > _MOST_DISTRIBUTIONS:
        raise _invalid(request, "has no list of distributions")
    for name, version in distributions.items():
        if not (_NAME.fullmatch(name) and isinstance(version, str) and _VERSION.fullmatch(version)):
            raise _invalid(request, f"names a distribution {str(name)[:100]!r} with an invalid name or version")
    versions = [given.get(key) for key in ("python", "pip")]
    if not all(isinstance(one, str) and (one == "" or _VERSION.fullmatch(one)) for one in versions):
        raise _invalid(request, "has no version of Python and pip")
    return VenvReport(
        python=str(versions[0]),
        pip=str(versions[1]),
        distributions=tuple(sorted(distributions.items())),
        unmet=_texts(given.get("unmet"), "unmet", request),
        undecided=_texts(given.get("undecided"), "undecided", request),
    )


def _texts(value: t.Any, name: str, request: VenvRequest) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > _MOST_DISTRIBUTIONS
        or not all(isinstance(one, str) and len(one) < 1000 for one in value)
    ):
        raise _invalid(request, f"has no list {name!r}")
    return tuple(value)


def _invalid(request: VenvRequest, what: str) -> BaselineError:
    return BaselineError(
        f"the report of its own Python {what}",
        where=request.path,
        hint=f"check {request.path}/bin/python, or remove the environment so that a new one is made",
    )


def pip_install(request: VenvRequest) -> list[str]:
    """Return the command that installs the requirements."""
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", *request.extra_args]
    wanted = ["--requirement", request.file] if request.file else list(request.requirements)
    return [f"{request.path}/bin/python", "-m", "pip", "install", *options, *wanted]


def listing(report: VenvReport, predicted: t.Iterable[str] = ()) -> str:
    """Return the lines of the diff for the content of an environment, in check mode the predicted one."""
    lines = [f"python {report.python}", *(f"{name}=={version}" for name, version in report.distributions)]
    return "".join(f"{line}\n" for line in [*lines, *(f"{one} (to be installed)" for one in predicted)])


def kept_environment(environment: t.Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the owner's processes get: settings of pip, proxies, compilers."""
    return {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}
