# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Match`` of sshd_config(5): connections, criteria and the patterns of ssh_config(5)."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import typing as t
from dataclasses import dataclass, replace

from .._core.errors import BaselineError, unknown

__all__ = [
    "CRITERIA",
    "Connection",
    "Criteria",
    "address_list",
    "connection_for",
    "matches",
    "pattern_list",
    "read_criteria",
]

# Criterion as sshd_config names it -> field of Connection.
CRITERIA = {
    "user": "user",
    "group": "groups",
    "host": "host",
    "address": "address",
    "localaddress": "local_address",
    "localport": "local_port",
    "rdomain": "rdomain",
}
_CLIENTS = (
    "canonical",
    "command",
    "exec",
    "final",
    "localnetwork",
    "localuser",
    "originalhost",
    "sessiontype",
    "tagged",
)
_ALONE = ("all", "invalid-user", "invaliduser")
# For questions about users without an account; the host says whether it is one.
_NO_ACCOUNT = "no-such-account"


@dataclass(frozen=True)
class Criteria:
    """The conditions of one ``Match`` line: (criterion, pattern list) pairs, all of which must hold.

    ``never``: the sshd at hand does not fulfil them whoever connects (``Match version``, an unknown criterion).
    """

    pairs: tuple[tuple[str, str], ...]
    never: bool = False

    def __str__(self) -> str:
        return " ".join(f"{name} {value}".strip() for name, value in self.pairs)

    @property
    def always(self) -> bool:
        """Whether they hold before anybody connects, so that sshd reads the block as if it were none."""
        return not self.never and all(name in ("all", "version") for name, _pattern in self.pairs)


@dataclass(frozen=True)
class Connection:
    """Who connects from where, as ``sshd -T -C`` takes it. ``groups`` are those of the user's account on the host."""

    user: str
    address: str = "127.0.0.1"
    host: str = ""
    groups: tuple[str, ...] = ()
    local_address: str = ""
    local_port: str = ""
    rdomain: str = ""
    exists: bool = True

    def specification(self) -> str:
        """Return the argument of ``sshd -T -C``."""
        parts = {
            "user": self.user,
            "host": self.host or self.address,
            "addr": self.address,
            "laddr": self.local_address,
            "lport": self.local_port,
            "rdomain": self.rdomain,
        }
        return ",".join(f"{name}={value}" for name, value in parts.items() if value)


def read_criteria(arguments: t.Sequence[str], *, where: str, version: str = "") -> Criteria:
    """Read the arguments of a ``Match`` line (``User deploy Address 10.0.0.0/8``, also ``User=deploy``).

    A lone ``=`` after a criterion is passed over as OpenSSH before 9.9 does; later ones refuse the line. ``version`` is
    what the sshd at hand says of itself; without it nobody is asked for ``Match version``.
    """
    words = list(arguments)
    pairs: list[tuple[str, str]] = []
    while words:
        name = words.pop(0).lower() if "=" not in words[0] else _parted(words)
        if name in _ALONE:
            pairs.append((name.replace("iduser", "id-user"), ""))
        elif name not in CRITERIA and not (name == "version" and version):
            if name in _CLIENTS:
                words_of = f"{name!r} is a Match criterion of the client (ssh_config), which sshd does not have"
                raise BaselineError(f"{where}: {words_of}; nothing was changed")
            known = [*CRITERIA, "all", "invalid-user"]
            raise BaselineError(f"{where}: {unknown('Match criterion', name, known)}; nothing was changed")
        else:
            if words[:1] == ["="]:
                words.pop(0)
            if not words or not words[0]:
                raise BaselineError(f"{where}: the Match criterion {name!r} has no pattern; nothing was changed")
            pairs.append((name, words.pop(0)))
    if not pairs or (len(pairs) > 1 and ("all", "") in pairs):
        raise BaselineError(f"{where}: Match takes either 'all' or criteria with a pattern; nothing was changed")
    never = any(name == "version" and not pattern_list(pattern, version) for name, pattern in pairs)
    return Criteria(tuple(pairs), never)


