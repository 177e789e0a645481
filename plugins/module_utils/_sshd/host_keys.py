# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys: which a crypto profile offers, which are to be generated, which a client can have seen before. Pure.

A key is offered when it is loaded (``HostKey``) and ``HostKeyAlgorithms`` holds an algorithm that it signs with. The
profiles use the latter alone where they can: ``HostKey`` lines of several files add up.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass

from .._core.text import is_number

__all__ = [
    "DEFAULT_PATHS",
    "HostKey",
    "KeyPolicy",
    "NewHostKey",
    "filtered_moduli",
    "key_policy",
    "offered_keys",
    "parse_listing",
    "removed_names",
]

# What sshd loads where no file says HostKey (sshd_config(5)).
DEFAULT_PATHS = ("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key")
# The types of the profiles, in the order of ssh-audit's policies -> the algorithms they sign with.
_OFFERED = {"ssh-ed25519": ("ssh-ed25519",), "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_CERTIFICATE = "-cert-v01@openssh.com"
_LEAST_RSA = 3072
# What ssh-audit's policies ask for; made at once where none is there, so that strict need not replace it later.
_STRICT_RSA = 4096
# moduli(5) gives the size of a prime less one.
_LEAST_MODULUS = 3071


@dataclass(frozen=True)
class HostKey:
    """A host key on the disk. ``type`` is its name in the protocol (``ssh-rsa``), ``bits`` what ssh-keygen says."""

    path: str
    type: str
    bits: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.type} {self.bits} {self.fingerprint}"


@dataclass(frozen=True)
class NewHostKey:
    """A host key that has to be made; ``replaces`` is the one whose place it takes."""

    path: str
    type: str
    bits: int
    replaces: HostKey | None = None


@dataclass(frozen=True)
class KeyPolicy:
    """``paths``: the keys that are offered, in the profile's order; ``algorithms``: those they sign with."""

    paths: tuple[str, ...]
    algorithms: tuple[str, ...]
    needed: tuple[NewHostKey, ...]
    left_out: tuple[str, ...]


def parse_listing(path: str, text: str) -> HostKey | None:
    """Read what ``ssh-keygen -l`` prints for the key at ``path``: bits, fingerprint, comment, (TYPE)."""
    found = re.match(r"(\d+) (\S+) .*\(([\w-]+)\)\s*$", text.strip())
    if not found:
        return None
    bits, fingerprint, word = found.groups()
    kind = {"ECDSA": f"ecdsa-sha2-nistp{bits}", "DSA": "ssh-dss"}.get(word, f"ssh-{word.lower()}")
    return HostKey(path, kind, int(bits), fingerprint)


def key_policy(profile: str, keys: t.Mapping[str, HostKey | None]) -> KeyPolicy:
    """Decide which of the host keys that sshd loads are offered, and which have to be made.

    ``keys`` holds what lies at each path, ``None`` for nothing; of those only a path whose name tells the type is
    filled. Types cannot be offered by halves: one RSA key that is too short keeps all of them from being offered.
    """
    strict = profile == "strict"
    needed, left_out, refused = [], [], set()
    at: dict[str, list[str]] = {kind: [] for kind in _OFFERED}
    for path, key in keys.items():
        kind = key.type if key else _named(path)
        short = bool(key) and kind == "ssh-rsa" and key.bits < _LEAST_RSA  # type: ignore[union-attr]
        if kind not in _OFFERED:
            left_out += _unfit(path, key)
        elif short and not strict:
            refused.add(kind)
            left_out.append(f"{path} is not offered: ssh-rsa of less than {_LEAST_RSA} bits (strict replaces it)")
        else:
            at[kind].append(path)
            wanted = _STRICT_RSA if kind == "ssh-rsa" else 256
            if key is None or (strict and key.bits != wanted):
                needed.append(NewHostKey(path, kind, wanted, replaces=key))
    types = [kind for kind in _OFFERED if at[kind] and kind not in refused]
    names = [name for kind in types for name in _OFFERED[kind]]
    return KeyPolicy(
        paths=tuple(path for kind in types for path in at[kind]),
        algorithms=tuple([name + _CERTIFICATE for name in names] + names),
        needed=tuple(one for one in needed if one.type in types),
        left_out=tuple(left_out),
    )


def offered_keys(keys: t.Iterable[HostKey], allowed: t.Iterable[str]) -> list[HostKey]:
    """Return those of ``keys`` that sign with one of the algorithms ``allowed`` (HostKeyAlgorithms)."""
    types = {_type(name) for name in allowed}
    return [key for key in keys if key.type in types]


def removed_names(now: t.Sequence[str], then: t.Sequence[str]) -> tuple[str, ...]:
    """Return what of ``now`` is not in ``then``; nothing where the two share nothing, as then nothing can be tried."""
    return tuple(name for name in now if name not in then) if set(now) & set(then) else ()


def without_types(algorithms: t.Iterable[str], types: t.Collection[str]) -> tuple[str, ...]:
    """Return the algorithms that no key of ``types`` signs with."""
    return tuple(name for name in algorithms if _type(name) not in types)


def filtered_moduli(text: str) -> str:
    """Return the lines of moduli(5) for groups of 3072 bits and more, an empty text where there is none."""
    lines = [line for line in text.splitlines(keepends=True) if _modulus(line) >= _LEAST_MODULUS]
    return "".join(lines)


def _modulus(line: str) -> int:
    fields = line.split()
    return int(fields[4]) if len(fields) == 7 and is_number(fields[4]) else 0


def _named(path: str) -> str:
    found = re.fullmatch(r"ssh_host_(ed25519|rsa)_key", posixpath.basename(path))
    return f"ssh-{found.group(1)}" if found else ""


def _unfit(path: str, key: HostKey | None) -> list[str]:
    if key:
        return [f"{path} is not offered: {key.type} is not part of the profile"]
    if re.fullmatch(r"ssh_host_\w+_key", posixpath.basename(path)):
        return []
    return [f"{path} does not exist, and its name does not tell which type of key to make"]


def _type(algorithm: str) -> str:
    bare = algorithm.replace(_CERTIFICATE, "")
    return "ssh-rsa" if bare.startswith("rsa-sha2-") else bare
