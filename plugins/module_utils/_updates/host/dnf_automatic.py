# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf-automatic on the host, of dnf 4 or dnf 5: brings its configuration and its timer into force.

Read, plan, check, apply, result: each step is a function, and what it hands on is a frozen record.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import service
from ..._core.host import timers as host_timers
from ..._core.policy_result import PolicyResult
from ..._core.progress import Progress
from .. import dnf_automatic as dnf
from ..freshness import LIMIT
from .dnf_automatic_program import DnfAutomatic, Reading, find_program, read_configuration
from .dnf_health import DnfHealth, gather_health, repository_files

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["DnfAutomaticRequest", "ensure"]

# The units of these timers override download_updates and apply_updates, so the file alone would not decide.
_OVERRIDING = ("dnf-automatic-notifyonly.timer", "dnf-automatic-download.timer", "dnf-automatic-install.timer")
_OFF = "disabled, inactive\n"


@dataclass(frozen=True)
class DnfAutomaticRequest:
    """The desired keys of automatic.conf, the timer's drop-in (``None``: no drop-in), and whether the timer runs.

    ``max_age`` is the age in hours of metadata and of the last success above which a warning is given.
    """

    keys: t.Mapping[dnf.Key, str | None]
    drop_in: str | None
    enabled: bool
    max_age: int = LIMIT


@dataclass(frozen=True)
class _DnfState:
    """The host before the run, and the keys of the request that its dnf knows.

    ``reading`` is the configuration with the desired ``text``. ``drop_in`` is the timer's drop-in on the host,
    ``schedule`` the normalised settings of the desired one. ``others`` are the timers that override the file.
    """

    program: DnfAutomatic
    current: str | None
    text: str
    desired: t.Mapping[dnf.Key, str | None]
    reading: Reading
    drop_in: str | None
    schedule: t.Mapping[str, str]
    timer: timers.Timer
    others: tuple[timers.Timer, ...]


