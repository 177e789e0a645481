"""Origins and their archives; what the preferences and whole runs do with them is in test_unattended_upgrades.py."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import allowed_origins
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.allowed_origins import (
    MatchedOrigins,
    RequestedOrigins,
    match_archives,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import AptDistribution
from tests.unit.fake_host import Clock, Expected, FakeHost

DISTRIBUTION = AptDistribution("debian", "trixie")
TARGETS = ["apt-get", "indextargets"]
URIS = ["apt-get", "--print-uris", "update"]
UPDATE = ["apt-get", "-qq", "update"]
MISSING = "'http://deb.example.org/debian/dists/trixie/InRelease' deb_trixie_InRelease 0 \n"
DEBIAN = "Created-By: Packages\nOrigin: Debian\nCodename: trixie\n\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(allowed_origins, "time", clock)
    return clock


def match(host: FakeHost, *patterns: str) -> tuple[MatchedOrigins, str]:
    progress, stand_in = Progress(), t.cast("t.Any", host)
    with progress.in_errors():
        found = match_archives(stand_in, RequestedOrigins(patterns), DISTRIBUTION, progress)
    host.done()
    return found, progress.describe()


def test_no_origin_asks_nothing() -> None:
    assert match(FakeHost()) == (MatchedOrigins(), "this task changed nothing")


def test_an_origin_that_matches() -> None:
    found, state = match(FakeHost(commands=[Expected(TARGETS, out=DEBIAN)]), "origin=Debian")
    assert found.origins == ({"pattern": "origin=Debian", "archives": ["origin=Debian,codename=trixie"]},)
    assert (found.lists_updated, state) == (False, "this task changed nothing")


def test_missing_lists_are_fetched() -> None:
    commands = [Expected(TARGETS), Expected(URIS, out=MISSING), Expected(UPDATE), Expected(TARGETS, out=DEBIAN)]
    found, state = match(FakeHost(commands=commands), "origin=Debian")
    assert (found.lists_updated, state) == (True, "this task updated the package lists, and changed nothing else")


def test_check_mode_fetches_nothing() -> None:
    commands = [Expected(TARGETS), Expected(URIS, out=MISSING)]
    host = FakeHost(commands=commands, check_mode=True)
    match(host, "origin=Debian")
    assert host.known_after_apply == [
        "whether origin=Debian matches an archive is not known yet: the index of "
        "http://deb.example.org/debian/dists/trixie is missing",
    ]


@pytest.mark.parametrize(
    ("missing", "state"),
    [
        pytest.param("", None, id="before anything is changed"),
        pytest.param(MISSING, "this task updated the package lists, and changed nothing else", id="after the lists"),
    ],
)
def test_an_origin_that_matches_nothing(missing: str, state: str | None) -> None:
    commands = [Expected(TARGETS, out=DEBIAN), Expected(URIS, out=missing)]
    if missing:
        commands += [Expected(UPDATE), Expected(TARGETS, out=DEBIAN), Expected(URIS)]
    with pytest.raises(BaselineError) as caught:
        match(FakeHost(commands=commands), "origin=Nobody,codename=${distro_codename}")
    error = caught.value
    assert error.problem == (
        "origin=Nobody,codename=trixie matches no archive that apt is configured for, so it would never install "
        "anything"
    )
    assert (error.option, error.hint) == ("origins", "the archives are: origin=Debian,codename=trixie")
    assert error.state == (state or "this task changed nothing")
    assert error.details == {"archives": ["origin=Debian,codename=trixie"]}


def test_a_lock_that_is_not_released_has_a_limit(clock: Clock) -> None:
    locked = Expected(UPDATE, rc=100, err="E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7\n")
    commands = [
        Expected(TARGETS),
        Expected(URIS, out=MISSING),
        *[locked] * 61,
        Expected(TARGETS),
        Expected(URIS, out=MISSING),
    ]
    with pytest.raises(BaselineError, match="cannot be fetched: E: Could not get lock"):
        match(FakeHost(commands=commands), "origin=Debian")
    assert clock.now == 120
