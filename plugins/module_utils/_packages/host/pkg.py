# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by FreeBSD's pkg(8): read the database, plan by a dry run, act in one transaction, read again."""

from __future__ import annotations

import re
import time
import typing as t

from ..._core.errors import BaselineError, unknown
from ..._core.host.locks import still_held
from ..model import UNKNOWN_VERSION, Holder, Outcome
from ..names import logical_names
from ..pkg import (
    LOCAL,
    REMOTE,
    Database,
    Plan,
    chosen,
    default_flavour,
    holder_of,
    is_absent,
    is_gone,
    is_locked,
    is_planned,
    is_updated,
    last_words,
    newer_system,
    parse_offers,
    parse_plan,
    parse_query,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..model import Wish

__all__ = ["fulfil"]

# The catalogues of pkg 2 and of pkg 1.
CATALOGUES = ("/var/db/pkg/repos/*/db", "/var/db/pkg/repo-*.sqlite")
DATABASE = "/var/db/pkg/local.sqlite"
PYTHON = "/usr/local/bin/python3"
# Not while something is asked: it would answer that packages for a newer FreeBSD are fine, and bootstrap in check mode.
_YES = {"ASSUME_ALWAYS_YES": "yes"}
_UNCHANGED = "nothing was changed"


def fulfil(host: Host, wish: Wish) -> Outcome:
    """Bring ``wish`` about and prove it. Nothing to do means that the database was asked and no more."""
    return _Run(host, wish).outcome()


class _Run:
    """One fulfilment: what was found out on the way."""

    def __init__(self, host: Host, wish: Wish) -> None:
        self._host = host
        self._wish = wish
        self._deadline = time.monotonic() + wish.lock_timeout
        self._refreshed = self._cache_updated = False
        self._warnings: list[str] = []

    def outcome(self) -> Outcome:
        before = self._database()
        after = self._remove(before) if self._wish.state == "absent" else self._install(before)
        changed = before.versions != after
        return Outcome(before.versions, after, changed, self._cache_updated, tuple(self._warnings))

    def _install(self, before: Database) -> dict[str, str]:
        default = default_flavour(self._host.target(PYTHON))
        missing = [name for name in self._wish.packages if not before.names(name, default)]
        wanted = missing
        if self._wish.state == "latest":
            # pkg refuses the whole transaction where one that it names is locked.
            held = {name: before.locked.intersection(before.names(name, default)) for name in self._wish.packages}
            wanted = [name for name in self._wish.packages if not held[name]]
            self._warn_of_held(set().union(*held.values()))
        if not wanted:
            return before.versions
        if not before.packages and not self._bootstrapped():
            self._warnings.append("pkg is not installed yet, so nobody knows whether the repository has the packages")
            return {**before.versions, **dict.fromkeys(missing, UNKNOWN_VERSION)}
        self._refresh(stale_only=True)
        if self._host.check_mode and not self._catalogues():
            self._warnings.append("pkg has no catalogue yet, so nobody knows whether the repository has the packages")
            return {**before.versions, **dict.fromkeys(missing, UNKNOWN_VERSION)}
        names = self._resolved(wanted)
        plan = self._plan(["install", "-n", "-U", *names])
        self._warn_of_held(set(plan.held))
        if plan.vulnerable:
            self._warnings.append(f"with known vulnerabilities (see `pkg audit`): {', '.join(plan.vulnerable)}")
        if plan.removed:
            raise BaselineError(
                f"to install {', '.join(names)}, pkg would remove {', '.join(plan.removed)}; {_UNCHANGED}; "
                "do that by hand, if it is wanted, with `pkg install`"
            )
        if plan.empty or self._host.check_mode:
            return plan.applied_to(before.versions)
        words = self._transact(["install", "-y", "-U", *names])
        after = self._database()
        lacking = [name for name in names if not after.names(name)]
        if lacking:
            raise BaselineError(f"{', '.join(lacking)} not installed after pkg install: {words}")
        return after.versions

    def _remove(self, before: Database) -> dict[str, str]:
        names = [name for wished in self._wish.packages for name in before.names(wished)]
        if not names:
            return before.versions
        locked = sorted(before.locked.intersection(names))
        if locked:
            raise BaselineError(
                f"locked by pkg-lock(8): {', '.join(locked)}; {_UNCHANGED}; `pkg unlock {' '.join(locked)}` lifts that"
            )
        plan = self._plan(["delete", "-n", *names])
        if self._host.check_mode:
            return plan.applied_to(before.versions)
        words = self._transact(["delete", "-y", *names])
        after = self._database()
        left = [name for name in names if after.names(name)]
        if left:
            raise BaselineError(f"{', '.join(left)} still installed after pkg delete: {words}")
        return after.versions

    # read

    def _database(self) -> Database:
        ran = self._run(["query", "-a", LOCAL])
        # Base's pkg(7), which asks to be replaced by the real one, has no database: nothing is installed.
        if not ran.ok and not is_absent(ran.err):
            raise BaselineError(f"pkg cannot read its database: {last_words(ran.out + ran.err)}; {_UNCHANGED}")
        return parse_query(ran.out if ran.ok else "")

    def _resolved(self, wanted: list[str]) -> list[str]:
        """Return the repository's names of ``wanted``, read anew where it does not have one; else raise."""
        found = self._offered(wanted)
        if [name for name in wanted if not found[name]] and self._refresh():
            found = self._offered(wanted)
        missing = [name for name in wanted if not found[name]]
        if missing:
            raise self._unavailable(missing)
        several = {name: names for name, names in found.items() if len(names) > 1}
        if several:
            told = "; ".join(f"{name} is {' or '.join(names)}" for name, names in several.items())
            raise BaselineError(f"not one package but several: {told}; {_UNCHANGED}; name the one that is meant")
        return list(dict.fromkeys(names[0] for names in found.values()))

    def _offered(self, wanted: list[str]) -> dict[str, list[str]]:
        offers = parse_offers(self._run(["rquery", "-U", REMOTE, *wanted]).out)
        flavour = ""
        if any(len(chosen(name, offers, "")) > 1 for name in wanted):
            # The package python3 is nothing but a dependency on the default one.
            default = re.search(r"^python(\d+)$", self._run(["rquery", "-U", "%dn", "python3"]).out, re.MULTILINE)
            flavour = f"py{default.group(1)}" if default else ""
        return {name: chosen(name, offers, flavour) for name in wanted}

    def _plan(self, arguments: list[str]) -> Plan:
        ran = self._run(arguments)
        if not is_planned(ran.out):
            raise self._failed(arguments[0], ran)
        return parse_plan(ran.out)

    def _warn_of_held(self, names: set[str]) -> None:
        if names:
            self._warnings.append(f"kept at their versions by pkg-lock(8): {', '.join(sorted(names))}")

    # act

    def _bootstrapped(self) -> bool:
        """Say whether pkg(8) is there, after its bootstrap where this is no check mode."""
        ran = self._host.run(["pkg", "-N"])
        if ran.ok or not is_absent(ran.err):
            return True
        if self._host.check_mode:
            return False
        ran = self._run(["bootstrap", "-y"], env=_YES)
        if not ran.ok:
            raise self._failed("bootstrap", ran)
        return True

    def _refresh(self, *, stale_only: bool = False) -> bool:
        """Have the catalogues read anew, once, where that is wished; say whether there was something new."""
        times = self._catalogues()
        fresh = bool(times) and time.time() - max(times) < self._wish.cache_valid_time
        fresh = fresh and self._wish.state != "latest"
        if self._refreshed or self._host.check_mode or not self._wish.update_cache or (stale_only and fresh):
            return False
        self._refreshed = True
        ran = self._run(["update"])
        self._cache_updated = is_updated(ran.out)
        if not ran.ok or newer_system(ran.out + ran.err):
            if not times or newer_system(ran.out + ran.err):
                raise self._failed("update", ran)
            self._warnings.append(f"the catalogue could not be read anew: {last_words(ran.err or ran.out)}")
        return self._cache_updated

    def _catalogues(self) -> list[float]:
        found = [self._host.stat(path) for pattern in CATALOGUES for path in self._host.glob(pattern)]
        return [entry.st_mtime for entry in found if entry]

    def _transact(self, arguments: list[str]) -> str:
        ran = self._run(arguments, env=_YES)
        if not ran.ok and is_gone(ran.out + ran.err) and self._refresh():
            ran = self._run(arguments, env=_YES)
        if not ran.ok:
            raise self._failed(arguments[0], ran, done="see `pkg query -a` for what of it was done")
        return last_words(ran.err)

    def _run(self, arguments: list[str], *, env: t.Mapping[str, str] | None = None) -> CommandResult:
        """Run pkg; wait for another one that has the database, up to ``lock_timeout`` seconds."""
        while True:
            ran = self._host.run(["pkg", *arguments], env=env)
            if ran.ok or not is_locked(ran.err):
                return ran
            if time.monotonic() >= self._deadline:
                raise self._held(ran)
            time.sleep(1)

    # errors

    def _held(self, ran: CommandResult) -> BaselineError:
        pid = holder_of(ran.out)
        command = self._host.run(["ps", "-ww", "-o", "args=", "-p", str(pid)]).out.strip() if pid else ""
        holder = Holder(pid, command or "gone meanwhile", DATABASE) if pid else None
        return still_held(holder, self._wish.lock_timeout, unnamed="another pkg holds its database")

    def _failed(self, verb: str, ran: CommandResult, *, done: str = _UNCHANGED) -> BaselineError:
        words = ran.out + "\n" + ran.err
        return BaselineError(f"pkg {verb} failed: {newer_system(words) or last_words(words)}; {done}")

    def _unavailable(self, missing: list[str]) -> BaselineError:
        told = "; ".join(unknown("package", name, self._similar(name)) for name in missing)
        context = "".join(f"; {warning}" for warning in self._warnings)
        return BaselineError(
            f"{told} (neither a logical name nor in the repository's catalogue){context}; nothing was installed",
            unknown=missing,
        )

    def _similar(self, name: str) -> list[str]:
        # Of thirty thousand names, those that begin alike; a typing error seldom sits in the first letters.
        origin = "/" in name
        ran = self._run(["rquery", "-U", "-g", "%o" if origin else "%n", f"{name[: name.find('/') + 4]}*"])
        return [similar for similar in [*logical_names(), *ran.out.split()] if similar != name]
