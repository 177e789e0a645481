"""What is done for an environment, and in which order, with owners whose programs are made up."""

from __future__ import annotations

import json
import os
import pwd
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import venv as glue
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import VenvRequest, parse_request
from tests.unit.fake_host import FakeHost

ME = pwd.getpwuid(os.geteuid())
INSTALLED = {"pip": "25.1"}


class Programs:
    """Python and pip of an environment: what is in it, by what was run."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.ran: list[str] = []
        self.distributions = dict(INSTALLED)
        self.unmet: list[str] = []
        self.undecided: list[str] = []
        self.pip: t.Callable[[], int] = self.install
        monkeypatch.setattr(glue, "run_as", self.run)

    def install(self) -> int:
        self.distributions.update({one: "1" for one in self.unmet})
        self.unmet = []
        return 0

    def run(self, user: t.Any, argv: list[str], *, folder: str, seconds: float, env: t.Any = None) -> CommandResult:
        assert user.name == ME.pw_name
        assert folder == str(self.path)
        if argv[1:4] == ["-I", "-m", "venv"]:
            self.ran.append("venv")
            (self.path / "bin").mkdir(exist_ok=True)
            (self.path / "bin" / "activate").touch()
            (self.path / "bin" / "python").touch()
            return CommandResult(tuple(argv), 0, "", "")
        if argv[1:4] == ["-m", "pip", "install"]:
            self.ran.append("pip")
            return CommandResult(tuple(argv), self.pip(), "", "pip's own words \x1b[2J")
        said = {"python": "3.13.5", "pip": self.distributions.get("pip", ""), "distributions": self.distributions}
        return CommandResult(tuple(argv), 0, json.dumps({**said, "unmet": self.unmet, "undecided": self.undecided}), "")


@pytest.fixture(name="programs")
def _programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "venv", monkeypatch)


def request(programs: Programs, **changes: t.Any) -> VenvRequest:
    venv = {"path": str(programs.path), "owner": ME.pw_name, "requirements": ["six"], **changes}
    return parse_request(venv, kernel="Linux")


def build(*requests: VenvRequest, check_mode: bool = False) -> t.Any:
    return glue.ensure(FakeHost(check_mode=check_mode), requests, seconds=10)  # type: ignore[arg-type]  # fake


def test_a_new_environment(programs: Programs) -> None:
    programs.unmet = ["six"]
    found = build(request(programs))
    assert programs.ran == ["venv", "pip"]
    assert found.changed
    [result] = found.result["venvs"]
    assert (result["distributions"], result["unmet"], result["changed"]) == ({"pip": "25.1", "six": "1"}, [], True)
    assert found.before == {}
    assert "six==1\n" in found.after[str(programs.path)]
    assert not build(request(programs)).changed
    assert programs.ran == ["venv", "pip"]


def test_check_mode_runs_nothing(programs: Programs) -> None:
    first = build(request(programs), check_mode=True)
    assert first.changed
    assert "six (to be installed)" in first.after[str(programs.path)]
    assert not programs.path.exists()
    build(request(programs))
    programs.ran.clear()
    programs.unmet = ["six"]
    assert build(request(programs), check_mode=True).changed
    programs.unmet = []
    assert not build(request(programs), check_mode=True).changed
    assert programs.ran == []


def test_an_interrupted_environment_is_completed(programs: Programs) -> None:
    build(request(programs))
    (programs.path / "bin" / "activate").unlink()
    build(request(programs))
    assert programs.ran == ["venv", "venv"]
    programs.distributions.pop("pip")
    build(request(programs))
    assert programs.ran == ["venv", "venv", "venv"]


def test_what_only_pip_can_judge_is_asked_in_every_run(programs: Programs) -> None:
    programs.undecided = ["git+https://example.org/a.git"]
    wanted = request(programs, requirements=programs.undecided)
    assert build(wanted).changed
    again = build(wanted)
    assert (again.changed, programs.ran) == (False, ["venv", "pip", "pip"])
    assert again.result["venvs"][0]["left_to_pip"] == programs.undecided
    assert build(wanted, check_mode=True).changed


def test_a_file_with_arguments_is_left_to_pip(programs: Programs) -> None:
    wanted = request(programs, requirements="/srv/r.txt", extra_args="--upgrade")
    build(wanted)
    assert not build(wanted).changed
    assert programs.ran == ["venv", "pip", "pip"]


@pytest.mark.parametrize(("status", "words"), [(1, "ended with exit status 1"), (0, "and this is not met: six")])
def test_pip_that_does_not_do_it(programs: Programs, status: int, words: str) -> None:
    programs.unmet = ["six"]
    programs.pip = lambda: status
    with pytest.raises(BaselineError) as caught:
        build(request(programs))
    assert words in str(caught.value)
    assert "pip's own words \\x1b[2J" in str(caught.value)


def test_one_failure_does_not_stop_the_others(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    programs.unmet = ["six"]
    with pytest.raises(BaselineError) as caught:
        build(request(programs, path=str(tmp_path / "file")), request(programs))
    assert str(caught.value) == (
        f"{tmp_path}/file: it is not a folder; this environment was left as it was; other environments were changed: "
        f"{programs.path}; remove it, or use another path"
    )
    assert [result["path"] for result in caught.value.details["venvs"]] == [str(programs.path)]


def test_accounts_that_are_missing_are_named_first(programs: Programs) -> None:
    wanted = [request(programs), request(programs, owner="no-such"), request(programs, group="no-group")]
    with pytest.raises(BaselineError) as caught:
        build(*wanted)
    assert str(caught.value) == (
        "venvs: the owner no-such is not a user of this host; the group no-group is not a group of this host; "
        "this task "
        "changed nothing; create the user or group first"
    )
    assert not programs.path.exists()
    assert build(request(programs, owner="no-such"), check_mode=True).changed


def test_the_check_before_packages_are_installed(programs: Programs) -> None:
    found = glue.check(FakeHost(), [request(programs)])  # type: ignore[arg-type]  # fake
    assert not found.changed
    assert found.result["venvs"][0]["distributions"] == {}
    programs.path.symlink_to("/usr")
    with pytest.raises(BaselineError, match="is a symlink"):
        glue.check(FakeHost(), [request(programs)])  # type: ignore[arg-type]  # fake
    assert programs.ran == []
