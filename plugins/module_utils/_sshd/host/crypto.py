# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolves a crypto profile on this host: the settings that its OpenSSH and its host keys support."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import BaselineError
from ..._core.os_release import System, parse_os_release
from ..confirmation import Preflight
from ..crypto import (
    POLICIES,
    policy_of,
    profile_settings,
    supported_algorithms,
)
from ..effective import Effective, first_value
from ..host_keys import (
    HostKey,
    KeyPolicy,
    NewHostKey,
    filtered_moduli,
    key_policy,
    offered_keys,
    removed_names,
    without_types,
)
from ..match import Connection
from ..plan import ManagedFiles, plan_files
from ..settings import SshdSettings, render_settings
from ..tree import Tree, compose
from .keys import GeneratedKey, host_keys, unloaded_key_warnings
from .sshd import Sshd, incoming_connection, stage

__all__ = ["CryptoProfile", "HostCrypto", "plan_preflight", "resolve_crypto"]

# The package's own file stays unchanged: dpkg would ask about a changed one at its next upgrade.
_MODULI = "moduli.pyhost-baseline"

Settings = t.Mapping[str, t.Tuple[str, ...]]


@dataclass(frozen=True)
class CryptoProfile:
    """The requested profile, and the keywords (lower case) that the user has set explicitly: it does not set these."""

    name: str = "system"
    explicit: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HostCrypto:
    """A profile as resolved on this host.

    ``keys`` are the present host keys, ``needed`` the ones to generate, ``paths`` those that sshd offers afterwards.
    ``moduli`` is our own file of moduli: its path -> its text before and after.
    """

    profile: str
    settings: Settings = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    keys: tuple[HostKey, ...] = ()
    needed: tuple[NewHostKey, ...] = ()
    paths: tuple[str, ...] = ()
    moduli: t.Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    policy: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.needed) or any(before != after for before, after in self.moduli.values())

    def loaded_with(self, tree: Tree) -> Tree:
        """Return ``tree`` with the host keys: sshd reads them together with its files."""
        return replace(tree, files={**dict.fromkeys(self.paths, ""), **tree.files})

    def joined(self, desired: SshdSettings) -> SshdSettings:
        """Return ``desired`` with the profile's settings, which its own settings override."""
        return replace(desired, settings=dict(sorted({**self.settings, **desired.settings}.items())))

    def files(
        self, generated: t.Sequence[GeneratedKey]
    ) -> tuple[dict[str, str | None], dict[str, str | None], dict[str, tuple[int, int, int]]]:
        """Return the files besides the configuration, before and after, and the owner and mode of the new ones."""
        before = {path: texts[0] for path, texts in self.moduli.items()}
        after = {path: texts[1] for path, texts in self.moduli.items()}
        for one in generated:
            before.update(one.before)
            after.update(one.after)
        return before, after, {path: access for one in generated for path, access in one.access.items()}

    def diff(self, generated: t.Sequence[GeneratedKey] = ()) -> list[dict[str, str]]:
        new = {one.key.path: f"{one.key}\n" for one in generated}
        entries = [
            _entry(one.path, f"{one.replaces}\n" if one.replaces else "", new.get(one.path, f"{one.type} {one.bits}\n"))
            for one in self.needed
        ]
        counted = ((path, *map(_groups, texts)) for path, texts in self.moduli.items() if texts[0] != texts[1])
        return entries + [_entry(path, before, after) for path, before, after in counted]

    def result(self, generated: t.Sequence[GeneratedKey] = ()) -> dict[str, t.Any]:
        new = {one.key.path: one.key for one in generated}
        planned = [HostKey(one.path, one.type, one.bits, "") for one in self.needed]
        keys = {**{key.path: key for key in [*self.keys, *planned]}, **new}
        return {
            "profile": self.profile,
            "policy": self.policy,
            "left_out": list(self.left_out),
            "host_keys": [dict(vars(keys[path])) for path in self.paths if path in keys],
            "replaced": [one.as_result() for one in generated if one.replaces],
        }


