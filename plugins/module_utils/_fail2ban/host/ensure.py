# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes fail2ban what is wished: read, plan, check staged, write, bring in force, read again, prove."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import BaselineError
from ..._core.host.paths import runtime_folder
from .. import plan as fail2ban_plan
from ..plan import Probes, differences
from ..stream import expected
from .expressions import with_expressions
from .probe import (
    controller,
    probe,
    takes_passwords,
)
from .proof import (
    Proof,
    bans_of,
    clean_up,
    last_errors,
    lost,
    prove,
    settle,
)
from .site import (
    Fail2ban,
    compose_for,
    is_installed,
    own_log,
    own_path,
    read_site,
    read_streams,
)
from .trouble import troubles

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import Composed, Wish
    from .site import Site, Streams, Values

__all__ = ["Outcome", "State", "ensure"]


@dataclass(frozen=True)
class State:
    """What is compared: our file, the service, what each running jail does, and what the packet filter lost of it."""

    file: str | None
    service: dict[str, bool] = field(default_factory=dict)
    jails: Values = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)

    def in_force(self) -> dict[str, t.Any]:
        """Return all but the file, flat: what runs, under one name each."""
        flat: dict[str, t.Any] = {f"service {name}": value for name, value in self.service.items()}
        for jail, values in self.jails.items():
            flat[f"{jail} runs"] = True
            flat.update({f"{jail} {option}": value for option, value in values.items()})
        flat.update({f"{jail} lost in the packet filter": missing for jail, missing in self.lost.items()})
        return flat


@dataclass(frozen=True)
class Outcome:
    """What was, what is (in check mode: what would be), and how it came about."""

    before: State
    after: State
    composed: Composed
    path: str
    reloaded: list[str] = field(default_factory=list)
    restarted: bool = False
    proof: dict[str, Proof] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.before != self.after


def ensure(host: Host, wish: Wish, *, reload: bool, proof: bool) -> Outcome:
    """Make the host what ``wish`` says; without ``reload`` only the file; with ``proof`` bans are tried for real."""
    if not is_installed(host):
        return _without_fail2ban(host, wish)
    site = read_site(host)
    with own_log(host, wish, site):
        return _ensured(host, wish, site, reload=reload, proof=proof)


def _ensured(host: Host, wish: Wish, site: Site, *, reload: bool, proof: bool) -> Outcome:
    probes = probe(host, wish, own=site.own)
    composed = compose_for(host, wish, probes, site)
    defeated = fail2ban_plan.defeated(composed.text, site.later)
    if defeated:
        raise BaselineError(
            f"the wish would not be in force: {'; '.join(defeated)}. That is read after {site.path} and wins; remove "
            "it or wish the same; nothing was changed"
        )
    streams = read_streams(host, site, composed.text if composed.text != site.own else None)
    streams = with_expressions(host, streams, wish.enabled)
    found = troubles(host, wish, probes, site, streams)
    if found.errors and not host.check_mode:
        raise BaselineError("; ".join(found.errors) + "; nothing was changed")
    plan = Outcome(
        State(site.own), State(composed.text), composed, site.path, warnings=[*found.errors, *found.warnings]
    )
    if reload:
        return _in_force(host, wish, site, streams, plan, proof=proof)
    if plan.changed and not host.check_mode:
        host.write(site.path, composed.text)
    return plan


def _without_fail2ban(host: Host, wish: Wish) -> Outcome:
    if not host.check_mode:
        raise BaselineError(
            "fail2ban is not installed on this host; nothing was changed; install the package fail2ban "
            "(the role pyhost.baseline.fail2ban does)"
        )
    # An earlier task of the play, which check mode did not run, installs it: its system's usual answers are assumed.
    filters = {name: "journalmatch = _COMM=sshd" if name == "sshd" else "" for name in wish.jails}
    probes = Probes(
        # FreeBSD has no journal and pf alone; whether pf works is said once fail2ban is there.
        no_journal="journald does not run on this host" if host.platform.is_freebsd else "",
        filters=("pf",) if host.platform.is_freebsd else (),
        controller=controller(host) if wish.ignore_controller else None,
        passwords=takes_passwords(host, wish),
    )
    composed = fail2ban_plan.compose(wish, probes, {"sshd": {"backend": "systemd"}}, filters)
    warning = "fail2ban is not installed yet: what it makes of these settings could not be checked"
    return Outcome(State(None), State(composed.text), composed, own_path(host), warnings=[warning])


