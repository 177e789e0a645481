"""Answers that are kept until a file changes on which they depend: over real files."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import remembered
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.remembered import Remembered
from tests.unit.fake_host import Expected, FakeHost

KEPT = "/run/pyhost.baseline/fail2ban.answers"
ASKED = Expected(["python3", "-c", "program"], data="{}", out="the answer\n")


class RealHost(FakeHost):
    """A transcript whose files outside of /run are real ones."""

    def stat(self, path: str) -> os.stat_result | None:
        return os.stat(path) if os.path.exists(path) else None


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have each run be ten seconds later than the test; ``later[0]`` is that time."""
    seconds = [10.0]
    now = remembered.time.time
    monkeypatch.setattr(remembered.time, "time", lambda: now() + seconds[0])
    return seconds


@pytest.fixture
def code(tmp_path: Path) -> list[str]:
    files = [tmp_path / "server.py", tmp_path / "library.so", tmp_path]
    for path in files[:-1]:
        path.write_text("x = 1\n")
    return [*map(str, files), str(tmp_path / "absent.pyc")]


def run(kept: dict[str, str], commands: list[Expected], code: list[str], **options: t.Any) -> str:
    """Play a run that asks once; ``kept`` is what the host has of earlier ones, and then of this one."""
    host = RealHost(kept, commands, check_mode=options.pop("check_mode", False))
    answers = Remembered(t.cast(t.Any, host), "fail2ban")
    ran = answers.run(ASKED.argv, data="{}", **options)
    answers.keep(code)
    host.done()
    kept.clear()
    kept.update(host.files)
    assert ran.argv == tuple(ASKED.argv)
    return ran.out if ran.ok else "failed"


def test_an_answer_is_kept(code: list[str]) -> None:
    kept: dict[str, str] = {}
    assert run(kept, [ASKED], code) == "the answer\n"
    text = kept[KEPT]
    assert run(kept, [], code) == "the answer\n"
    assert kept[KEPT] == text
    # The file is for root alone.
    host = RealHost({}, [ASKED])
    answers = Remembered(t.cast(t.Any, host), "fail2ban")
    answers.run(ASKED.argv, data="{}")
    answers.keep(code)
    assert host.modes[KEPT] == 0o600


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_text("x = 2\n"), id="the content"),
        pytest.param(lambda path: path.write_text("x = 1\n"), id="the time"),
        pytest.param(lambda path: path.chmod(0o600), id="the mode, which changes the ctime"),
        pytest.param(lambda path: path.unlink(), id="it is gone"),
        pytest.param(lambda path: (path.parent / "new.py").write_text(""), id="a module that takes precedence"),
        pytest.param(lambda path: (path.parent / "absent.pyc").write_text(""), id="one that was absent"),
    ],
)
def test_it_is_asked_again_after_a_change_of_the_code(change: t.Callable[[Path], t.Any], code: list[str]) -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], code)
    change(Path(code[0]))
    assert run(kept, [ASKED], code) == "the answer\n"


def test_a_file_that_was_put_back_with_its_time_is_another_one(code: list[str]) -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], code)
    path = Path(code[0])
    state = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (state.st_mtime_ns, state.st_size)
    assert run(kept, [ASKED], code) == "the answer\n"


@pytest.mark.parametrize("seconds", [0.0, 1.9, -3600.0])
def test_code_that_has_just_changed_is_not_trusted(seconds: float, code: list[str], later: list[float]) -> None:
    kept: dict[str, str] = {}
    later[0] = seconds
    run(kept, [ASKED], code)
    assert kept == {}


def test_the_files_that_a_question_is_about(code: list[str], tmp_path: Path, later: list[float]) -> None:
    kept: dict[str, str] = {}
    folder = tmp_path / "filter.d"
    folder.mkdir()
    files = [str(folder), str(folder / "sshd.conf"), str(folder / "sshd.local")]
    run(kept, [ASKED], code, files=files)
    run(kept, [], code, files=files)
    Path(files[2]).write_text("")
    run(kept, [ASKED], code, files=files)
    assert run(kept, [], code, files=files) == "the answer\n"
    # Nothing is known about one that changes right now.
    later[0] = 0.0
    run(kept, [ASKED], code, files=files)


def test_a_question_in_other_words_than_the_command(code: list[str]) -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], code, question=["the log is in a new folder each time"])
    run(kept, [], code, question=["the log is in a new folder each time"])
    run(kept, [ASKED], code, question=["another text"])


def test_the_environment_of_the_interpreter(code: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], code)
    monkeypatch.setenv("PYTHONPATH", "/opt")
    run(kept, [ASKED], code)


def test_a_failure_is_not_kept(code: list[str]) -> None:
    kept: dict[str, str] = {}
    failed = Expected(ASKED.argv, data="{}", rc=1)
    assert run(kept, [failed], code) == "failed"
    assert kept == {}
    run(kept, [ASKED], code)
    assert run(kept, [], code) == "the answer\n"


def test_a_plan_and_check_mode_keep_answers_as_well(code: list[str]) -> None:
    kept: dict[str, str] = {}
    assert run(kept, [ASKED], code, check_mode=True) == "the answer\n"
    assert run(kept, [], code, check_mode=True) == "the answer\n"


def test_only_what_the_last_run_has_asked_is_kept(code: list[str]) -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], code)
    run(kept, [ASKED], code, question=["another one"])
    assert len(json.loads(kept[KEPT])["answers"]) == 1


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_a_file_that_is_no_record(text: str, code: list[str]) -> None:
    kept = {KEPT: text}
    assert run(kept, [ASKED], code) == "the answer\n"
    assert run(kept, [], code) == "the answer\n"


def test_nothing_is_kept_without_knowing_the_code() -> None:
    kept: dict[str, str] = {}
    run(kept, [ASKED], [])
    assert kept == {}
