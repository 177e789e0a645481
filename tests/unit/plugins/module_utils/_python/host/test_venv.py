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
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import programs as owners_programs
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import recreate
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import venv as glue
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import VenvRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv_script import (
    IMPORT_SCRIPT,
    PROBE_SCRIPT,
)
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
        self.version = "3.13.5"
        self.modules: dict[str, list[str]] = {}
        self.failing: dict[str, str] = {}
        self.problem = ""
        self.reports = True
        monkeypatch.setattr(owners_programs, "run_as", self.run)

    def install(self) -> int:
        self.distributions.update({one: "1" for one in self.unmet})
        self.unmet = []
        return 0

    def run(
        self, user: t.Any, argv: list[str], *, folder: str, seconds: float, env: t.Any = None, data: str = ""
    ) -> CommandResult:
        assert user.name == ME.pw_name
        assert "secret" not in str(argv)
        if argv[-1] == PROBE_SCRIPT:
            return CommandResult(tuple(argv), 0, json.dumps(self.own("version")), "")
        assert folder == str(self.path)
        if argv[1:4] == ["-I", "-m", "venv"]:
            self.ran.append("venv")
            (self.path / "bin").mkdir(exist_ok=True)
            (self.path / "bin" / "activate").touch()
            (self.path / "bin" / "python").unlink(missing_ok=True)
            (self.path / "bin" / "python").touch()
            (self.path / "pyvenv.cfg").write_text(f"version = {self.version}\n")
            self.distributions = dict(INSTALLED)
            return CommandResult(tuple(argv), 0, "", "")
        if argv[-1] == IMPORT_SCRIPT:
            return CommandResult(tuple(argv), 0, "".join(self.imported(json.loads(data))), "")
        if argv[1:4] == ["-m", "pip", "install"]:
            self.ran.append("pip")
            return CommandResult(tuple(argv), self.pip(), "", "pip's own words \x1b[2J")
        if not self.reports:
            return CommandResult(tuple(argv), 127, "", "error while loading libpython3.11.so https://ann:secret@e.org")
        said = {**self.own("python"), "pip": self.distributions.get("pip", ""), "distributions": self.distributions}
        lists = {"unmet": self.unmet, "undecided": self.undecided, "modules": self.modules, "problem": self.problem}
        more = {"can_compare": True, "source": "", "written": ["requested"] if json.loads(data)["write"] else []}
        return CommandResult(tuple(argv), 0, json.dumps({**said, **lists, **more}), "")

    def own(self, version: str) -> dict[str, str]:
        return {version: self.version, "implementation": "CPython", "prefix": "/usr"}

    def imported(self, names: list[str]) -> t.Iterator[str]:
        self.ran.append("import")
        for name in names:
            yield json.dumps(["start", name]) + "\n"
            answer = ["failed", name, self.failing[name]] if name in self.failing else ["imported", name]
            yield json.dumps(answer) + "\n"


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
    programs.modules = {}
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


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (1, "`pip install`, run as {}, ended with exit status 1: pip's own words \\x1b[2J"),
        (0, "but this is not met: six"),
    ],
)
def test_pip_that_does_not_do_it(programs: Programs, status: int, words: str) -> None:
    programs.unmet = ["six"]
    programs.pip = lambda: status
    with pytest.raises(BaselineError) as caught:
        build(request(programs))
    assert words.format(ME.pw_name) in str(caught.value)
    assert [one.name for one in programs.path.iterdir() if "pyhost" in one.name] == []


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


def test_an_upgrade_of_the_distribution(programs: Programs) -> None:
    """The environment's link names python3, which has become another version."""
    programs.version = "3.11.2"
    build(request(programs))
    (programs.path / "bin" / "old").touch()
    programs.version, programs.distributions = "3.13.5", {}
    with pytest.raises(BaselineError) as caught:
        build(request(programs))
    assert str(caught.value) == (
        f"{programs.path}: it was made with Python 3.11, and its Python is 3.13.5 now (3.11 -> 3.13); this task "
        "changed nothing; no other environment was changed; set recreate: true in its entry of venvs, so that a new "
        "environment takes its place"
    )
    wanted = request(programs, recreate=True)
    programs.ran.clear()
    assert build(wanted, check_mode=True).changed
    assert programs.ran == []
    found = build(wanted)
    [result] = found.result["venvs"]
    assert (result["changed"], result["recreated"][-14:], result["python"]) == (True, "(3.11 -> 3.13)", "3.13.5")
    assert "it cannot be used: it was made with Python 3.11" in found.before[str(programs.path)]
    assert not (programs.path / "bin" / "old").exists()
    assert not os.path.lexists(recreate.leftover(wanted))
    again = build(wanted)
    assert (again.changed, again.result["venvs"][0]["recreated"]) == (False, "")


def test_a_python_that_is_gone_is_seen_before_packages_are_installed(programs: Programs) -> None:
    build(request(programs))
    (programs.path / "bin" / "python").unlink()
    (programs.path / "bin" / "python").symlink_to("python3")
    (programs.path / "bin" / "python3").symlink_to("/nonexistent/python3.11")
    for wanted in (request(programs), request(programs, python="/usr/bin/python3")):
        with pytest.raises(BaselineError, match="is gone: no /nonexistent/python3.11 on this host; this task changed"):
            glue.check(FakeHost(), [wanted])  # type: ignore[arg-type]  # fake
    # This one may be about to be installed.
    glue.check(FakeHost(), [request(programs, python="/nonexistent/python3.11")])  # type: ignore[arg-type]  # fake
    glue.check(FakeHost(), [request(programs, recreate=True)])  # type: ignore[arg-type]  # fake
    with pytest.raises(BaselineError, match="its Python /nonexistent/python3.11 is not on this host"):
        build(request(programs, python="/nonexistent/python3.11", recreate=True))


