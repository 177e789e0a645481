# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by apt-get(8) and dpkg(1): read the database, plan by simulation, act in one transaction, read again."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import BaselineError, unknown
from ..._core.host.locks import Look, lock_holder, patiently, wait
from ..apt import (
    is_locked,
    is_outdated,
    last_errors,
    parse_simulation,
    parse_unavailable,
)
from ..dpkg import Database, parse_status
from ..model import UNKNOWN_VERSION, Outcome
from ..names import logical_names

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..model import Simulation, Wish

__all__ = ["fulfil"]

STATUS = "/var/lib/dpkg/status"
LISTS = "/var/lib/apt/lists"
# In the order in which apt-get takes them.
LOCKS = (
    f"{LISTS}/lock",
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/cache/apt/archives/lock",
)
# Any of them is touched when the index is read anew, by apt-get or by the distribution's own timer.
STAMPS = (LISTS, f"{LISTS}/partial", "/var/lib/apt/periodic/update-success-stamp")
SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/sources.list.d/*")
# Nobody is there to answer: not debconf, not dpkg about changed files, not needrestart, not apt-listchanges.
SILENT = {
    "APT_LISTBUGS_FRONTEND": "none",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "NEEDRESTART_MODE": "l",
    "UCF_FORCE_CONFFOLD": "1",
}
KEEP_CONFIGURATION = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
# A simulation in check mode must not even leave apt's binary cache behind.
LEAVE_NO_CACHE = ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]


def fulfil(host: Host, wish: Wish, *, holder: Look = lambda: lock_holder(LOCKS)) -> Outcome:
    """Bring ``wish`` about and prove it; check mode predicts it by simulation and writes nothing."""
    return _Apt(host, wish, holder).fulfil()


class _Apt:
    def __init__(self, host: Host, wish: Wish, holder: Look) -> None:
        self._host = host
        self._wish = wish
        self._holder = holder
        self._updated = False
        self._warnings: list[str] = []

    def fulfil(self) -> Outcome:
        before = self._database()
        interrupted = self._interrupted(before)
        if not interrupted and self._wish.state != "latest" and not self._todo(before):
            return self._outcome(before, before)
        if self._host.check_mode:
            return self._outcome(before, self._predicted(before, interrupted=interrupted), healed=interrupted)
        wait(self._holder, time.monotonic() + self._wish.lock_timeout, self._wish.lock_timeout)
        # Whoever held the lock may have done the work, or died over it.
        before = self._database()
        words = self._brought_about(self._healed() if self._interrupted(before) else before)
        after = self._database()
        self._prove(after, words)
        return self._outcome(before, after)

    def _outcome(self, before: Database, after: Database | dict[str, str], *, healed: bool = False) -> Outcome:
        installed = after.installed if isinstance(after, Database) else after
        changed = healed or before.installed != installed
        return Outcome(before.installed, installed, changed, self._updated, tuple(self._warnings))

    # read

    def _database(self) -> Database:
        text = self._host.read(STATUS)
        if text is None:
            raise BaselineError(f"{STATUS} is missing, so dpkg does not manage this host; nothing was changed")
        return parse_status(text)

    def _interrupted(self, database: Database) -> bool:
        """Say whether a dpkg that no longer runs left work behind; one that still runs is nobody's concern here."""
        return bool(database.unfinished or self._journal()) and self._holder() is None

    def _journal(self) -> list[str]:
        return self._host.glob("/var/lib/dpkg/updates/[0-9]*")

    def _todo(self, database: Database) -> list[str]:
        if self._wish.state == "absent":
            return [name for name in map(database.real, self._wish.packages) if name]
        if self._wish.state == "present":
            return [name for name in self._wish.packages if not database.fulfils(name)]
        held = [name for name in self._wish.packages if database.real(name) in database.held]
        if held:
            self._warnings.append(f"held packages stay at their version (apt-mark unhold): {', '.join(held)}")
        return [name for name in self._wish.packages if name not in held]

    # the package index

    def _index_is_empty(self) -> bool:
        return not self._host.glob(f"{LISTS}/*_Packages*")

    def _index_is_fresh(self) -> bool:
        if self._index_is_empty():
            return False
        read_at = max(map(self._mtime, STAMPS))
        sources = max(self._mtime(path) for pattern in SOURCES for path in [pattern, *self._host.glob(pattern)])
        return read_at >= sources and time.time() - read_at < self._wish.cache_valid_time

    def _mtime(self, path: str) -> float:
        found = self._host.stat(path)
        return found.st_mtime if found else 0.0

    def _update_index(self) -> None:
        ran = self._run(["apt-get", "-q", "update"])
        self._updated = True
        if self._index_is_empty():
            raise BaselineError(f"apt-get update brought no package index: {ran.message()}; nothing was installed")
        if not ran.ok or any(line.startswith(("W: ", "E: ")) for line in ran.err.splitlines()):
            self._warnings.append(f"the package index could not be read in full: {last_errors(ran.err)}")

    # plan

    def _simulate(self, todo: list[str]) -> tuple[Simulation, dict[str, tuple[str, ...]]]:
        """Return what apt-get would do, and the packages of ``todo`` that it cannot install (see parse_unavailable)."""
        cache = LEAVE_NO_CACHE if self._host.check_mode else []
        ran = self._host.run(["apt-get", "-q", "-y", "--simulate", *cache, *self._verb(todo)], env=SILENT)
        missing = parse_unavailable(ran.out, ran.err)
        if not ran.ok and not missing:
            raise BaselineError(f"apt-get cannot plan this: {last_errors(ran.err or ran.out)}; nothing was changed")
        simulation = parse_simulation(ran.out)
        if simulation.removes and self._wish.state != "absent":
            raise BaselineError(
                f"to install {', '.join(todo)}, apt-get would have to remove {', '.join(simulation.removes)}; "
                "nothing was changed; remove what conflicts first (state: absent), if that is meant"
            )
        return simulation, missing

    def _verb(self, todo: list[str]) -> list[str]:
        if self._wish.state == "absent":
            return ["remove", *todo]
        return ["install", "--install-recommends" if self._wish.recommends else "--no-install-recommends", *todo]

    def _predicted(self, before: Database, *, interrupted: bool) -> dict[str, str]:
        todo = self._todo(before)
        if interrupted:
            self._warnings.append("dpkg was interrupted; `dpkg --configure -a` would be run first")
        if not todo:
            return before.installed
        if self._wish.state != "absent" and self._index_is_empty():
            new = [name for name in todo if not before.fulfils(name)]
            self._warnings.append(f"the package index is empty, so nobody knows yet whether it has {', '.join(new)}")
            return {**before.installed, **dict.fromkeys(new, UNKNOWN_VERSION)}
        simulation, missing = self._simulate(todo)
        if not missing:
            return simulation.applied(before.installed)
        if self._index_is_fresh() or not self._wish.update_cache:
            raise self._unavailable(missing)
        self._warnings.append(f"the package index is out of date and does not have {', '.join(missing)}")
        return {**before.installed, **dict.fromkeys(todo, UNKNOWN_VERSION)}

    # act

    def _brought_about(self, before: Database) -> str:
        """Run the one transaction; return apt-get's words where it failed, an empty text where it did not."""
        todo = self._todo(before)
        if not todo:
            return ""
        installing = self._wish.state != "absent"
        if installing and self._wish.update_cache and not self._index_is_fresh():
            self._update_index()
        simulation, missing = self._simulate(todo)
        if missing and self._wish.update_cache and not self._updated:
            self._update_index()
            simulation, missing = self._simulate(todo)
        if missing:
            raise self._unavailable(missing)
        if not simulation.installs and not simulation.removes:
            return ""
        ran = self._transaction(todo)
        if is_outdated(ran.err) and self._wish.update_cache and not self._updated:
            self._update_index()
            ran = self._transaction(todo)
        return "" if ran.ok else last_errors(ran.err or ran.out)

    def _transaction(self, todo: list[str]) -> CommandResult:
        guard = [] if self._wish.state == "absent" else ["--no-remove"]
        return self._run(["apt-get", "-q", "-y", *KEEP_CONFIGURATION, *guard, *self._verb(todo)])

    def _healed(self) -> Database:
        """Finish what an interrupted dpkg left; the parts that only an installation can repair are left to apt-get."""
        self._run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
        database = self._database()
        if database.unfinished:
            self._run(["apt-get", "-q", "-y", *KEEP_CONFIGURATION, "--no-remove", "--fix-broken", "install"])
            database = self._database()
        if database.unfinished:
            self._warnings.append(
                f"dpkg cannot finish {', '.join(database.unfinished)}; `dpkg --configure -a` says why on the host"
            )
        return database

    def _run(self, argv: list[str]) -> CommandResult:
        return patiently(
            lambda: self._host.run(argv, env=SILENT),
            holder=self._holder,
            busy=lambda ran: is_locked(ran.err),
            seconds=self._wish.lock_timeout,
        )

    # prove

    def _prove(self, after: Database, words: str) -> None:
        if self._wish.state == "absent":
            wrong = [name for name in map(after.real, self._wish.packages) if name]
        else:
            wrong = [name for name in self._wish.packages if not after.fulfils(name)]
        if wrong:
            still = "still installed" if self._wish.state == "absent" else "not installed"
            raise BaselineError(
                f"{', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} {still} after apt-get: "
                f"{words or 'it reported no error'}"
            )
        if words:
            self._warnings.append(f"the packages are as wished, but apt-get failed: {words}")

    def _unavailable(self, missing: dict[str, tuple[str, ...]]) -> BaselineError:
        sentences = [
            f"{name!r} is a virtual package, so name one that provides it ({', '.join(providers)})"
            if providers
            else f"{unknown('package', name, self._similar(name))} (neither a logical name nor in the package index)"
            for name, providers in missing.items()
        ]
        context = "".join(f"; {warning}" for warning in self._warnings)
        return BaselineError(
            f"{'; '.join(sentences)}{context}; nothing was installed",
            unknown=list(missing),
        )

    def _similar(self, name: str) -> list[str]:
        # Comparing with all sixty thousand names takes seconds; a typing error seldom sits in the first letters.
        ran = self._host.run(["apt-cache", *(LEAVE_NO_CACHE if self._host.check_mode else []), "pkgnames", name[:4]])
        return [similar for similar in [*logical_names(), *ran.out.split()] if similar != name]
