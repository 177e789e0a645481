"""Timers on the host: the commands, their order, and what an error says has been done before."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.timers import (
    TimersPlan,
    ensure_timers,
    gather_timers,
    plan_timers,
    read_schedule,
    require_schedule,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress
from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import DROP_IN, PROPERTIES, parse_timers
from tests.unit.fake_host import Expected, FakeHost

STOCK = (Path(__file__).parents[4] / "fixtures" / "unattended_upgrades" / "systemctl-show-timers-debian13").read_text()
NAMES = ["apt-daily.timer", "apt-daily-upgrade.timer"]
UPGRADE = NAMES[1]
TIMERS = parse_timers(STOCK)
SHOW = [
    *["systemctl", "show", "--property", PROPERTIES, "--"],
    *[NAMES[0], "apt-daily.service", UPGRADE, "apt-daily-upgrade.service"],
]


def systemctl(verb: str, *names: str, rc: int = 0) -> Expected:
    return Expected(["systemctl", verb, "--", *names], rc=rc, err="no\n" if rc else "")


def ensure(
    *commands: Expected, must_fire: bool = True, reload: bool = False, state: t.Any = None
) -> tuple[dict[str, t.Any], str]:
    host, progress = FakeHost(commands=list(commands)), Progress()
    with progress.in_errors():
        found = ensure_timers(
            t.cast("t.Any", host), TIMERS if state is None else state, progress, must_fire=must_fire, reload=reload
        )
    host.done()
    return found, progress.describe()


def test_timers_are_read_with_their_services_by_one_command() -> None:
    host: t.Any = FakeHost(commands=[Expected(SHOW, out=STOCK)])
    assert gather_timers(host, NAMES) == TIMERS
    host.done()


def test_a_host_without_systemd_has_no_timers() -> None:
    host: t.Any = FakeHost(commands=[Expected(SHOW, rc=1, err="System has not been booted with systemd\n")])
    assert gather_timers(host, NAMES) == {}


def test_timers_that_fire_are_only_read_again() -> None:
    assert ensure(Expected(SHOW, out=STOCK)) == (TIMERS, "this task changed nothing")


def test_a_masked_timer_is_unmasked_before_systemd_reads_the_files_and_then_enabled_and_started() -> None:
    masked = {
        name: replace(timer, file_state="masked", load="masked", active="inactive", service_masked=name == UPGRADE)
        for name, timer in TIMERS.items()
    }
    found, state = ensure(
        systemctl("unmask", *NAMES, "apt-daily-upgrade.service"),
        systemctl("daemon-reload"),
        systemctl("enable", *NAMES),
        systemctl("restart", *NAMES),
        Expected(SHOW, out=STOCK),
        state=masked,
    )
    assert found == TIMERS
    assert state.startswith("this task unmasked apt-daily.timer and apt-daily-upgrade.timer and ")
    assert state.endswith(
        "reloaded systemd, enabled apt-daily.timer and apt-daily-upgrade.timer, started apt-daily.timer and "
        "apt-daily-upgrade.timer, and changed nothing else"
    )


def test_timers_that_need_not_fire_are_only_loaded_again() -> None:
    off = {name: replace(timer, file_state="disabled", active="inactive") for name, timer in TIMERS.items()}
    _found, state = ensure(
        systemctl("daemon-reload"), Expected(SHOW, out=STOCK), must_fire=False, reload=True, state=off
    )
    assert state == "this task reloaded systemd, and changed nothing else"


def test_no_timers_no_command() -> None:
    assert ensure(state={}) == ({}, "this task changed nothing")


def test_a_command_that_fails_says_what_was_done_before() -> None:
    off = {UPGRADE: replace(TIMERS[UPGRADE], file_state="disabled")}
    journal = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "15", "--unit", UPGRADE]
    with pytest.raises(BaselineError) as caught:
        ensure(
            systemctl("daemon-reload"), systemctl("enable", UPGRADE, rc=1), Expected(journal), state=off, reload=True
        )
    assert caught.value.problem == f"systemctl enable {UPGRADE} failed: no (rc=1)"
    assert caught.value.state == "this task reloaded systemd, and changed nothing else"


def test_a_timer_that_still_does_not_fire_is_an_error() -> None:
    with pytest.raises(BaselineError) as caught:
        ensure(Expected(SHOW, out=STOCK.replace("UnitFileState=enabled", "UnitFileState=disabled")))
    assert caught.value.problem == "apt-daily.timer will not fire: it is disabled, active"


def test_the_plan_shows_a_systemd_that_has_loaded_older_files() -> None:
    plan = plan_timers({UPGRADE: TIMERS[UPGRADE]}, {UPGRADE: "a drop-in"}, must_fire=True)
    assert plan == TimersPlan(
        {UPGRADE: "enabled, active\nolder than its files\n"}, {UPGRADE: "enabled, active\n"}, reload=True
    )


@pytest.mark.parametrize(("must_fire", "after"), [(True, "enabled, active\n"), (False, "disabled, active\n")])
def test_the_plan_of_a_disabled_timer(must_fire: bool, after: str) -> None:
    timer = replace(TIMERS[UPGRADE], file_state="disabled")
    plan = plan_timers({UPGRADE: timer}, {UPGRADE: None}, must_fire=must_fire)
    assert (plan.before, plan.after, plan.reload) == ({UPGRADE: "disabled, active\n"}, {UPGRADE: after}, False)


def test_a_schedule_as_systemd_reads_it() -> None:
    host: t.Any = FakeHost(
        commands=[
            Expected(["systemd-analyze", "calendar", "--", "4:00"], out="Normalized form: *-*-* 04:00:00\n"),
            Expected(["systemd-analyze", "timespan", "--", "10m"], out="   Human: 10min\n"),
        ]
    )
    drop_in = "[Timer]\nOnCalendar=\nOnCalendar=4:00\nRandomizedDelaySec=10m\n"
    assert read_schedule(host, drop_in) == {"OnCalendar": "*-*-* 04:00:00", "RandomizedDelaySec": "10min"}
    host.done()


def test_an_invalid_time_span() -> None:
    host: t.Any = FakeHost(commands=[Expected(["systemd-analyze", "timespan", "--", "soon"], rc=1)])
    with pytest.raises(BaselineError) as caught:
        read_schedule(host, "[Timer]\nRandomizedDelaySec=soon\n")
    assert (caught.value.option, caught.value.problem) == (
        "schedule",
        "'soon' is not a time span of systemd.time(7), such as 30m",
    )


@pytest.mark.parametrize(
    ("drop_ins", "cause", "others"),
    [
        pytest.param(
            [DROP_IN.format(UPGRADE), f"/etc/systemd/system/{UPGRADE}.d/90-x.conf"],
            f"/etc/systemd/system/{UPGRADE}.d/90-x.conf",
            [f"/etc/systemd/system/{UPGRADE}.d/90-x.conf"],
            id="a later drop-in",
        ),
        pytest.param([DROP_IN.format(UPGRADE)], "systemd", [], id="no later drop-in"),
    ],
)
def test_a_drop_in_that_overrides_ours_is_named(drop_ins: list[str], cause: str, others: list[str]) -> None:
    timer = replace(TIMERS[UPGRADE], drop_ins=tuple(drop_ins))
    with pytest.raises(BaselineError) as caught:
        require_schedule({UPGRADE: timer}, {UPGRADE: {"OnCalendar": "*-*-* 04:00:00"}})
    assert caught.value.problem == (
        f"{UPGRADE} has OnCalendar=*-*-* 06:00:00 (requested: *-*-* 04:00:00), because of {cause}"
    )
    assert caught.value.details == {"shadowed_by": others}


def test_a_schedule_in_force() -> None:
    require_schedule(TIMERS, {UPGRADE: {"OnCalendar": "*-*-* 06:00:00", "RandomizedDelaySec": "1h"}})
