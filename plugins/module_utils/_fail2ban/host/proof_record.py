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

from ..._core.errors import BaselineError
from ..._core.host.paths import runtime_folder
from ..config import filter_name
from ..counting import not_counted
from .counting import prove_counting
from .findings import sshd_facts, watched_jail
from .proof import prove, remove_test_bans, wait_for_restored_bans

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import JailsRequest
    from ..sshd_log import SshdLog
    from ..stream import JailStream
    from .daemon import Fail2ban
    from .proof import Proof
    from .server import Asks
    from .site import Site
    from .staging import Streams

__all__ = ["ProofRecord"]


class ProofRecord:
    """The proofs of the running server. They are valid for one process and one definition of each jail."""

    def __init__(self, host: Host, site: Site, request: JailsRequest, streams: Streams, log: SshdLog) -> None:
        self._host = host
        self._log = log
        self._filters = {name: filter_name(name, request.jails[name], site.others) for name in request.enabled}
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
        # What systemd, journald and sshd do with messages changes with a new process of one of them.
        pids = (fail2ban.unit.main_pid, *(self._log.pids if self._filters[name] == "sshd" else ()))
        return f"{','.join(map(str, pids))}:{hashlib.sha256(repr(jail).encode()).hexdigest()}"

    def rules(self, fail2ban: Fail2ban, name: str) -> list[str]:
        """Return the rules that the packet filter had for the jail ``name`` when it was proven as it runs now."""
        proven = self._proven.get(name, {})
        return proven.get("rules", []) if proven.get("key") == self._key(fail2ban, name) else []

    def missing(self, fail2ban: Fail2ban) -> list[str]:
        """Return the jails that are not proven as they run now."""
        return [name for name in self._jails if self._proven.get(name, {}).get("key") != self._key(fail2ban, name)]

    def prove(self, fail2ban: Fail2ban, banned: t.Mapping[str, list[str]]) -> dict[str, Proof]:
        """Prove each jail that is not proven as it runs now. ``banned``: the bans of each jail before the change."""
        server = fail2ban.require_server()
        remove_test_bans(self._host, server)
        proofs, kept = {}, {}
        for name, jail in self._jails.items():
            key = self._key(fail2ban, name)
            proven = self._proven.get(name, {})
            is_new = proven.get("key") != key or name in fail2ban.reloaded or fail2ban.restarted
            if is_new:
                wait_for_restored_bans(self._host, server, jail, banned.get(name, []))
                proven = {"key": key, **prove(self._host, server, jail)}
            if self._filters[name] == "sshd" and (is_new or proven.get("counts") is None):
                # What kept an earlier run from the proof (a missing program) may be repaired.
                proven = {**proven, **self._count(server, jail)}
            kept[name] = proven
            proofs[name] = {option: value for option, value in proven.items() if option not in ("key", "rules")}
        if kept != self._proven:
            self._host.write(self._path, json.dumps(kept), mode=0o600)
        return proofs

    def _count(self, server: Asks, jail: JailStream) -> Proof:
        """Return whether ``jail`` counts a refused login at sshd. One that it does not count is an error."""
        watched = watched_jail(jail, "sshd")
        counting = prove_counting(self._host, server, watched, sshd_facts(self._host), self._log)
        if counting.counted is False:
            raise BaselineError(
                not_counted(jail.name, counting.reason),
                hint="repair the log of sshd, or the journal match or filter of the jail",
            )
        return {"counts": counting.counted, "counts_reason": counting.reason or None}
