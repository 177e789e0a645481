# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of authorized keys, line by line: which keys are not requested, and the text with the requested ones. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.text import printable
from .public_keys import PublicKey, parse_authorized_keys

__all__ = ["UnlistedLine", "holds_only_keys", "merged", "unlisted"]

_LONGEST_COMMENT = 100


@dataclass(frozen=True)
class UnlistedLine:
    """A line that may let somebody in and is not requested; without a ``key`` only sshd could say what it is."""

    path: str
    number: int
    key: PublicKey | None

    def __str__(self) -> str:
        where = f"{self.path}:{self.number}"
        if self.key is None:
            return f"{where} (a line that is no key known here)"
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
    """Return the lines of ``text`` that hold anything but the requested ``keys``, blanks and comments."""
    wanted = {key.blob for key in keys}
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        key = _key_of(line)
        if _is_content(line) and (key is None or key.blob not in wanted):
            found.append(UnlistedLine(path, number, key))
    return found


def holds_only_keys(text: str) -> bool:
    """Say whether each line is a key or blank, so that nothing but public keys is told by passing the text on."""
    return all(_key_of(line) is not None for line in text.split("\n") if line.strip(" \t\r"))


def merged(text: str, keys: t.Sequence[PublicKey], *, exclusive: bool, adds: bool = True) -> str:
    """Return ``text`` with exactly one line for each of ``keys``, where it has one already or at the end.

    sshd goes on to a second line with the same key where the options of the first do not fit, so that would undo
    them. With ``exclusive`` nothing else stays. Without ``adds`` no key is added: another file has them.
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
