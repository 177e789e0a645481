"""How an environment is made and filled: which commands run, in which order, and what is left behind."""

from __future__ import annotations

import os
import pwd
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.as_user import User
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import build
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import (
    Interpreter,
    VenvReport,
    VenvRequest,
    parse_request,
)

ENTRY = pwd.getpwuid(os.geteuid())
SECRET = "https://ann:secret@example.org/simple"


class Recorded:
    """Stands for the owner's programs: records what runs, and answers by the first words of a command."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ran: list[tuple[list[str], dict[str, str] | None]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.unmet: list[tuple[str, ...]] = [(), ()]
        self.written = ("locked", "requested")
        self.environment: dict[str, str] = {}
        self.interpreter_is_there = True

    def run(self, request: t.Any, user: t.Any, argv: t.Sequence[str], env: t.Any = None) -> CommandResult:
        assert "secret" not in str(argv)
        self.ran.append((list(argv), env))
        words = " ".join(argv)
        answer = next((answer for part, answer in self.answers.items() if part in words), (0, "", ""))
        if "uv pip" in words:
            (self.path / ".lock").touch()
            (self.path / ".lock").chmod(0o666)
        return CommandResult(tuple(argv), *answer)

    def report(self, request: t.Any, user: t.Any, *, write: str = "") -> VenvReport:
        if write:
            for name in self.written:
                Path(f"{write}{name}.txt").touch()
            return report(written=self.written)
        return report(unmet=self.unmet.pop(0))

    def has_interpreter(self, request: t.Any, user: t.Any) -> bool:
        return self.interpreter_is_there


def report(**changes: t.Any) -> VenvReport:
    fields: dict[str, t.Any] = {"unmet": (), "undecided": (), "source": "", "modules": (), **changes}
    return VenvReport(
        own=Interpreter("3.13.5", "CPython", "/usr"), pip="25.1", can_compare=True, distributions=(), **fields
    )


@pytest.fixture(name="user")
def _user(tmp_path: Path) -> User:
    return User(ENTRY.pw_name, ENTRY.pw_uid, ENTRY.pw_gid, str(tmp_path), (ENTRY.pw_gid,))


@pytest.fixture(name="programs")
def _programs(tmp_path: Path) -> t.Any:
    return Recorded(tmp_path)


def request(tmp_path: Path, **changes: t.Any) -> VenvRequest:
    return parse_request({"path": str(tmp_path), "owner": "app", **changes}, kernel="Linux")


def commands(programs: Recorded) -> list[str]:
    """Return what ran, without the options that are the same each time, and with the environment's path as ~."""
    return [
        " ".join(argv).replace(str(programs.path), "~").replace(" --disable-pip-version-check --progress-bar off", "")
        for argv, _env in programs.ran
    ]


def test_nothing_to_install(programs: t.Any, user: User, tmp_path: Path) -> None:
    before = report()
    assert build.install(programs, request(tmp_path), user, before) is before
    assert programs.ran == []


def test_pip(programs: t.Any, user: User, tmp_path: Path) -> None:
    # A run that was killed has left it.
    (tmp_path / ".pyhost-0123456789abcdef-requested.txt").touch()
    build.install(programs, request(tmp_path), user, report(unmet=("six",)))
    found = [one.split(" -m ")[1].split("~/.pyhost-") for one in commands(programs)]
    assert [one[0] for one in found] == [
        "pip install --no-input --no-deps --require-hashes --requirement ",
        "pip install --no-input --requirement ",
    ]
    assert [one[1].split("-")[1] for one in found] == ["locked.txt", "requested.txt"]
    assert list(tmp_path.iterdir()) == []


def test_uv_from_pypi(programs: t.Any, user: User, tmp_path: Path) -> None:
    programs.answers = {".uv/bin/uv --version": (127, "", "no such file"), "config": (0, "global.cert='/ca.pem'", "")}
    wanted = request(tmp_path, installer="uv", uv="uv==0.13.9", index_url=SECRET)
    build.install(programs, wanted, user, report(unmet=("six",)))
    assert [one.split("~/.pyhost-")[0] for one in commands(programs)] == [
        "~/.uv/bin/uv --version",
        "/usr/bin/python3 -I -m venv --clear ~/.uv",
        "~/.uv/bin/python -m pip install --no-input uv==0.13.9",
        "~/.uv/bin/python -m pip config list",
        "~/.uv/bin/uv pip install --python ~/bin/python --no-deps --require-hashes --requirement ",
        "~/.uv/bin/uv pip install --python ~/bin/python --requirement ",
    ]
    env = programs.ran[-1][1]
    assert (env["UV_DEFAULT_INDEX"], env["SSL_CERT_FILE"], env["UV_PYTHON_DOWNLOADS"]) == (SECRET, "/ca.pem", "never")
    assert "UV_NO_CACHE" not in env
    # uv makes its lock file for everybody to write.
    assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("asked", "there", "is_installed"),
    [
        ("uv", "uv 0.13.9 (x86_64)", False),
        ("uv>=1", "uv 0.13.9", False),
        ("uv==0.13.9", "uv 0.13.9 (abc 2026-11-01)", False),
        ("uv==0.14.0", "uv 0.13.9", True),
        ("uv==0.13.9", "", True),
    ],
)
def test_uv_that_is_there(
    programs: t.Any, user: User, tmp_path: Path, asked: str, there: str, is_installed: bool
) -> None:
    programs.answers = {"--version": (0, there, "")}
    build.install(programs, request(tmp_path, installer="uv", uv=asked), user, report(unmet=("six",)))
    assert any("pip install --no-input uv" in one for one in commands(programs)) is is_installed


