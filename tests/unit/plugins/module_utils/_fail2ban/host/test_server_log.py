"""The log of the fail2ban server: a file, or the journal of the service where there is none."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import server_log
from tests.unit.fake_fail2ban import LOG, FakeServer, log_tail
from tests.unit.fake_host import FakeHost, FreeBsdHost


class LogHost(FakeHost):
    """A host that reads the end of a file, as much as it is asked for."""

    def read(self, path: str, *, last: int | None = None) -> str | None:
        return self.files[path][-last:] if last else ""


def logging_to(target: str) -> FakeServer:
    server = FakeServer()
    server.answers["get", "logtarget"] = target
    return server


def test_the_lines_of_a_file() -> None:
    host: t.Any = FakeHost({LOG: "the first\nthe last\n"})
    assert server_log.log_lines(host, logging_to(LOG)) == ["the first", "the last"]


def test_an_empty_file_has_no_lines() -> None:
    host: t.Any = FakeHost({LOG: ""})
    assert server_log.log_lines(host, logging_to(LOG)) == []


@pytest.mark.parametrize("target", ["SYSTEMD-JOURNAL", "SYSLOG", "/var/log/gone.log"])
def test_without_a_file_the_lines_are_those_of_the_journal(target: str) -> None:
    host: t.Any = FakeHost(commands=[log_tail(lines=200)])
    assert server_log.log_lines(host, logging_to(target)) == ["ERROR the last line"]
    host.done()


def test_on_freebsd_the_lines_are_those_of_the_usual_file() -> None:
    host: t.Any = FreeBsdHost({LOG: "".join(f"{number}\n" for number in range(300))})
    lines = server_log.log_lines(host, logging_to("SYSLOG"))
    assert (len(lines), lines[0], lines[-1]) == (200, "100", "299")


ERROR = "x fail2ban [1]: ERROR   no such table\n"


@pytest.mark.parametrize(
    ("later", "reported"),
    [
        pytest.param("INFO\n" * 199, True, id="200 lines from the end"),
        pytest.param("INFO\n" * 200, False, id="201 lines from the end"),
        pytest.param("-" * ((1 << 18) - len(ERROR)), True, id="256 KiB from the end"),
        pytest.param("-" * (1 << 18), False, id="more than 256 KiB from the end"),
    ],
)
def test_the_errors_are_those_at_the_end_of_the_log(later: str, reported: bool) -> None:
    host: t.Any = LogHost({LOG: ERROR + later})
    assert server_log.recent_log_errors(host, logging_to(LOG)) == (["no such table"] if reported else [])


@pytest.mark.parametrize("target", ["SYSTEMD-JOURNAL", "/var/log/gone.log"])
def test_without_a_log_file_the_errors_are_those_of_the_journal(target: str) -> None:
    host: t.Any = FakeHost(commands=[log_tail(lines=200)])
    assert server_log.recent_log_errors(host, logging_to(target)) == ["the last line"]
    host.done()
