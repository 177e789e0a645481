# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of requested virtual environments, before the host is contacted."""

from __future__ import annotations

import re
import shlex
import typing as t

from .._core.text import forbidden_character
from .requirements import has_credentials, redacted, requirement_problem

__all__ = ["venv_problems"]

_ABSOLUTE = re.compile(r"/[^/\n][^\n]*")
_RELEASE = re.compile(r"3\.[0-9]{1,2}")
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_UV = re.compile(
    r"uv(?:\s*(?:==|>=|<=|~=|!=|<|>)\s*[0-9][0-9a-z.*]*(?:\s*,\s*(?:==|>=|<=|~=|!=|<|>)\s*[0-9][0-9a-z.*]*)*)?"
)


def venv_problems(venv: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each invalid part of ``venv``."""
    checks = (_character_problems, _path_problems, _requirement_problems, _installer_problems, _other_problems)
    return [f"{venv['path']!r}: {problem}" for check in checks for problem in check(venv)]


def _character_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for key in ("path", "owner", "group", "python", "project", "uv"):
        character = forbidden_character(venv.get(key) or "")
        if character:
            yield f"{key} holds {character}"


def _path_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if not _ABSOLUTE.fullmatch(venv["path"]):
        yield "path must be an absolute path"
    python = venv.get("python") or "/usr/bin/python3"
    if not (_ABSOLUTE.fullmatch(python) or _RELEASE.fullmatch(python)):
        example = "an absolute path such as /usr/bin/python3"
        yield f"python is {python!r}, but must be {example}, or a version such as '3.12'"
    project = venv.get("project") or "/srv"
    if not _ABSOLUTE.fullmatch(project):
        yield f"project is {project!r}, but must be the absolute path of a folder on the host"


def _requirement_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    requirements = venv.get("requirements") or []
    if isinstance(requirements, str):
        if not _ABSOLUTE.fullmatch(requirements):
            yield (
                f"requirements is {redacted(requirements)!r}, but must be a list of requirements or the absolute path "
                "of a requirements file on the host"
            )
    elif not isinstance(requirements, list) or not all(isinstance(one, str) for one in requirements):
        yield "requirements must be a list of texts such as 'django>=5.2,<6'"
    else:
        yield from filter(None, map(requirement_problem, requirements))
    for name in venv.get("imports") or []:
        if not (isinstance(name, str) and _MODULE.fullmatch(name)):
            yield f"imports has {name!r}, which is not the name of a module such as 'psycopg2'"


def _installer_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    installer, uv = venv.get("installer") or "pip", venv.get("uv") or "uv"
    if installer not in ("pip", "uv"):
        yield f"installer is {installer!r}, but must be pip or uv"
    if not (_UV.fullmatch(uv) or _ABSOLUTE.fullmatch(uv)):
        yield f"uv is {uv!r}, but must be a requirement such as 'uv==0.13.9', or the absolute path of uv on the host"
    if venv.get("python_downloads") and not (installer == "uv" and _RELEASE.fullmatch(venv.get("python") or "")):
        yield "python_downloads needs installer: uv and python: a version such as '3.12'"
    for key in ("index_url", "extra_index_urls"):
        given = venv.get(key) or []
        for one in [given] if isinstance(given, str) else given:
            if not re.fullmatch(r"(?:https?|file)://[^\s-]\S*", str(one)) or forbidden_character(str(one)):
                # The address may hold a password.
                yield f"{key} must be an address that starts with https:// and has no blanks (the value is not shown)"


def _other_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    arguments = venv.get("extra_args") or ""
    if has_credentials(arguments):
        yield "extra_args has an address with a user or password, which everybody sees on a command line; use index_url"
    else:
        try:
            shlex.split(arguments)
        except ValueError as error:
            yield f"extra_args is {arguments!r}, with unbalanced quotes ({error})"
    mode = venv.get("mode") or "0755"
    if not re.fullmatch(r"[0-7]{3,4}|[ugoa]*[-+=][ugorwxXst,=+-]*", mode):
        yield f"mode is {mode!r}, but must be octal and in quotes, such as '0750'"
