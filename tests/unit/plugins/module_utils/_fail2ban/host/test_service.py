"""The service under systemd and rc(8): each command in its order."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import service
from tests.unit.fake_fail2ban import UNIT, log_tail, unit
from tests.unit.fake_host import Expected, FakeHost, FreeBsdHost


@pytest.mark.parametrize(
    ("active", "file_state", "running", "alive", "enabled", "failed"),
    [
        ("active", "enabled", True, True, True, False),
        ("activating", "enabled-runtime", False, True, False, False),
        ("inactive", "disabled", False, False, False, False),
        ("failed", "enabled", False, False, True, True),
    ],
)
def test_a_unit(active: str, file_state: str, running: bool, alive: bool, enabled: bool, failed: bool) -> None:
    host: t.Any = FakeHost({}, [unit(active, file_state=file_state)])
    found = service.service_state(host)
    assert (found.state, found.running, found.alive) == (active, running, alive)
    assert (found.enabled, found.failed) == (enabled, failed)
    assert found.main_pid == (812 if running else 0)
    host.done()


@pytest.mark.parametrize(
    ("words", "pidfile", "pid"),
    [
        ("fail2ban is running as pid 1021.\n", {}, 1021),
        ("fail2ban is running.\n", {"/var/run/fail2ban/fail2ban.pid": "77\n"}, 77),
        ("fail2ban is running.\n", {"/var/run/fail2ban/fail2ban.pid": "x\n"}, 0),
    ],
)
def test_a_service_of_rc(words: str, pidfile: dict[str, str], pid: int) -> None:
    host: t.Any = FreeBsdHost(
        pidfile,
        [Expected(["service", "fail2ban", "onestatus"], out=words), Expected(["service", "fail2ban", "enabled"])],
    )
    found = service.service_state(host)
    assert (found.name, found.state, found.main_pid, found.alive) == ("fail2ban", "running", pid, True)
    host.done()


@pytest.mark.parametrize(
    ("active", "verbs"),
    [("inactive", ["start"]), ("failed", ["reset-failed", "start"]), ("active", ["restart"])],
)
def test_start(active: str, verbs: list[str]) -> None:
    host: t.Any = FakeHost({}, [unit(active), *[Expected(["systemctl", verb, "--", UNIT]) for verb in verbs]])
    service.start(host, service.service_state(host))
    host.done()


def test_start_and_enable_on_freebsd() -> None:
    argv = [["service", "fail2ban", verb] for verb in ("onestatus", "enabled", "enable", "onestart")]
    host: t.Any = FreeBsdHost({}, [Expected(argv[0], rc=1), *[Expected(one) for one in argv[1:]]])
    state = service.service_state(host)
    service.enable(host)
    service.start(host, state)
    host.done()


def test_a_failed_enable() -> None:
    tail = Expected([*log_tail(lines=15).argv], out="")
    host: t.Any = FakeHost({}, [Expected(["systemctl", "enable", "--", UNIT], rc=1, err="no"), tail])
    with pytest.raises(BaselineError, match=r"systemctl enable fail2ban.service failed: no \(rc=1\)"):
        service.enable(host)
    host.done()


def test_the_log() -> None:
    host: t.Any = FakeHost({}, [log_tail(lines=40)])
    assert service.service_log(host, lines=40) == ["ERROR the last line"]
    freebsd: t.Any = FreeBsdHost({"/var/log/fail2ban.log": "a\nb\nc\n"})
    assert service.service_log(freebsd, lines=2) == ["b", "c"]
    assert service.service_log(t.cast(t.Any, FreeBsdHost())) == []
