from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freshness import (
    LIMIT,
    UpdateTimes,
    age_problems,
    checked_limit,
    expired,
    hours,
    parse_release,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import Archive

NOW = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
# The head of an InRelease file of Debian's security archive.
RELEASE = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Label: Debian-Security
Suite: stable-security
Codename: trixie-security
Date: Thu, 14 Jan 2027 06:00:00 UTC
Valid-Until: Thu, 21 Jan 2027 06:00:00 UTC
Architectures: all amd64
SHA256:
 0123 456 main/binary-amd64/Packages
"""
SECURITY = Archive("Debian", "Debian-Security", "stable-security", "trixie-security", "main", "security.example.org")


@pytest.mark.parametrize(
    ("policy", "lists", "success", "expected"),
    [
        pytest.param(0, HOUR, HOUR, [], id="healthy"),
        pytest.param(HOUR, None, None, [], id="a new host has succeeded in nothing yet"),
        pytest.param(HOUR, 60 * DAY, None, [], id="a new host from an old image"),
        pytest.param(HOUR, 90 * DAY, 90 * DAY, [], id="switched on again an hour ago"),
        pytest.param(0, LIMIT * HOUR - 1, LIMIT * HOUR - 1, [], id="up to the limit"),
        pytest.param(0, -DAY, -DAY, [], id="the clock was wrong"),
        pytest.param(
            100 * DAY,
            90 * DAY,
            HOUR,
            ["the package lists were last fetched 2160 hours ago (2026-10-17) (limit: 192 hours)"],
            id="no lists for ninety days, and unattended-upgrade is content with the old ones",
        ),
        pytest.param(
            100 * DAY,
            HOUR,
            9 * DAY,
            ["unattended-upgrade last succeeded 216 hours ago (2027-01-06) (limit: 192 hours)"],
            id="every run fails",
        ),
        pytest.param(
            100 * DAY,
            None,
            None,
            [
                "the package lists were last fetched at an unknown time (limit: 192 hours)",
                "unattended-upgrade never succeeded on this host (limit: 192 hours)",
            ],
            id="never",
        ),
    ],
)
def test_ages(policy: int, lists: int | None, success: int | None, expected: list[str]) -> None:
    times = UpdateTimes(
        NOW,
        NOW - policy if policy else 0,
        None if lists is None else NOW - lists,
        None if success is None else NOW - success,
    )
    found = age_problems(times, lists_limit=LIMIT, success_limit=LIMIT)
    assert [sentence.partition(")" if "never" in sentence else "hours)")[0] for sentence in found] == [
        sentence.partition(")" if "never" in sentence else "hours)")[0] for sentence in expected
    ]
    assert all("to see why" in sentence for sentence in found)


def test_each_has_a_limit_of_its_own() -> None:
    times = UpdateTimes(NOW, 1, NOW - 50 * HOUR, NOW - 50 * HOUR)
    (sentence,) = age_problems(times, lists_limit=72, success_limit=48)
    assert sentence.startswith("unattended-upgrade last succeeded 50 hours ago")


@pytest.mark.parametrize(("then", "expected"), [(None, None), (NOW - 7199, 1), (NOW, 0), (NOW + DAY, 0)])
def test_hours(then: float | None, expected: int | None) -> None:
    assert hours(NOW, then) == expected


def test_a_limit_below_an_hour() -> None:
    assert checked_limit(1) == 1
    with pytest.raises(BaselineError, match="max_age: 0 is not a number of hours"):
        checked_limit(0)


def test_a_release_file() -> None:
    found = parse_release(RELEASE)
    assert (found.archive.label, found.archive.archive) == ("Debian-Security", "stable-security")
    assert found.valid_until == 1_800_511_200
    assert parse_release("Origin: x\n").valid_until is None
    assert parse_release("Valid-Until: soon\n").valid_until is None


@pytest.mark.parametrize(
    ("now", "allowed", "expected"),
    [
        pytest.param(1_800_511_199, [SECURITY], 0, id="valid"),
        pytest.param(1_800_511_201, [SECURITY], 1, id="its mirror is dead, and others are fetched"),
        pytest.param(1_800_511_201, [], 0, id="nobody upgrades from there"),
    ],
)
def test_expired_lists(now: float, allowed: list[Archive], expected: int) -> None:
    found = expired([parse_release(RELEASE), parse_release("Origin: x\n")], allowed, now)
    assert (
        found
        == [
            "the package lists of origin=Debian,codename=trixie-security,archive=stable-security,label=Debian-Security "
            "expired on 2027-01-21, and apt has fetched no newer ones"
        ][:expected]
    )
