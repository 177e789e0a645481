# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host keys: lists them, and generates new ones in a scratch directory, to be installed with the configuration."""

from __future__ import annotations

import os
import stat
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

__all__ = ["GeneratedKey", "generate_host_keys", "host_keys", "unloaded_key_warnings"]

# sshkey_perm_ok of OpenSSH, as Red Hat has changed it.
_NOT_ROOTS = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO


@dataclass(frozen=True)
class GeneratedKey:
    """A new host key and the files that install it; ``kept`` is the path of the replaced key's copy."""

    key: HostKey
    before: dict[str, str | None]
    after: dict[str, str | None]
    access: dict[str, tuple[int, int, int]]
    replaces: HostKey | None = None
    kept: str = ""

    def as_result(self) -> dict[str, str]:
        """Return the entry for the module's result."""
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
    """Return the paths from which sshd loads host keys, with their keys; an empty file counts as missing.

    One that is no key to this OpenSSH (DSA from 10.0 on) is left out, as sshd does, where there is another one. So is
    one that others can read.
    """
    found: dict[str, HostKey | None] = {}
    refused: list[BaselineError] = []
    for path in dict.fromkeys(_paths(sshd, effective)):
        if _open_mode(sshd, path):
            continue
        try:
            found[path] = _listed(sshd.host, path)
        except BaselineError as error:
            # A key of its own defaults is damaged.
            if path in DEFAULT_PATHS:
                raise
            refused.append(error)
    if refused and not any(found.values()):
        raise refused[0]
    return found


def unloaded_key_warnings(sshd: Sshd, effective: Effective, keys: t.Container[str]) -> list[str]:
    """Return a warning for each configured host key that sshd does not load, and only logs."""
    return [
        f"sshd does not load the host key {path}, and logs that at each start: {_reason(_open_mode(sshd, path), path)}"
        for path in _paths(sshd, effective)
        if path not in keys
    ]


def _reason(mode: int, path: str) -> str:
    if mode:
        return f"others can read it (mode {mode:04o}); `chmod 600 {path}` if it may still be trusted"
    return "this OpenSSH cannot read it (an old type such as DSA, or a damaged file); remove its HostKey line"


def _open_mode(sshd: Sshd, path: str) -> int:
    """Return the mode of a private key that sshd ignores because others can read it, else 0.

    Red Hat's sshd lets a group (ssh_keys) read it.
    """
    status = sshd.host.stat(path)
    mode = stat.S_IMODE(status.st_mode) if status and status.st_size else 0
    return mode if mode & _NOT_ROOTS or (mode & stat.S_IRGRP and sshd.is_debians()) else 0


def _paths(sshd: Sshd, effective: Effective) -> list[str]:
    return [path for path in effective.get("hostkey", ()) if path != sshd.borrowed_key] or list(DEFAULT_PATHS)


def _listed(host: Host, path: str) -> HostKey | None:
    status = host.stat(path)
    if status is None or not status.st_size:
        return None
    ran = host.run(["ssh-keygen", "-l", "-f", path])
    key = parse_listing(path, ran.out) if ran.ok else None
    if key is None:
        raise BaselineError(
            f"the host key cannot be read: {ran.message()}",
            where=path,
            hint="restore the file, or remove it so that a new key is generated",
        )
    return key


def generate_host_keys(host: Host, needed: t.Iterable[NewHostKey], *, beside: t.Iterable[str]) -> list[GeneratedKey]:
    """Generate the ``needed`` keys in a scratch directory and return the files that install them.

    A new key is readable to the same group as the present keys (``beside``): Red Hat's are. The strictest mode among
    them counts, because other systems' sshd does not load a key that a group can read.
    """
    like = min(filter(None, map(host.stat, beside)), key=lambda entry: entry.st_mode & 0o777, default=None)
    private = (like.st_uid, like.st_gid, like.st_mode & 0o640) if like else (0, 0, 0o600)
    return [_generate(host, one, private) for one in needed]


def _generate(host: Host, needed: NewHostKey, private: tuple[int, int, int]) -> GeneratedKey:
    """Generate one key. ``private`` is the owner, group and mode of its private file."""
    path, public = needed.path, needed.path + ".pub"
    made = os.path.join(host.scratch(), os.path.basename(path))
    kind = needed.type.replace("ssh-", "")
    ran = host.run(["ssh-keygen", "-q", "-t", kind, "-b", str(needed.bits), "-N", "", "-f", made])
    key = parse_listing(path, host.run(["ssh-keygen", "-l", "-f", made]).out) if ran.ok else None
    if key is None:
        raise BaselineError(f"ssh-keygen cannot make a host key of type {kind}: {ran.message()}")
    before = {path: host.read(path), public: host.read(public)}
    after = {path: host.read(made), public: host.read(made + ".pub")}
    access = {path: private, public: (private[0], 0, 0o644)}
    kept = ""
    if needed.replaces:
        kept = f"{path}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        before[kept], after[kept], access[kept] = None, before[path], (private[0], 0, 0o600)
    return GeneratedKey(key, before, after, access, replaces=needed.replaces, kept=kept)
