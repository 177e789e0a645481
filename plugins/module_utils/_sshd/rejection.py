# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages about a configuration that it rejects, with the file and line that they refer to."""

from __future__ import annotations

import re
import typing as t

from .._core.errors import BaselineError
from .parse import parse

__all__ = ["locate_errors"]

# sshd does not always name the file and the line: `… argument '10.0.0.0/33' at line 1`.
_LINE_ALONE = re.compile(r"'([^']+)' at line (\d+)$")


def locate_errors(output: str, files: t.Mapping[str, str]) -> str:
    """Return sshd's ``output`` about ``files`` (path -> text), with ``file:line`` and the line for each message.

    The messages are separated by commas. Where none has a line, the lines of the mentioned keywords are named.
    """
    found = [_locate(line.strip().rstrip("."), files) for line in output.splitlines() if line.strip()]
    messages = ", ".join(message for message, _located in found)
    if found and not any(located for _message, located in found):
        mentioned = _mentioned_at(output, files)
        return f"{messages} ({', '.join(mentioned)})" if mentioned else messages
    return messages


def _locate(message: str, files: t.Mapping[str, str]) -> tuple[str, bool]:
    """Return ``message`` with its file and line, and whether they are known."""
    for path in files:
        named = re.match(re.escape(path) + r":? line (\d+): ", message)
        if named:
            return _at(path, int(named.group(1)), message[named.end() :], files), True
    alone = _LINE_ALONE.search(message)
    if alone:
        number = int(alone.group(2))
        paths = [path for path, text in files.items() if alone.group(1) in _line(text, number)]
        if len(paths) == 1:
            return _at(paths[0], number, message[: alone.start(2) - len(" at line ")], files), True
    return message, False


def _at(path: str, number: int, message: str, files: t.Mapping[str, str]) -> str:
    return f"{path}:{number}: {message} ({_line(files[path], number).strip()})"


def _line(text: str, number: int) -> str:
    return "".join(text.split("\n")[number - 1 : number])


def _mentioned_at(output: str, files: t.Mapping[str, str]) -> list[str]:
    """Return where the keywords are set that a message without a line mentions ("… cannot be satisfied")."""
    mentioned = {word for found in re.findall(r"\w+", output.lower()) for word in (found, found.rstrip("s"))}
    places = []
    for path, text in files.items():
        try:
            lines = parse(text, path=path)
        except BaselineError:
            continue
        places += [f"{path}:{line.number}" for line in lines if line.keyword in mentioned]
    return places
