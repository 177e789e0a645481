# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Match`` of sshd_config(5): connections, criteria, and the patterns of ssh_config(5)."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import typing as t
from dataclasses import dataclass, replace

from .._core.errors import BaselineError, did_you_mean

__all__ = [
    "CRITERIA",
    "Connection",
    "Criteria",
    "address_list",
    "connection_for",
    "implies",
    "matches",
    "pattern_list",
    "read_criteria",
    "split_zone",
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
# The example of a user without an account.
_NO_ACCOUNT = "no-such-account"


@dataclass(frozen=True)
class Criteria:
    """The conditions of one ``Match`` line: (criterion, pattern list) pairs, all of which must be satisfied.

    ``never``: this sshd never satisfies them, whoever connects (``Match version``, an unknown criterion).
    """

    pairs: tuple[tuple[str, str], ...]
    never: bool = False

    def __str__(self) -> str:
        return " ".join(f"{name} {value}".strip() for name, value in self.pairs)

    @property
    def always(self) -> bool:
        """Whether they are satisfied before anybody connects: sshd then reads the block as global settings."""
        return not self.never and all(name in ("all", "version") for name, _pattern in self.pairs)


@dataclass(frozen=True)
class Connection:
    """A connection as ``sshd -T -C`` takes it. ``groups`` are the groups of the user's account on the host."""

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

    A lone ``=`` after a criterion is skipped, as OpenSSH before 9.9 does; later releases reject the line. ``version``
    is the version string of this sshd; without it ``Match version`` is an unknown criterion.
    """
    rest = list(arguments)
    pairs: list[tuple[str, str]] = []
    while rest:
        name = rest.pop(0).lower() if "=" not in rest[0] else _split_assignment(rest)
        if name in _ALONE:
            pairs.append((name.replace("iduser", "id-user"), ""))
        elif name in CRITERIA or (name == "version" and version):
            pairs.append((name, _take_pattern(name, rest, where)))
        else:
            raise _unknown_criterion(name, where)
    if not pairs or (len(pairs) > 1 and ("all", "") in pairs):
        raise BaselineError("Match takes either 'all' or criteria with a pattern", where=where)
    never = any(name == "version" and not pattern_list(pattern, version) for name, pattern in pairs)
    return Criteria(tuple(pairs), never)


def matches(criteria: Criteria, connection: Connection) -> bool:
    """Say whether ``connection`` satisfies every condition, as sshd decides it."""
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
    """Return a connection like ``base`` that satisfies ``criteria``, or ``None`` where no example is found."""
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


def implies(narrower: t.Iterable[Criteria], wider: t.Iterable[Criteria]) -> bool:
    """Say whether each connection that satisfies all of ``narrower`` certainly satisfies all of ``wider``, too.

    Patterns are not compared with each other: ``False`` where only the connection can tell.
    """
    known = [pair for criteria in narrower for pair in criteria.pairs]
    return all(
        not criteria.never
        and all(
            name in ("all", "version") or any(_narrows(name, pattern, pair) for pair in known)
            for name, pattern in criteria.pairs
        )
        for criteria in wider
    )


def _narrows(name: str, pattern: str, known: tuple[str, str]) -> bool:
    """Say whether whoever satisfies the condition ``known`` satisfies ``name`` with ``pattern``."""
    if known == (name, pattern):
        return True
    # A member of a group may be in an excluded one, too.
    if known[0] != name or name not in CRITERIA or (name == "group" and "!" in pattern):
        return False
    values = [part for part in known[1].split(",") if not part.startswith("!")]
    return bool(values) and all(_includes(name, pattern, value) for value in values)


def _includes(name: str, pattern: str, value: str) -> bool:
    """Say whether ``pattern`` holds for all that ``value``, one part of a pattern list, stands for."""
    if "*" in value or "?" in value:
        return False
    if name in ("address", "localaddress") and "/" in value:
        return _contains_network(pattern, value)
    if name == "localport":
        value = value.lstrip("0")
    held: dict[str, t.Any] = {CRITERIA[name]: (value,) if name == "group" else value}
    return _holds(name, pattern, replace(Connection(""), **held))


def _contains_network(patterns: str, network: str) -> bool:
    """Say whether one of the networks in ``patterns`` contains ``network`` and nothing is excluded."""
    if "!" in patterns or "%" in patterns + network:
        return False
    for pattern in patterns.split(","):
        try:
            one, other = (ipaddress.ip_network(text, strict=False) for text in (network, pattern))
        except ValueError:
            continue
        if one.version == other.version and other.supernet_of(one):  # type: ignore[arg-type]  # of the same version
            return True
    return False


def _split_assignment(rest: list[str]) -> str:
    """Take the criterion of ``User=deploy`` from ``rest``; its pattern is then the next argument."""
    name, _sign, pattern = rest.pop(0).partition("=")
    rest.insert(0, pattern)
    return name.lower()


def _take_pattern(name: str, rest: list[str], where: str) -> str:
    if rest[:1] == ["="]:
        rest.pop(0)
    if not rest or not rest[0]:
        raise BaselineError(f"the Match criterion {name!r} has no pattern", where=where)
    return rest.pop(0)


def _unknown_criterion(name: str, where: str) -> BaselineError:
    if name in _CLIENTS:
        return BaselineError(
            f"{name!r} is a Match criterion of the client (ssh_config), which sshd does not have", where=where
        )
    hint = did_you_mean(name, [*CRITERIA, "all", "invalid-user"])
    return BaselineError(f"unknown Match criterion {name!r}", where=where, hint=hint)


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
    """Match the groups against a pattern list; one excluded group excludes (``ga_match_pattern_list``)."""
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
    plain, zone = split_zone(value)
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return False
    found = False
    for pattern in patterns.split(","):
        negated, bare = pattern.startswith("!"), pattern[pattern.startswith("!") :]
        network, its_zone = split_zone(bare)
        try:
            hit = address in ipaddress.ip_network(network, strict=False) and zone == its_zone
        except ValueError:
            hit = _glob(bare, value)
        if hit and negated:
            return False
        found = found or hit
    return found


def split_zone(text: str) -> tuple[str, str]:
    """Return an address or a network without its zone, and the zone: ``fe80::%eth0/64`` is on ``eth0``.

    sshd compares both (``addr_cmp``): a link-local client has a zone, and is in no network without one.
    """
    address, slash, length = text.partition("/")
    plain, _sign, zone = address.partition("%")
    return plain + slash + length, zone


def _example(name: str, pattern: str) -> str | None:
    """Return an example value that the first positive part of ``pattern`` matches."""
    for part in pattern.split(","):
        if part.startswith("!"):
            continue
        if name in ("address", "localaddress") and "/" in part:
            return _address_in(part)
        filled = part.replace("*", "1" if name in ("address", "localaddress") else "x").replace("?", "1")
        return None if name == "group" and filled != part else filled
    return None


def _address_in(text: str) -> str | None:
    """Return an address in the network ``text``; ``None`` where it is none, or has a zone."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return str(network.network_address + (1 if network.num_addresses > 2 else 0))


def _glob(pattern: str, word: str) -> bool:
    """Match as ssh's ``match_pattern``: only ``*`` and ``?`` are special, brackets are not."""
    escaped = re.sub(r"\[", "[[]", pattern)
    return fnmatch.fnmatchcase(word, escaped)
