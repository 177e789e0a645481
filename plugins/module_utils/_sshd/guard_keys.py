# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys' part of the lockout guard: AuthorizedKeysFile, StrictModes and key options by the rules of sshd(8)."""

from __future__ import annotations

import calendar
import os
import re
import time
from dataclasses import dataclass

from .._accounts.public_keys import PublicKey, parse_options
from .._core.text import printable
from .effective import Effective, first_value
from .match import Connection
from .origin import comes_from
from .parse import split

__all__ = ["NO_SHELL", "KeyFile", "RevokedKeys", "gives_no_shell", "key_paths", "key_problem", "open_question"]

# Shells and commands that exit at once.
NO_SHELL = ("nologin", "false", "true", "sync")
# The signatures that an RSA key is used with today: clients no longer make those of SHA-1 (ssh-rsa).
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
# How much of an option's value a message shows.
_LONGEST = 200
_ONCE = ("command", "from", "principals")


@dataclass(frozen=True)
class KeyFile:
    """One file of AuthorizedKeysFile, read as its user.

    ``distrusted`` is the reason why sshd would not read it with StrictModes, ``unreadable`` one that always applies.
    """

    path: str
    exists: bool
    distrusted: str = ""
    unreadable: str = ""
    keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True)
class RevokedKeys:
    """The keys in RevokedKeys, or the reason why it cannot be read. sshd then refuses all keys."""

    blobs: frozenset[str] = frozenset()
    broken: str = ""


def key_paths(effective: Effective, *, user: str, home: str, uid: int) -> list[str]:
    """Return the files of AuthorizedKeysFile for a user, with tokens replaced; relative paths start in the home."""
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": str(uid)}
    paths = []
    for text in effective.get("authorizedkeysfile", ()):
        for word in split(text):
            if word != "none":
                paths.append(os.path.join(home, re.sub(r"%.", lambda found: tokens.get(found.group(), ""), word)))
    return paths


def gives_no_shell(command: str) -> bool:
    """Say whether a forced command can give nobody a shell."""
    words = command.split()
    return not words or words[0] == "internal-sftp" or os.path.basename(words[0]) in (*NO_SHELL, "sftp-server")


def key_problem(key: PublicKey, connection: Connection, effective: Effective, revoked: RevokedKeys, now: float) -> str:
    """Return why sshd would not accept ``key`` for ``connection``; an empty text if it would, or might."""
    if key.blob in revoked.blobs:
        return "one is named by RevokedKeys"
    problem = _option_problem(key, connection, now)
    if problem:
        return problem
    algorithms = _RSA if key.kind == "ssh-rsa" else (key.kind,)
    if not set(algorithms) & set(first_value(effective, "pubkeyacceptedalgorithms").split(",")):
        return f"{key.kind} is not accepted"
    least = int(first_value(effective, "requiredrsasize") or 0)
    return f"one has {key.bits} bits, less than RequiredRSASize {least}" if (key.bits or least) < least else ""


def open_question(key: PublicKey) -> str:
    """Return what only a login can decide about ``key``, which has no problem otherwise."""
    options = dict(parse_options(key.options))
    if "cert-authority" in options:
        return "a cert-authority's key, which accepts only certificates"
    if "command" in options:
        return "a key with the option command, which decides whether there is a shell"
    return ""


def _option_problem(key: PublicKey, connection: Connection, now: float) -> str:
    options = parse_options(key.options)
    names = [name for name, _value in options]
    for name in _ONCE:
        if names.count(name) > 1:
            return f"one has the option {name} twice, so that sshd ignores the line"
    problems = (_value_problem(name, value or "", connection, now) for name, value in options)
    return next(filter(None, problems), "")


def _value_problem(name: str, value: str, connection: Connection, now: float) -> str:
    shown = printable(value, longest=_LONGEST)
    if name == "from" and not comes_from(value, connection):
        return f'one is for from="{shown}" alone'
    if name == "command" and gives_no_shell(value):
        return f'one is for command="{shown}" alone'
    if name == "expiry-time" and _expiry(value) <= now:
        return f'one has expired (expiry-time="{shown}")'
    if name in ("permitopen", "permitlisten") and not _forwards(value, host=name == "permitopen"):
        return f'one has {name}="{shown}", so that sshd ignores the line'
    return ""


def _expiry(text: str) -> float:
    """Return the time of an ``expiry-time``, in the host's time zone or, with a Z, in UTC; 0 for an invalid one."""
    digits = re.sub(r"(?:Z|UTC)$", "", text)
    layout = _FORMATS.get(len(digits)) if digits.isascii() and digits.isdigit() else None
    if layout is None:
        return 0
    try:
        moment = time.strptime(digits, layout)
    except ValueError:
        return 0
    return calendar.timegm(moment) if digits != text else time.mktime(moment)


def _forwards(value: str, *, host: bool) -> bool:
    name, colon, port = value.rpartition(":")
    return bool(colon or not host) and (not host or bool(name)) and bool(re.fullmatch(r"\*|[1-9][0-9]{0,4}", port))
