"""Jails that do not read their source: the findings together."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import unread
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.readings import Readings
from tests.unit.fake_fail2ban import LOG, FakeServer
from tests.unit.fake_host import FakeHost

IDLE = "2026-11-28 02:04:26,529 fail2ban.filtersystemd [812]: ERROR   Too many errors at once (100), going idle\n"
JOURNAL = "/var/log/journal/abc/system.journal"


def found(
    monkeypatch: pytest.MonkeyPatch, *, journal: str | None = None, log: str = "", level: str = "INFO", **options: t.Any
) -> tuple[dict[str, str], list[list[str]]]:
    """Return the findings, and what the check of the journal could read of the log."""
    logs: list[list[str]] = []

    def unread_journal(_host: object, pid: int, *, readers: int, log: t.Callable[[], list[str]]) -> str | None:
        assert (pid, readers) == (812, 1)
        logs.append(log())
        return journal

    monkeypatch.setattr(unread, "unread_journal", unread_journal)
    monkeypatch.setattr(
        unread, "unwatched_logs", lambda _host, _pid, files: {"mail": "/x"} if files.get("mail") else {}
    )
    server = FakeServer()
    server.answers["get", "loglevel"] = level
    host = t.cast(t.Any, FakeHost({LOG: log}))
    options = {"journals": ["sshd"], "files": {}, **options}
    return unread.unread_sources(Readings(host), server, 812, **options), logs


def test_nothing_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, log="x\n") == ({}, [["x"]])


def test_a_journal_and_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    sources, _logs = found(monkeypatch, journal=JOURNAL, files={"mail": ["/x"]})
    assert sources == {"sshd": JOURNAL, "mail": "/x"}


def test_what_the_log_says_about_earlier_jails_is_not_about_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, log="x\n", is_new=True) == ({}, [[]])


@pytest.mark.parametrize(("level", "is_idle"), [("INFO", True), ("DEBUG", True), ("NOTICE", False), ("ERROR", False)])
def test_an_idle_jail(monkeypatch: pytest.MonkeyPatch, level: str, is_idle: bool) -> None:
    sources, _logs = found(monkeypatch, log=IDLE, level=level)
    # At a higher level the log does not say which jail was started again.
    assert sources == ({"sshd": "anything, since it is idle after too many errors"} if is_idle else {})


def test_the_reason() -> None:
    host = t.cast(t.Any, FakeHost({LOG: "OSError(24, 'Too many open files')\n"}))
    assert unread.unread_reason(host, FakeServer())[0].startswith("the kernel refuses it an inotify instance")
