# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by dnf(8), generations 4 and 5, and rpm(8): read the database, one transaction, read the database again.

Where nothing has to be done dnf is not started: rpm reads its database in a few hundredths of a second.
"""

from __future__ import annotations

import os
import time
import typing as t

from ..._core.errors import BaselineError, state_of_errors, unknown
from ..._core.host.locks import (
    FindHolder,
    find_lock_holder,
    find_pid_file_holder,
    run_when_unlocked,
    wait_for_locks,
)
from ..._core.progress import Progress
from .. import dnf
from ..model import UNKNOWN_VERSION, PackagesResult, describe_changes
from ..names import enabling, logical_names
from . import rpm
from .dnf_repositories import DnfRepositories

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..._core.host.locks import LockHolder
    from ..._core.os_release import System
    from ..model import PackagesRequest

__all__ = ["Dnf"]

# dnf 4 writes its process id into these.
PID_FILES = ("/var/lib/dnf/rpmdb_lock.pid", "/var/cache/dnf/metadata_lock.pid", "/var/cache/dnf/download_lock.pid")
# dnf 5 and rpm lock by fcntl(2).
LOCKS = ("/run/dnf/rpmtransaction.lock", "/var/lib/dnf/system-repo.lock")
INDEXES = ("/var/cache/dnf/*/repodata/repomd.xml", "/var/cache/libdnf5/*/repodata/repomd.xml")
CONFIGURATION = ("/etc/yum.repos.d", "/etc/yum.repos.d/*.repo", "/etc/dnf/dnf.conf", "/etc/dnf/repos.override.d/*")


def read_generation() -> int:
    """Return 5 where the command dnf is that of dnf 5, else 4; the other one may be installed under its own name."""
    found = (os.path.realpath(os.path.join(folder, "dnf")) for folder in ("/usr/bin", "/bin"))
    return 5 if any(os.path.basename(path) == "dnf5" for path in found) else 4


class Dnf:
    """The package manager of the RHEL family and Fedora.

    ``generation`` is that of dnf and ``find_holder`` returns who holds its locks, where the host is not to be asked.
    """

    def __init__(
        self, host: Host, system: System, *, generation: int | None = None, find_holder: FindHolder | None = None
    ) -> None:
        self._host = host
        self._system = system
        self._generation = read_generation() if generation is None else generation
        self._find_holder = find_holder or _LockFiles(host).find_holder

    def ensure(self, request: PackagesRequest) -> PackagesResult:
        """Bring ``request`` into force and verify it; check mode predicts the result and writes nothing."""
        progress = Progress()
        repositories = DnfRepositories(self._host, self._system, self._generation, progress)
        with progress.in_errors():
            return _DnfRun(self._host, request, repositories, progress, self._find_holder).ensure()


class _LockFiles:
    """The locks of dnf and rpm; rpm is asked once where its own is."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._rpm_lock = ""

    def find_holder(self) -> LockHolder | None:
        if not self._rpm_lock:
            self._rpm_lock = rpm.read_lock_path(self._host)
        return find_lock_holder([self._rpm_lock, *LOCKS]) or find_pid_file_holder(PID_FILES)


