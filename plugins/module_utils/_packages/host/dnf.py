# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by dnf(8), generations 4 and 5, and rpm(8): read the database, act in one transaction, read again.

Where nothing has to be done dnf is not even started: rpm answers from its database in a few hundredths of a second.
"""

from __future__ import annotations

import os
import time
import typing as t

from ..._core.errors import BaselineError, unknown
from ..._core.host.host import CommandResult
from ..._core.host.locks import (
    Look,
    lock_holder,
    patiently,
    pid_file_holder,
    wait,
)
from .. import dnf
from ..model import UNKNOWN_VERSION, Outcome, difference
from ..names import enabling, logical_names
from . import rpm
from .dnf_repositories import Repositories

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.os_release import System
    from ..model import Holder, Wish

__all__ = ["fulfil"]

# dnf 4 writes its process number into these.
PID_FILES = ("/var/lib/dnf/rpmdb_lock.pid", "/var/cache/dnf/metadata_lock.pid", "/var/cache/dnf/download_lock.pid")
# dnf 5 and rpm lock by fcntl(2).
LOCKS = ("/run/dnf/rpmtransaction.lock", "/var/lib/dnf/system-repo.lock")
INDEXES = ("/var/cache/dnf/*/repodata/repomd.xml", "/var/cache/libdnf5/*/repodata/repomd.xml")
CONFIGURATION = ("/etc/yum.repos.d", "/etc/yum.repos.d/*.repo", "/etc/dnf/dnf.conf", "/etc/dnf/repos.override.d/*")
_UNTOUCHED = "nothing was changed"


def generation() -> int:
    """Return 5 where the command dnf is that of dnf 5, else 4; the other one may be there by its own name."""
    found = (os.path.realpath(os.path.join(folder, "dnf")) for folder in ("/usr/bin", "/bin"))
    return 5 if any(os.path.basename(path) == "dnf5" for path in found) else 4


def fulfil(host: Host, system: System, wish: Wish, *, holder: Look | None = None, of: int | None = None) -> Outcome:
    """Bring ``wish`` about and prove it; check mode predicts it by simulation and writes nothing.

    ``of`` is dnf's generation and ``holder`` says who holds its locks, where the host is not to be asked.
    """
    return _Dnf(host, system, wish, generation() if of is None else of, holder).fulfil()


class _Dnf:
    def __init__(self, host: Host, system: System, wish: Wish, of: int, holder: Look | None) -> None:
        self._host = host
        self._system = system
        self._wish = wish
        self._generation = of
        self._holder = holder or self._look
        self._repositories = Repositories(host, system, of)
        self._lock = ""
        self._warnings: list[str] = []
        self._enabled: list[str] = []
        self._read_at = self._newest_index()

    def fulfil(self) -> Outcome:
        todo = self._todo()
        if not todo:
            return Outcome({}, {}, False, False, tuple(self._warnings))
        if self._host.find("dnf") is None:
            raise BaselineError(
                f"{', '.join(todo)}: to do, but this {self._system.title} has no dnf; install it first "
                f"(microdnf install dnf); {_UNTOUCHED}"
            )
        if self._host.check_mode:
            before = self._installed()
            return self._outcome(before, self._predicted(before, todo))
        wait(self._holder, time.monotonic() + self._wish.lock_timeout, self._wish.lock_timeout)
        before = self._installed()
        # Whoever held the lock may have done the work.
        todo = self._todo()
        ran = self._brought_about(todo) if todo else None
        after = self._installed(warn=True)
        self._prove(before, after, ran)
        return self._outcome(before, after)

    def _outcome(self, before: dict[str, str], after: dict[str, str]) -> Outcome:
        return Outcome(
            before,
            after,
            before != after or bool(self._enabled),
            self._newest_index() > self._read_at,
            tuple(self._warnings),
            tuple(self._enabled),
        )

    # read

    def _todo(self) -> list[str]:
        """Return what dnf is to be asked for."""
        names = list(self._wish.packages)
        if self._wish.state == "absent":
            return rpm.real(self._host, names)
        if self._wish.state == "present" or not names:
            return rpm.missing(self._host, names)
        # Asked for what a package provides, dnf could choose another than the one that is there.
        missing = rpm.missing(self._host, names)
        real = set(rpm.real(self._host, [name for name in names if name not in missing]))
        provided = [name for name in names if name not in missing and name not in real]
        return [*missing, *sorted(real.union(*(rpm.providers(self._host, name) for name in provided)))]

    def _installed(self, *, warn: bool = False) -> dict[str, str]:
        found, doubled = rpm.installed(self._host)
        if doubled and warn:
            self._warnings.append(
                f"an earlier transaction was interrupted: {', '.join(doubled)} is there in two versions; "
                "'dnf check --duplicates' says which"
            )
        return found

    # the package index

    def _newest_index(self) -> float:
        return max([self._mtime(path) for pattern in INDEXES for path in self._host.glob(pattern)], default=0.0)

    def _index_is_fresh(self) -> bool:
        read_at = self._newest_index()
        changed = max(self._mtime(path) for pattern in CONFIGURATION for path in [pattern, *self._host.glob(pattern)])
        return read_at >= changed and time.time() - read_at < self._wish.cache_valid_time

    def _mtime(self, path: str) -> float:
        found = self._host.stat(path)
        return found.st_mtime if found else 0.0

    # plan

    def _predicted(self, before: dict[str, str], todo: list[str]) -> dict[str, str]:
        if self._wish.state != "absent" and not self._newest_index():
            return self._unknown(before, todo, "the package index is empty, so nobody knows yet whether it has")
        ran = self._host.run(self._command(todo, simulate=True))
        text = ran.out + ran.err
        missing = dnf.parse_unavailable(text)
        # For a file dnf 5 needs a part of the index that it seldom reads, and without it sees nothing at all.
        if dnf.is_uncached(text) or (
            missing and dnf.is_uncached(self._host.run(self._command(todo, simulate=True, whole=True)).err)
        ):
            return self._unknown(before, todo, "the package index is not whole, so nobody knows yet whether it has")
        off = self._off(todo, missing, text)
        if off:
            self._enabled += self._repositories.ids(off)
            return self._unknown(before, todo, "repositories would be enabled first, so nobody knows yet of")
        if missing and self._wish.state != "absent":
            if self._wish.update_cache and not self._index_is_fresh():
                return self._unknown(
                    before, todo, "the package index is out of date, so nobody knows yet whether it has"
                )
            raise self._unavailable(missing, ran)
        if not dnf.is_plan(ran.rc, ran.out, ran.err):
            said = dnf.words(ran.out, ran.err)
            raise BaselineError(f"dnf cannot plan this: {said}{dnf.way_out(said)}; {_UNTOUCHED}")
        return dnf.parse_simulation(ran.out, rpm.NATIVE).applied(before)

    def _unknown(self, before: dict[str, str], todo: list[str], why: str) -> dict[str, str]:
        new = rpm.missing(self._host, todo)
        self._warnings.append(f"{why} {', '.join(todo)}")
        return {**before, **dict.fromkeys(new, UNKNOWN_VERSION)}

    # act

    def _brought_about(self, todo: list[str]) -> CommandResult:
        """Run the one transaction; a repository that is off is enabled first where only it has some of the packages."""
        ran = self._transaction(todo)
        missing = dnf.parse_unavailable(ran.out + ran.err)
        off = self._off(todo, missing, ran.out + ran.err)
        if off:
            self._enabled += self._repositories.enable(off, install=self._transaction)
            ran = self._transaction(todo)
            missing = dnf.parse_unavailable(ran.out + ran.err)
        stale = missing or dnf.is_outdated(ran.out + ran.err)
        if stale and self._wish.update_cache and self._newest_index() <= self._read_at:
            ran = self._transaction(todo, refresh=True)
            missing = dnf.parse_unavailable(ran.out + ran.err)
        if missing:
            raise self._unavailable(missing, ran)
        return ran

    def _off(self, todo: list[str], missing: t.Mapping[str, str], text: str) -> list[str]:
        """Return the repositories that are off and have what dnf said it lacks; raise where they may not be enabled."""
        lacking = list(missing) or (todo if dnf.lacks_dependency(text) else [])
        off = self._repositories.off(self._wish.repositories, lacking)
        if off and not self._wish.enable_repositories:
            ways = "; ".join(f"{name}: {enabling(name, self._system)}" for name in off)
            raise BaselineError(
                f"{', '.join(lacking)}: needs a repository that is off ({ways}); enable it or say "
                f"enable_repositories: true; {_UNTOUCHED}",
                unknown=lacking,
            )
        return off

    def _transaction(self, names: t.Sequence[str], *, refresh: bool = False) -> CommandResult:
        command = self._command(names, refresh=refresh)
        return patiently(
            lambda: self._host.run(command),
            holder=self._holder,
            busy=lambda ran: dnf.is_locked(ran.out + ran.err),
            seconds=self._wish.lock_timeout,
        )

    def _command(
        self, names: t.Sequence[str], *, simulate: bool = False, whole: bool = False, refresh: bool = False
    ) -> list[str]:
        return dnf.command(
            self._generation,
            "remove" if self._wish.state == "absent" else "install",
            names,
            simulate=simulate,
            whole=whole,
            latest=self._wish.state == "latest",
            recommends=self._wish.recommends,
            expire=max(self._wish.cache_valid_time, 1) if self._wish.update_cache else -1,
            refresh=refresh,
        )

    def _look(self) -> Holder | None:
        if not self._lock:
            self._lock = rpm.lock_path(self._host)
        return lock_holder([self._lock, *LOCKS]) or pid_file_holder(PID_FILES)

    # prove

    def _prove(self, before: dict[str, str], after: dict[str, str], ran: CommandResult | None) -> None:
        names = list(self._wish.packages)
        absent = self._wish.state == "absent"
        wrong = rpm.real(self._host, names) if absent else rpm.missing(self._host, names)
        ran = ran or CommandResult((), 0, "", "")
        said = "" if ran.ok and not wrong else dnf.words(ran.out, ran.err)
        scripts = dnf.failed_scriptlets(ran.out + ran.err)
        # A package whose own script failed is there all the same, and dnf 5 calls the whole transaction failed for it.
        failed = not ran.ok and not scripts
        if wrong or (failed and self._wish.state == "latest"):
            what = f"{', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} {'still' if absent else 'not'} installed"
            change = difference(before, after)
            changed = [*change.installed, *change.upgraded, *change.removed]
            told = f"changed all the same: {', '.join(changed)}" if changed else "no package was changed"
            raise BaselineError(
                f"{what if wrong else 'the upgrade did not happen'} after dnf: {said or 'it reported no error'}"
                f"{dnf.way_out(said)}; {told}"
            )
        if scripts:
            self._warnings.append(f"the packages are as wished, but a script of {', '.join(scripts)} failed")
        elif failed:
            self._warnings.append(f"the packages are as wished, but dnf failed: {said}")
        unread = dnf.unread(ran.out + ran.err)
        if unread:
            self._warnings.append(f"a repository could not be read: {unread}")

    def _unavailable(self, missing: dict[str, str], ran: CommandResult) -> BaselineError:
        sentences = [
            f"{name!r} is in a repository, but {why} by the configuration of dnf or a module stream"
            if why
            else f"{unknown('package', name, self._similar(name))} (neither a logical name nor in the package index)"
            for name, why in missing.items()
        ]
        held = {one: name for name, packages in self._wish.repositories.items() for one in packages}
        places = sorted({held[name] for name in missing if name in held})
        ways = "".join(f"; it should be in {name} ({enabling(name, self._system)})" for name in places)
        unread = dnf.unread(ran.out + ran.err)
        context = f"; a repository could not be read: {unread}" if unread else ""
        enabled = f"; enabled were {', '.join(self._enabled)}" if self._enabled else ""
        return BaselineError(
            f"{'; '.join(sentences)}{ways}{context}; nothing was installed{enabled}", unknown=list(missing)
        )

    def _similar(self, name: str) -> list[str]:
        if not name[:1].isalnum():
            return []
        ran = self._host.run(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", f"{name[:4]}*"])
        return [similar for similar in [*logical_names(), *dict.fromkeys(ran.out.split())] if similar != name]
