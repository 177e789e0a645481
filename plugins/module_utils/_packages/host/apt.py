# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by apt-get(8) and dpkg(1): read the database, run one transaction, read the database again."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import BaselineError, state_of_errors, unknown
from ..._core.host.locks import FindHolder, find_lock_holder, run_when_unlocked, wait_for_locks
from ..._core.progress import Progress
from ..apt import (
    barred_versions,
    is_locked,
    is_outdated,
    last_errors,
    parse_simulation,
    parse_unavailable,
    reads_as_command,
)
from ..dpkg import DpkgDatabase, parse_status
from ..model import UNKNOWN_VERSION, PackagesResult, describe_changes
from ..names import logical_names

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..model import PackagesRequest, Simulation

__all__ = ["Apt"]

STATUS = "/var/lib/dpkg/status"
LISTS = "/var/lib/apt/lists"
# In the order in which apt-get takes them.
LOCKS = (
    f"{LISTS}/lock",
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/cache/apt/archives/lock",
)
# An update of the index by apt-get or by the distribution's own timer changes the time of at least one of them.
STAMPS = (LISTS, f"{LISTS}/partial", "/var/lib/apt/periodic/update-success-stamp")
SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/sources.list.d/*")
# No program may prompt: neither debconf, nor dpkg about changed files, nor needrestart, nor apt-listchanges.
NON_INTERACTIVE = {
    "APT_LISTBUGS_FRONTEND": "none",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "NEEDRESTART_MODE": "l",
    "UCF_FORCE_CONFFOLD": "1",
}
KEEP_CONFIGURATION = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
# A simulation in check mode does not even write apt's binary cache.
LEAVE_NO_CACHE = ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]


class Apt:
    """The package manager of the Debian family."""

    def __init__(self, host: Host, *, find_holder: FindHolder = lambda: find_lock_holder(LOCKS)) -> None:
        self._host = host
        self._find_holder = find_holder

    def ensure(self, request: PackagesRequest) -> PackagesResult:
        """Bring ``request`` into force and verify it; check mode predicts the result and writes nothing."""
        progress = Progress()
        with progress.in_errors():
            return _AptRun(self._host, request, progress, self._find_holder).ensure()


class _AptRun:
    """One run: the request, and what has been changed and noticed so far."""

    def __init__(self, host: Host, request: PackagesRequest, progress: Progress, find_holder: FindHolder) -> None:
        self._host = host
        self._request = request
        self._progress = progress
        self._find_holder = find_holder
        self._index_updated = False
        self._warnings: list[str] = []

    def ensure(self) -> PackagesResult:
        before = self._read_database()
        interrupted = self._is_interrupted(before)
        if not interrupted and self._request.state != "latest" and not self._select(before):
            return self._result(before, before.installed)
        if self._host.check_mode:
            return self._result(before, self._predict(before, interrupted=interrupted), repaired=interrupted)
        wait_for_locks(self._find_holder, time.monotonic() + self._request.lock_timeout, self._request.lock_timeout)
        # The process that held the lock may have installed the packages, or may have been interrupted.
        before = self._read_database()
        failure = self._apply(self._repair() if self._is_interrupted(before) else before)
        after = self._read_database()
        with state_of_errors(describe_changes(before.installed, after.installed)):
            self._verify(after, failure)
        return self._result(before, after.installed)

    def _result(self, before: DpkgDatabase, after: dict[str, str], *, repaired: bool = False) -> PackagesResult:
        changed = repaired or before.installed != after
        return PackagesResult(before.installed, after, changed, self._index_updated, tuple(self._warnings))

    # read

    def _read_database(self) -> DpkgDatabase:
        text = self._host.read(STATUS)
        if text is None:
            raise BaselineError(f"{STATUS} is missing, so dpkg does not manage this host")
        return parse_status(text)

    def _is_interrupted(self, database: DpkgDatabase) -> bool:
        """Say whether a dpkg that no longer runs left unfinished packages; those of a running dpkg do not count."""
        return bool(database.unfinished or self._journal()) and self._find_holder() is None

    def _journal(self) -> list[str]:
        return self._host.glob("/var/lib/dpkg/updates/[0-9]*")

    def _select(self, database: DpkgDatabase) -> list[str]:
        """Return the requested packages that apt-get has to be given."""
        if self._request.state == "absent":
            return [name for name in map(database.real, self._request.packages) if name]
        if self._request.state == "present":
            return [name for name in self._request.packages if not database.provides(name)]
        held = [name for name in self._request.packages if database.real(name) in database.held]
        if held:
            self._warnings.append(f"held packages stay at their version (apt-mark unhold): {', '.join(held)}")
        return [name for name in self._request.packages if name not in held]

    # the package index

    def _index_is_empty(self) -> bool:
        return not self._host.glob(f"{LISTS}/*_Packages*")

    def _index_is_fresh(self) -> bool:
        if self._index_is_empty():
            return False
        read_at = max(map(self._mtime, STAMPS))
        sources = max(self._mtime(path) for pattern in SOURCES for path in [pattern, *self._host.glob(pattern)])
        return read_at >= sources and time.time() - read_at < self._request.cache_valid_time

    def _mtime(self, path: str) -> float:
        found = self._host.stat(path)
        return found.st_mtime if found else 0.0

    def _update_index(self) -> None:
        ran = self._run(["apt-get", "-q", "update"])
        self._index_updated = True
        if self._index_is_empty():
            raise BaselineError(f"apt-get update fetched no package index: {ran.message()}")
        self._progress.record("updated the package index")
        if not ran.ok or any(line.startswith(("W: ", "E: ")) for line in ran.err.splitlines()):
            self._warnings.append(f"the package index could not be updated completely: {last_errors(ran.err)}")

    # plan

    def _simulate(self, names: list[str]) -> tuple[Simulation, dict[str, tuple[str, ...]]]:
        """Return what apt-get would do, and those of ``names`` that it cannot install (see parse_unavailable)."""
        cache = LEAVE_NO_CACHE if self._host.check_mode else []
        misread = [name for name in names if self._is_misread(name)]
        verb = self._verb([name for name in names if name not in misread])
        ran = self._host.run(["apt-get", "-q", "-y", "--simulate", *cache, *verb], env=NON_INTERACTIVE)
        missing = {**dict.fromkeys(misread, ()), **parse_unavailable(ran.out, ran.err)}
        if not ran.ok and not missing:
            raise BaselineError(f"apt-get cannot plan this: {last_errors(ran.err or ran.out)}", hint=self._held_hint())
        simulation = parse_simulation(ran.out)
        if simulation.removes and self._request.state != "absent":
            raise BaselineError(
                f"to install {', '.join(names)}, apt-get would have to remove {', '.join(simulation.removes)}",
                hint="remove the conflicting packages first (state: absent) if you do not need them",
            )
        return simulation, missing

    def _is_misread(self, name: str) -> bool:
        if self._request.state == "absent" or not reads_as_command(name):
            return False
        cache = LEAVE_NO_CACHE if self._host.check_mode else []
        return name not in self._host.run(["apt-cache", *cache, "--all-names", "pkgnames", name]).out.split()

    def _held_hint(self) -> str:
        held = sorted(self._read_database().held)
        return f"held packages are {', '.join(held)}; `apt-mark unhold NAME` lets apt-get change them" if held else ""

    def _require_unheld(self, database: DpkgDatabase, names: list[str]) -> None:
        held = [name for name in names if name in database.held and name not in database.installed]
        if held and self._request.state != "absent":
            raise BaselineError(
                f"apt-get does not install {', '.join(held)}, because a hold is set",
                hint=f"run `apt-mark unhold {' '.join(held)}` on the host",
            )

    def _verb(self, names: list[str]) -> list[str]:
        if self._request.state == "absent":
            return ["remove", *names]
        return ["install", "--install-recommends" if self._request.recommends else "--no-install-recommends", *names]

    def _predict(self, before: DpkgDatabase, *, interrupted: bool) -> dict[str, str]:
        names = self._select(before)
        if interrupted:
            self._warnings.append("dpkg was interrupted; `dpkg --configure -a` would be run first")
        if not names:
            return before.installed
        self._require_unheld(before, names)
        if self._request.state != "absent" and self._index_is_empty():
            new = [name for name in names if not before.provides(name)]
            unknown = f"the package index is empty, so it is not known yet whether it has {', '.join(new)}"
            self._host.known_after_apply.append(unknown)
            return {**before.installed, **dict.fromkeys(new, UNKNOWN_VERSION)}
        simulation, missing = self._simulate(names)
        if not missing:
            return simulation.applied(before.installed)
        if self._index_is_fresh() or not self._request.update_cache:
            raise self._unavailable(missing)
        unknown = f"the package index is out of date and does not have {', '.join(missing)}"
        self._host.known_after_apply.append(unknown)
        return {**before.installed, **dict.fromkeys(names, UNKNOWN_VERSION)}

    # apply

    def _apply(self, before: DpkgDatabase) -> str:
        """Run the one transaction; return apt-get's errors where it failed, an empty text where it succeeded."""
        names = self._select(before)
        if not names:
            return ""
        self._require_unheld(before, names)
        # apt-get refuses an installation that it cannot make, or only by a removal, before it changes anything. It
        # takes a second to simulate one, so this is left out where only an error would need it.
        is_simulated = self._request.state != "present" or any(map(reads_as_command, names))
        if is_simulated:
            simulation = self._plan_transaction(names)
            if not simulation.installs and not simulation.removes:
                return ""
        else:
            self._renew_index()
        ran = self._run_transaction(names)
        needs_index = is_outdated(ran.err) or bool(parse_unavailable(ran.out, ran.err))
        if needs_index and self._request.update_cache and not self._index_updated:
            self._update_index()
            ran = self._run_transaction(names)
        if not ran.ok and not is_simulated and self._read_database() == before:
            self._require_possible(names)
        self._progress.record("ran apt-get")
        return "" if ran.ok else last_errors(ran.err or ran.out)

    def _renew_index(self) -> None:
        """Update an index that is old."""
        if self._request.state != "absent" and self._request.update_cache and not self._index_is_fresh():
            self._update_index()

    def _plan_transaction(self, names: list[str]) -> Simulation:
        """Return the simulation of the transaction; update an index that is old, or that does not have a package."""
        self._renew_index()
        simulation, missing = self._simulate(names)
        if missing and self._request.update_cache and not self._index_updated:
            self._update_index()
            simulation, missing = self._simulate(names)
        if missing:
            raise self._unavailable(missing)
        return simulation

    def _require_possible(self, names: list[str]) -> None:
        """Raise where apt-get cannot install ``names``, and say why."""
        _simulation, missing = self._simulate(names)
        if missing:
            raise self._unavailable(missing)

    def _run_transaction(self, names: list[str]) -> CommandResult:
        guard = [] if self._request.state == "absent" else ["--no-remove"]
        return self._run(["apt-get", "-q", "-y", *KEEP_CONFIGURATION, *guard, *self._verb(names)])

    def _repair(self) -> DpkgDatabase:
        """Finish what an interrupted dpkg left; the parts that only an installation can repair are left to apt-get."""
        self._run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
        self._progress.record("ran `dpkg --configure -a` after an interrupted dpkg")
        database = self._read_database()
        if database.unfinished:
            self._run(["apt-get", "-q", "-y", *KEEP_CONFIGURATION, "--no-remove", "--fix-broken", "install"])
            database = self._read_database()
        if database.unfinished:
            self._warnings.append(
                f"dpkg cannot finish {', '.join(database.unfinished)}; run `dpkg --configure -a` on the host to see why"
            )
        return database

    def _run(self, argv: list[str]) -> CommandResult:
        return run_when_unlocked(
            lambda: self._host.run(argv, env=NON_INTERACTIVE),
            find_holder=self._find_holder,
            is_busy=lambda ran: is_locked(ran.err),
            seconds=self._request.lock_timeout,
        )

    # verify

    def _verify(self, after: DpkgDatabase, failure: str) -> None:
        absent = self._request.state == "absent"
        if absent:
            wrong = [name for name in map(after.real, self._request.packages) if name]
        else:
            wrong = [name for name in self._request.packages if not after.provides(name)]
        if wrong:
            raise BaselineError(
                f"{', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} {'still' if absent else 'not'} installed "
                f"after apt-get: {failure or 'it reported no error'}"
            )
        if failure:
            self._warnings.append(f"the packages are in the desired state, but apt-get failed: {failure}")

    def _unavailable(self, missing: dict[str, tuple[str, ...]]) -> BaselineError:
        barred = self._find_barred([name for name, providers in missing.items() if not providers])
        sentences = [
            f"{name!r} is a virtual package, so name one that provides it ({', '.join(providers)})"
            if providers
            else barred.get(name) or self._unknown(name)
            for name, providers in missing.items()
        ]
        # The state is given here because the sentences hold semicolons of their own.
        state = self._progress.describe()
        return BaselineError("; ".join([*sentences, *self._warnings]), state=state, unknown=list(missing))

    def _unknown(self, name: str) -> str:
        if reads_as_command(name):
            return f"unknown package {name!r}; apt-get would read the last '+' as a command and install {name[:-1]!r}"
        return (
            f"{unknown('package', name, self._similar_names(name))} (neither a logical name nor in the package index)"
        )

    def _find_barred(self, names: list[str]) -> dict[str, str]:
        """Return a sentence for each of ``names`` that the archives have and that apt's preferences bar."""
        if not names:
            return {}
        cache = LEAVE_NO_CACHE if self._host.check_mode else []
        ran = self._host.run(["apt-cache", *cache, "policy", *names])
        return {
            name: f"{name!r} is in the package index, but apt's preferences bar it (its priority is {priority}); "
            f"`apt-cache policy {name}` shows it, and the pin is in /etc/apt/preferences or /etc/apt/preferences.d"
            for name, priority in barred_versions(ran.out).items()
        }

    def _similar_names(self, name: str) -> list[str]:
        # Comparing with all sixty thousand names takes seconds; a typing error is seldom in the first letters.
        ran = self._host.run(["apt-cache", *(LEAVE_NO_CACHE if self._host.check_mode else []), "pkgnames", name[:4]])
        return [similar for similar in [*logical_names(), *ran.out.split()] if similar != name]