class _DnfRun:
    """One run: the request, and what has been changed and noticed so far."""

    def __init__(
        self,
        host: Host,
        request: PackagesRequest,
        repositories: DnfRepositories,
        progress: Progress,
        find_holder: FindHolder,
    ) -> None:
        self._host = host
        self._system = repositories.system
        self._generation = repositories.generation
        self._request = request
        self._repositories = repositories
        self._progress = progress
        self._find_holder = find_holder
        self._warnings: list[str] = []
        self._enabled: list[str] = []
        self._index_read_at = self._newest_index()

    def ensure(self) -> PackagesResult:
        names = self.select()
        if not names:
            return PackagesResult({}, {}, False, False, tuple(self._warnings))
        if self._host.find("dnf") is None:
            raise BaselineError(
                f"{', '.join(names)}: cannot be installed or removed, because this {self._system.title} has no dnf",
                hint="install dnf first (microdnf install dnf)",
            )
        if self._host.check_mode:
            before = self._list_installed()
            return self._result(before, self._predict(before, self._command(names)))
        wait_for_locks(self._find_holder, time.monotonic() + self._request.lock_timeout, self._request.lock_timeout)
        before = self._list_installed()
        # The process that held the lock may have installed the packages.
        names = self.select()
        ran = self._apply(self._command(names)) if names else None
        after = self._list_installed(warn=True)
        with state_of_errors(describe_changes(before, after)):
            self._verify(ran)
        return self._result(before, after)

    def _result(self, before: dict[str, str], after: dict[str, str]) -> PackagesResult:
        return PackagesResult(
            before,
            after,
            before != after or bool(self._enabled),
            self._newest_index() > self._index_read_at,
            tuple(self._warnings),
            tuple(self._enabled),
        )

    # read

    def select(self) -> list[str]:
        """Return the packages that dnf has to be given."""
        names = list(self._request.packages)
        if self._request.state == "absent":
            return rpm.find_real(self._host, names)
        if self._request.state == "present" or not names:
            return rpm.find_missing(self._host, names)
        # Given a capability, dnf could choose another package than the installed one that provides it.
        missing = rpm.find_missing(self._host, names)
        real = set(rpm.find_real(self._host, [name for name in names if name not in missing]))
        provided = [name for name in names if name not in missing and name not in real]
        return [*missing, *sorted(real.union(*(rpm.find_providers(self._host, name) for name in provided)))]

    def _list_installed(self, *, warn: bool = False) -> dict[str, str]:
        found, duplicates = rpm.list_installed(self._host)
        if duplicates and warn:
            self._warnings.append(
                f"an earlier transaction was interrupted: {', '.join(duplicates)} is installed in two versions; "
                "run 'dnf check --duplicates' to list them"
            )
        return found

    # the package index

    def _newest_index(self) -> float:
        return max([self._mtime(path) for pattern in INDEXES for path in self._host.glob(pattern)], default=0.0)

    def _index_is_fresh(self) -> bool:
        read_at = self._newest_index()
        changed = max(self._mtime(path) for pattern in CONFIGURATION for path in [pattern, *self._host.glob(pattern)])
        return read_at >= changed and time.time() - read_at < self._request.cache_valid_time

    def _mtime(self, path: str) -> float:
        found = self._host.stat(path)
        return found.st_mtime if found else 0.0

    # plan

    def _command(self, names: t.Sequence[str]) -> dnf.DnfCommand:
        request = self._request
        return dnf.DnfCommand(
            self._generation,
            "remove" if request.state == "absent" else "install",
            tuple(names),
            latest=request.state == "latest",
            recommends=request.recommends,
            expire=max(request.cache_valid_time, 1) if request.update_cache else -1,
        )

    def _predict(self, before: dict[str, str], command: dnf.DnfCommand) -> dict[str, str]:
        names = command.names
        if command.verb == "install" and not self._newest_index():
            return self._unknown_versions(
                before, names, "the package index is empty, so it is not known yet whether it has"
            )
        ran = self._host.run(command.simulation())
        missing = dnf.parse_unavailable(ran.out + ran.err)
        if self._is_uncached(command, ran):
            return self._unknown_versions(
                before, names, "the package index is incomplete, so it is not known yet whether it has"
            )
        disabled = self._find_disabled(names, ran)
        if disabled:
            self._enabled += self._repositories.ids(disabled)
            return self._unknown_versions(before, names, "repositories would be enabled first for")
        if missing and command.verb == "install":
            if self._request.update_cache and not self._index_is_fresh():
                return self._unknown_versions(
                    before, names, "the package index is out of date, so it is not known yet whether it has"
                )
            raise self._unavailable(missing, ran)
        if not dnf.is_plan(ran.rc, ran.out, ran.err):
            output = dnf.error_lines(ran.out, ran.err)
            raise BaselineError(f"dnf cannot plan this: {output}", hint=dnf.find_hint(output))
        return dnf.parse_simulation(ran.out, rpm.NATIVE).applied(before)

    def _is_uncached(self, command: dnf.DnfCommand, ran: CommandResult) -> bool:
        """Say whether the index on the host does not suffice for the simulation ``ran``."""
        if dnf.is_uncached(ran.out + ran.err):
            return True
        # For a file dnf 5 needs a part of the index that it seldom downloads, and without it finds nothing.
        missing = dnf.parse_unavailable(ran.out + ran.err)
        return bool(missing) and dnf.is_uncached(self._host.run(command.simulation(whole=True)).err)

    def _unknown_versions(self, before: dict[str, str], names: t.Sequence[str], reason: str) -> dict[str, str]:
        new = rpm.find_missing(self._host, names)
        self._host.known_after_apply.append(f"{reason} {', '.join(names)}")
        return {**before, **dict.fromkeys(new, UNKNOWN_VERSION)}

    # apply

    def _apply(self, command: dnf.DnfCommand) -> CommandResult:
        """Run the one transaction; a disabled repository is enabled first where only it has some of the packages."""
        ran = self._run(command.transaction())
        disabled = self._find_disabled(command.names, ran)
        if disabled:
            self._enable(disabled, command)
            ran = self._run(command.transaction())
        outdated = bool(dnf.parse_unavailable(ran.out + ran.err)) or dnf.is_outdated(ran.out + ran.err)
        if outdated and self._request.update_cache and self._newest_index() <= self._index_read_at:
            ran = self._run(command.transaction(refresh=True))
        missing = dnf.parse_unavailable(ran.out + ran.err)
        if missing:
            raise self._unavailable(missing, ran)
        self._progress.record("ran dnf")
        return ran

    def _find_disabled(self, names: t.Sequence[str], ran: CommandResult) -> list[str]:
        """Return the disabled repositories with the packages that ``ran`` lacks; raise if they may not be enabled."""
        text = ran.out + ran.err
        lacking = list(dnf.parse_unavailable(text)) or (list(names) if dnf.lacks_dependency(text) else [])
        disabled = self._repositories.find_disabled(self._request.repositories, lacking)
        if disabled and not self._request.enable_repositories:
            commands = "; ".join(f"{name}: {enabling(name, self._system)}" for name in disabled)
            raise BaselineError(
                f"{', '.join(lacking)}: needs the disabled repository {' and '.join(disabled)}",
                hint=f"enable it on the host ({commands}) or set enable_repositories: true",
                unknown=lacking,
            )
        return disabled

    def _enable(self, names: t.Sequence[str], command: dnf.DnfCommand) -> None:
        def install(packages: t.Sequence[str]) -> CommandResult:
            return self._run(command.of(packages).transaction())

        for name in names:
            self._enabled.append(self._repositories.enable(name, install=install))

    def _run(self, argv: list[str]) -> CommandResult:
        return run_when_unlocked(
            lambda: self._host.run(argv),
            find_holder=self._find_holder,
            is_busy=lambda ran: dnf.is_locked(ran.out + ran.err),
            seconds=self._request.lock_timeout,
        )

    # verify

    def _verify(self, ran: CommandResult | None) -> None:
        names, absent = list(self._request.packages), self._request.state == "absent"
        wrong = rpm.find_real(self._host, names) if absent else rpm.find_missing(self._host, names)
        ok, out, err = (ran.ok, ran.out, ran.err) if ran else (True, "", "")
        output = "" if ok and not wrong else dnf.error_lines(out, err)
        scripts = dnf.failed_scriptlets(out + err)
        # A package whose own script failed is installed nevertheless, and dnf 5 calls the whole transaction failed.
        failed = not ok and not scripts
        if wrong or (failed and self._request.state == "latest"):
            still = f"{', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} {'still' if absent else 'not'} installed"
            raise BaselineError(
                f"{still if wrong else 'the packages were not upgraded'} after dnf: {output or 'it reported no error'}",
                hint=dnf.find_hint(output),
            )
        if scripts:
            self._warnings.append(f"the packages are in the desired state, but a script of {', '.join(scripts)} failed")
        elif failed:
            self._warnings.append(f"the packages are in the desired state, but dnf failed: {output}")
        unreadable = dnf.unreadable_repositories(out + err)
        if unreadable:
            self._warnings.append(f"a repository could not be read: {unreadable}")

    def _unavailable(self, missing: dict[str, str], ran: CommandResult) -> BaselineError:
        sentences = [
            f"{name!r} is in a repository, but {why} by the configuration of dnf or a module stream"
            if why
            else f"{unknown('package', name, self._similar_names(name))} "
            "(neither a logical name nor in the package index)"
            for name, why in missing.items()
        ]
        unreadable = dnf.unreadable_repositories(ran.out + ran.err)
        if unreadable:
            sentences.append(f"a repository could not be read: {unreadable}")
        repository_of = {one: name for name, packages in self._request.repositories.items() for one in packages}
        places = sorted({repository_of[name] for name in missing if name in repository_of})
        hints = [f"it should be in {name} ({enabling(name, self._system)})" for name in places]
        # The state is given here because the sentences hold semicolons of their own.
        state = self._progress.describe()
        return BaselineError("; ".join(sentences), state=state, hint="; ".join(hints), unknown=list(missing))

    def _similar_names(self, name: str) -> list[str]:
        if not name[:1].isalnum():
            return []
        ran = self._host.run(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", f"{name[:4]}*"])
        return [similar for similar in [*logical_names(), *dict.fromkeys(ran.out.split())] if similar != name]
