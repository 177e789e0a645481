# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers, see systemd.timer(5): their drop-ins, and their properties as ``systemctl show`` prints them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .errors import BaselineError
from .text import is_number

__all__ = ["DROP_IN", "PROPERTIES", "Timer", "drop_in", "idle_timers", "normalized", "parse_timers", "service"]

DROP_IN = "/etc/systemd/system/{}.d/50-pyhost-baseline.conf"
PROPERTIES = (
    "Id,LoadState,UnitFileState,ActiveState,SubState,TimersCalendar,RandomizedDelayUSec,NextElapseUSecRealtime,LastTriggerUSec,"
    "NeedDaemonReload,DropInPaths,Result,ExecMainExitTimestampMonotonic"
)


def service(name: str) -> str:
    """Return the unit that the timer ``name`` starts."""
    return name.replace(".timer", ".service")


@dataclass(frozen=True)
class Timer:
    """A timer as systemd has loaded it.

    ``service_result`` is that of the last run of its service, which ended ``service_ended`` seconds after the boot; 0
    if there was none since.
    """

    name: str
    load: str
    file_state: str
    active: str
    calendar: tuple[str, ...]
    random_delay: str
    next: str
    last: str
    stale: bool
    drop_ins: tuple[str, ...]
    service_masked: bool
    service_result: str = ""
    service_ended: float = 0

    @property
    def service(self) -> str:
        return service(self.name)

    @property
    def is_enabled(self) -> bool:
        return self.file_state in ("enabled", "static", "generated", "alias")

    @property
    def is_running(self) -> bool:
        return self.active == "active"

    @property
    def will_fire(self) -> bool:
        return self.load == "loaded" and self.is_enabled and self.is_running and not self.service_masked

    def has_loaded(self, drop_in: str | None) -> bool:
        """Say whether systemd has loaded the files, of which ``drop_in`` is ours (``None``: there is none)."""
        return not self.stale and (DROP_IN.format(self.name) in self.drop_ins) == (drop_in is not None)

    def differences(self, settings: t.Mapping[str, str]) -> list[str]:
        """Return a phrase for each of the drop-in's normalised ``settings`` that the timer does not have."""
        actual = {"OnCalendar": " and ".join(self.calendar), "RandomizedDelaySec": self.random_delay}
        return [f"{key}={actual[key]} (requested: {value})" for key, value in settings.items() if actual[key] != value]

    def describe(self) -> str:
        """Return the state as the diff shows it."""
        service = f", and {self.service} is masked" if self.service_masked else ""
        # systemd keeps a timer active whose files it can no longer read ("bad-setting"): it never fires.
        broken = f" ({self.load})" if self.load in ("bad-setting", "error") else ""
        return f"{self.file_state or self.load}{broken}, {self.active}{service}\n"

    def as_result(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "enabled": self.is_enabled,
            "active": self.is_running,
            "state": self.file_state or self.load,
            "calendar": list(self.calendar),
            "random_delay": self.random_delay,
            "next": self.next or None,
            "last": self.last or None,
        }


def parse_timers(text: str) -> dict[str, Timer]:
    """Parse ``systemctl show`` of several timers (and of the services that they start), by the timers' names."""
    units = {}
    for stanza in text.strip().split("\n\n"):
        pairs = [line.partition("=")[::2] for line in stanza.splitlines()]
        units[dict(pairs).get("Id", "")] = pairs
    timers = {}
    for name, pairs in units.items():
        if not name.endswith(".timer"):
            continue
        properties, started = dict(pairs), dict(units.get(service(name), []))
        timers[name] = Timer(
            name=name,
            load=properties.get("LoadState", ""),
            file_state=properties.get("UnitFileState", ""),
            # An "elapsed" timer is active, and has no next time.
            active="elapsed" if properties.get("SubState") == "elapsed" else properties.get("ActiveState", ""),
            calendar=tuple(_calendar(value) for key, value in pairs if key == "TimersCalendar" and value),
            random_delay=properties.get("RandomizedDelayUSec", ""),
            next=properties.get("NextElapseUSecRealtime", ""),
            last=properties.get("LastTriggerUSec", ""),
            stale=properties.get("NeedDaemonReload") == "yes",
            drop_ins=tuple(properties.get("DropInPaths", "").split()),
            service_masked=started.get("LoadState") == "masked",
            service_result=started.get("Result", ""),
            service_ended=_seconds(started.get("ExecMainExitTimestampMonotonic", "")),
        )
    return timers


def _seconds(microseconds: str) -> float:
    return int(microseconds) / 1_000_000 if is_number(microseconds) else 0


def _calendar(value: str) -> str:
    """``{ OnCalendar=*-*-* 06:00:00 ; next_elapse=… }`` → ``*-*-* 06:00:00``."""
    return value.strip("{} ").partition(";")[0].strip().partition("=")[2]


def idle_timers(timers: t.Mapping[str, Timer]) -> list[Timer]:
    """Return the timers that will not fire."""
    return [timer for timer in timers.values() if not (timer.will_fire and timer.next)]


def normalized(text: str, field: str) -> str:
    """Return ``field`` of the output of systemd-analyze(1) ``calendar`` or ``timespan``."""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _colon, value in lines if key.strip() == field), "")


def drop_in(owner: str, calendar: str | None, random_delay: str | None) -> str | None:
    """Return the text of a timer's drop-in by the module ``owner``, ``None`` where neither option is set."""
    if calendar is None and random_delay is None:
        return None
    for value in filter(None, (calendar, random_delay)):
        if not value.isprintable():
            raise BaselineError(f"{value!r} is not one line of plain text", option="schedule")
    lines = [f"# Managed by pyhost.baseline.{owner}; changes made here are lost.", "[Timer]"]
    if calendar is not None:
        # The empty assignment resets the unit's own times; without it both would count.
        lines += ["OnCalendar=", f"OnCalendar={calendar}"]
    if random_delay is not None:
        lines.append(f"RandomizedDelaySec={random_delay}")
    return "\n".join(lines) + "\n"
