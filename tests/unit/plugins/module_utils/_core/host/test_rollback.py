"""The state of a rollback, and what a later run does with one that is pending."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import rollback as rollbacks
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.rollback import (
    RollbackState,
    discard_rollback,
    host_rollback_paths,
    is_armed,
    read_rollback_state,
    report_last_rollback,
    resolve_pending_rollback,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    RollbackPaths,
    armed_text,
    parse_record,
    rollback_paths,
)
from tests.unit.disk_host import DiskHost
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost

PATHS = rollback_paths("Linux", "sshd")
RECORD = "token=a\ntrigger=timeout\nwhen=1795345721\nproblems=\n"
REPORTED = parse_record(RECORD).sentence("sshd configuration")
ASKED = Expected(["/bin/sh", PATHS.script, "asked"], writes={PATHS.armed: None, PATHS.record: RECORD})


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rollbacks, "time", clock)
    return clock


def test_the_folder_is_that_of_this_system() -> None:
    assert host_rollback_paths("sshd") == PATHS


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({PATHS.armed: armed_text("mine", 0.0)}, True, id="armed"),
        pytest.param({PATHS.armed: armed_text("another's", 0.0)}, False, id="of another run"),
        pytest.param({PATHS.armed: armed_text("mine-too", 0.0)}, False, id="of another run that begins alike"),
        pytest.param({PATHS.armed: armed_text("Mine", 0.0)}, False, id="of another run in capitals"),
        pytest.param({PATHS.armed: ""}, False, id="cut short"),
        pytest.param({PATHS.armed: "mine"}, True, id="cut short after the token"),
        pytest.param({PATHS.armed: armed_text("mine", 0.0), PATHS.started: ""}, True, id="left by an earlier one"),
        pytest.param({PATHS.folder: ""}, False, id="stale"),
        pytest.param({PATHS.started: ""}, False, id="started"),
        pytest.param({}, False, id="done"),
    ],
)
def test_is_armed(files: dict[str, str], expected: bool) -> None:
    assert is_armed(FakeHost(files), "mine", PATHS) is expected  # type: ignore[arg-type]  # the fake stands in for the host


@pytest.mark.parametrize(
    ("files", "expected", "pending"),
    [
        pytest.param({}, RollbackState("none"), False, id="none"),
        pytest.param({PATHS.armed: "t\n9\n"}, RollbackState("armed", "t", 9.0), True, id="armed"),
        pytest.param({PATHS.started: ""}, RollbackState("started"), True, id="started"),
        pytest.param({PATHS.folder: ""}, RollbackState("stale"), False, id="stale"),
        pytest.param({PATHS.folder: "", PATHS.started: ""}, RollbackState("started"), True, id="started in its folder"),
        pytest.param(
            {PATHS.armed: "t\n9\n", PATHS.record: RECORD},
            RollbackState("armed", "t", 9.0, parse_record(RECORD)),
            True,
            id="armed after another one",
        ),
        pytest.param(
            {PATHS.started: "", PATHS.record: RECORD},
            RollbackState("started", record=parse_record(RECORD)),
            True,
            id="started after another one",
        ),
        pytest.param({PATHS.record: ""}, RollbackState("none"), False, id="an empty record"),
        pytest.param({PATHS.record: RECORD}, RollbackState("none", record=parse_record(RECORD)), False, id="record"),
    ],
)
def test_the_state_is_read(files: dict[str, str], expected: RollbackState, pending: bool) -> None:
    state = read_rollback_state(FakeHost(files), PATHS)  # type: ignore[arg-type]  # the fake
    assert (state, state.is_pending) == (expected, pending)
    # Only one that is armed has a time.
    assert state.state == "armed" or state.deadline == 0


def resolve(host: FakeHost) -> list[str]:
    found = resolve_pending_rollback(host, PATHS)  # type: ignore[arg-type]  # the fake
    host.done()
    return found


def test_nothing_is_pending() -> None:
    host = FakeHost()
    assert resolve(host) == []
    assert host.written == []


def test_a_record_is_reported_once() -> None:
    host = FakeHost({PATHS.record: RECORD})
    assert resolve(host) == [REPORTED]
    assert resolve(host) == []


def test_the_record_of_a_confirmation_is_removed_without_a_word() -> None:
    """The run that made the change has reported it."""
    kept = RECORD.replace("timeout", "confirmed")
    host = FakeHost({PATHS.record: kept})
    assert resolve(host) == []
    assert host.written == [PATHS.record] and PATHS.record not in host.files
    host = FakeHost({PATHS.record: kept}, check_mode=True)
    assert resolve(host) == []
    assert PATHS.record in host.files


def test_check_mode_reports_and_leaves_the_record() -> None:
    host = FakeHost({PATHS.record: RECORD, PATHS.armed: armed_text("a", NOW + 20)}, check_mode=True)
    pending = "a change of an earlier run is not confirmed yet and may be rolled back"
    assert resolve(host) == [pending, REPORTED]
    assert resolve(FakeHost({PATHS.started: ""}, check_mode=True)) == [pending]
    assert resolve(FakeHost({PATHS.folder: ""}, check_mode=True)) == []
    assert host.files[PATHS.record] == RECORD


def test_a_run_that_is_still_at_work_is_waited_for(monkeypatch: pytest.MonkeyPatch, time: Clock) -> None:
    host = FakeHost({PATHS.armed: armed_text("a", NOW + 20)})

    def sleep(seconds: float) -> None:
        time.now += seconds
        if time.now >= 12:
            # The other run confirms.
            host.files.clear()

    monkeypatch.setattr(time, "sleep", sleep)
    assert resolve(host) == []
    assert time.now == 12


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        pytest.param({PATHS.armed: armed_text("a", NOW + 20)}, 30, id="its time has not come"),
        pytest.param({PATHS.armed: armed_text("a", NOW - 600)}, 10, id="its time is over"),
        pytest.param({PATHS.armed: "a\n"}, 10, id="its state file was cut short"),
    ],
)
def test_a_rollback_that_something_stopped_is_carried_out(files: dict[str, str], seconds: int, time: Clock) -> None:
    assert resolve(FakeHost(files, [ASKED])) == [REPORTED]
    assert time.now == seconds


def test_a_rollback_that_was_interrupted_is_carried_out(time: Clock) -> None:
    asked = Expected(ASKED.argv, writes={PATHS.started: None, PATHS.record: RECORD})
    assert resolve(FakeHost({PATHS.started: ""}, [asked])) == [REPORTED]
    assert time.now == 10


def test_what_has_nothing_to_restore_is_removed(tmp_path: Path) -> None:
    paths = RollbackPaths("sshd", f"{tmp_path}/base", f"{tmp_path}/units", f"{tmp_path}/cron.d", f"{tmp_path}/rc.d")
    Path(paths.folder).mkdir(parents=True)
    for path in (paths.boot_unit, paths.crontab, paths.rc_script):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("")
    host = DiskHost(tmp_path, commands=[Expected(["systemctl", "stop", "pyhost-rollback-sshd.timer"])])
    assert resolve_pending_rollback(host, paths) == []  # type: ignore[arg-type]  # the fake
    host.done()
    assert not Path(paths.base).exists()
    assert not any(Path(path).exists() for path in (paths.boot_unit, paths.crontab, paths.rc_script))


def test_the_folder_goes_with_the_record(tmp_path: Path) -> None:
    paths = RollbackPaths("sshd", base=f"{tmp_path}/base")
    Path(paths.base).mkdir()
    Path(paths.record).write_text(RECORD)
    assert report_last_rollback(DiskHost(tmp_path), paths) == [REPORTED]  # type: ignore[arg-type]  # the fake
    assert not Path(paths.base).exists()


def test_a_rollback_is_discarded_by_its_script() -> None:
    host = FakeHost(commands=[Expected(["/bin/sh", PATHS.script, "discard"])])
    discard_rollback(host, PATHS)  # type: ignore[arg-type]  # the fake
    host.done()


def test_one_that_starts_while_it_is_waited_for_is_waited_for_too(monkeypatch: pytest.MonkeyPatch, time: Clock) -> None:
    """The host rolls back by itself: this run does not, and reports it."""
    host = FakeHost({PATHS.armed: armed_text("a", NOW + 20)})

    def sleep(seconds: float) -> None:
        time.now += seconds
        if time.now == 20:
            host.files = {PATHS.started: ""}
        elif time.now == 29.5:
            host.files = {PATHS.record: RECORD}

    monkeypatch.setattr(time, "sleep", sleep)
    assert resolve(host) == [REPORTED]
    assert time.now == 29.5


def test_the_wait_ends_between_two_looks_too(monkeypatch: pytest.MonkeyPatch, time: Clock) -> None:
    time.now = 0.3
    host = FakeHost({PATHS.armed: armed_text("a", NOW + 20)}, [ASKED])

    def sleep(seconds: float) -> None:
        assert time.now < 30, "it has ended"
        time.now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    assert resolve(host) == [REPORTED]
    assert time.now == pytest.approx(30.3)


def test_a_run_that_leaves_its_folder_is_finished_by_the_script(monkeypatch: pytest.MonkeyPatch, time: Clock) -> None:
    host = FakeHost({PATHS.armed: armed_text("a", NOW + 20)}, [Expected(ASKED.argv, writes={PATHS.folder: None})])

    def sleep(seconds: float) -> None:
        time.now += seconds
        host.files = {PATHS.folder: ""}

    monkeypatch.setattr(time, "sleep", sleep)
    assert resolve(host) == []
    assert time.now == 0.5


@pytest.mark.parametrize("state", ["armed", "started"])
def test_the_paths_of_the_request_are_used(state: str, time: Clock) -> None:
    paths = RollbackPaths("sshd", base="/elsewhere")
    files = {"armed": {paths.armed: armed_text("a", NOW - 1)}, "started": {paths.started: ""}}[state]
    asked = Expected(
        ["/bin/sh", paths.script, "asked"], writes={paths.armed: None, paths.started: None, paths.record: RECORD}
    )
    host = FakeHost(files, [asked])
    assert resolve_pending_rollback(host, paths) == [REPORTED]  # type: ignore[arg-type]  # the fake
    host.done()
    assert (host.files, time.now) == ({}, 10)
    host = FakeHost(files, check_mode=True)
    assert len(resolve_pending_rollback(host, paths)) == 1  # type: ignore[arg-type]  # the fake
    assert host.files == files


def test_a_rollback_is_discarded_by_the_script_of_its_paths() -> None:
    paths = RollbackPaths("sshd", base="/elsewhere")
    host = FakeHost(commands=[Expected(["/bin/sh", "/elsewhere/rollback-sshd/rollback", "discard"])])
    discard_rollback(host, paths)  # type: ignore[arg-type]  # the fake
    host.done()


def test_the_record_of_another_rollback_keeps_the_folder(tmp_path: Path) -> None:
    paths = RollbackPaths("sshd", base=f"{tmp_path}/base")
    Path(paths.base).mkdir()
    Path(paths.record).write_text(RECORD)
    other = Path(paths.base) / "rollback-other.record"
    other.write_text(RECORD)
    assert report_last_rollback(DiskHost(tmp_path), paths) == [REPORTED]  # type: ignore[arg-type]  # the fake
    assert other.exists() and not Path(paths.record).exists()


def test_check_mode_keeps_the_folder(tmp_path: Path) -> None:
    paths = RollbackPaths("sshd", base=f"{tmp_path}/base")
    Path(paths.base).mkdir()
    host = DiskHost(tmp_path)
    Path(paths.record).write_text(RECORD)
    host.check_mode = True
    assert report_last_rollback(host, paths) == [REPORTED]  # type: ignore[arg-type]  # the fake
    assert Path(paths.record).exists()


def test_the_wait_for_an_earlier_run_ends_although_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(rollbacks, "time", clock)
    paths = PATHS
    asked = Expected(["/bin/sh", paths.script, "asked"], writes={paths.armed: None})
    host: t.Any = FakeHost({paths.armed: armed_text("a", NOW + 50_000)}, [asked])
    rollbacks.resolve_pending_rollback(host, PATHS)
    assert 3600 <= clock.now <= 3600 + 10
    host.done()
