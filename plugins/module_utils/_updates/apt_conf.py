# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's configuration as text, see apt.conf(5): parses and renders files, parses what apt-config(8) ``dump`` prints.

Keys are case-insensitive. A list is a key with children that have no name (``Key:: "value"``). A forgotten semicolon
between two items of a list makes apt take the first for the *name* of the second: it is swallowed without a word.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Config", "File", "Lost", "Statement", "join", "order", "parse_dump", "parse_file", "quote", "render"]

# What apt reads from a parts directory: names of these characters, without a suffix or with the directory's own.
_PART_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_TOKEN = re.compile(
    r"""
      (?P<directive>\#(?:clear|include)\b[^;\n]*;?)
    | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
    | (?P<quoted>"[^"\n]*")
    | (?P<mark>[{};])
    | (?P<word>(?:(?!//|/\*)[^\s"{};])+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """One effect of a file: ``set`` a value, ``add`` a list item, ``clear`` a key whole, ``include`` a file."""

    kind: str
    key: str
    value: str
    line: int


@dataclass(frozen=True)
class Lost:
    """A list item that apt does not see as one, because the semicolon after it is missing."""

    key: str
    value: str
    line: int


@dataclass(frozen=True)
class File:
    """A configuration file: what its statements do, and the items that a missing semicolon takes away."""

    statements: tuple[Statement, ...]
    lost: tuple[Lost, ...]


@dataclass(frozen=True)
class Config:
    """The composed configuration, as ``apt-config dump`` prints it: pairs of full key and value, in order."""

    entries: tuple[tuple[str, str], ...]

    def value(self, key: str) -> str | None:
        """Return the value of ``key``, ``None`` where it is not set."""
        return next((value for name, value in self.entries if name.lower() == key.lower()), None)

    def items(self, key: str) -> tuple[str, ...]:
        """Return the list under ``key`` as apt's programs see it: the values of all children, named or not."""
        return tuple(value for _name, value in self._children(key))

    def swallowed(self, key: str) -> tuple[str, ...]:
        """Return the children's names in a list that should have none: items that lost their semicolon."""
        return tuple(name for name, _value in self._children(key) if name)

    def _children(self, key: str) -> t.Iterator[tuple[str, str]]:
        prefix = key.lower() + "::"
        for name, value in self.entries:
            rest = name[len(prefix) :]
            if name.lower().startswith(prefix) and "::" not in rest:
                yield unquote(rest), value


def parse_dump(text: str) -> Config:
    """Parse the output of ``apt-config dump``; a value may span lines."""
    found = re.finditer(r'^(\S+) "(.*?)";$', text, re.MULTILINE | re.DOTALL)
    return Config(tuple((match.group(1), match.group(2)) for match in found))


def parse_file(text: str) -> File:
    """Parse one file of apt.conf(5). What apt itself rejects as a syntax error is skipped: apt names it better."""
    statements: list[Statement] = []
    lost: list[Lost] = []
    scopes: list[str] = []
    words: list[tuple[str, int]] = []

    for kind, token, line in _tokens(text):
        if kind == "directive":
            statements.append(_directive(token, line))
        elif kind == "mark" and token == "{":
            scopes.append(words[0][0] if words else "")
            words.clear()
        elif kind == "mark":
            _finish("::".join(filter(None, scopes)), words, statements, lost)
            words.clear()
            if token == "}" and scopes:
                scopes.pop()
        else:
            words.append((unquote(token), line))
    return File(tuple(statements), tuple(lost))


def _tokens(text: str) -> t.Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "comment":
            line = text.count("\n", 0, match.start()) + 1
            yield kind, match.group().strip('"') if kind == "quoted" else match.group(), line


def _directive(token: str, line: int) -> Statement:
    kind, _space, rest = token.rstrip(";").partition(" ")
    value = rest.strip().strip('"')
    return Statement(kind[1:], value if kind == "#clear" else "", "" if kind == "#clear" else value, line)


def _finish(scope: str, words: list[tuple[str, int]], statements: list[Statement], lost: list[Lost]) -> None:
    """Add what apt makes of the ``words`` before a ``;`` or ``}``; the last item of a list needs no semicolon."""
    if not words:
        return
    (first, line), rest = words[0], words[1:]
    if not rest:
        if scope:
            statements.append(Statement("add", scope, first, line))
    elif scope and not _is_name(first):
        # The forgotten semicolon: the first item became the name of what follows.
        lost.append(Lost(scope, first, line))
        statements.append(Statement("add", scope, " ".join(word for word, _line in rest), rest[0][1]))
    else:
        name = join(scope, first)
        listed = name.endswith("::")
        value = " ".join(word for word, _line in rest)
        statements.append(Statement("add" if listed else "set", name[:-2] if listed else name, value, line))


def _is_name(word: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_./:-]+", word) is not None


def join(scope: str, name: str) -> str:
    return f"{scope}::{name}" if scope else name


def quote(value: str) -> str:
    """Return ``value`` between quotes; apt decodes ``%xx``, and a quote cannot be written otherwise."""
    return '"{}"'.format(value.replace("%", "%25").replace('"', "%22"))


def render(header: str, lists: t.Mapping[str, t.Sequence[str]], values: t.Mapping[str, str]) -> str:
    """Return a file that sets ``values``, and each of ``lists`` to exactly its items, whatever earlier files added."""
    lines = [f"// {line}" for line in header.splitlines()]
    for key, items in lists.items():
        lines += [f"#clear {key};"]
        if items:
            lines += [f"{key} {{", *(f"    {quote(item)};" for item in items), "};"]
    lines += [f"{key} {quote(value)};" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def order(names: t.Iterable[str], *, suffix: str = ".conf") -> list[str]:
    """Return the names of a parts directory that apt reads, in the order in which it does."""
    read = [name for name in names if _PART_NAME.fullmatch(name) and ("." not in name or name.endswith(suffix))]
    return sorted(read)
