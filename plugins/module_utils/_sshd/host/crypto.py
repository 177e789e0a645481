# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A posture on this host: what its OpenSSH and its host keys make of it, as settings that join the wish."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import BaselineError
from ..._core.os_release import System, parse_os_release
from ..confirmation import Preflight
from ..crypto import (
    POLICIES,
    algorithms,
    policy_of,
    wished,
)
from ..effective import Effective
from ..host_keys import (
    HostKey,
    KeyPolicy,
    Needed,
    fewer,
    filtered_moduli,
    key_policy,
    offered_types,
    without_types,
)
from ..plan import Places, plan
from ..tree import Tree, compose
from ..wish import Wish, render
from .keys import Made, host_keys
from .sshd import Sshd, controller, stage

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Crypto", "Posture", "rehearsal", "resolve"]

_UNCHANGED = "nothing was changed"
# The package's own file stays as it is: a changed one would stop dpkg with a question at its next upgrade.
_MODULI = "moduli.pyhost-baseline"


@dataclass(frozen=True)
class Posture:
    """What was asked: the posture, and the keywords that the user has spoken of, which it leaves alone."""

    name: str = "system"
    spoken: frozenset[str] = frozenset()


@dataclass
class Crypto:
    """What a posture comes to on this host. ``moduli``: our own file of them, as it is and as it should be."""

    posture: str
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    keys: list[HostKey] = field(default_factory=list)
    needed: tuple[Needed, ...] = ()
    paths: tuple[str, ...] = ()
    moduli: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    policy: str = ""

    @property
    def changes(self) -> bool:
        return bool(self.needed) or any(before != after for before, after in self.moduli.values())

    def loaded_with(self, tree: Tree) -> Tree:
        """Return ``tree`` with the host keys: sshd reads them when it reads its files."""
        return replace(tree, files={**dict.fromkeys(self.paths, ""), **tree.files})

    def joined(self, wish: Wish) -> Wish:
        """Return ``wish`` with the posture's settings below its own."""
        return replace(wish, settings=dict(sorted({**self.settings, **wish.settings}.items())))

    def files(
        self, made: t.Sequence[Made]
    ) -> tuple[dict[str, str | None], dict[str, str | None], dict[str, tuple[int, int, int]]]:
        """Return the files beside the configuration, before and after, and who may read the new ones."""
        before = {path: texts[0] for path, texts in self.moduli.items()}
        after = {path: texts[1] for path, texts in self.moduli.items()}
        for one in made:
            before.update(one.before)
            after.update(one.after)
        return before, after, {path: access for one in made for path, access in one.access.items()}

    def diff(self, made: t.Sequence[Made] = ()) -> list[dict[str, str]]:
        new = {one.key.path: f"{one.key}\n" for one in made}
        entries = [
            _entry(one.path, f"{one.instead}\n" if one.instead else "", new.get(one.path, f"{one.type} {one.bits}\n"))
            for one in self.needed
        ]
        counted = ((path, *map(_groups, texts)) for path, texts in self.moduli.items() if texts[0] != texts[1])
        return entries + [_entry(path, before, after) for path, before, after in counted]

    def result(self, made: t.Sequence[Made] = ()) -> dict[str, t.Any]:
        new = {one.key.path: one.key for one in made}
        planned = [HostKey(one.path, one.type, one.bits, "") for one in self.needed]
        there = {key.path: key for key in [*self.keys, *planned]}
        there.update(new)
        return {
            "posture": self.posture,
            "policy": self.policy,
            "left_out": self.left_out,
            "host_keys": [dict(vars(there[path])) for path in self.paths if path in there],
            "replaced": [one.told() for one in made if one.instead],
        }