def _in_force(host: Host, wish: Wish, site: Site, streams: Streams, plan: Outcome, *, proof: bool) -> Outcome:
    fail2ban = Fail2ban(host, site)
    stamp = _Stamp(host, site, wish, streams) if proof else None
    values = fail2ban.values(streams)
    before = State(site.own, fail2ban.service(), values, stamp.lost(fail2ban) if stamp else {})
    after = State(
        plan.composed.text,
        {"running": True, "enabled": True},
        {name: expected(jail) for name, jail in streams.items()},
    )
    plan = replace(plan, before=before, after=after)
    if host.check_mode:
        return plan
    held: dict[str, list[str]] = {}
    if plan.changed:
        held = {name: bans_of(fail2ban.server, name) for name in values} if fail2ban.server else {}
        changed = _changed_by_files(host, site, streams) if site.own != plan.composed.text else []
        if site.own != plan.composed.text:
            host.write(site.path, plan.composed.text)
        fail2ban.bring_in_force(streams, values, changed=changed)
        for name in before.lost:
            if name not in fail2ban.reloaded and not fail2ban.restarted:
                fail2ban.restart_jail(name)
        plan = replace(plan, warnings=[*plan.warnings, *_read_back(host, fail2ban, wish, streams, after.jails)])
    proofs = stamp.prove(fail2ban, held) if stamp else {}
    return replace(plan, reloaded=fail2ban.reloaded, restarted=fail2ban.restarted, proof=proofs)


def _changed_by_files(host: Host, site: Site, streams: Streams) -> list[str]:
    try:
        present = read_streams(host, site)
    except BaselineError:
        # The files on disk are broken; the candidate, which was checked, mends them.
        present = {}
    return [name for name, jail in streams.items() if present.get(name) != jail]


def _read_back(host: Host, fail2ban: Fail2ban, wish: Wish, streams: Streams, after: Values) -> list[str]:
    """Fail where a wished jail does not do what it should; return warnings about the jails of others."""
    running = fail2ban.values(streams)
    warnings = []
    for name in [*after, *(name for name in running if name not in after)]:
        wrong = differences(running.get(name, {"running": False}), after.get(name, {}))
        if not wrong:
            continue
        said = "; ".join(f"{key} is {was!r} instead of {wished!r}" for key, (was, wished) in wrong.items())
        if name in wish.jails:
            words = "\n".join(last_errors(host, fail2ban.answering()))
            raise BaselineError(f"the jail {name} is not in force: {said}. fail2ban's last words:\n{words}")
        warnings.append(f"the jail {name}, which another file defines, does not run as written: {said}")
    return warnings


class _Stamp:
    """Remembers, for as long as this server runs, what was proven of it: beside its socket, gone with the service.

    So a run that changes nothing bans nothing, and a run that was interrupted before its proof is proven by the next.
    """

    def __init__(self, host: Host, site: Site, wish: Wish, streams: Streams) -> None:
        self._host = host
        folder = os.path.dirname(site.socket)
        # A socket may lie in /tmp, where anybody could put a file of that name.
        folder = folder if folder.startswith(("/run/", "/var/run/")) else runtime_folder()
        self._path = os.path.join(folder, "pyhost.baseline.proof")
        self._jails = {name: streams[name] for name in wish.enabled if name in streams}
        try:
            self._stamp = json.loads(host.read(self._path) or "{}")
        except ValueError:
            self._stamp = {}

    def _key(self, fail2ban: Fail2ban, name: str) -> str:
        jail = self._jails[name]
        return f"{fail2ban.unit.main_pid}:{hashlib.sha256(repr(jail).encode()).hexdigest()}"

    def lost(self, fail2ban: Fail2ban) -> dict[str, list[str]]:
        """Return, by jail, what another program has taken out of the packet filter."""
        if fail2ban.server is None:
            return {}
        found = {}
        for name in set(self._jails) & set(fail2ban.values({})):
            proven = self._stamp.get(name, {})
            rules = proven.get("rules", []) if proven.get("key") == self._key(fail2ban, name) else []
            missing = lost(self._host, fail2ban.server, self._jails[name], rules)
            if missing:
                found[name] = missing
        return found

    def prove(self, fail2ban: Fail2ban, held: t.Mapping[str, list[str]]) -> dict[str, Proof]:
        """Prove each jail that this server has not proven yet as it is now; ``held`` are its bans before the change."""
        server = fail2ban.answering()
        clean_up(self._host, server)
        proofs, kept = {}, {}
        for name, jail in self._jails.items():
            key = self._key(fail2ban, name)
            proven = self._stamp.get(name, {})
            if proven.get("key") != key or name in fail2ban.reloaded or fail2ban.restarted:
                settle(self._host, server, jail, held.get(name, []))
                proven = {"key": key, **prove(self._host, server, jail)}
            kept[name] = proven
            proofs[name] = {option: value for option, value in proven.items() if option not in ("key", "rules")}
        if kept != self._stamp:
            self._host.write(self._path, json.dumps(kept), mode=0o600)
        return proofs
