# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's own words about a configuration that it rejects, with the file and the line that they mean."""

from __future__ import annotations

import re
import typing as t

from .._core.errors import BaselineError
from .parse import parse

__all__ = ["locate_errors"]

# sshd names neither a file nor always the line: it says `… argument '10.0.0.0/33' at line 1`.
_LINE_ALONE = re.compile(r"'([^']+)' at line (\d+)$")


def locate_errors(output: str, files: t.Mapping[str, str]) -> str:
    """Return sshd's ``output`` about ``files`` (path -> text), each message with ``file:line`` and that line."""
    found = [_placed(line.strip().rstrip("."), files) for line in output.splitlines() if line.strip()]
    words = "; ".join(words for words, _place in found)
    if found and not any(place for _words, place in found):
        mentioned = _mentioned_at(output, files)
        return f"{words} ({', '.join(mentioned)})" if mentioned else words
    return words


def _placed(words: str, files: t.Mapping[str, str]) -> tuple[str, bool]:
    """Put the place in front of one complaint, and say whether there is one."""
    for path in files:
        named = re.match(re.escape(path) + r":? line (\d+): ", words)
        if named:
            return _at(path, int(named.group(1)), words[named.end() :], files), True
    alone = _LINE_ALONE.search(words)
    if alone:
        number = int(alone.group(2))
        paths = [path for path, text in files.items() if alone.group(1) in _line(text, number)]
        if len(paths) == 1:
            return _at(paths[0], number, words[: alone.start(2) - len(" at line ")], files), True
    return words, False


def _at(path: str, number: int, words: str, files: t.Mapping[str, str]) -> str:
    return f"{path}:{number}: {words} ({_line(files[path], number).strip()})"


def _line(text: str, number: int) -> str:
    return "".join(text.split("\n")[number - 1 : number])


def _mentioned_at(output: str, files: t.Mapping[str, str]) -> list[str]:
    """Return where the keywords are set that sshd speaks of without a place ("… cannot be satisfied")."""
    mentioned = {word for found in re.findall(r"\w+", output.lower()) for word in (found, found.rstrip("s"))}
    places = []
    for path, text in files.items():
        try:
            lines = parse(text, path=path)
        except BaselineError:
            continue
        places += [f"{path}:{line.number}" for line in lines if line.keyword in mentioned]
    return places
