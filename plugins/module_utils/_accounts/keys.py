# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits files of authorized keys: finds keys that are not requested, and adds the requested ones. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.text import printable
from .public_keys import PublicKey, parse_authorized_keys

__all__ = ["UnlistedLine", "holds_only_keys", "merged", "unlisted"]

_LONGEST_COMMENT = 100


@dataclass(frozen=True)
class UnlistedLine:
    """A line that may allow a login and is not requested; without a ``key``, only sshd knows what the line means."""

    path: str
    number: int
    key: PublicKey | None

    def __str__(self) -> str:
        where = f"{self.path}:{self.number}"
        if self.key is None:
            return f"{where} (a line that is not a known key)"
        comment = printable(self.key.comment, longest=_LONGEST_COMMENT)
        return f"{where} ({self.key.kind} {self.key.fingerprint} '{comment}')"

    def as_result(self) -> dict[str, t.Any]:
        """Return the line as the module returns it."""
        key = self.key
        return {
            "path": self.path,
            "line": self.number,
            "type": key.kind if key else "",
            "fingerprint": key.fingerprint if key else "",
            "comment": printable(key.comment, longest=_LONGEST_COMMENT) if key else "",
        }


def unlisted(path: str, text: str, keys: t.Iterable[PublicKey]) -> list[UnlistedLine]:
    """Return the lines of ``text`` that are not a requested one of ``keys``, blank or a comment."""
    wanted = {key.blob for key in keys}
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        key = _key_of(line)
        if _is_content(line) and (key is None or key.blob not in wanted):
            found.append(UnlistedLine(path, number, key))
    return found


def holds_only_keys(text: str) -> bool:
    """Return whether each line is a key or blank, so that the text discloses nothing but public keys."""
    return all(_key_of(line) is not None for line in text.split("\n") if line.strip(" \t\r"))


def merged(text: str, keys: t.Sequence[PublicKey], *, exclusive: bool, adds: bool = True) -> str:
    """Return ``text`` with exactly one line for each of ``keys``, at its present place or at the end.

    If the options of the first line with a key do not match, sshd continues with a second one, which would bypass them.
    With ``exclusive`` all other lines are removed. Without ``adds`` no key is added: another file has them.
    """
    wanted = {key.blob: key for key in keys}
    if exclusive:
        kept = [line for line in _lines(text) if getattr(_key_of(line), "blob", None) in wanted]
        text = "".join(f"{line}\n" for line in kept)
    lines: list[str] = []
    for line in _lines(text):
        key = _key_of(line)
        if key is None or key.blob not in {one.blob for one in keys}:
            lines.append(line)
        elif key.blob in wanted:
            desired = wanted.pop(key.blob)
            lines.append(line if key == desired else desired.line)
    lines += [key.line for key in wanted.values()] if adds else []
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _is_content(line: str) -> bool:
    stripped = line.lstrip(" \t").rstrip(" \t\r")
    return bool(stripped) and not stripped.startswith("#")


def _key_of(line: str) -> PublicKey | None:
    keys = parse_authorized_keys(line)
    return keys[0] if keys else None
