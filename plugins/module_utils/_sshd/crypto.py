# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crypto profiles as data, and the part of a profile that a given OpenSSH supports.

``hardened`` offers only algorithms for which ssh-audit 3.9.0 reports neither a failure nor a warning. It warns of key
exchanges without protection against quantum computers, so only hybrid ones remain. ``strict`` is ssh-audit's policy for
the host's system, list by list (``builtin_policies.py``); what a policy does not check is from ssh-audit's hardening
guide for that system. ``system`` leaves everything to the distribution.
"""

from __future__ import annotations

import typing as t

from .._core.os_release import System

__all__ = ["POLICIES", "PROFILES", "policy_of", "profile_settings", "supported_algorithms"]

PROFILES = ("system", "hardened", "strict")

_HYBRID = ("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com")
_CURVE = ("curve25519-sha256", "curve25519-sha256@libssh.org")
_GROUPS = ("diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha256")
_MACS = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com")
_MACS_256_FIRST = (_MACS[1], _MACS[0], _MACS[2])
_CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-gcm@openssh.com",
    "aes128-ctr",
)

# System (one of its keys) -> the title of ssh-audit's newest policy, its key exchanges and MACs.
POLICIES = {
    "debian12": ("Hardened Debian 12", (*_HYBRID[1:], *_CURVE, *_GROUPS), _MACS_256_FIRST),
    "debian13": ("Hardened Debian 13", _HYBRID, _MACS),
    "ubuntu22.04": ("Hardened Ubuntu Server 22.04 LTS", (_HYBRID[2], *_CURVE, *_GROUPS), _MACS_256_FIRST),
    "ubuntu24.04": (
        "Hardened Ubuntu Server 24.04 LTS",
        (_HYBRID[2], *_CURVE, _GROUPS[1], _GROUPS[2], _GROUPS[0]),
        _MACS,
    ),
    "ubuntu26.04": ("Hardened Ubuntu Server 26.04 LTS", _HYBRID, _MACS),
    "el9": ("Hardened Rocky Linux 9", (_HYBRID[2], *_CURVE, *_GROUPS), _MACS_256_FIRST),
    "el10": ("Hardened Rocky Linux 10", _HYBRID, _MACS_256_FIRST),
}

_STRICT_KEYS = (
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
# Only the user can replace a user's key. So hardened only removes broken signatures (SHA-1, DSA). It keeps the NIST
# curves, which older security keys (sk-ecdsa) need, and future types.
_BROKEN = ("-ssh-rsa*", "ssh-dss*")
_GSSAPI = ("gss-curve25519-sha256-", "gss-group16-sha512-")


def policy_of(system: System) -> str:
    """Return the key of :data:`POLICIES` for ``system``, an empty text where ssh-audit has no policy for it."""
    return next((key for key in system.keys if key in POLICIES), "")


def profile_settings(profile: str, system: System) -> dict[str, tuple[str, ...]]:
    """Return the lists (and sizes) of ``profile``, whether this OpenSSH supports them or not."""
    if profile == "system":
        return {}
    strict = profile == "strict"
    _title, kex, macs = POLICIES.get(policy_of(system), ("", _HYBRID, _MACS)) if strict else ("", _HYBRID, _MACS)
    settings = {
        "KexAlgorithms": kex,
        "Ciphers": _CIPHERS,
        "MACs": macs,
        "GSSAPIKexAlgorithms": _GSSAPI,
        "PubkeyAcceptedAlgorithms": _STRICT_KEYS if strict else _BROKEN,
        "RequiredRSASize": ("3072" if strict else "2048",),
    }
    if strict:
        settings["HostbasedAcceptedAlgorithms"] = _STRICT_KEYS
        settings["CASignatureAlgorithms"] = tuple(name for name in _STRICT_KEYS if "-cert-" not in name)
    return settings


def supported_algorithms(
    settings: t.Mapping[str, tuple[str, ...]],
    effective: t.Mapping[str, tuple[str, ...]],
    knows: t.Callable[[str, str], bool],
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the ``settings`` that this OpenSSH supports, and a message for each part that is left out.

    ``effective`` is the answer of ``sshd -T`` without the profile. It lists known names; ``knows`` asks for the others.
    """
    kept: dict[str, tuple[str, ...]] = {}
    left_out = []
    for keyword, values in settings.items():
        if keyword.lower() not in effective:
            left_out.append(f"{keyword}: this OpenSSH does not know the keyword")
            continue
        listed = ",".join(effective[keyword.lower()]).split(",")
        if keyword == "RequiredRSASize":
            # The system may require more.
            kept[keyword] = (str(max(int(values[0]), int(effective["requiredrsasize"][0]))),)
            continue
        if values[0].startswith("-"):
            kept[keyword] = values
            continue
        known = tuple(name for name in values if name in listed or knows(keyword, name))
        unknown = [name for name in values if name not in known]
        if unknown:
            left_out.append(f"{keyword}: this OpenSSH does not know {', '.join(unknown)}")
        if known:
            kept[keyword] = known
        else:
            left_out.append(f"{keyword}: this OpenSSH knows none of the profile's algorithms, so the system decides")
    return kept, left_out
