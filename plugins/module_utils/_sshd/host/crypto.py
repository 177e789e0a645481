# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A crypto profile on this host: what its OpenSSH and its host keys make of it, as settings that join the wish."""

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
from ..effective import Effective
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
from ..plan import ManagedFiles, plan_files
from ..settings import SshdSettings, render_settings
from ..tree import Tree, compose
from .keys import GeneratedKey, host_keys
from .sshd import Sshd, incoming_connection, stage

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["CryptoProfile", "HostCrypto", "plan_preflight", "resolve_crypto"]

_UNCHANGED = "nothing was changed"
# The package's own file stays as it is: a changed one would stop dpkg with a question at its next upgrade.
_MODULI = "moduli.pyhost-baseline"


@dataclass(frozen=True)
class CryptoProfile:
    """What was asked: the profile, and the keywords that the user has set explicitly, which it leaves alone."""

    name: str = "system"
    explicit: frozenset[str] = frozenset()


@dataclass
class HostCrypto:
    """What a profile comes to on this host. ``moduli``: our own file of them, as it is and as it should be."""

    profile: str
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    keys: list[HostKey] = field(default_factory=list)
    needed: tuple[NewHostKey, ...] = ()
    paths: tuple[str, ...] = ()
    moduli: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    policy: str = ""

    @property
    def changes(self) -> bool:
        return bool(self.needed) or any(before != after for before, after in self.moduli.values())

    def loaded_with(self, tree: Tree) -> Tree:
        """Return ``tree`` with the host keys: sshd reads them when it reads its files."""
        return replace(tree, files={**dict.fromkeys(self.paths, ""), **tree.files})

    def joined(self, desired: SshdSettings) -> SshdSettings:
        """Return ``desired`` with the profile's settings below its own."""
        return replace(desired, settings=dict(sorted({**self.settings, **desired.settings}.items())))

    def files(
        self, generated: t.Sequence[GeneratedKey]
    ) -> tuple[dict[str, str | None], dict[str, str | None], dict[str, tuple[int, int, int]]]:
        """Return the files beside the configuration, before and after, and who may read the new ones."""
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
        there = {key.path: key for key in [*self.keys, *planned]}
        there.update(new)
        return {
            "profile": self.profile,
            "policy": self.policy,
            "left_out": self.left_out,
            "host_keys": [dict(vars(there[path])) for path in self.paths if path in there],
            "replaced": [one.as_result() for one in generated if one.replaces],
        }


def resolve_crypto(
    sshd: Sshd,
    profile: CryptoProfile,
    desired: SshdSettings,
    files: ManagedFiles,
    tree: Tree,
    texts: dict[str, str | None],
) -> HostCrypto:
    """Ask the host what it makes of ``profile``, under a configuration that is all of ``desired`` but without it."""
    host = sshd.host
    own_moduli = os.path.join(os.path.dirname(sshd.main), _MODULI)
    crypto = HostCrypto(profile.name)
    if own_moduli not in desired.settings.get("ModuliFile", ()):
        crypto.moduli[own_moduli] = (host.read(own_moduli), None)
    if profile.name == "system":
        return crypto
    bare = tree.with_files(plan_files(files, texts, render_settings(desired) if desired else None).after)
    root = stage(host, bare)
    base = incoming_connection(host)
    effective = sshd.effective(base, root=root)
    system = parse_os_release(host.read("/etc/os-release") or "")
    if profile.name == "strict":
        crypto.policy = _policy_title(system, crypto)
    keys, policy = _host_keys(sshd, profile, effective, crypto)
    lists = {**profile_settings(profile.name, system), "HostKeyAlgorithms": policy.algorithms}
    requested = {name: values for name, values in lists.items() if name.lower() not in profile.explicit}

    def knows(keyword: str, name: str) -> bool:
        try:
            return bool(sshd.effective(base, root=root, options=["-o", f"{keyword}={name}"]))
        except BaselineError:
            return False

    known, left_out = supported_algorithms(requested, effective, knows)
    crypto.left_out += left_out
    crypto.settings = {name: (",".join(values),) for name, values in known.items()}
    if profile.name == "strict":
        _load_in_order(profile, policy, effective, compose(bare), files, crypto)
        _moduli(host, profile, effective, own_moduli, crypto)
    allowed = crypto.settings.get("HostKeyAlgorithms", effective["hostkeyalgorithms"])[0].split(",")
    order = crypto.settings.get("HostKey", tuple(keys))
    planned = [HostKey(one.path, one.type, one.bits, "") for one in policy.needed]
    listed = {key.path: key for key in [*filter(None, keys.values()), *planned]}
    crypto.paths = tuple(key.path for key in offered_keys([listed[path] for path in order if path in listed], allowed))
    crypto.keys = [key for key in keys.values() if key]
    crypto.needed = policy.needed
    return crypto


