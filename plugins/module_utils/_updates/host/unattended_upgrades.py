# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""unattended-upgrades on the host: brings a policy into force, and verifies that it can install something.

Read, plan, check, apply, result: each step is a function, and what it hands on is a frozen record.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, replace

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import timers as host_timers
from ..._core.policy_result import PolicyResult
from ..._core.progress import Progress
from .. import apt_conf, origins
from .. import unattended_upgrades as uu
from ..freshness import LIMIT
from . import apt_state
from .allowed_origins import RequestedOrigins, match_archives, require_priorities, update_lists
from .updater_health import find_obstacles, gather_ages

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..origins import Archive

__all__ = ["PATH", "TIMERS", "UpgradesRequest", "ensure", "mail_problems"]

PATH = apt_state.POLICY
_DRY_RUN = ["unattended-upgrade", "--dry-run", "--debug"]
_NOT_DOWNLOADED = "failed to download, aborting"
# Another package manager, or a run of unattended-upgrade itself.
_BUSY = ("Lock could not be acquired", "Lock file is already taken")
# By the option that sets their time: first the package lists are fetched, then the upgrades are installed.
TIMERS = {"update_lists_at": "apt-daily.timer", "upgrade_at": "apt-daily-upgrade.timer"}


@dataclass(frozen=True)
class UpgradesRequest:
    """The desired policy, the ``text`` of our file, and the ``drop_ins`` of the timers; ``None`` removes a file.

    ``must_fire``: the timers have to be enabled and running. ``optional`` are the origins that may match no archive.
    ``max_age`` is the age in hours of package lists and of the last success above which a warning is given.
    """

    policy: uu.UpgradePolicy
    text: str | None
    drop_ins: t.Mapping[str, str | None]
    must_fire: bool
    optional: frozenset[str] = frozenset()
    max_age: int = LIMIT

    @property
    def origins(self) -> RequestedOrigins:
        return RequestedOrigins(self.policy.lists.get(uu.LISTS["origins"], ()), self.optional)

    @property
    def is_active(self) -> bool:
        """Whether the policy is to install anything."""
        return self.must_fire and bool(self.origins.patterns)

    @property
    def files(self) -> dict[str, str | None]:
        """The desired text by path."""
        return {PATH: self.text, **{timers.DROP_IN.format(name): text for name, text in self.drop_ins.items()}}


@dataclass(frozen=True)
class _AptState:
    """The host before the run: our files, and the configuration that apt composes with the desired one of ours.

    ``parts`` is the directory that apt reads it from: its own, or a staged copy with our desired file.
    """

    distribution: origins.AptDistribution
    files: t.Mapping[str, str | None]
    parts: str
    config: apt_conf.AptConfig

    def drop_ins(self, request: UpgradesRequest) -> dict[str, str | None]:
        return {name: self.files[timers.DROP_IN.format(name)] for name in request.drop_ins}


