# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own keys: lists them, and makes new ones apart, so that they take their places with the configuration."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..effective import Effective
from ..host_keys import (
    DEFAULT_PATHS,
    HostKey,
    NewHostKey,
    parse_listing,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .sshd import Sshd

__all__ = ["GeneratedKey", "generate_host_keys", "host_keys"]


@dataclass(frozen=True)
class GeneratedKey:
    """A new host key and the files that put it in its place; ``kept`` is where the one that it replaces goes."""

    key: HostKey
    before: dict[str, str | None]
    after: dict[str, str | None]
    access: dict[str, tuple[int, int, int]]
    replaces: HostKey | None = None
    kept: str = ""

    def as_result(self) -> dict[str, str]:
        """Return the replacement as the module returns it."""
        old = self.replaces.fingerprint if self.replaces else ""
        return {
            "path": self.key.path,
            "old_fingerprint": old,
            "new_fingerprint": self.key.fingerprint,
            "kept": self.kept,
        }

    def __str__(self) -> str:
        return f"the host key {self.key.path} was replaced: {self.replaces} (kept in {self.kept}) by {self.key}"


def host_keys(sshd: Sshd, effective: Effective) -> dict[str, HostKey | None]:
    """Return the paths from which sshd loads host keys and what lies there; an empty file is as good as none."""
    paths = [path for path in effective.get("hostkey", ()) if path != sshd.borrowed_key] or list(DEFAULT_PATHS)
    return {path: _listed(sshd.host, path) for path in dict.fromkeys(paths)}


def _listed(host: Host, path: str) -> HostKey | None:
    there = host.stat(path)
    if there is None or not there.st_size:
        return None
    ran = host.run(["ssh-keygen", "-l", "-f", path])
    key = parse_listing(path, ran.out) if ran.ok else None
    if key is None:
        raise BaselineError(
            f"the host key {path} cannot be read: {ran.message()}; nothing was changed; restore the file, or remove it "
            "to have a new key made"
        )
    return key


def generate_host_keys(host: Host, needed: t.Iterable[NewHostKey], *, beside: t.Iterable[str]) -> list[GeneratedKey]:
    """Make the keys that are ``needed`` in a scratch directory and return the files that put them in their places.

    One that was not there before is readable to whom its neighbours (``beside``) are: Red Hat's are for a group. The
    strictest neighbour counts, as elsewhere sshd loads no key that a group can read.
    """
    like = min(filter(None, map(host.stat, beside)), key=lambda entry: entry.st_mode & 0o777, default=None)
    private = (like.st_uid, like.st_gid, like.st_mode & 0o640) if like else (0, 0, 0o600)
    generated = []
    for one in needed:
        place = os.path.join(host.scratch(), os.path.basename(one.path))
        kind = one.type.replace("ssh-", "")
        ran = host.run(["ssh-keygen", "-q", "-t", kind, "-b", str(one.bits), "-N", "", "-f", place])
        key = parse_listing(one.path, host.run(["ssh-keygen", "-l", "-f", place]).out) if ran.ok else None
        if key is None:
            raise BaselineError(f"no {kind} host key can be made: {ran.message()}; nothing was changed")
        public = one.path + ".pub"
        before = {one.path: host.read(one.path), public: host.read(public)}
        after = {one.path: host.read(place), public: host.read(place + ".pub")}
        access = {one.path: private, public: (private[0], 0, 0o644)}
        kept = ""
        if one.replaces:
            kept = f"{one.path}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
            before[kept], after[kept], access[kept] = None, before[one.path], (private[0], 0, 0o600)
        generated.append(GeneratedKey(key, before, after, access, replaces=one.replaces, kept=kept))
    return generated
