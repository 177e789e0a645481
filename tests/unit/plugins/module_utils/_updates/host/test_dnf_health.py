# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the times come from: files of dnf's cache, systemd, the journal."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import Timer, parse_timers
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_automatic import CONF
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_health import journal_query
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import dnf_health
from tests.unit.fake_host import NOW, Expected, FakeHost

HOUR = 3600
UPTIME = 1000 * HOUR
SERVICE = "dnf-automatic.service"
BASEOS = "/var/cache/dnf/baseos-8ff2e9c92f259908/repodata"
PRIMARY, REPOMD = f"{BASEOS}/1a-primary.xml.gz", f"{BASEOS}/repomd.xml"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = types.SimpleNamespace(time=lambda: NOW, clock_gettime=lambda _clock: float(UPTIME), CLOCK_MONOTONIC=1)
    monkeypatch.setattr(dnf_health, "time", fake)


def timer(result: str = "success", *, hours: float | None = None) -> Timer:
    """Return the timer whose service ended ``hours`` ago since the boot, if it ran at all."""
    ended = 0 if hours is None else int((UPTIME - hours * HOUR) * 1_000_000)
    text = (
        "Id=dnf-automatic.timer\nLoadState=loaded\nResult=success\n\n"
        f"Id={SERVICE}\nLoadState=loaded\nResult={result}\nExecMainExitTimestampMonotonic={ended}\n"
    )
    return parse_timers(text)["dnf-automatic.timer"]


def health(
    host: FakeHost, asked: Timer, enabled: t.Sequence[str] = ("baseos",), limit: int = 48
) -> dnf_health.DnfHealth:
    found = dnf_health.gather_health(t.cast("t.Any", host), asked, enabled, limit)
    host.done()
    return found


def of_age(hours: dict[str, float], commands: t.Sequence[Expected] = ()) -> FakeHost:
    mtimes = {path: int(NOW - age * HOUR) for path, age in hours.items()}
    return FakeHost(dict.fromkeys(mtimes, ""), list(commands), mtimes=mtimes)


OLD = {"/etc/machine-id": 5000, CONF: 4000}
JOURNAL = {"/var/log/journal": 5000}


def booted(hours: float) -> Expected:
    """What systemd says of its own start, which in a container is not the machine's."""
    return Expected(dnf_health.BOOTED, out=f"{int((UPTIME - hours * HOUR) * 1_000_000)}\n")


def in_journal(hours: float | None) -> Expected:
    when = "" if hours is None else f'{{"__REALTIME_TIMESTAMP":"{int((NOW - hours * HOUR) * 1_000_000)}"}}\n'
    return Expected(journal_query(SERVICE), out=when)


def test_systemd_knows_the_last_success_since_the_boot() -> None:
    found = health(of_age({**OLD, PRIMARY: 3, REPOMD: 3}), timer(hours=5))
    assert found == dnf_health.DnfHealth(3, 5, ())


@pytest.mark.parametrize(
    ("asked", "more", "said", "success", "problems"),
    [
        pytest.param(timer(), JOURNAL, 7, 7, 0, id="no run since the boot"),
        pytest.param(timer("exit-code", hours=2), JOURNAL, 26, 26, 1, id="the last one failed"),
        pytest.param(timer("exit-code", hours=2), JOURNAL, 900, 900, 2, id="all of them fail"),
        # Seen on both stand-ins: a start that fails before the program runs resets its times.
        pytest.param(timer("exit-code"), JOURNAL, 26, 26, 1, id="it cannot start"),
        pytest.param(timer(), JOURNAL, None, None, 1, id="none in a journal that is kept"),
        pytest.param(timer(), {}, None, None, 1, id="none since a boot that is long ago"),
        pytest.param(timer(), {CONF: 1}, None, None, 0, id="the policy is new"),
    ],
)
def test_the_journal_knows_those_of_earlier_boots(
    asked: Timer, more: dict[str, float], said: float | None, success: int | None, problems: int
) -> None:
    asks_boot = [booted(800)] if said is None and not set(more) & set(JOURNAL) else []
    found = health(of_age({**OLD, REPOMD: 3, **more}, [in_journal(said), *asks_boot]), asked)
    assert (found.success, len(found.problems)) == (success, problems)


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        pytest.param(booted(2), 0, id="a boot"),
        pytest.param(booted(47), 0, id="up to the limit"),
        pytest.param(booted(49), 1, id="time enough"),
        pytest.param(Expected(dnf_health.BOOTED, rc=1), 0, id="nobody knows"),
    ],
)
def test_where_the_journal_of_earlier_boots_is_gone(answer: Expected, problems: int) -> None:
    found = health(of_age({**OLD, REPOMD: 3}, [in_journal(None), answer]), timer())
    assert len(found.problems) == problems


@pytest.mark.parametrize(
    ("files", "age", "problems"),
    [
        pytest.param({REPOMD: 900, PRIMARY: 3}, 3, 0, id="found to be current"),
        pytest.param({REPOMD: 900, PRIMARY: 900}, 900, 1, id="not fetched for long"),
        pytest.param({REPOMD: 3, "/var/cache/dnf/off-8ff2e9c92f259908/repodata/repomd.xml": 900}, 3, 0, id="disabled"),
        pytest.param({REPOMD: 900, "/var/cache/dnf/baseos-0000000000000000/repodata/repomd.xml": 3}, 3, 0, id="moved"),
        pytest.param({"/var/cache/libdnf5/baseos-8ff2e9c92f259908/repodata/repomd.xml": 9}, 9, 0, id="dnf 5"),
        pytest.param({}, None, 0, id="none"),
    ],
)
def test_the_age_of_metadata(files: dict[str, float], age: int | None, problems: int) -> None:
    found = health(of_age({**OLD, **files}), timer(hours=1))
    assert (found.metadata, len(found.problems)) == (age, problems)
