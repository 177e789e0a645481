# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's configuration as text, see apt.conf(5): parses and renders files, parses the output of ``apt-config dump``.

Keys are case-insensitive. A list is a key with children that have no name (``Key:: "value"``). A missing semicolon
between two items of a list makes apt take the first for the *name* of the second, and it reports no error.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = [
    "AptConfig",
    "AptConfigFile",
    "AptStatement",
    "LostItem",
    "join",
    "order",
    "parse_dump",
    "parse_file",
    "quote",
    "render",
]

# The files that apt reads from a parts directory: names of these characters, with no suffix or the directory's own.
_PART_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_TOKEN = re.compile(
    r"""
      (?P<directive>\#(?:clear|include)\b[^;\n]*;?)
    | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
    | (?P<quoted>"[^"\n]*")
    | (?P<mark>[{};])
    | (?P<bare>(?:(?!//|/\*)[^\s"{};])+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class AptStatement:
    """One statement of a file: ``set`` a value, ``add`` a list item, ``clear`` a whole key, ``include`` a file."""

    kind: str
    key: str
    value: str
    line: int


@dataclass(frozen=True)
class LostItem:
    """A list item that apt does not read as one, because the semicolon after it is missing."""

    key: str
    value: str
    line: int


@dataclass(frozen=True)
class AptConfigFile:
    """A configuration file: its statements, and the items that are lost by a missing semicolon."""

    statements: tuple[AptStatement, ...]
    lost: tuple[LostItem, ...]


@dataclass(frozen=True)
class AptConfig:
    """The composed configuration, as ``apt-config dump`` prints it: pairs of full key and value, in order."""

    entries: tuple[tuple[str, str], ...]

    def value(self, key: str) -> str | None:
        """Return the value of ``key``, ``None`` where it is not set."""
        return next((value for name, value in self.entries if name.lower() == key.lower()), None)

    def items(self, key: str) -> tuple[str, ...]:
        """Return the list under ``key`` as apt's programs read it: the values of all children, named or not."""
        return tuple(self._children(key))

    def _children(self, key: str) -> t.Iterator[str]:
        prefix = key.lower() + "::"
        for name, value in self.entries:
            rest = name[len(prefix) :]
            if name.lower().startswith(prefix) and "::" not in rest:
                yield value


def parse_dump(text: str) -> AptConfig:
    """Parse the output of ``apt-config dump``; a value may span lines."""
    found = re.finditer(r'^(\S+) "(.*?)";$', text, re.MULTILINE | re.DOTALL)
    return AptConfig(tuple((match.group(1), match.group(2)) for match in found))


def parse_file(text: str) -> AptConfigFile:
    """Parse one file of apt.conf(5). Syntax errors are skipped: apt reports them."""
    statements: list[AptStatement] = []
    lost: list[LostItem] = []
    scopes: list[str] = []
    tokens: list[tuple[str, int]] = []

    for kind, token, line in _tokens(text):
        if kind == "directive":
            statements.append(_directive(token, line))
        elif kind == "mark" and token == "{":
            scopes.append(tokens[0][0] if tokens else "")
            tokens.clear()
        elif kind == "mark":
            _finish("::".join(filter(None, scopes)), tokens, statements, lost)
            tokens.clear()
            if token == "}" and scopes:
                scopes.pop()
        else:
            tokens.append((unquote(token), line))
    return AptConfigFile(tuple(statements), tuple(lost))


def _tokens(text: str) -> t.Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "comment":
            line = text.count("\n", 0, match.start()) + 1
            yield kind, match.group().strip('"') if kind == "quoted" else match.group(), line


def _directive(token: str, line: int) -> AptStatement:
    kind, _space, rest = token.rstrip(";").partition(" ")
    value = rest.strip().strip('"')
    return AptStatement(kind[1:], value if kind == "#clear" else "", "" if kind == "#clear" else value, line)


def _finish(scope: str, tokens: list[tuple[str, int]], statements: list[AptStatement], lost: list[LostItem]) -> None:
    """Add the statement of the ``tokens`` before a ``;`` or ``}``; the last item of a list needs no semicolon."""
    if not tokens:
        return
    (first, line), rest = tokens[0], tokens[1:]
    if not rest:
        if scope:
            statements.append(AptStatement("add", scope, first, line))
    elif scope and not _is_name(first):
        # The missing semicolon: the first item became the name of the next one.
        lost.append(LostItem(scope, first, line))
        statements.append(AptStatement("add", scope, " ".join(token for token, _line in rest), rest[0][1]))
    else:
        name = join(scope, first)
        listed = name.endswith("::")
        value = " ".join(token for token, _line in rest)
        statements.append(AptStatement("add" if listed else "set", name[:-2] if listed else name, value, line))


def _is_name(token: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_./:-]+", token) is not None


def join(scope: str, name: str) -> str:
    return f"{scope}::{name}" if scope else name


def quote(value: str) -> str:
    """Return ``value`` between quotes; apt decodes ``%xx``, and a quote cannot be written otherwise."""
    return '"{}"'.format(value.replace("%", "%25").replace('"', "%22"))


def render(header: str, lists: t.Mapping[str, t.Sequence[str]], values: t.Mapping[str, str]) -> str:
    """Return a file that sets ``values``, and each of ``lists`` to its items, without those of earlier files."""
    lines = [f"// {line}" for line in header.splitlines()]
    for key, items in lists.items():
        lines += [f"#clear {key};"]
        if items:
            lines += [f"{key} {{", *(f"    {quote(item)};" for item in items), "};"]
    lines += [f"{key} {quote(value)};" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def order(names: t.Iterable[str], *, suffix: str = ".conf") -> list[str]:
    """Return the names of a parts directory that apt reads, in its order."""
    read = [name for name in names if _PART_NAME.fullmatch(name) and ("." not in name or name.endswith(suffix))]
    return sorted(read)