def test_the_old_one_comes_back_if_the_new_one_fails(programs: Programs) -> None:
    programs.version = "3.11.2"
    build(request(programs))
    (programs.path / "bin" / "old").touch()
    programs.version, programs.unmet, programs.pip = "3.13.5", ["six"], lambda: 1
    wanted = request(programs, recreate=True)
    with pytest.raises(BaselineError, match="; the old environment was put back as it was; no other environment"):
        build(wanted)
    assert (programs.path / "bin" / "old").exists()
    assert [one.name for one in programs.path.parent.iterdir()] == ["venv"]


def test_python_is_in_force_for_an_environment_that_is_there(programs: Programs) -> None:
    programs.version = "3.11.2"
    build(request(programs))
    own = programs.own

    def other(version: str) -> dict[str, str]:
        return {**own(version), "version": "3.13.5"} if version == "version" else own(version)

    programs.own = other  # type: ignore[method-assign]  # the requested one is another
    with pytest.raises(BaselineError, match="has Python 3.11.2 of /usr, and python asks for 3.13.5 of /usr"):
        build(request(programs, python="/usr/bin/python3"))
    # Without a request for one, it keeps its own.
    assert not build(request(programs)).changed


def test_a_missing_python(programs: Programs) -> None:
    wanted = request(programs, python="/nonexistent/python3.9")
    with pytest.raises(BaselineError) as caught:
        build(wanted)
    assert f"{programs.path}: its Python /nonexistent/python3.9 is not on this host; " in str(caught.value)
    assert "the host has " in str(caught.value)
    assert not programs.path.exists()
    host = FakeHost(check_mode=True)
    assert glue.ensure(host, [wanted], seconds=10).changed  # type: ignore[arg-type]  # fake
    assert "its Python /nonexistent/python3.9 is not on this host" in host.known_after_apply[0]


def test_a_python_that_does_not_start(programs: Programs) -> None:
    build(request(programs))
    programs.reports = False
    with pytest.raises(BaselineError) as caught:
        build(request(programs))
    assert "does not report its content (exit status 127): error while loading libpython3.11.so" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "set recreate: true" in caught.value.hint


def test_requirements_that_cannot_be_read(programs: Programs) -> None:
    build(request(programs))
    programs.problem, programs.ran = "the owner cannot read /srv/r.txt: Permission denied", []
    for check_mode in (False, True):
        with pytest.raises(BaselineError, match="the owner cannot read /srv/r.txt: Permission denied; this env"):
            build(request(programs, recreate=True), check_mode=check_mode)
    assert programs.ran == []


@pytest.mark.parametrize(
    ("imports", "failing", "problem"),
    [
        (None, {}, ""),
        (
            None,
            {"psycopg2": "ImportError: libpq.so.5"},
            "psycopg2-binary: the import of psycopg2 failed: ImportError: li",
        ),
        (None, {"one": "ImportError"}, ""),
        (None, {"one": "ImportError: x", "two": "ImportError"}, "several: the import of one failed: ImportError: x"),
        (["one.sub"], {"psycopg2": "ImportError", "one": "ImportError"}, ""),
        (["one.sub"], {"one.sub": "OSError"}, "one.sub: the import of one.sub failed: OSError"),
        ([], {"psycopg2": "ImportError"}, ""),
    ],
)
def test_what_is_requested_is_imported(
    programs: Programs, imports: list[str] | None, failing: dict[str, str], problem: str
) -> None:
    build(request(programs))
    programs.modules = {"psycopg2-binary": ["psycopg2"], "several": ["one", "two"]}
    programs.failing, programs.ran = failing, []
    wanted = request(programs, imports=imports)
    for check_mode in (False, True):
        if problem:
            with pytest.raises(BaselineError) as caught:
                build(wanted, check_mode=check_mode)
            assert caught.value.problem.startswith(problem)
            assert caught.value.state == "this environment was left as it was; no other environment was changed"
        else:
            found = build(wanted, check_mode=check_mode)
            assert not found.changed
            expected = {"psycopg2", "one", "two"} if imports is None else set(imports)
            assert set(found.result["venvs"][0]["imported"]) == expected - set(failing)
    assert programs.ran == ([] if imports == [] else ["import", "import"])


def test_those_whom_the_mode_lets_in_can_read(programs: Programs) -> None:
    build(request(programs))
    for name in ("bin/python", "pyvenv.cfg", "bin"):
        (programs.path / name).chmod(0o700)
    (programs.path / "secret").touch(mode=0o600)
    check = build(request(programs), check_mode=True)
    assert check.changed
    assert "3 entries cannot be read by those whom the mode lets in\n" in check.before[str(programs.path)]
    assert build(request(programs)).changed
    modes = {name: (programs.path / name).stat().st_mode & 0o777 for name in ("bin", "pyvenv.cfg", "secret")}
    assert modes == {"bin": 0o755, "pyvenv.cfg": 0o755, "secret": 0o600}
    assert not build(request(programs)).changed


def test_a_group_that_cannot_come_to_it_is_warned_of(programs: Programs) -> None:
    programs.path.parent.chmod(0o700)
    found = build(request(programs, group=str(os.getegid() + 1)))
    assert [
        one for one in found.warnings if f"cannot enter {programs.path.parent.parent}" in one or "cannot enter" in one
    ]