def resolve(
    sshd: Sshd, posture: Posture, wish: Wish, where: Places, tree: Tree, texts: dict[str, str | None]
) -> Crypto:
    """Ask the host what it makes of ``posture``, under a configuration that is all of ``wish`` but without it."""
    host = sshd.host
    own_moduli = os.path.join(os.path.dirname(sshd.main), _MODULI)
    crypto = Crypto(posture.name)
    if own_moduli not in wish.settings.get("ModuliFile", ()):
        crypto.moduli[own_moduli] = (host.read(own_moduli), None)
    if posture.name == "system":
        return crypto
    bare = tree.with_files(plan(where, texts, render(wish) if wish else None).after)
    root = stage(host, bare)
    base = controller(host)
    effective = sshd.effective(base, root=root)
    system = parse_os_release(host.read("/etc/os-release") or "")
    if posture.name == "strict":
        crypto.policy = _policy_title(system, crypto)
    keys, policy = _host_keys(sshd, posture, effective, crypto)
    lists = {**wished(posture.name, system), "HostKeyAlgorithms": policy.algorithms}
    asked = {name: values for name, values in lists.items() if name.lower() not in posture.spoken}

    def knows(keyword: str, name: str) -> bool:
        try:
            return bool(sshd.effective(base, root=root, options=["-o", f"{keyword}={name}"]))
        except BaselineError:
            return False

    known, left_out = algorithms(asked, effective, knows)
    crypto.left_out += left_out
    crypto.settings = {name: (",".join(values),) for name, values in known.items()}
    if posture.name == "strict":
        _load_in_order(posture, policy, effective, compose(bare), where, crypto)
        _moduli(host, posture, effective, own_moduli, crypto)
    allowed = crypto.settings.get("HostKeyAlgorithms", effective["hostkeyalgorithms"])[0].split(",")
    order = crypto.settings.get("HostKey", tuple(keys))
    planned = [HostKey(one.path, one.type, one.bits, "") for one in policy.needed]
    listed = {key.path: key for key in [*filter(None, keys.values()), *planned]}
    crypto.paths = tuple(key.path for key in offered_types([listed[path] for path in order if path in listed], allowed))
    crypto.keys = [key for key in keys.values() if key]
    crypto.needed = policy.needed
    return crypto


def rehearsal(sshd: Sshd, now: Effective, then: Effective, crypto: Crypto) -> Preflight | None:
    """Return what a client shall do without before the change, because it will have to after it.

    ``without`` holds the algorithms that go away, ``keys`` the host keys that stay: only what a client knows of these
    can be verified afterwards. No keys: nothing that is shown afterwards can have been seen before. ``None`` is
    returned where it is not known what sshd shows now.
    """
    if not now:
        return None
    without = {
        option: fewer(_list(now, option), _list(then, option)) for option in ("KexAlgorithms", "Ciphers", "MACs")
    }
    anew = {one.path for one in crypto.needed}
    before = offered_types(filter(None, host_keys(sshd, now).values()), _list(now, "HostKeyAlgorithms"))
    after = offered_types(before, _list(then, "HostKeyAlgorithms"))
    loaded = then.get("hostkey", ())
    staying = [key for key in after if key.path in loaded and key.path not in anew]
    if not before:
        return None
    if len(staying) < len(before):
        without["HostKeyAlgorithms"] = without_types(_list(now, "HostKeyAlgorithms"), {key.type for key in staying})
    return Preflight(
        {option: names for option, names in without.items() if names},
        keys=tuple(str(key) for key in staying),
        new_keys=tuple(sorted(anew)),
    )


def _policy_title(system: System, crypto: Crypto) -> str:
    name = policy_of(system)
    if not name:
        crypto.left_out.append(f"ssh-audit has no policy for {system.title}: the lists are those of its newest ones")
    return POLICIES[name][0] if name else ""


def _host_keys(
    sshd: Sshd, posture: Posture, effective: Effective, crypto: Crypto
) -> tuple[dict[str, HostKey | None], KeyPolicy]:
    keys = host_keys(sshd, effective)
    policy = key_policy(posture.name, keys)
    if effective.get("hostkeyagent", ("none",))[0] != "none":
        # Private keys are not on the disk then.
        policy = replace(policy, needed=())
    if not policy.algorithms and "hostkeyalgorithms" not in posture.spoken:
        raise BaselineError(
            f"the posture {posture.name} would offer no host key at all: {'; '.join(policy.left_out)}; {_UNCHANGED}; "
            "name another key under HostKey, or set HostKeyAlgorithms yourself"
        )
    crypto.left_out += policy.left_out if "hostkeyalgorithms" not in posture.spoken else ()
    return keys, policy


def _load_in_order(
    posture: Posture,
    policy: KeyPolicy,
    effective: Effective,
    directives: t.Iterable[t.Any],
    where: Places,
    crypto: Crypto,
) -> None:
    """ssh-audit's policies look at the order of the host keys too, which is that of the HostKey lines."""
    others = [one.where for one in directives if one.keyword == "hostkey" and one.file not in where.own]
    if "hostkey" not in posture.spoken and not others:
        crypto.settings["HostKey"] = policy.paths
    elif effective.get("hostkey") != policy.paths:
        who = ", ".join(others) or "the settings"
        crypto.left_out.append(f"HostKey: {who} decide which keys are loaded; the policy wants ed25519, then RSA")


def _moduli(host: Host, posture: Posture, effective: Effective, own: str, crypto: Crypto) -> None:
    kex = crypto.settings.get("KexAlgorithms") or effective.get("kexalgorithms", ())
    if "diffie-hellman-group-exchange" not in kex[0] or "modulifile" in posture.spoken or own not in crypto.moduli:
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
