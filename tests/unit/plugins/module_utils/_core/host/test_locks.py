"""Who holds a lock, by the kernel and by files, and waiting for the holder with a limit."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import locks
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.locks import (
    LockHolder,
    find_lock_holder,
    find_pid_file_holder,
    lock_timeout_error,
    run_when_unlocked,
    wait_for_locks,
)
from tests.unit.fake_host import Clock

HOLDER = LockHolder(812, "/usr/bin/dnf makecache", "/var/cache/dnf/metadata_lock.pid")
DONE = CommandResult(("apt-get",), 0, "", "")
BUSY = CommandResult(("apt-get",), 100, "", "E: Could not get lock")
OTHER = CommandResult(("apt-get",), 100, "", "E: No space left on device")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(locks, "time", clock)
    return clock


def test_the_kernel_names_the_holder_of_a_lock(tmp_path: Path) -> None:
    free, held = tmp_path / "free", tmp_path / "held"
    free.touch()
    held.touch()
    script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, 2); print(flush=True); input()"
    argv = [sys.executable, "-c", script, str(held)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        holder = find_lock_holder([str(tmp_path / "absent"), str(free), str(held)])
        process.communicate("\n")

    assert holder == LockHolder(process.pid, " ".join(argv), str(held))
    assert find_lock_holder([str(held)]) is None


def test_the_check_does_not_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    find_lock_holder([str(path)])
    fd = os.open(path, os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        pytest.param("999999999", 0o644, id="no such process"),
        pytest.param("nonsense", 0o644, id="no number"),
        # To kill(2) these are groups of processes, which always exist.
        pytest.param("-1", 0o644, id="all processes"),
        pytest.param("0", 0o644, id="the own group"),
        pytest.param("1", 0o666, id="anybody can write it"),
        pytest.param("1", 0o664, id="a group can write it"),
    ],
)
def test_a_file_that_names_no_holder(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "lock.pid"
    path.write_text(text)
    path.chmod(mode)
    assert find_pid_file_holder([str(path)]) is None


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pid")
    assert find_pid_file_holder([str(tmp_path / "absent.pid"), str(tmp_path / "pipe.pid")]) is None


def test_the_first_file_that_names_a_process(tmp_path: Path) -> None:
    (tmp_path / "gone.pid").write_text("999999999")
    (tmp_path / "held.pid").write_text(str(os.getpid()))
    found = find_pid_file_holder([str(tmp_path / "gone.pid"), str(tmp_path / "held.pid")])
    assert found is not None
    assert (found.pid, found.path) == (os.getpid(), str(tmp_path / "held.pid"))
    assert "python" in found.command


def test_a_process_without_a_readable_command_line() -> None:
    assert locks._command_of(999999999) == "of another container"


def test_waiting_ends_when_the_lock_is_free(clock: Clock) -> None:
    holders: list[LockHolder | None] = [HOLDER, HOLDER, None]
    wait_for_locks(lambda: holders.pop(0), 60, 60)
    assert (holders, clock.now) == ([], 1.0)


def test_waiting_has_a_limit(clock: Clock) -> None:
    with pytest.raises(BaselineError) as caught:
        wait_for_locks(lambda: HOLDER, 5, 5)
    assert clock.now == 5
    assert str(caught.value) == (
        "process 812 (/usr/bin/dnf makecache) holds /var/cache/dnf/metadata_lock.pid, still after 5 seconds; "
        "this task changed nothing; run again when it has ended or raise lock_timeout"
    )
    assert caught.value.details == {
        "holder": {"pid": 812, "command": "/usr/bin/dnf makecache", "path": "/var/cache/dnf/metadata_lock.pid"}
    }


def test_a_holder_that_could_not_be_found() -> None:
    error = lock_timeout_error(None, 3, unnamed="another pkg holds its database")
    assert error.problem == "another pkg holds its database, still after 3 seconds"
    assert error.details == {"holder": None}


@pytest.mark.parametrize(
    ("answers", "seconds", "ran", "runs"),
    [
        pytest.param([DONE], 60, DONE, 1, id="it succeeds"),
        pytest.param([OTHER, DONE], 60, OTHER, 1, id="another error is not tried again"),
        pytest.param([BUSY, BUSY, DONE], 60, DONE, 3, id="somebody took the lock before it"),
        pytest.param([BUSY, BUSY, BUSY, DONE], 2, BUSY, 3, id="until the limit"),
    ],
)
def test_a_command_that_locks(
    clock: Clock, answers: list[CommandResult], seconds: float, ran: CommandResult, runs: int
) -> None:
    left = list(answers)
    found = run_when_unlocked(
        lambda: left.pop(0),
        find_holder=lambda: None,
        is_busy=lambda answer: "Could not get lock" in answer.err,
        seconds=seconds,
    )
    assert (found, len(answers) - len(left)) == (ran, runs)


def test_a_command_does_not_run_while_somebody_holds_the_lock(clock: Clock) -> None:
    ran: list[CommandResult] = []

    def run() -> CommandResult:
        ran.append(DONE)
        return DONE

    with pytest.raises(BaselineError):
        run_when_unlocked(run, find_holder=lambda: HOLDER, is_busy=lambda _answer: False, seconds=3)
    assert (ran, clock.now) == ([], 3)
