# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The composed configuration: a set of files with ``Include`` and ``Match`` of sshd_config(5) resolved."""

from __future__ import annotations

import fnmatch
import os
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .match import (
    Connection,
    Criteria,
    matches,
    read_criteria,
)
from .parse import Line, parse, quote, split_criteria
from .releases import NEWEST, SPLITS_AT_EQUALS, Release

__all__ = ["Directive", "Tree", "absolute", "compose", "glob_matches", "staged_files"]

_DEPTH = 16


@dataclass(frozen=True)
class Tree:
    """The path of the main file, and the text of every file that it includes."""

    main: str
    files: t.Mapping[str, str]

    def with_files(self, changes: t.Mapping[str, str | None]) -> Tree:
        """Return the tree with ``changes`` (path -> new text, ``None`` removes the file)."""
        files = {**self.files, **changes}
        return Tree(self.main, {path: text for path, text in files.items() if text is not None})


@dataclass(frozen=True)
class Directive:
    """A directive with its file and line. ``criteria``: the enclosing ``Match`` lines, empty for global settings."""

    keyword: str
    arguments: tuple[str, ...]
    rest: str
    file: str
    number: int
    criteria: tuple[Criteria, ...]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def at_startup(self) -> bool:
        """Whether sshd reads it at startup: outside of ``Match`` blocks, or in ``Match all``."""
        return all(criteria.always for criteria in self.criteria)

    def applies(self, connection: Connection) -> bool:
        return all(matches(criteria, connection) for criteria in self.criteria)


def absolute(pattern: str, main: str) -> str:
    """Return the pattern of an ``Include`` as sshd opens it: relative to the folder of the main file."""
    return pattern if pattern.startswith("/") else os.path.join(os.path.dirname(main), pattern)


def glob_matches(pattern: str, path: str) -> bool:
    """Say whether glob(3) finds ``path`` by ``pattern``: ``*`` matches neither ``/`` nor a leading dot."""
    wanted, parts = pattern.split("/"), path.split("/")
    return len(wanted) == len(parts) and all(
        fnmatch.fnmatchcase(part, glob) and (not part.startswith(".") or glob.startswith("."))
        for glob, part in zip(wanted, parts)
    )


def included(line: Line, tree: Tree) -> list[str]:
    """Return the files of ``tree`` that an ``Include`` line reads, in sshd's order."""
    found: list[str] = []
    for pattern in line.arguments:
        wanted = absolute(pattern, tree.main)
        found.extend(sorted((path for path in tree.files if glob_matches(wanted, path)), key=os.fsencode))
    return found


def compose(tree: Tree, release: Release = NEWEST) -> list[Directive]:
    """Return every directive in the order in which sshd reads it, with ``Include`` and ``Match`` lines resolved."""
    return list(_walk(tree, tree.main, (), 0, release))


def staged_files(tree: Tree, root: str, *, without: t.Collection[tuple[str, int]] = ()) -> dict[str, str]:
    """Return the tree's files staged below ``root``: each ``Include`` points there, lines in ``without`` are comments.

    Line numbers stay the same, so that sshd's messages about the copy name the lines of the original.
    """
    return {root + path: _staged_text(path, text, tree, root, without) for path, text in tree.files.items()}


def _walk(tree: Tree, path: str, outer: tuple[Criteria, ...], depth: int, release: Release) -> t.Iterator[Directive]:
    if depth > _DEPTH:
        raise BaselineError(f"Include goes deeper than {_DEPTH} files", where=path)
    here = outer
    for line in parse(tree.files[path], path=path):
        if line.keyword == "match":
            here = (*outer, _criteria(line, path, release))
        elif line.keyword == "include":
            for file in included(line, tree):
                yield from _walk(tree, file, here, depth + 1, release)
        else:
            yield Directive(line.keyword, line.arguments, line.rest, path, line.number, here)


def _criteria(line: Line, path: str, release: Release) -> Criteria:
    """Read a ``Match`` line; one that only a newer sshd understands matches no connection here."""
    arguments = split_criteria(line.rest) if release < SPLITS_AT_EQUALS else line.arguments
    try:
        return read_criteria(arguments, where=f"{path}:{line.number}", version=release.version)
    except BaselineError:
        return Criteria((("unknown", line.rest),), never=True)


def _staged_text(path: str, text: str, tree: Tree, root: str, without: t.Collection[tuple[str, int]]) -> str:
    lines = text.split("\n")
    for line in parse(text, path=path):
        if (path, line.number) in without:
            lines[line.number - 1] = "#"
        elif line.keyword == "include":
            moved = (quote(root + absolute(pattern, tree.main)) for pattern in line.arguments)
            lines[line.number - 1] = "Include " + " ".join(moved)
    return "\n".join(lines)