@dataclass(frozen=True)
class _DnfPlan:
    """The host before and after, as the diff shows it, and the timers to switch off."""

    before: t.Mapping[str, str]
    after: t.Mapping[str, str]
    switch_off: tuple[str, ...]
    reload: bool

    @property
    def is_change(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class _Advisories:
    """For each repository, whether it publishes advisories; ``None`` where that does not matter.

    ``enabled`` are the enabled repositories, if they were asked for.
    """

    by_repository: t.Mapping[str, bool] | None = None
    warnings: tuple[str, ...] = ()
    enabled: tuple[str, ...] | None = None


def ensure(host: Host, request: DnfAutomaticRequest) -> PolicyResult:
    """Bring ``request`` into force and verify it."""
    program = find_program(host)
    progress = Progress()
    with progress.in_errors():
        advisories = _gather_advisories(host, request, progress)
        request = _with_upgrade_type(request, advisories)
        if program is None or (host.check_mode and program.generation == 5 and not _has_timer(host, program)):
            return _predict(host, request, advisories)
        found = _gather(host, request, program)
        plan = _plan(request, found)
        if plan.is_change and not host.check_mode:
            found = _apply(host, request, found, plan, progress)
        elif not plan.is_change:
            host_timers.require_schedule({found.timer.name: found.timer}, {found.timer.name: found.schedule})
        return _result(found, plan, advisories, _gather_health(host, request, found, advisories))


def _has_timer(host: Host, program: DnfAutomatic) -> bool:
    timer = host_timers.gather_timers(host, [program.timer]).get(program.timer)
    return timer is not None and timer.load != "not-found"


def _predict(host: Host, request: DnfAutomaticRequest, advisories: _Advisories) -> PolicyResult:
    """Return the prediction of check mode where the package is not installed yet: the file that would be written."""
    current = host.read(dnf.CONF)
    if request.drop_in is not None:
        host_timers.read_schedule(host, request.drop_in)
    host.known_after_apply.append(
        "dnf-automatic is not installed yet, so how it reads the settings and its timer are not known"
    )
    return PolicyResult(
        before={} if current is None else {dnf.CONF: current},
        after={dnf.CONF: dnf.edited(current, request.keys, path=dnf.CONF)},
        result={
            **{"path": dnf.CONF, "version": "", "effective": {}, "timer": {}, "disabled_timers": []},
            **{"metadata_age": None, "success_age": None},
        },
        warnings=list(advisories.warnings),
    )


# read


def _gather(host: Host, request: DnfAutomaticRequest, program: DnfAutomatic) -> _DnfState:
    """Read the host; settings that would not take effect, a timer that does not exist and an invalid time raise."""
    current = host.read(dnf.CONF)
    reading = read_configuration(host, program, current)
    desired = dnf.supported_keys(request.keys, reading.known, version=reading.version)
    text = dnf.edited(current, desired, path=dnf.CONF)
    drop_in = host.read(timers.DROP_IN.format(program.timer))
    # Each reading starts dnf's own Python: a run that has nothing to write needs one.
    reading = reading if text == current else read_configuration(host, program, text)
    _require_effective(desired, reading)
    schedule = host_timers.read_schedule(host, request.drop_in) if request.drop_in else {}
    state = _gather_timers(host, program)
    return _DnfState(
        program=program,
        current=current,
        text=text,
        desired=desired,
        reading=reading,
        drop_in=drop_in,
        schedule=schedule,
        timer=state[program.timer],
        others=tuple(
            timer for name, timer in state.items() if name != program.timer and (timer.is_enabled or timer.is_running)
        ),
    )


def _gather_timers(host: Host, program: DnfAutomatic) -> dict[str, timers.Timer]:
    names = [program.timer, *(_OVERRIDING if program.generation == 4 else ())]
    state = host_timers.gather_timers(host, names)
    if program.timer not in state or state[program.timer].load == "not-found":
        raise BaselineError(f"systemd has no {program.timer}, so nothing would be upgraded")
    return {name: timer for name, timer in state.items() if timer.load != "not-found"}


# plan


def _plan(request: DnfAutomaticRequest, found: _DnfState) -> _DnfPlan:
    path, name = timers.DROP_IN.format(found.timer.name), found.timer.name
    planned = host_timers.plan_timers({name: found.timer}, {name: found.drop_in}, must_fire=request.enabled)
    switch_off = list(found.others)
    if not request.enabled and (found.timer.is_enabled or found.timer.is_running):
        switch_off.append(found.timer)
    files_before = {dnf.CONF: found.current, path: found.drop_in}
    files_after = {dnf.CONF: found.text, path: request.drop_in}
    return _DnfPlan(
        before={
            **{file: text for file, text in files_before.items() if text is not None},
            **planned.before,
            **{timer.name: timer.describe() for timer in found.others},
        },
        after={
            **{file: text for file, text in files_after.items() if text is not None},
            **planned.after,
            **{timer.name: _OFF for timer in switch_off},
        },
        switch_off=tuple(timer.name for timer in [*found.others, *([] if request.enabled else [found.timer])]),
        reload=planned.reload or found.drop_in != request.drop_in,
    )


# check


def _require_effective(desired: t.Mapping[dnf.Key, str | None], reading: Reading) -> None:
    differences = dnf.differences(desired, reading.values)
    if differences:
        raise BaselineError(
            f"the requested settings are not in force as {reading.version} reads the file: {', '.join(differences)}",
            where=dnf.CONF,
        )


def _gather_advisories(host: Host, request: DnfAutomaticRequest, progress: Progress) -> _Advisories:
    """Return which repositories publish advisories, where security upgrades are requested or may be what is meant."""
    if request.keys.get(dnf.UPGRADE_TYPE) not in ("security", dnf.DISTRIBUTION):
        return _Advisories()
    enabled, known = _gather_repositories(host)
    missing = not known or any(name not in known for name in dnf.base_repositories(enabled))
    if missing and request.enabled and not host.check_mode:
        host.run(["dnf", "-q", "makecache"])
        progress.record("updated the package index")
        enabled, known = _gather_repositories(host)
    unknown = [name for name in dnf.base_repositories(enabled) if name not in known]
    if not known or unknown:
        missing_ones = f"the metadata of {', '.join(unknown)} is not" if unknown else "no repository's metadata is"
        # A policy that is switched off installs nothing in any case.
        warning = f"{missing_ones} on this host yet, so it is not known whether there are advisories"
        return _Advisories(dict(sorted(known.items())), (warning,) if request.enabled else (), tuple(enabled))
    return _Advisories(dict(sorted(known.items())), (), tuple(enabled))


def _with_upgrade_type(request: DnfAutomaticRequest, advisories: _Advisories) -> DnfAutomaticRequest:
    """Return the request with the upgrade type that fits the distribution; security upgrades that never come raise."""
    missing = dnf.without_advisories(advisories.by_repository or {})
    if request.keys.get(dnf.UPGRADE_TYPE) == dnf.DISTRIBUTION:
        return replace(request, keys={**request.keys, dnf.UPGRADE_TYPE: "default" if missing else "security"})
    if missing and request.enabled:
        raise BaselineError(
            f"no advisories (updateinfo) are published by {', '.join(sorted(missing))}, so security upgrades would "
            "never install anything from there",
            option="upgrade_type",
            hint="set upgrade_type: default (all updates), as on CentOS Stream, or distribution, which finds that out",
        )
    return request


def _gather_repositories(host: Host) -> tuple[list[str], dict[str, bool]]:
    """Return the enabled repositories, and of each with metadata on the host whether it publishes advisories."""
    enabled = _enabled_repositories(host)
    found: dict[str, bool] = {}
    for name, path in repository_files(host):
        if name in enabled and path.endswith("/repomd.xml"):
            found[name] = found.get(name, False) or 'type="updateinfo"' in (host.read(path) or "")
    return enabled, found


def _enabled_repositories(host: Host) -> list[str]:
    ran = host.run(["dnf", "-q", "repolist", "--enabled"])
    return [line.split()[0] for line in ran.out.splitlines()[1:] if line.strip()]


def _gather_health(host: Host, request: DnfAutomaticRequest, found: _DnfState, advisories: _Advisories) -> DnfHealth:
    """Return what says that nothing is installed any more; a policy that is switched off installs nothing."""
    if not request.enabled:
        return DnfHealth()
    enabled = _enabled_repositories(host) if advisories.enabled is None else advisories.enabled
    return gather_health(host, found.timer, enabled, request.max_age)


# apply


def _apply(host: Host, request: DnfAutomaticRequest, found: _DnfState, plan: _DnfPlan, progress: Progress) -> _DnfState:
    """Write the files, bring them into force, and return what dnf and systemd have loaded."""
    path, name = timers.DROP_IN.format(found.timer.name), found.timer.name
    for file, old, new in ((dnf.CONF, found.current, found.text), (path, found.drop_in, request.drop_in)):
        if new != old:
            host.put(file, new)
            progress.record(f"removed {file}" if new is None else f"wrote {file}")
    if plan.switch_off:
        service.act(host, "disable", *plan.switch_off)
        progress.record(f"disabled {' and '.join(plan.switch_off)}")
        service.act(host, "stop", *plan.switch_off)
        progress.record(f"stopped {' and '.join(plan.switch_off)}")
    state = host_timers.ensure_timers(
        host, {name: found.timer}, progress, must_fire=request.enabled, reload=plan.reload
    )
    reading = read_configuration(host, found.program, host.read(dnf.CONF))
    _require_effective(found.desired, reading)
    host_timers.require_schedule(state, {name: found.schedule})
    return replace(found, reading=reading, timer=state[name])


# result


def _result(found: _DnfState, plan: _DnfPlan, advisories: _Advisories, health: DnfHealth) -> PolicyResult:
    result: dict[str, t.Any] = {
        "path": dnf.CONF,
        "version": found.reading.version,
        "effective": _by_section(found.reading.values),
        "timer": found.timer.as_result(),
        "disabled_timers": [timer.name for timer in found.others],
        "metadata_age": health.metadata,
        "success_age": health.success,
    }
    if advisories.by_repository is not None:
        result["advisories"] = dict(advisories.by_repository)
    return PolicyResult(dict(plan.before), dict(plan.after), result, [*advisories.warnings, *health.problems])


def _by_section(values: t.Mapping[dnf.Key, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (section, key), value in sorted(values.items()):
        found.setdefault(section, {})[key] = value
    return found
