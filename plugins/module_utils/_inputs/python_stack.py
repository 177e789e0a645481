# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of requested virtual environments, before the host is contacted."""

from __future__ import annotations

import re
import shlex
import typing as t

from .._core.text import forbidden_character

__all__ = ["venv_problems"]


def venv_problems(venv: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each invalid part of ``venv``."""
    found = [*_character_problems(venv), *_path_problems(venv), *_requirement_problems(venv), *_other_problems(venv)]
    return [f"{venv['path']!r}: {problem}" for problem in found]


def _character_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for key in ("path", "owner", "group", "python"):
        character = forbidden_character(venv.get(key) or "")
        if character:
            yield f"{key} holds {character}"


def _path_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if not re.fullmatch(r"/[^/\n][^\n]*", venv["path"]):
        yield "path must be an absolute path"
    if not re.fullmatch(r"/[^/\n][^\n]*", venv.get("python") or "/usr/bin/python3"):
        yield f"python is {venv['python']!r}, but must be an absolute path such as /usr/bin/python3"


def _requirement_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    requirements = venv.get("requirements") or []
    if isinstance(requirements, str):
        if not re.fullmatch(r"/[^/\n][^\n]*", requirements):
            yield (
                f"requirements is {requirements!r}, but must be a list of requirements or the absolute path of a "
                "requirements file on the host"
            )
    elif not isinstance(requirements, list) or not all(isinstance(one, str) for one in requirements):
        yield "requirements must be a list of texts such as 'django>=5.2,<6'"
    else:
        yield from _invalid_requirements(requirements)


def _other_problems(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    try:
        shlex.split(venv.get("extra_args") or "")
    except ValueError as error:
        yield f"extra_args is {venv['extra_args']!r}, with unbalanced quotes ({error})"
    mode = venv.get("mode") or "0755"
    if not re.fullmatch(r"[0-7]{3,4}|[ugoa]*[-+=][ugorwxXst,=+-]*", mode):
        yield f"mode is {mode!r}, but must be octal and in quotes, such as '0750'"


def _invalid_requirements(requirements: t.Sequence[str]) -> t.Iterator[str]:
    for one in requirements:
        character = forbidden_character(one)
        if character:
            yield f"the requirement {one!r} holds {character}"
        elif not one.strip():
            yield "a requirement is empty"
        elif one.lstrip().startswith("-"):
            yield f"the requirement {one!r} is an option of pip, which belongs into extra_args or a requirements file"
