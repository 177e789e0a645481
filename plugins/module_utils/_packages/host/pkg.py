# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by FreeBSD's pkg(8): read the database, plan by a dry run, one transaction, read the database again."""

from __future__ import annotations

import re
import time
import typing as t

from ..._core.errors import BaselineError, unknown
from ..._core.host.locks import LockHolder, lock_timeout_error
from ..._core.progress import Progress
from ..model import UNKNOWN_VERSION, PackagesResult, describe_changes
from ..names import logical_names
from ..pkg import (
    LOCAL,
    REMOTE,
    PkgDatabase,
    PkgPlan,
    candidates,
    default_flavour,
    find_newer_system,
    holder_of,
    is_absent,
    is_locked,
    is_outdated,
    is_planned,
    is_updated,
    last_errors,
    parse_offers,
    parse_plan,
    parse_query,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..model import PackagesRequest

__all__ = ["Pkg"]

# The catalogues of pkg 2 and of pkg 1.
CATALOGUES = ("/var/db/pkg/repos/*/db", "/var/db/pkg/repo-*.sqlite")
DATABASE = "/var/db/pkg/local.sqlite"
PYTHON = "/usr/local/bin/python3"
# Only for commands that change something. A query would accept packages for a newer FreeBSD, and bootstrap pkg in check
# mode.
_YES = {"ASSUME_ALWAYS_YES": "yes"}


class Pkg:
    """The package manager of FreeBSD."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def ensure(self, request: PackagesRequest) -> PackagesResult:
        """Bring ``request`` into force and verify it. Where nothing has to be done, only the database is read."""
        progress = Progress()
        with progress.in_errors():
            return _PkgRun(self._host, request, progress).ensure()


class _PkgRun:
    """One run: the request, and what has been changed and noticed so far."""

    def __init__(self, host: Host, request: PackagesRequest, progress: Progress) -> None:
        self._host = host
        self._request = request
        self._progress = progress
        self._deadline = time.monotonic() + request.lock_timeout
        self._refreshed = self._cache_updated = False
        self._warnings: list[str] = []

    def ensure(self) -> PackagesResult:
        before = self._read_database()
        after = self._remove(before) if self._request.state == "absent" else self._install(before)
        changed = before.versions != after
        return PackagesResult(before.versions, after, changed, self._cache_updated, tuple(self._warnings))

    # plan and apply

    def _install(self, before: PkgDatabase) -> dict[str, str]:
        default = default_flavour(self._host.target(PYTHON))
        missing = [name for name in self._request.packages if not before.names(name, default)]
        requested = self._unlocked(before, default) if self._request.state == "latest" else missing
        if not requested:
            return before.versions
        if not self._is_ready(before):
            return {**before.versions, **dict.fromkeys(missing, UNKNOWN_VERSION)}
        names = self._resolve(requested)
        plan = self._plan_installation(names)
        if plan.is_empty or self._host.check_mode:
            return plan.applied_to(before.versions)
        output = self._transact(["install", "-y", "-U", *names])
        after = self._read_database()
        lacking = [name for name in names if not after.names(name)]
        if lacking:
            raise BaselineError(
                f"{', '.join(lacking)} not installed after pkg install: {output}",
                state=describe_changes(before.versions, after.versions),
            )
        return after.versions

    def _unlocked(self, before: PkgDatabase, default: str) -> list[str]:
        """Return the requested packages that are not locked; pkg refuses a transaction that names a locked one."""
        locked = {name: before.locked.intersection(before.names(name, default)) for name in self._request.packages}
        self._warn_of_locked(set().union(*locked.values()))
        return [name for name in self._request.packages if not locked[name]]

    def _is_ready(self, before: PkgDatabase) -> bool:
        """Say whether pkg and its catalogue are there; install and update them, but not in check mode."""
        if not before.packages and not self._bootstrap():
            self._warnings.append(
                "pkg is not installed yet, so it is not known yet whether the repository has the packages"
            )
            return False
        self._refresh(stale_only=True)
        if self._host.check_mode and not self._catalogue_times():
            self._host.known_after_apply.append(
                "pkg has no catalogue yet, so it is not known yet whether the repository has the packages"
            )
            return False
        return True

    def _plan_installation(self, names: list[str]) -> PkgPlan:
        plan = self._plan(["install", "-n", "-U", *names])
        self._warn_of_locked(set(plan.locked))
        if plan.vulnerable:
            self._warnings.append(f"with known vulnerabilities (see `pkg audit`): {', '.join(plan.vulnerable)}")
        if plan.removed:
            raise BaselineError(
                f"to install {', '.join(names)}, pkg would remove {', '.join(plan.removed)}",
                hint="run `pkg install` on the host if you want that",
            )
        return plan

    def _remove(self, before: PkgDatabase) -> dict[str, str]:
        names = [name for requested in self._request.packages for name in before.names(requested)]
        if not names:
            return before.versions
        locked = sorted(before.locked.intersection(names))
        if locked:
            raise BaselineError(
                f"locked by pkg-lock(8): {', '.join(locked)}", hint=f"`pkg unlock {' '.join(locked)}` unlocks them"
            )
        plan = self._plan(["delete", "-n", *names])
        if self._host.check_mode:
            return plan.applied_to(before.versions)
        output = self._transact(["delete", "-y", *names])
        after = self._read_database()
        left = [name for name in names if after.names(name)]
        if left:
            raise BaselineError(
                f"{', '.join(left)} still installed after pkg delete: {output}",
                state=describe_changes(before.versions, after.versions),
            )
        return after.versions

    # read

    def _read_database(self) -> PkgDatabase:
        ran = self._run(["query", "-a", LOCAL])
        # Base's pkg(7), which asks to be replaced by the real one, has no database: nothing is installed.
        if not ran.ok and not is_absent(ran.err):
            raise BaselineError(f"pkg cannot read its database: {last_errors(ran.out + ran.err)}")
        return parse_query(ran.out if ran.ok else "")

    def _resolve(self, requested: list[str]) -> list[str]:
        """Return the repository's names of ``requested``; update the catalogue if it does not have one, then raise."""
        found = self._query_catalogue(requested)
        if [name for name in requested if not found[name]] and self._refresh():
            found = self._query_catalogue(requested)
        missing = [name for name in requested if not found[name]]
        if missing:
            raise self._unavailable(missing)
        several = {name: names for name, names in found.items() if len(names) > 1}
        if several:
            meanings = ", and ".join(f"{name} is {' or '.join(names)}" for name, names in several.items())
            raise BaselineError(f"not one package but several: {meanings}", hint="name one of them")
        return list(dict.fromkeys(names[0] for names in found.values()))

    def _query_catalogue(self, requested: list[str]) -> dict[str, list[str]]:
        offers = parse_offers(self._run(["rquery", "-U", REMOTE, *requested]).out)
        flavour = ""
        if any(len(candidates(name, offers, "")) > 1 for name in requested):
            # The package python3 is only a dependency on the default one.
            default = re.search(r"^python(\d+)$", self._run(["rquery", "-U", "%dn", "python3"]).out, re.MULTILINE)
            flavour = f"py{default.group(1)}" if default else ""
        return {name: candidates(name, offers, flavour) for name in requested}

    def _plan(self, arguments: list[str]) -> PkgPlan:
        ran = self._run(arguments)
        if not is_planned(ran.out):
            raise self._failed(arguments[0], ran)
        return parse_plan(ran.out)

    def _warn_of_locked(self, names: set[str]) -> None:
        if names:
            self._warnings.append(f"kept at their versions by pkg-lock(8): {', '.join(sorted(names))}")

    # commands

    def _bootstrap(self) -> bool:
        """Say whether pkg(8) is installed, after its bootstrap where this is not check mode."""
        ran = self._host.run(["pkg", "-N"])
        if ran.ok or not is_absent(ran.err):
            return True
        if self._host.check_mode:
            return False
        ran = self._run(["bootstrap", "-y"], env=_YES)
        if not ran.ok:
            raise self._failed("bootstrap", ran)
        self._progress.record("installed pkg")
        return True

    def _refresh(self, *, stale_only: bool = False) -> bool:
        """Update the catalogues, once, where the request allows it; say whether there was something new."""
        times = self._catalogue_times()
        fresh = bool(times) and time.time() - max(times) < self._request.cache_valid_time
        fresh = fresh and self._request.state != "latest"
        if self._refreshed or self._host.check_mode or not self._request.update_cache or (stale_only and fresh):
            return False
        self._refreshed = True
        ran = self._run(["update"])
        self._cache_updated = is_updated(ran.out)
        if self._cache_updated:
            self._progress.record("updated the catalogue")
        if not ran.ok or find_newer_system(ran.out + ran.err):
            if not times or find_newer_system(ran.out + ran.err):
                raise self._failed("update", ran)
            self._warnings.append(f"the catalogue could not be updated: {last_errors(ran.err or ran.out)}")
        return self._cache_updated

    def _catalogue_times(self) -> list[float]:
        found = [self._host.stat(path) for pattern in CATALOGUES for path in self._host.glob(pattern)]
        return [entry.st_mtime for entry in found if entry]

    def _transact(self, arguments: list[str]) -> str:
        ran = self._run(arguments, env=_YES)
        if not ran.ok and is_outdated(ran.out + ran.err) and self._refresh():
            ran = self._run(arguments, env=_YES)
        if not ran.ok:
            error = self._failed(arguments[0], ran)
            error.state = f"pkg {arguments[0]} may have changed packages before it failed"
            error.hint = error.hint or "`pkg query -a` lists the installed packages"
            raise error
        self._progress.record(f"ran pkg {arguments[0]}")
        return last_errors(ran.err)

    def _run(self, arguments: list[str], *, env: t.Mapping[str, str] | None = None) -> CommandResult:
        """Run pkg; wait for another one that has the database, up to ``lock_timeout`` seconds."""
        while True:
            ran = self._host.run(["pkg", *arguments], env=env)
            if ran.ok or not is_locked(ran.err):
                return ran
            if time.monotonic() >= self._deadline:
                raise self._still_locked(ran)
            time.sleep(1)

    # errors

    def _still_locked(self, ran: CommandResult) -> BaselineError:
        pid = holder_of(ran.out)
        command = self._host.run(["ps", "-ww", "-o", "args=", "-p", str(pid)]).out.strip() if pid else ""
        holder = LockHolder(pid, command or "ended meanwhile", DATABASE) if pid else None
        return lock_timeout_error(holder, self._request.lock_timeout, unnamed="another pkg holds its database")

    def _failed(self, verb: str, ran: CommandResult) -> BaselineError:
        output = ran.out + "\n" + ran.err
        newer = find_newer_system(output)
        hint = (
            "update the base system first (`freebsd-update fetch install`, or `pkg upgrade -r FreeBSD-base` where the "
            "base is packaged) and boot it"
        )
        return BaselineError(f"pkg {verb} failed: {newer or last_errors(output)}", hint=hint if newer else "")

    def _unavailable(self, missing: list[str]) -> BaselineError:
        names = "; ".join(unknown("package", name, self._similar_names(name)) for name in missing)
        sentence = f"{names} (neither a logical name nor in the repository's catalogue)"
        # The state is given here because the sentences hold semicolons of their own.
        state = self._progress.describe()
        return BaselineError("; ".join([sentence, *self._warnings]), state=state, unknown=missing)

    def _similar_names(self, name: str) -> list[str]:
        # Of thirty thousand names, those that begin alike: a typing error is seldom in the first letters.
        origin = "/" in name
        ran = self._run(["rquery", "-U", "-g", "%o" if origin else "%n", f"{name[: name.find('/') + 4]}*"])
        return [similar for similar in [*logical_names(), *ran.out.split()] if similar != name]
