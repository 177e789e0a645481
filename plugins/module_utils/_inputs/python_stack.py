# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the virtual environments that are requested, reported before the host is asked."""

from __future__ import annotations

import re
import shlex
import typing as t

from .._core.text import forbidden_character

__all__ = ["complaints"]


def complaints(venv: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each part of ``venv`` that cannot be fulfilled."""
    return [f"{venv['path']!r}: {text}" for text in _wrong(venv)]


def _wrong(venv: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for key in ("path", "owner", "group", "python"):
        character = forbidden_character(venv.get(key) or "")
        if character:
            yield f"{key} holds {character}"
    if not re.fullmatch(r"/[^/\n][^\n]*", venv["path"]):
        yield "path has to be an absolute path"
    if not re.fullmatch(r"/[^/\n][^\n]*", venv.get("python") or "/usr/bin/python3"):
        yield f"python is {venv['python']!r}, but has to be an absolute path such as /usr/bin/python3"
    requirements = venv.get("requirements") or []
    if isinstance(requirements, str):
        if not re.fullmatch(r"/[^/\n][^\n]*", requirements):
            yield (
                f"requirements is {requirements!r}, but has to be a list of requirements or the absolute path of a "
                "requirements file on the host"
            )
    elif not isinstance(requirements, list) or not all(isinstance(one, str) for one in requirements):
        yield "requirements has to be a list of texts such as 'django>=5.2,<6'"
    else:
        yield from _no_requirement(requirements)
    try:
        shlex.split(venv.get("extra_args") or "")
    except ValueError as error:
        yield f"extra_args is {venv['extra_args']!r}, whose quotes do not match ({error})"
    mode = venv.get("mode") or "0755"
    if not re.fullmatch(r"[0-7]{3,4}|[ugoa]*[-+=][ugorwxXst,=+-]*", mode):
        yield f"mode is {mode!r}, but has to be octal and in quotes, such as '0750'"


def _no_requirement(requirements: t.Sequence[str]) -> t.Iterator[str]:
    for one in requirements:
        character = forbidden_character(one)
        if character:
            yield f"the requirement {one!r} holds {character}"
        elif not one.strip():
            yield "a requirement is empty"
        elif one.lstrip().startswith("-"):
            yield f"the requirement {one!r} is an option of pip; give it as extra_args, or in a requirements file"