@dataclass(frozen=True)
class _Staged:
    """The staged configuration without the profile, and sshd's answer about it."""

    sshd: Sshd
    root: str
    base: Connection
    effective: Effective

    def knows(self, keyword: str, name: str) -> bool:
        """Say whether this sshd accepts ``name`` as a value of ``keyword``."""
        try:
            return bool(self.sshd.effective(self.base, root=self.root, options=["-o", f"{keyword}={name}"]))
        except BaselineError:
            return False


@dataclass(frozen=True)
class _Part:
    """Settings of the profile, and a message for each part of it that is left out."""

    settings: Settings = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def resolve_crypto(
    sshd: Sshd,
    profile: CryptoProfile,
    desired: SshdSettings,
    files: ManagedFiles,
    tree: Tree,
    texts: t.Mapping[str, str | None],
) -> HostCrypto:
    """Ask the host what it supports of ``profile``, with all of ``desired`` in its configuration."""
    path = os.path.join(os.path.dirname(sshd.main), _MODULI)
    # The file of a user who names it as ModuliFile is not ours.
    present = {} if path in desired.settings.get("ModuliFile", ()) else {path: sshd.host.read(path)}
    if profile.name == "system":
        return HostCrypto(profile.name, moduli={path: (text, None) for path, text in present.items()})
    bare = tree.with_files(plan_files(files, texts, render_settings(desired) if desired else None).after)
    staged = _stage(sshd, bare)
    system = parse_os_release(sshd.host.read("/etc/os-release") or "")
    keys = host_keys(sshd, staged.effective)
    policy = _require_keys(profile, keys, staged.effective)
    algorithms = _algorithm_part(staged, profile, policy, system)
    parts = [*_policy_part(profile, system), _key_part(profile, policy), algorithms]
    moduli = ""
    if profile.name == "strict":
        others = [one.where for one in compose(bare) if one.keyword == "hostkey" and one.file not in files.own]
        part, moduli = _moduli_part(staged, profile, algorithms.settings, path if present else "")
        parts += [_order_part(profile, policy, staged.effective, others), part]
    settings = {name: values for part in parts for name, values in part.settings.items()}
    return HostCrypto(
        profile.name,
        settings=settings,
        left_out=tuple(message for part in parts for message in part.left_out),
        keys=tuple(key for key in keys.values() if key),
        needed=policy.needed,
        paths=_offered_paths(settings, staged.effective, keys, policy),
        moduli={path: (text, moduli or None) for path, text in present.items()},
        policy=POLICIES[policy_of(system)][0] if profile.name == "strict" and policy_of(system) else "",
        warnings=tuple(unloaded_key_warnings(sshd, staged.effective, keys)),
    )


def _stage(sshd: Sshd, bare: Tree) -> _Staged:
    root = stage(sshd.host, bare)
    base = incoming_connection(sshd.host)
    return _Staged(sshd, root, base, sshd.effective(base, root=root))


def plan_preflight(sshd: Sshd, now: Effective, then: Effective, crypto: HostCrypto) -> Preflight | None:
    """Return the restrictions of the preflight login: what the change takes away from clients, and what stays.

    ``without`` has the algorithms that go away, ``keys`` the host keys that stay: a client can only verify a key that
    it knows already. Without such keys no client can verify the host afterwards. Returns ``None`` where it is unknown
    what sshd offers now.
    """
    if not now:
        return None
    without = {
        option: removed_names(_list(now, option), _list(then, option))
        for option in ("KexAlgorithms", "Ciphers", "MACs")
    }
    anew = {one.path for one in crypto.needed}
    before = offered_keys(filter(None, host_keys(sshd, now).values()), _list(now, "HostKeyAlgorithms"))
    after = offered_keys(before, _list(then, "HostKeyAlgorithms"))
    loaded = then.get("hostkey", ())
    kept = [key for key in after if key.path in loaded and key.path not in anew]
    if not before:
        return None
    if len(kept) < len(before):
        without["HostKeyAlgorithms"] = without_types(_list(now, "HostKeyAlgorithms"), {key.type for key in kept})
    return Preflight(
        {option: names for option, names in without.items() if names},
        keys=tuple(str(key) for key in kept),
        new_keys=tuple(sorted(anew)),
    )