@dataclass(frozen=True)
class _Checked:
    """Each origin with its archives, and warnings; ``lists_updated``: package lists were fetched."""

    origins: tuple[dict[str, t.Any], ...]
    archives: tuple[Archive, ...]
    lists_updated: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _AptPlan:
    """The host before and after, as the diff shows it; ``schedule`` has the timers' normalised settings."""

    before: t.Mapping[str, str]
    after: t.Mapping[str, str]
    timers: t.Mapping[str, timers.Timer]
    schedule: t.Mapping[str, t.Mapping[str, str]]
    reload: bool
    warnings: tuple[str, ...]

    @property
    def is_change(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class _Effective:
    """The configuration and the timers that are in force after the run; in check mode, that would be."""

    config: apt_conf.AptConfig
    timers: t.Mapping[str, timers.Timer]
    warnings: tuple[str, ...] = ()


def ensure(host: Host, request: UpgradesRequest) -> PolicyResult:
    """Bring ``request`` into force and verify it."""
    progress = Progress()
    with progress.in_errors():
        found = _gather(host, request)
        checked = _check(host, request, found, progress)
        plan = _plan(host, request, found)
        effective = _Effective(found.config, plan.timers)
        if plan.is_change and not host.check_mode:
            effective = _apply(host, request, found, plan, progress)
        elif not plan.is_change:
            host_timers.require_schedule(plan.timers, plan.schedule)
        if request.is_active and host.find("unattended-upgrade"):
            ages = gather_ages(host, effective.config, checked.archives, request.max_age)
            effective = replace(effective, warnings=(*effective.warnings, *ages.problems))
        return _result(host, checked, plan, effective)


# read


def _gather(host: Host, request: UpgradesRequest) -> _AptState:
    distribution = apt_state.gather_distribution(host)
    files = {path: host.read(path) for path in request.files}
    parts = apt_state.PARTS if files[PATH] == request.text else _stage(host, request.text)
    return _AptState(distribution, files, parts, apt_state.gather_config(host, parts=parts))


def _stage(host: Host, text: str | None) -> str:
    """Return a copy of the parts directory in which our file has the desired ``text``."""
    scratch = host.scratch()
    parts = os.path.join(scratch, "apt.conf.d")
    paths = host.glob(f"{apt_state.PARTS}/*")
    staged = {os.path.join(parts, os.path.basename(path)): host.read(path) for path in paths}
    staged[os.path.join(parts, os.path.basename(PATH))] = text
    # The dry run logs here too: the host's own log is about real runs.
    staged[apt_state.redirect_path(parts)] = (
        f"Dir::Etc::parts {apt_conf.quote(parts)};\nUnattended-Upgrade::LogDir {apt_conf.quote(scratch)};\n"
    )
    host.lay_out({path: content for path, content in staged.items() if content is not None})
    return parts


# check


def _check(host: Host, request: UpgradesRequest, found: _AptState, progress: Progress) -> _Checked:
    """Check the desired configuration before anything is written; only missing package lists are fetched."""
    _require_effective(host, request, found.config)
    _require_program(host)
    warnings: list[str] = []
    matched = match_archives(host, request.origins, found.distribution, progress)
    # Without package lists, in check mode, apt has no archives to rank.
    if matched.archives:
        warnings += require_priorities(host, request.origins.patterns, found.distribution)
    _check_updater(host, request, found)
    return _Checked(matched.origins, matched.archives, matched.lists_updated, tuple(warnings))


def _require_effective(host: Host, request: UpgradesRequest, config: apt_conf.AptConfig) -> None:
    """Raise where a file that apt reads later overrides the desired configuration."""
    keys = uu.overridden_keys(request.policy, config)
    if not keys:
        return
    later = [(path, file) for path, file in apt_state.gather_files(host) if path == apt_state.MAIN or path > PATH]
    by_key = {key: uu.overriding_statements(key, later) for key in keys}
    phrases = [
        f"{_describe(config, key, request.policy)}{' because of ' if places else ''}{' and '.join(places)}"
        for key, places in by_key.items()
    ]
    raise BaselineError(
        f"the requested policy is not in force: {', and '.join(phrases)}",
        hint=f"these files are read after {PATH} and take precedence; remove those lines or request the same values",
        shadowed_by=by_key,
    )


def _describe(config: apt_conf.AptConfig, key: str, policy: uu.UpgradePolicy) -> str:
    if key in policy.lists:
        return f"{key} is [{', '.join(config.items(key))}] (requested: [{', '.join(policy.lists[key])}])"
    return f"{key} is {config.value(key)!r} (requested: {policy.values[key]!r})"


def _require_program(host: Host) -> None:
    """Raise where the package is not installed, unless it is upcoming."""
    if host.find("unattended-upgrade") is not None:
        return
    if not host.upcoming.has_package("unattended-upgrades"):
        raise BaselineError("the package unattended-upgrades is not installed", hint="install it first")
    host.known_after_apply.append(
        "the package unattended-upgrades is not installed yet, so it could not be asked whether it takes the policy"
    )


def _check_updater(host: Host, request: UpgradesRequest, found: _AptState) -> None:
    """Raise where every run of the updater would fail, unless packages are upcoming that may repair it.

    The dry run of a policy that is not in force yet comes later, and shows more.
    """
    runs_dry = found.parts != apt_state.PARTS and not host.check_mode
    if not request.is_active or runs_dry or host.find("unattended-upgrade") is None:
        return
    obstacles = find_obstacles(host, found.config)
    if obstacles and not host.upcoming.has_package():
        raise BaselineError("; ".join(obstacles), hint="nothing is installed automatically until this is repaired")
    host.known_after_apply += obstacles


# plan


def _plan(host: Host, request: UpgradesRequest, found: _AptState) -> _AptPlan:
    state = host_timers.gather_timers(host, TIMERS.values())
    schedule = {
        name: host_timers.read_schedule(host, text) for name, text in request.drop_ins.items() if text is not None
    }
    warnings = []
    if not state:
        if schedule:
            raise BaselineError("systemd does not run here, so its timers cannot be set", option="schedule")
        warnings.append("systemd does not run here; cron.daily starts apt's work if cron runs")
    drop_ins = found.drop_ins(request)
    planned = host_timers.plan_timers(state, drop_ins, must_fire=request.must_fire)
    before = {path: text for path, text in found.files.items() if text is not None}
    after = {path: text for path, text in request.files.items() if text is not None}
    return _AptPlan(
        before={**before, **planned.before},
        after={**after, **planned.after},
        timers=state,
        schedule=schedule,
        reload=planned.reload or any(text != drop_ins[name] for name, text in request.drop_ins.items()),
        warnings=tuple(warnings),
    )


# apply


def _apply(host: Host, request: UpgradesRequest, found: _AptState, plan: _AptPlan, progress: Progress) -> _Effective:
    """Write the files, bring them into force, and verify what apt and systemd have loaded."""
    warnings = []
    if found.parts != apt_state.PARTS and request.text is not None:
        warnings = _run_dry(host, request, found, progress)
    for path, text in request.files.items():
        if text != found.files[path]:
            host.put(path, text)
            progress.record(f"removed {path}" if text is None else f"wrote {path}")
    state = host_timers.ensure_timers(host, plan.timers, progress, must_fire=request.must_fire, reload=plan.reload)
    config = apt_state.gather_config(host)
    _require_effective(host, request, config)
    host_timers.require_schedule(state, plan.schedule)
    return _Effective(config, state, tuple(warnings))


def _run_dry(host: Host, request: UpgradesRequest, found: _AptState, progress: Progress) -> list[str]:
    """Have unattended-upgrade itself confirm, before anything is written, that it allows the requested origins."""
    env = {"APT_CONFIG": apt_state.redirect_path(found.parts)}
    ran = host.run(_DRY_RUN, env=env)
    if not ran.ok and _NOT_DOWNLOADED in ran.out + ran.err:
        # The archive may have replaced the package since the lists were fetched.
        update_lists(host)
        progress.record("updated the package lists")
        ran = host.run(_DRY_RUN, env=env)
    patterns = request.policy.lists[uu.LISTS["origins"]]
    allowed = ", ".join(origins.substitute(pattern, found.distribution) for pattern in patterns)
    output = ran.out + ran.err
    if any(message in output for message in _BUSY):
        return ["the dry run of unattended-upgrade was skipped: another package manager is running"]
    lines = "\n".join(output.strip().splitlines()[-5:])
    if f"Allowed origins are: {allowed}\n" not in output:
        raise BaselineError(f"unattended-upgrade does not accept the policy (rc={ran.rc}): {lines}")
    if not ran.ok:
        raise BaselineError(
            f"unattended-upgrade accepts the policy, but fails on this host (rc={ran.rc}): {lines}",
            hint="`unattended-upgrade --dry-run --debug` on the host shows the whole output",
        )
    return []


# result


def _result(host: Host, checked: _Checked, plan: _AptPlan, effective: _Effective) -> PolicyResult:
    warnings = [*checked.warnings, *plan.warnings, *effective.warnings, *mail_problems(host, effective.config)]
    result: dict[str, t.Any] = {
        "path": PATH,
        "effective": uu.effective(effective.config),
        "origins": list(checked.origins),
        "timers": [timer.as_result() for timer in effective.timers.values()],
    }
    if checked.lists_updated:
        result["lists_updated"] = True
    return PolicyResult(dict(plan.before), dict(plan.after), result, warnings)


def mail_problems(host: Host, config: apt_conf.AptConfig) -> list[str]:
    """Return a sentence where reports are configured and no program can send them."""
    address = uu.effective(config)["mail_to"]
    if not address or host.find("mail") or host.find("sendmail"):
        return []
    return [f"no report will reach {address}: the host has neither mail nor sendmail"]
