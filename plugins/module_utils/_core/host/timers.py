# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers on the host: reading them from systemd, and bringing their drop-ins into force."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from .. import timers
from ..errors import BaselineError
from .service import act

if t.TYPE_CHECKING:
    from ..progress import Progress
    from .host import Host

__all__ = ["TimersPlan", "ensure_timers", "gather_timers", "plan_timers", "read_schedule", "require_schedule"]


def gather_timers(host: Host, names: t.Iterable[str]) -> dict[str, timers.Timer]:
    """Return the timers ``names``; an empty dict where systemd does not run."""
    units = [unit for name in names for unit in (name, timers.service(name))]
    ran = host.run(["systemctl", "show", "--property", timers.PROPERTIES, "--", *units])
    return timers.parse_timers(ran.out) if ran.ok else {}


def read_schedule(host: Host, drop_in: str) -> dict[str, str]:
    """Return the drop-in's settings as systemd normalises them; an invalid one raises: its timer would not start."""
    settings = {}
    for key, verb, line, what in (
        ("OnCalendar", "calendar", "Normalized form", "a calendar time of systemd.time(7), such as *-*-* 04:00"),
        ("RandomizedDelaySec", "timespan", "Human", "a time span of systemd.time(7), such as 30m"),
    ):
        value = re.search(rf"^{key}=(.+)$", drop_in, re.MULTILINE)
        if value:
            ran = host.run(["systemd-analyze", verb, "--", value.group(1)])
            if not ran.ok:
                raise BaselineError(f"{value.group(1)!r} is not {what}", option="schedule")
            settings[key] = timers.normalized(ran.out, line)
    return settings


def require_schedule(state: t.Mapping[str, timers.Timer], schedule: t.Mapping[str, t.Mapping[str, str]]) -> None:
    """Raise where another drop-in of a timer overrides ours."""
    for name, settings in schedule.items():
        timer = state[name]
        wrong = timer.differences(settings)
        if wrong:
            ours = os.path.basename(timers.DROP_IN)
            others = [path for path in timer.drop_ins if os.path.basename(path) > ours]
            raise BaselineError(
                f"{name} has {' and '.join(wrong)}, because of {' or '.join(others) or 'systemd'}",
                option="schedule",
                hint="remove that setting or request the same value",
                shadowed_by=others,
            )


@dataclass(frozen=True)
class TimersPlan:
    """The timers before and after, as the diff shows them; ``reload``: systemd has loaded older files."""

    before: dict[str, str]
    after: dict[str, str]
    reload: bool


def plan_timers(
    state: t.Mapping[str, timers.Timer], drop_ins: t.Mapping[str, str | None], *, must_fire: bool
) -> TimersPlan:
    """Plan the timers, whose ``drop_ins`` are those on the host."""
    stale = [name for name, timer in state.items() if not timer.has_loaded(drop_ins.get(name))]
    return TimersPlan(
        # A systemd that has loaded older files is a change, although no file changes.
        {name: timer.describe() + ("older than its files\n" if name in stale else "") for name, timer in state.items()},
        {
            name: "enabled, active\n" if must_fire and not timer.will_fire else timer.describe()
            for name, timer in state.items()
        },
        bool(stale),
    )


def ensure_timers(
    host: Host, state: t.Mapping[str, timers.Timer], progress: Progress, *, must_fire: bool, reload: bool
) -> dict[str, timers.Timer]:
    """Reload, unmask, enable and start the timers as needed, record that, and verify that they will fire."""
    for verb, step, names in _actions(state, must_fire=must_fire, reload=reload):
        act(host, verb, *names)
        progress.record(f"{step} {' and '.join(names) or 'systemd'}")
    after = gather_timers(host, state) if state else {}
    for timer in timers.idle_timers(after) if must_fire else []:
        raise BaselineError(f"{timer.name} will not fire: it is {timer.describe().strip()}")
    return after


def _actions(
    state: t.Mapping[str, timers.Timer], *, must_fire: bool, reload: bool
) -> t.Iterator[tuple[str, str, list[str]]]:
    """Yield the commands of systemctl in their order: verb, the same in the past tense, and the units."""
    needed = list(state.values()) if must_fire else []
    masked = [timer.name for timer in needed if timer.file_state.startswith("masked")]
    masked += [timer.service for timer in needed if timer.service_masked]
    if masked:
        yield "unmask", "unmasked", masked
    if reload or masked:
        yield "daemon-reload", "reloaded", []
    disabled = [timer.name for timer in needed if not timer.is_enabled]
    if disabled:
        yield "enable", "enabled", disabled
    stopped = [timer.name for timer in needed if not timer.is_running]
    if stopped:
        # An elapsed timer counts as started, so that "start" would do nothing.
        yield "restart", "started", stopped
