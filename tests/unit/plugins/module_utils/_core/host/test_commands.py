"""Commands that are really run: their input, output, environment and end."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import commands
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.commands import run_command

PYTHON = [sys.executable, "-c"]


def test_status_output_and_error() -> None:
    text = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert run_command([*PYTHON, text]) == (3, "out\n", "err\n")
    assert run_command(["/bin/sh", "-c", "kill -9 $$"])[0] == -signal.SIGKILL


def test_bytes_that_are_no_text_survive() -> None:
    assert run_command(["/bin/cat"], data="a\udcffb\n") == (0, "a\udcffb\n", "")


def test_input_and_output_that_are_larger_than_a_pipe() -> None:
    data = "x" * 3_000_000
    assert run_command(["/bin/cat"], data=data) == (0, data, "")
    # One that does not read its input is no error.
    assert run_command(["/bin/true"], data=data) == (0, "", "")


def test_nobody_waits_for_a_terminal() -> None:
    assert run_command(["/bin/cat"]) == (0, "", "")
    assert run_command(["/bin/cat"], data="") == (0, "", "")


def test_the_environment_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert run_command(["/bin/sh", "-c", "echo $KEPT $LC_ALL $NEW"], env={"LC_ALL": "C", "NEW": "2"})[1] == "1 C 2\n"


def test_signals_that_python_ignores_are_as_usual() -> None:
    # SIGPIPE would else be ignored, and the writer get an error.
    assert run_command(["/bin/sh", "-c", "yes | head -n 1"]) == (0, "y\n", "")


@pytest.mark.parametrize(
    ("path", "message"), [("/nowhere/x", "No such file or directory"), ("/etc/passwd", "Permission denied")]
)
def test_a_program_that_cannot_be_started(path: str, message: str) -> None:
    assert run_command([path]) == (126, "", f"{path}: {message}")


def test_a_daemon_that_keeps_the_output_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_DAEMON_SECONDS", 0.2)
    started = time.monotonic()
    assert run_command(["/bin/sh", "-c", "echo started; sleep 3 & exit 4"]) == (4, "started\n", "")
    assert time.monotonic() - started < 2


def test_a_slow_command_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_DAEMON_SECONDS", 0.05)
    assert run_command(["/bin/sh", "-c", "echo a; sleep 0.3; echo b; sleep 0.3; echo c"]) == (0, "a\nb\nc\n", "")
    assert run_command(["/bin/sh", "-c", "sleep 0.3; cat"], data="x" * 200_000)[1] == "x" * 200_000
