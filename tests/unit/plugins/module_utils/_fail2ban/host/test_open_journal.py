"""Whether the server reads the journal that journald writes, by the files that its process has open."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import open_journal
from tests.unit.fake_host import Clock, FakeHost

MACHINE = "0614e122d8984664bfc424693bc1d8ed"
VAR = f"/var/log/journal/{MACHINE}/system.journal"
RUN = f"/run/log/journal/{MACHINE}/system.journal"
FLUSHED = "/run/systemd/journal/flushed"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(open_journal, "time", clock)
    return clock


def no_log() -> list[str]:
    return []


def host(*opened: str, files: t.Collection[str], machine: str = MACHINE) -> t.Any:
    """Return a host with ``files`` on which process 812 has ``opened`` besides a socket and a deleted file."""
    links = {f"/proc/812/fd/{number}": path for number, path in enumerate(["socket:[1]", f"{RUN} (deleted)", *opened])}
    links["/proc/813/fd/1"] = VAR
    fake = FakeHost({"/etc/machine-id": f"{machine}\n", **dict.fromkeys([*files, *links], "")})
    fake.links.update(links)
    return fake


@pytest.mark.parametrize(
    ("opened", "files", "readers", "unread"),
    [
        pytest.param([VAR], [VAR, FLUSHED], 1, None, id="it is read"),
        pytest.param([VAR, VAR], [VAR, FLUSHED], 2, None, id="by each jail"),
        pytest.param([VAR], [VAR, FLUSHED], 2, VAR, id="by one jail of two"),
        pytest.param([], [VAR, FLUSHED], 1, VAR, id="the journal has become persistent"),
        pytest.param([RUN], [VAR, RUN, FLUSHED], 1, VAR, id="the earlier journal is still there"),
        pytest.param([RUN], [RUN], 1, None, id="a volatile journal"),
        pytest.param([RUN], [VAR, RUN], 1, None, id="persistent, and not flushed"),
        pytest.param([VAR], [RUN, FLUSHED], 1, RUN, id="the persistent journal is gone"),
        pytest.param([], [VAR, FLUSHED], 0, None, id="no jail reads the journal"),
        pytest.param([], [FLUSHED], 1, None, id="no journal"),
    ],
)
def test_an_unread_journal(opened: list[str], files: list[str], readers: int, unread: str | None) -> None:
    assert open_journal.unread_journal(host(*opened, files=files), 812, readers=readers, log=no_log) == unread


def test_what_is_not_known_is_no_finding() -> None:
    assert open_journal.unread_journal(host(files=[VAR, FLUSHED], machine=""), 812, readers=1, log=no_log) is None
    assert open_journal.unread_journal(host(files=[VAR, FLUSHED]), 0, readers=1, log=no_log) is None
    assert open_journal.unread_journal(t.cast(t.Any, FakeHost()), 812, readers=1, log=no_log) is None


def test_a_rotated_journal_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = host(files=[VAR, FLUSHED])
    started = clock.monotonic()

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now - started > 1:
            fake.links["/proc/812/fd/0"] = VAR

    monkeypatch.setattr(clock, "sleep", sleep)
    assert open_journal.unread_journal(fake, 812, readers=1, log=no_log) is None
    assert 1 < clock.monotonic() - started < 3


def test_a_journal_that_is_open_and_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def is_watched(_host: object, pid: int, folder: str, **options: t.Any) -> bool:
        asked.append((pid, folder, options))
        return False

    monkeypatch.setattr(open_journal, "journal_is_watched", is_watched)
    assert open_journal.unread_journal(host(VAR, files=[VAR, FLUSHED]), 812, readers=1, log=no_log) == VAR
    assert asked == [(812, f"/var/log/journal/{MACHINE}", {"readers": 1, "log": no_log})]
