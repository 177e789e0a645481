# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers, see systemd.timer(5): their drop-ins and what ``systemctl show`` says of them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .errors import BaselineError

__all__ = ["DROP_IN", "PROPERTIES", "Timer", "drop_in", "normalized", "parse_timers", "service", "silent"]

DROP_IN = "/etc/systemd/system/{}.d/50-pyhost-baseline.conf"
PROPERTIES = (
    "Id,LoadState,UnitFileState,ActiveState,SubState,TimersCalendar,RandomizedDelayUSec,NextElapseUSecRealtime,LastTriggerUSec,"
    "NeedDaemonReload,DropInPaths"
)


def service(name: str) -> str:
    """Return the unit that the timer ``name`` starts."""
    return name.replace(".timer", ".service")


@dataclass(frozen=True)
class Timer:
    """A timer as systemd has it loaded."""

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

    @property
    def service(self) -> str:
        return service(self.name)

    @property
    def enabled(self) -> bool:
        return self.file_state in ("enabled", "static", "generated", "alias")

    @property
    def running(self) -> bool:
        return self.active == "active"

    @property
    def fires(self) -> bool:
        return self.load == "loaded" and self.enabled and self.running and not self.service_masked

    def knows(self, drop_in: str | None) -> bool:
        """Say whether systemd has loaded what the files say, where our drop-in is ``drop_in`` (``None``: absent)."""
        return not self.stale and (DROP_IN.format(self.name) in self.drop_ins) == (drop_in is not None)

    def differs(self, settings: t.Mapping[str, str]) -> list[str]:
        """Return in words where the timer is not what the normalised ``settings`` of a drop-in wish."""
        actual = {"OnCalendar": " and ".join(self.calendar), "RandomizedDelaySec": self.random_delay}
        return [f"{key}={actual[key]} (wished: {value})" for key, value in settings.items() if actual[key] != value]

    def describe(self) -> str:
        """The state in words, for the diff."""
        service = f", and {self.service} is masked" if self.service_masked else ""
        # systemd keeps a timer active whose files have become senseless to it ("bad-setting"): it never fires.
        broken = f" ({self.load})" if self.load in ("bad-setting", "error") else ""
        return f"{self.file_state or self.load}{broken}, {self.active}{service}\n"

    def as_result(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "enabled": self.enabled,
            "active": self.running,
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
        words = dict(pairs)
        timers[name] = Timer(
            name=name,
            load=words.get("LoadState", ""),
            file_state=words.get("UnitFileState", ""),
            # An "elapsed" timer is active, and has no next time.
            active="elapsed" if words.get("SubState") == "elapsed" else words.get("ActiveState", ""),
            calendar=tuple(_calendar(value) for key, value in pairs if key == "TimersCalendar" and value),
            random_delay=words.get("RandomizedDelayUSec", ""),
            next=words.get("NextElapseUSecRealtime", ""),
            last=words.get("LastTriggerUSec", ""),
            stale=words.get("NeedDaemonReload") == "yes",
            drop_ins=tuple(words.get("DropInPaths", "").split()),
            service_masked=("LoadState", "masked") in units.get(service(name), []),
        )
    return timers


def _calendar(value: str) -> str:
    """``{ OnCalendar=*-*-* 06:00:00 ; next_elapse=… }`` → ``*-*-* 06:00:00``."""
    return value.strip("{} ").partition(";")[0].strip().partition("=")[2]


def silent(timers: t.Mapping[str, Timer]) -> list[Timer]:
    """Return the timers that will not fire."""
    return [timer for timer in timers.values() if not (timer.fires and timer.next)]


def normalized(text: str, field: str) -> str:
    """Return ``field`` of what systemd-analyze(1) ``calendar`` or ``timespan`` prints."""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _colon, value in lines if key.strip() == field), "")


def drop_in(owner: str, calendar: str | None, random_delay: str | None) -> str | None:
    """Return the text of a timer's drop-in by the module ``owner``, ``None`` where nothing about it is wished."""
    if calendar is None and random_delay is None:
        return None
    for value in filter(None, (calendar, random_delay)):
        if not value.isprintable():
            raise BaselineError(f"schedule: {value!r} is not one line of plain text. Nothing was changed")
    lines = [f"# Managed by pyhost.baseline.{owner}; changes made here are lost.", "[Timer]"]
    if calendar is not None:
        # The empty one drops the times of the unit itself; without it both would count.
        lines += ["OnCalendar=", f"OnCalendar={calendar}"]
    if random_delay is not None:
        lines.append(f"RandomizedDelaySec={random_delay}")
    return "\n".join(lines) + "\n"