def test_uv_of_the_host_and_a_home_that_cannot_be_written(programs: t.Any, user: User, tmp_path: Path) -> None:
    programs.answers = {"config": (1, "", "No module named pip")}
    wanted = request(tmp_path, installer="uv", uv="/usr/local/bin/uv")
    homeless = User(user.name, user.uid, user.gid, "/nonexistent", user.groups)
    build.install(programs, wanted, homeless, report(unmet=("six",)))
    assert commands(programs)[-1].startswith("/usr/local/bin/uv pip install")
    assert programs.ran[-1][1]["UV_NO_CACHE"] == "1"
    programs.environment, programs.unmet = {"UV_CACHE_DIR": "/var/cache/uv"}, [()]
    build.install(programs, wanted, homeless, report(unmet=("six",)))
    assert "UV_NO_CACHE" not in programs.ran[-1][1]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_python_that_uv_downloads_if_the_host_has_none(
    programs: t.Any, user: User, tmp_path: Path, is_there: bool
) -> None:
    programs.interpreter_is_there = is_there
    wanted = request(tmp_path, python="3.14", installer="uv", uv="/usr/local/bin/uv", python_downloads=True)
    build.make(programs, wanted, user)
    made = [one for one in commands(programs) if " venv " in one]
    if is_there:
        assert made == ["/usr/bin/python3.14 -I -m venv ~"]
    else:
        assert made == ["/usr/local/bin/uv venv --allow-existing --seed --managed-python --python 3.14 ~"]
        assert programs.ran[-1][1]["UV_PYTHON_DOWNLOADS"] == "automatic"


@pytest.mark.parametrize(
    ("failing", "words", "hint"),
    [
        ("-m venv", "`/usr/bin/python3 -m venv`, run as {}, ended with exit status 1: ensurepip is not", "python-venv"),
        ("pip install", "`pip install`, run as {}, ended with exit status 1: ", ""),
    ],
)
def test_a_command_that_fails(programs: t.Any, user: User, tmp_path: Path, failing: str, words: str, hint: str) -> None:
    programs.answers = {failing: (1, "", "ensurepip is not available \x1b[2J" if "venv" in failing else "no network")}
    with pytest.raises(BaselineError) as caught:
        build.make(programs, request(tmp_path), user)
        build.install(programs, request(tmp_path), user, report(unmet=("six",)))
    assert caught.value.problem.startswith(words.format(user.name))
    assert hint in caught.value.hint
    assert "\x1b" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_command_of_uv_that_fails(programs: t.Any, user: User, tmp_path: Path) -> None:
    programs.answers = {"uv pip": (2, "", f"error: {SECRET} " + "a" * 9999 + " end")}
    wanted = request(tmp_path, installer="uv", uv="/usr/local/bin/uv")
    with pytest.raises(BaselineError) as caught:
        build.install(programs, wanted, user, report(unmet=("six",)))
    assert caught.value.problem.startswith(f"`uv pip install`, run as {user.name}, ended with exit status 2: ")
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_what_is_still_not_met(programs: t.Any, user: User, tmp_path: Path) -> None:
    programs.unmet = [("six", SECRET)]
    with pytest.raises(BaselineError, match="^.*: pip succeeded, but this is not met: six, https://.*@example.org"):
        build.install(programs, request(tmp_path), user, report(unmet=("six",)))


def test_what_only_an_installer_can_evaluate(tmp_path: Path) -> None:
    found = report(undecided=("./a",))
    assert build.for_installer(request(tmp_path), found) == ["./a"]
    wanted = request(tmp_path, requirements="/srv/r.txt", project="/srv/a", extra_args="--upgrade")
    assert build.for_installer(wanted, found) == ["./a", "/srv/r.txt", "/srv/a"]
    assert build.for_installer(request(tmp_path, requirements="/srv/r.txt"), report()) == []