def _require_keys(profile: CryptoProfile, keys: t.Mapping[str, HostKey | None], effective: Effective) -> KeyPolicy:
    """Return the policy for the host keys; a profile that would offer no key at all is an error."""
    policy = key_policy(profile.name, keys)
    if first_value(effective, "hostkeyagent") not in ("", "none"):
        # The private keys are not on the disk then.
        policy = replace(policy, needed=())
    if not policy.algorithms and "hostkeyalgorithms" not in profile.explicit:
        raise BaselineError(
            f"the crypto profile {profile.name} would offer no host key at all: {', '.join(policy.left_out)}",
            option="crypto",
            hint="name another key in HostKey, or set HostKeyAlgorithms yourself",
        )
    return policy


def _policy_part(profile: CryptoProfile, system: System) -> list[_Part]:
    if profile.name != "strict" or policy_of(system):
        return []
    return [_Part(left_out=(f"ssh-audit has no policy for {system.title}: the lists are those of its newest ones",))]


def _key_part(profile: CryptoProfile, policy: KeyPolicy) -> _Part:
    return _Part(left_out=() if "hostkeyalgorithms" in profile.explicit else policy.left_out)


def _algorithm_part(staged: _Staged, profile: CryptoProfile, policy: KeyPolicy, system: System) -> _Part:
    """Return the profile's lists, as far as this OpenSSH supports them and the user has not set them."""
    lists = {**profile_settings(profile.name, system), "HostKeyAlgorithms": policy.algorithms}
    requested = {name: values for name, values in lists.items() if name.lower() not in profile.explicit}
    known, left_out = supported_algorithms(requested, staged.effective, staged.knows)
    return _Part({name: (",".join(values),) for name, values in known.items()}, tuple(left_out))


def _order_part(profile: CryptoProfile, policy: KeyPolicy, effective: Effective, others: t.Sequence[str]) -> _Part:
    """Return HostKey lines in the order of ssh-audit's policies, unless ``others`` or the user have such lines."""
    if "hostkey" not in profile.explicit and not others:
        return _Part({"HostKey": policy.paths})
    if effective.get("hostkey") == policy.paths:
        return _Part()
    who = ", ".join(others) or "the settings"
    return _Part(left_out=(f"HostKey: {who} decide which keys are loaded; the policy wants ed25519, then RSA",))


def _moduli_part(staged: _Staged, profile: CryptoProfile, algorithms: Settings, own: str) -> tuple[_Part, str]:
    """Return ModuliFile for our own file ``own`` and its text, where the key exchanges use moduli; empty otherwise."""
    kex = algorithms.get("KexAlgorithms") or staged.effective.get("kexalgorithms", ())
    if "diffie-hellman-group-exchange" not in kex[0] or "modulifile" in profile.explicit or not own:
        return _Part(), ""
    if "modulifile" not in staged.effective:
        return _Part(left_out=("ModuliFile: this OpenSSH does not know the keyword",)), ""
    source = staged.effective["modulifile"][0]
    text = filtered_moduli(staged.sshd.host.read(source) or "")
    if not text:
        return _Part(left_out=(f"ModuliFile: {source} contains no group of 3072 bits or more",)), ""
    return _Part({"ModuliFile": (own,)}), text


def _offered_paths(
    settings: Settings, effective: Effective, keys: t.Mapping[str, HostKey | None], policy: KeyPolicy
) -> tuple[str, ...]:
    """Return the paths of the host keys that sshd offers with ``settings``, the generated ones included."""
    allowed = settings.get("HostKeyAlgorithms", effective["hostkeyalgorithms"])[0].split(",")
    planned = [HostKey(one.path, one.type, one.bits, "") for one in policy.needed]
    listed = {key.path: key for key in [*filter(None, keys.values()), *planned]}
    loaded = [listed[path] for path in settings.get("HostKey", tuple(keys)) if path in listed]
    return tuple(key.path for key in offered_keys(loaded, allowed))


def _list(effective: Effective, keyword: str) -> list[str]:
    return ",".join(effective.get(keyword.lower(), ())).split(",")


def _groups(text: str | None) -> str:
    return "" if text is None else f"{len(text.splitlines())} groups of 3072 bits and more\n"


def _entry(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
