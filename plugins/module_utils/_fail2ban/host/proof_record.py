# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of proven jails beside the socket of the server, and the proofs that are still missing.

With it a run without changes bans nothing, and the next run completes the proof of an interrupted one.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from ..._core.host.paths import runtime_folder
from .proof import prove, remove_test_bans, wait_for_restored_bans

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import JailsRequest
    from .daemon import Fail2ban
    from .proof import Proof
    from .site import Site
    from .staging import Streams

__all__ = ["ProofRecord"]


class ProofRecord:
    """The proofs of the running server. They are valid for one process and one definition of each jail."""

    def __init__(self, host: Host, site: Site, request: JailsRequest, streams: Streams) -> None:
        self._host = host
        folder = os.path.dirname(site.socket)
        # The socket may be in /tmp, where any user could create a file of that name.
        folder = folder if folder.startswith(("/run/", "/var/run/")) else runtime_folder()
        self._path = os.path.join(folder, "pyhost.baseline.proof")
        self._jails = {name: streams[name] for name in request.enabled if name in streams}
        try:
            self._proven = json.loads(host.read(self._path) or "{}")
        except ValueError:
            self._proven = {}

    def _key(self, fail2ban: Fail2ban, name: str) -> str:
        jail = self._jails[name]
        return f"{fail2ban.unit.main_pid}:{hashlib.sha256(repr(jail).encode()).hexdigest()}"

    def rules(self, fail2ban: Fail2ban, name: str) -> list[str]:
        """Return the rules that the packet filter had for the jail ``name`` when it was proven as it runs now."""
        proven = self._proven.get(name, {})
        return proven.get("rules", []) if proven.get("key") == self._key(fail2ban, name) else []

    def prove(self, fail2ban: Fail2ban, banned: t.Mapping[str, list[str]]) -> dict[str, Proof]:
        """Prove each jail that is not proven as it runs now. ``banned``: the bans of each jail before the change."""
        server = fail2ban.require_server()
        remove_test_bans(self._host, server)
        proofs, kept = {}, {}
        for name, jail in self._jails.items():
            key = self._key(fail2ban, name)
            proven = self._proven.get(name, {})
            if proven.get("key") != key or name in fail2ban.reloaded or fail2ban.restarted:
                wait_for_restored_bans(self._host, server, jail, banned.get(name, []))
                proven = {"key": key, **prove(self._host, server, jail)}
            kept[name] = proven
            proofs[name] = {option: value for option, value in proven.items() if option not in ("key", "rules")}
        if kept != self._proven:
            self._host.write(self._path, json.dumps(kept), mode=0o600)
        return proofs
