from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import (
    DROP_IN,
    drop_in,
    idle_timers,
    normalized,
    parse_timers,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
UPGRADE = "apt-daily-upgrade.timer"
TIMERS = parse_timers((FIXTURES / "systemctl-show-timers-debian12").read_text())


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_stock_timers(system: str) -> None:
    timers = parse_timers((FIXTURES / f"systemctl-show-timers-{system}").read_text())
    assert list(timers) == ["apt-daily.timer", UPGRADE]
    assert idle_timers(timers) == []
    assert timers[UPGRADE].calendar == ("*-*-* 06:00:00",)
    assert timers[UPGRADE].random_delay == "1h"
    assert timers[UPGRADE].has_loaded(None)
    assert not timers[UPGRADE].has_loaded("a drop-in that systemd has not loaded")
    assert timers[UPGRADE].differences({"OnCalendar": "*-*-* 06:00:00", "RandomizedDelaySec": "1h"}) == []


def test_a_timer_as_a_result() -> None:
    assert TIMERS[UPGRADE].as_result() == {
        "name": UPGRADE,
        "enabled": True,
        "active": True,
        "state": "enabled",
        "calendar": ["*-*-* 06:00:00"],
        "random_delay": "1h",
        "next": "Mon 2026-11-23 06:31:52 UTC",
        "last": None,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            {"load": "masked", "file_state": "masked", "active": "failed", "next": ""}, "masked, failed", id="masked"
        ),
        pytest.param({"file_state": "disabled"}, "disabled, active", id="disabled: gone after a reboot"),
        pytest.param({"active": "inactive", "next": ""}, "enabled, inactive", id="stopped"),
        pytest.param(
            {"load": "not-found", "file_state": "", "active": "inactive"}, "not-found, inactive", id="missing"
        ),
        pytest.param(
            {"load": "bad-setting", "next": ""},
            "enabled (bad-setting), active",
            id="a drop-in that takes its times away",
        ),
        pytest.param(
            {"service_masked": True},
            "enabled, active, and apt-daily-upgrade.service is masked",
            id="nothing to start",
        ),
    ],
)
def test_a_timer_that_will_not_fire(change: dict[str, t.Any], words: str) -> None:
    timer = replace(TIMERS[UPGRADE], **change)
    assert idle_timers({UPGRADE: timer}) == [timer]
    assert timer.describe() == words + "\n"


def test_the_services_that_the_timers_start() -> None:
    """As systemctl shows a masked one on Debian 12 and 13."""
    services = "\nId=apt-daily.service\nLoadState=loaded\n\nId=apt-daily-upgrade.service\nLoadState=masked\n"
    timers = parse_timers((FIXTURES / "systemctl-show-timers-debian13").read_text() + services)
    assert [timer.service_masked for timer in timers.values()] == [False, True]


@pytest.mark.parametrize(
    ("lines", "result", "ended"),
    [
        ("Result=success\nExecMainExitTimestampMonotonic=2500000\n", "success", 2.5),
        ("Result=exit-code\nExecMainExitTimestampMonotonic=1\n", "exit-code", 0.000001),
        ("Result=success\nExecMainExitTimestampMonotonic=0\n", "success", 0),
        ("", "", 0),
    ],
)
def test_the_last_run_of_the_service(lines: str, result: str, ended: float) -> None:
    text = f"Id=apt-daily.timer\nLoadState=loaded\nResult=success\n\nId=apt-daily.service\n{lines}"
    timer = parse_timers(text)["apt-daily.timer"]
    assert (timer.service_result, timer.service_ended) == (result, ended)


def test_an_elapsed_timer_is_active_and_never_fires() -> None:
    """Seen on Debian 12 and 13, after a drop-in without times had come and gone."""
    text = "Id=apt-daily-upgrade.timer\nLoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=elapsed\n"
    timer = parse_timers(text)[UPGRADE]
    assert (timer.will_fire, timer.describe()) == (False, "enabled, elapsed\n")


def test_systemd_that_is_older_than_the_files() -> None:
    ours = (DROP_IN.format(UPGRADE),)
    assert replace(TIMERS[UPGRADE], drop_ins=ours).has_loaded("text")
    assert not replace(TIMERS[UPGRADE], drop_ins=ours).has_loaded(None)
    assert not replace(TIMERS[UPGRADE], drop_ins=ours, stale=True).has_loaded("text")


def test_another_drop_in_wins() -> None:
    timer = replace(TIMERS[UPGRADE], calendar=("Sat *-*-* 04:00:00", "*-*-* 06:00:00"))
    assert timer.differences({"OnCalendar": "*-*-* 06:00:00"}) == [
        "OnCalendar=Sat *-*-* 04:00:00 and *-*-* 06:00:00 (requested: *-*-* 06:00:00)"
    ]


@pytest.mark.parametrize(
    ("calendar", "delay", "text"),
    [
        pytest.param(None, None, None, id="nothing is requested"),
        pytest.param(
            "*-*-* 04:00",
            "30m",
            "# Managed by pyhost.baseline.unattended_upgrades; changes made here are lost.\n"
            "[Timer]\nOnCalendar=\nOnCalendar=*-*-* 04:00\nRandomizedDelaySec=30m\n",
            id="both",
        ),
        pytest.param(
            None,
            "0",
            "# Managed by pyhost.baseline.unattended_upgrades; changes made here are lost.\n"
            "[Timer]\nRandomizedDelaySec=0\n",
            id="the delay alone keeps the unit's own times",
        ),
    ],
)
def test_drop_in(calendar: str | None, delay: str | None, text: str | None) -> None:
    assert drop_in("unattended_upgrades", calendar, delay) == text


def test_a_time_of_two_lines_is_refused() -> None:
    with pytest.raises(BaselineError) as error:
        drop_in("unattended_upgrades", "*-*-* 04:00\n[Service]", None)
    assert str(error.value) == (
        "schedule: '*-*-* 04:00\\n[Service]' is not one line of plain text; this task changed nothing"
    )


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        pytest.param(
            "  Original form: 4:00\nNormalized form: *-*-* 04:00:00\n    Next elapse: Mon 2026-11-23 04:00:00 UTC\n",
            "Normalized form",
            "*-*-* 04:00:00",
            id="calendar",
        ),
        pytest.param("Original: 30m\n      μs: 1800000000\n   Human: 30min\n", "Human", "30min", id="timespan"),
        pytest.param("", "Human", "", id="nothing"),
    ],
)
def test_normalized(text: str, field: str, expected: str) -> None:
    assert normalized(text, field) == expected