def matches(criteria: Criteria, connection: Connection) -> bool:
    """Say whether ``connection`` fulfils every condition, as sshd decides it."""
    return not criteria.never and all(_holds(name, pattern, connection) for name, pattern in criteria.pairs)


def pattern_list(patterns: str, word: str, *, lower: bool = False) -> bool:
    """Match ``word`` against a comma-separated pattern list (``*``, ``?``, ``!`` excludes; ssh_config(5), PATTERNS)."""
    found = False
    for pattern in patterns.split(","):
        negated, glob = pattern.startswith("!"), pattern[pattern.startswith("!") :]
        if _glob(glob.lower() if lower else glob, word.lower() if lower else word):
            if negated:
                return False
            found = True
    return found


def connection_for(criteria: Criteria, base: Connection) -> Connection | None:
    """Return a connection like ``base`` that fulfils ``criteria``; ``None`` where no example can be made up."""
    wanted = base
    if base.exists and ("invalid-user", "") in criteria.pairs:
        wanted = replace(base, user=_NO_ACCOUNT, groups=(), exists=False)
    for name, pattern in criteria.pairs:
        if name in CRITERIA and not _holds(name, pattern, wanted):
            example = _example(name, pattern)
            if example is None:
                return None
            change: dict[str, t.Any] = {CRITERIA[name]: (example,) if name == "group" else example}
            wanted = replace(wanted, **change)
    return wanted if matches(criteria, wanted) else None


def _parted(words: list[str]) -> str:
    """Take ``User=deploy`` from ``words`` as a criterion; its pattern is then the next word."""
    name, _sign, pattern = words.pop(0).partition("=")
    words.insert(0, pattern)
    return name.lower()


def _holds(name: str, pattern: str, connection: Connection) -> bool:
    if name in ("all", "version"):
        return True
    if name == "invalid-user":
        return not connection.exists
    if name == "group":
        return _group(pattern, connection.groups)
    if name not in CRITERIA:
        return False
    value: str = getattr(connection, CRITERIA[name])
    if name in ("address", "localaddress"):
        return address_list(pattern, value)
    if name == "host":
        return pattern_list(pattern, connection.host or connection.address, lower=True)
    if name == "localport":
        return value == pattern.lstrip("0")
    return bool(value) and pattern_list(pattern, value)


def _group(pattern: str, groups: t.Sequence[str]) -> bool:
    """One excluded group excludes, whatever the others say (``ga_match_pattern_list``)."""
    found = False
    for group in groups:
        for part in pattern.split(","):
            if _glob(part[part.startswith("!") :], group):
                if part.startswith("!"):
                    return False
                found = True
    return found


def address_list(patterns: str, value: str) -> bool:
    """Match an address against networks and patterns (``addr_match_list``)."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    found = False
    for pattern in patterns.split(","):
        negated, bare = pattern.startswith("!"), pattern[pattern.startswith("!") :]
        try:
            hit = address in ipaddress.ip_network(bare, strict=False)
        except ValueError:
            hit = _glob(bare, value)
        if hit and negated:
            return False
        found = found or hit
    return found


def _example(name: str, pattern: str) -> str | None:
    """Make up a value that the first positive part of ``pattern`` takes."""
    for part in pattern.split(","):
        if part.startswith("!"):
            continue
        if name in ("address", "localaddress") and "/" in part:
            network = ipaddress.ip_network(part, strict=False)
            return str(network.network_address + (1 if network.num_addresses > 2 else 0))
        filled = part.replace("*", "1" if name in ("address", "localaddress") else "x").replace("?", "1")
        return None if name == "group" and filled != part else filled
    return None


def _glob(pattern: str, word: str) -> bool:
    """ssh's ``match_pattern``: only ``*`` and ``?`` are special, a bracket is a bracket."""
    escaped = re.sub(r"\[", "[[]", pattern)
    return fnmatch.fnmatchcase(word, escaped)
