# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is too old or failed for dnf-automatic, and what the journal says of its last success."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_health import (
    DnfTimes,
    LastRun,
    health_problems,
    journal_query,
    parse_journal,
)

NOW = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
SERVICE = "dnf-automatic.service"
FINE = LastRun(SERVICE, "success")


@pytest.mark.parametrize(
    ("begin", "metadata", "success", "run", "expected"),
    [
        pytest.param(90 * DAY, {"baseos": HOUR}, HOUR, FINE, [], id="healthy"),
        pytest.param(HOUR, {"baseos": 60 * DAY}, None, LastRun(SERVICE), [], id="a new host of an old image"),
        pytest.param(90 * DAY, {}, 2 * HOUR, FINE, [], id="no metadata are another warning"),
        pytest.param(90 * DAY, {"baseos": -DAY}, -DAY, FINE, [], id="the clock was wrong"),
        pytest.param(
            90 * DAY,
            {"baseos": 50 * HOUR, "appstream": 60 * HOUR, "extras": HOUR},
            HOUR,
            FINE,
            ["the metadata of appstream, baseos were last fetched 60 hours ago (2027-01-12) (limit: 48 hours)"],
            id="some archives cannot be reached",
        ),
        pytest.param(
            90 * DAY,
            {"baseos": HOUR},
            HOUR,
            LastRun(SERVICE, "exit-code"),
            ["the last run of dnf-automatic.service failed (exit-code); `journalctl --unit dnf-automatic.service`"],
            id="the last run failed, the one before did not",
        ),
        pytest.param(
            90 * DAY,
            {"baseos": HOUR},
            9 * DAY,
            LastRun(SERVICE),
            ["dnf-automatic.service last succeeded 216 hours ago (2027-01-06) (limit: 48 hours)"],
            id="no run for nine days",
        ),
        pytest.param(
            90 * DAY,
            {"baseos": HOUR},
            None,
            LastRun(SERVICE, "timeout"),
            [
                "the last run of dnf-automatic.service failed (timeout)",
                "dnf-automatic.service has not been seen to succeed (limit: 48 hours)",
            ],
            id="never",
        ),
    ],
)
def test_problems(begin: int, metadata: dict[str, int], success: int | None, run: LastRun, expected: list[str]) -> None:
    fetched = {name: NOW - age for name, age in metadata.items()}
    times = DnfTimes(NOW, NOW - begin, fetched, None if success is None else NOW - success)
    found = health_problems(times, run, limit=48)
    assert len(found) == len(expected)
    assert all(sentence.startswith(start) for sentence, start in zip(found, expected, strict=True))


def test_ages() -> None:
    times = DnfTimes(NOW, 0, {"a": NOW - 7200, "b": NOW - HOUR}, NOW - 3 * HOUR)
    assert (times.metadata_age, times.success_age) == (2, 3)
    assert (DnfTimes(NOW, 0).metadata_age, DnfTimes(NOW, 0).success_age) == (None, None)


def test_the_journal_is_asked_for_the_end_of_a_start_that_succeeded() -> None:
    query = journal_query(SERVICE)
    assert query[0] == "journalctl" and f"UNIT={SERVICE}" in query and "JOB_RESULT=done" in query


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ('{"__REALTIME_TIMESTAMP":"1800000000500000","MESSAGE":"Finished dnf automatic."}\n', 1_800_000_000.5),
        ("", None),
        ("-- No entries --\n", None),
        ('{"MESSAGE":"x"}\n', None),
        ("[]\n", None),
        ('{"__REALTIME_TIMESTAMP":[1]}\n', None),
    ],
)
def test_the_answer_of_the_journal(text: str, when: float | None) -> None:
    assert parse_journal(text) == when