def plan_preflight(sshd: Sshd, now: Effective, then: Effective, crypto: HostCrypto) -> Preflight | None:
    """Return what a client shall do without before the change, because it will have to after it.

    ``without`` holds the algorithms that go away, ``keys`` the host keys that stay: only what a client knows of these
    can be verified afterwards. No keys: nothing that is shown afterwards can have been seen before. ``None`` is
    returned where it is not known what sshd shows now.
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


def _policy_title(system: System, crypto: HostCrypto) -> str:
    name = policy_of(system)
    if not name:
        crypto.left_out.append(f"ssh-audit has no policy for {system.title}: the lists are those of its newest ones")
    return POLICIES[name][0] if name else ""


def _host_keys(
    sshd: Sshd, profile: CryptoProfile, effective: Effective, crypto: HostCrypto
) -> tuple[dict[str, HostKey | None], KeyPolicy]:
    keys = host_keys(sshd, effective)
    policy = key_policy(profile.name, keys)
    if effective.get("hostkeyagent", ("none",))[0] != "none":
        # Private keys are not on the disk then.
        policy = replace(policy, needed=())
    if not policy.algorithms and "hostkeyalgorithms" not in profile.explicit:
        raise BaselineError(
            f"the crypto profile {profile.name} would offer no host key at all: {'; '.join(policy.left_out)}; "
            f"{_UNCHANGED}; name another key under HostKey, or set HostKeyAlgorithms yourself"
        )
    crypto.left_out += policy.left_out if "hostkeyalgorithms" not in profile.explicit else ()
    return keys, policy


def _load_in_order(
    profile: CryptoProfile,
    policy: KeyPolicy,
    effective: Effective,
    directives: t.Iterable[t.Any],
    files: ManagedFiles,
    crypto: HostCrypto,
) -> None:
    """ssh-audit's policies look at the order of the host keys too, which is that of the HostKey lines."""
    others = [one.where for one in directives if one.keyword == "hostkey" and one.file not in files.own]
    if "hostkey" not in profile.explicit and not others:
        crypto.settings["HostKey"] = policy.paths
    elif effective.get("hostkey") != policy.paths:
        who = ", ".join(others) or "the settings"
        crypto.left_out.append(f"HostKey: {who} decide which keys are loaded; the policy wants ed25519, then RSA")


def _moduli(host: Host, profile: CryptoProfile, effective: Effective, own: str, crypto: HostCrypto) -> None:
    kex = crypto.settings.get("KexAlgorithms") or effective.get("kexalgorithms", ())
    if "diffie-hellman-group-exchange" not in kex[0] or "modulifile" in profile.explicit or own not in crypto.moduli:
        return
    if "modulifile" not in effective:
        crypto.left_out.append("ModuliFile: this OpenSSH does not know the keyword")
        return
    source = effective["modulifile"][0]
    text = filtered_moduli(host.read(source) or "")
    if text:
        crypto.moduli[own] = (crypto.moduli[own][0], text)
        crypto.settings["ModuliFile"] = (own,)
    else:
        crypto.left_out.append(f"ModuliFile: {source} holds no group of 3072 bits or more")


def _list(effective: Effective, keyword: str) -> list[str]:
    return ",".join(effective.get(keyword.lower(), ())).split(",")


def _groups(text: str | None) -> str:
    return "" if text is None else f"{len(text.splitlines())} groups of 3072 bits and more\n"


def _entry(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
