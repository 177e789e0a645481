# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers on the host: what systemd knows of them, and bringing their drop-ins in force."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from .. import timers
from ..errors import BaselineError
from .service import act

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["Plan", "bring_in_force", "plan", "read", "require_schedule", "schedule"]

_UNTOUCHED = "nothing was changed"


def read(host: Host, names: t.Iterable[str]) -> dict[str, timers.Timer]:
    """Return the timers ``names``; an empty dict where systemd does not run."""
    units = [unit for name in names for unit in (name, timers.service(name))]
    ran = host.run(["systemctl", "show", "--property", timers.PROPERTIES, "--", *units])
    return timers.parse_timers(ran.out) if ran.ok else {}


def schedule(host: Host, drop_in: str) -> dict[str, str]:
    """Return the drop-in's settings as systemd normalises them; a timer with a wrong one would not start."""
    settings = {}
    for key, verb, line, what in (
        ("OnCalendar", "calendar", "Normalized form", "a calendar time of systemd.time(7), such as *-*-* 04:00"),
        ("RandomizedDelaySec", "timespan", "Human", "a time span of systemd.time(7), such as 30m"),
    ):
        value = re.search(rf"^{key}=(.+)$", drop_in, re.MULTILINE)
        if value:
            ran = host.run(["systemd-analyze", verb, "--", value.group(1)])
            if not ran.ok:
                raise BaselineError(f"schedule: {value.group(1)!r} is not {what}; {_UNTOUCHED}")
            settings[key] = timers.normalized(ran.out, line)
    return settings


def require_schedule(
    state: t.Mapping[str, timers.Timer], schedule: t.Mapping[str, t.Mapping[str, str]], *, told: str
) -> None:
    """Raise where another drop-in of a timer defeats ours."""
    for name, settings in schedule.items():
        timer = state[name]
        wrong = timer.differs(settings)
        if wrong:
            ours = os.path.basename(timers.DROP_IN)
            others = [path for path in timer.drop_ins if os.path.basename(path) > ours]
            raise BaselineError(
                f"schedule: {name} has {' and '.join(wrong)}, because of {' or '.join(others) or 'systemd'}; "
                f"remove that setting or wish the same; {told}",
                shadowed_by=others,
            )


@dataclass(frozen=True)
class Plan:
    """The timers as they are and as they shall be; ``reload``: systemd is older than their files."""

    before: dict[str, str]
    after: dict[str, str]
    reload: bool


def plan(state: t.Mapping[str, timers.Timer], current: t.Mapping[str, str | None], *, units: bool) -> Plan:
    """Plan the timers, whose drop-ins hold ``current``; ``units``: they must fire."""
    stale = [name for name, timer in state.items() if not timer.knows(current.get(name))]
    return Plan(
        # That systemd is older than a file is a change, although no file changes.
        {name: timer.describe() + ("older than its files\n" if name in stale else "") for name, timer in state.items()},
        {name: "enabled, active\n" if units and not timer.fires else timer.describe() for name, timer in state.items()},
        bool(stale),
    )


def bring_in_force(
    host: Host, state: t.Mapping[str, timers.Timer], *, units: bool, reload: bool, told: str
) -> dict[str, timers.Timer]:
    """Reload, unmask, enable and start what needs it, and prove that the timers will fire."""
    masked = [timer.name for timer in state.values() if units and timer.file_state.startswith("masked")]
    masked += [timer.service for timer in state.values() if units and timer.service_masked]
    if masked:
        act(host, "unmask", *masked, unchanged=told)
    if reload or masked:
        act(host, "daemon-reload", unchanged=told)
    off = [timer.name for timer in state.values() if units and not timer.enabled]
    if off:
        act(host, "enable", *off, unchanged=told)
    idle = [timer.name for timer in state.values() if units and not timer.running]
    if idle:
        # An elapsed timer counts as started already.
        act(host, "restart", *idle, unchanged=told)
    after = read(host, state) if state else {}
    for timer in after.values():
        if units and not (timer.fires and timer.next):
            raise BaselineError(f"{timer.name} will not fire: it is {timer.describe().strip()}; {told}")
    return after
