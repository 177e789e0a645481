# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys: which ones a crypto profile offers, which ones to generate, and which ones a client can know already.

sshd offers a key if it is loaded (``HostKey``) and ``HostKeyAlgorithms`` contains an algorithm of its type. Profiles
set only the latter where they can, because the ``HostKey`` lines of several files add up.
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

# The keys that sshd loads without a HostKey line (sshd_config(5)).
DEFAULT_PATHS = ("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key")
# The types of the profiles, in the order of ssh-audit's policies -> the algorithms they sign with.
_OFFERED = {"ssh-ed25519": ("ssh-ed25519",), "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_CERTIFICATE = "-cert-v01@openssh.com"
_LEAST_RSA = 3072
# The size in ssh-audit's policies. New keys have it in every profile, so that strict need not replace them later.
_STRICT_RSA = 4096
# moduli(5) gives the size of a prime less one.
_LEAST_MODULUS = 3071


@dataclass(frozen=True)
class HostKey:
    """A host key file. ``type`` is its name in the protocol (``ssh-rsa``), ``bits`` is from ssh-keygen."""

    path: str
    type: str
    bits: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.type} {self.bits} {self.fingerprint}"


@dataclass(frozen=True)
class NewHostKey:
    """A host key to generate; ``replaces`` is the present key at its path."""

    path: str
    type: str
    bits: int
    replaces: HostKey | None = None


@dataclass(frozen=True)
class KeyPolicy:
    """``paths``: the offered keys, in the profile's order; ``algorithms``: those that they sign with."""

    paths: tuple[str, ...]
    algorithms: tuple[str, ...]
    needed: tuple[NewHostKey, ...]
    left_out: tuple[str, ...]


def parse_listing(path: str, text: str) -> HostKey | None:
    """Read the output of ``ssh-keygen -l`` for the key at ``path``: bits, fingerprint, comment, (TYPE)."""
    found = re.match(r"(\d+) (\S+) .*\(([\w-]+)\)\s*$", text.strip())
    if not found:
        return None
    bits, fingerprint, name = found.groups()
    kind = {"ECDSA": f"ecdsa-sha2-nistp{bits}", "DSA": "ssh-dss"}.get(name, f"ssh-{name.lower()}")
    return HostKey(path, kind, int(bits), fingerprint)


def key_policy(profile: str, keys: t.Mapping[str, HostKey | None]) -> KeyPolicy:
    """Decide which of the host keys that sshd loads are offered, and which ones to generate.

    ``keys`` has the key at each path, ``None`` for a missing one, which is generated only where the file name tells its
    type. A type is offered for all of its keys or none: one RSA key that is too short excludes all RSA keys.
    """
    strict = profile == "strict"
    needed, left_out, refused = [], [], set()
    at: dict[str, list[str]] = {kind: [] for kind in _OFFERED}
    for path, key in keys.items():
        kind = key.type if key else _named(path)
        short = bool(key) and kind == "ssh-rsa" and key.bits < _LEAST_RSA  # type: ignore[union-attr]
        if kind not in _OFFERED:
            left_out += _not_offered(path, key)
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
    """Return the ``keys`` that sign with one of the algorithms ``allowed`` (HostKeyAlgorithms)."""
    types = {_type(name) for name in allowed}
    return [key for key in keys if key.type in types]


def removed_names(now: t.Sequence[str], then: t.Sequence[str]) -> tuple[str, ...]:
    """Return the names in ``now`` that are not in ``then``; nothing where no name remains for a preflight login."""
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


def _not_offered(path: str, key: HostKey | None) -> list[str]:
    if key:
        return [f"{path} is not offered: {key.type} is not part of the profile"]
    if re.fullmatch(r"ssh_host_\w+_key", posixpath.basename(path)):
        return []
    return [f"{path} does not exist, and its name does not tell the type of key to generate"]


def _type(algorithm: str) -> str:
    bare = algorithm.replace(_CERTIFICATE, "")
    return "ssh-rsa" if bare.startswith("rsa-sha2-") else bare
