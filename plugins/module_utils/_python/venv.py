# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments: what is requested, what the Python of one answers, and what pip is asked to do. Pure."""

from __future__ import annotations

import json
import re
import shlex
import stat
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import printable
from .._inputs.python_stack import complaints

__all__ = [
    "Answer",
    "Request",
    "kept_environment",
    "listing",
    "mode_of",
    "parse_answer",
    "parse_request",
    "pip_install",
    "question",
]

PYTHON = {"FreeBSD": "/usr/local/bin/python3"}
_LINUX_PYTHON = "/usr/bin/python3"
_UNTOUCHED = "nothing was changed"
_MOST_DISTRIBUTIONS = 5000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_*-]{0,99}")
# What a play's `environment` may say to pip and to the compilers that it starts.
_KEPT = re.compile(
    r"PIP_[A-Z_]+|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|CC|CXX|CFLAGS|CPPFLAGS|CXXFLAGS|LDFLAGS|MAKEFLAGS|PKG_CONFIG_PATH|SOURCE_DATE_EPOCH"
)


@dataclass(frozen=True)
class Request:
    """One environment: ``requirements`` by name, or those of ``file``; ``extra_args`` are pip's."""

    path: str
    owner: str
    group: str
    mode: str
    python: str
    requirements: tuple[str, ...]
    file: str
    extra_args: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What an environment's Python says of it; its owner can have it say anything.

    ``unmet`` are the requirements, or what they require, that no distribution in it fulfils. ``undecided`` are those
    that only pip can judge: addresses, paths, options.
    """

    python: str
    pip: str
    distributions: tuple[tuple[str, str], ...]
    unmet: tuple[str, ...]
    undecided: tuple[str, ...]


def parse_request(venv: t.Mapping[str, t.Any], *, kernel: str) -> Request:
    """Return the request of ``venv``, an element of the module's option, on a host whose uname(1) says ``kernel``."""
    given = {key: value for key, value in venv.items() if value is not None}
    wrong = complaints(given)
    if wrong:
        raise BaselineError(f"{'; '.join(wrong)}; {_UNTOUCHED}")
    requirements = given.get("requirements") or []
    file = requirements if isinstance(requirements, str) else ""
    return Request(
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
        who, changes = re.fullmatch(r"([ugoa]*)(.*)", clause).groups()  # type: ignore[union-attr]  # "complaints" asked
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


def question(request: Request) -> str:
    """Return the argument with which the script of ``_python_venv_script`` is run."""
    return json.dumps({"requirements": request.requirements, "file": request.file})


def parse_answer(text: str, request: Request) -> Answer:
    """Return what the environment's Python answered; anything that is not of that form is an error."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _odd(request, "is no JSON") from error
    if not isinstance(given, dict):
        raise _odd(request, "is no JSON object")
    problem = given.get("problem")
    if problem and isinstance(problem, str):
        raise BaselineError(f"{request.path}: {printable(problem, longest=1000)}")
    distributions = given.get("distributions")
    if not isinstance(distributions, dict) or len(distributions) > _MOST_DISTRIBUTIONS:
        raise _odd(request, "has no list of distributions")
    for name, version in distributions.items():
        if not (_NAME.fullmatch(name) and isinstance(version, str) and _VERSION.fullmatch(version)):
            raise _odd(request, f"names a distribution {str(name)[:100]!r} of an odd version")
    versions = [given.get(key) for key in ("python", "pip")]
    if not all(isinstance(one, str) and (one == "" or _VERSION.fullmatch(one)) for one in versions):
        raise _odd(request, "has no version of Python and pip")
    return Answer(
        python=str(versions[0]),
        pip=str(versions[1]),
        distributions=tuple(sorted(distributions.items())),
        unmet=_texts(given.get("unmet"), "unmet", request),
        undecided=_texts(given.get("undecided"), "undecided", request),
    )


def _texts(value: t.Any, name: str, request: Request) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > _MOST_DISTRIBUTIONS
        or not all(isinstance(one, str) and len(one) < 1000 for one in value)
    ):
        raise _odd(request, f"has no list {name!r}")
    return tuple(value)


def _odd(request: Request, what: str) -> BaselineError:
    return BaselineError(
        f"{request.path}: what its own Python says of it {what}; the environment was left as it is; look at "
        f"{request.path}/bin/python, or remove the environment so that a new one is made"
    )


def pip_install(request: Request) -> list[str]:
    """Return the command that installs the requirements."""
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", *request.extra_args]
    wanted = ["--requirement", request.file] if request.file else list(request.requirements)
    return [f"{request.path}/bin/python", "-m", "pip", "install", *options, *wanted]


def listing(answer: Answer, predicted: t.Iterable[str] = ()) -> str:
    """Return the lines of the diff for what is, or in check mode will be, in an environment."""
    lines = [f"python {answer.python}", *(f"{name}=={version}" for name, version in answer.distributions)]
    return "".join(f"{line}\n" for line in [*lines, *(f"{one} (to be installed)" for one in predicted)])


def kept_environment(environment: t.Mapping[str, str]) -> dict[str, str]:
    """Return what of the module's own environment the owner's processes get: settings of pip, proxies, compilers."""
    return {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}
